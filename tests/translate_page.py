"""The page to translate on, for tests: a server whose model is predictable, looked at with a real browser."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from polyglass.config import DecodeConfig
from polyglass.serving.orders import Sentence
from polyglass.translator import Translation
from serving_live import Live, StandIn

READY = 20_000  # milliseconds: a shared core draws slowly


class Backwards(StandIn):
    """Says the words in capitals and in reverse order, so that each comes from another place than its own.

    Words that begin with "m" are ones it is less sure of, those with "u" are almost guesses.
    """

    def __init__(self, source: str = "en", target: str = "de", say: Callable[[str], str] | None = None) -> None:
        super().__init__(source, target, say or _backwards)

    def _one(self, options: DecodeConfig, sentence: Sentence) -> Translation:
        plain = super()._one(options, sentence)
        count = len(plain.source_pieces)
        rows = tuple(
            tuple(0.9 if column == count - 1 - row else 0.1 / count for column in range(count + 1))
            for row in range(count)
        )
        candidates = [
            replace(
                one,
                token_log_probs=tuple(_sureness(piece) for piece in one.pieces),
                pieces=tuple(f"▁{word}" for word in one.text.split()),
                alignment=rows if sentence.alignment and len(one.text.split()) == count else None,
            )
            for one in plain.candidates
        ]
        candidates = [replace(one, token_log_probs=tuple(map(_sureness, one.pieces))) for one in candidates]
        return replace(plain, candidates=tuple(candidates), source_pieces=(*plain.source_pieces, "</s>"))


def _backwards(text: str) -> str:
    return " ".join(reversed(text.upper().split()))


def _sureness(piece: str) -> float:
    return math.log({"M": 0.35, "U": 0.1}.get(piece[1:2].upper(), 0.9))


@dataclass
class Watched:
    """A window with the page, and everything that went wrong on it."""

    page: Any
    server: Live
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def type(self, text: str) -> None:
        """Put a text into the field, key by key as far as the page can tell."""
        self.page.fill("#source", text)

    def translation(self) -> str:
        """Return what stands in the right pane."""
        return str(self.page.locator("#translation").text_content())

    def wait_for(self, text: str) -> None:
        """Wait until the translation is this."""
        self.page.wait_for_function(
            "text => document.getElementById('translation').textContent === text", arg=text, timeout=READY
        )

    def lit(self, side: str) -> list[str]:
        """Return the words that are lit on the side "source" or "target"."""
        where = {"source": ".mirror .lit", "target": "#translation .lit"}[side]
        return list(self.page.locator(where).all_text_contents())

    def notice(self) -> str:
        """Wait for the words of a failure, and return them."""
        self.page.wait_for_selector(".notice:not([hidden])", timeout=READY)
        return str(self.page.locator(".notice").text_content())


@contextmanager
def watched_page(
    browser: Any,
    server: Live,
    *,
    width: int = 1280,
    scheme: str = "light",
    address: str = "",
    scripts: Sequence[str] = (),
) -> Iterator[Watched]:
    """Open the page in a fresh window that notes errors and requests to elsewhere."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", accept_downloads=True
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    for script in scripts:
        context.add_init_script(script)
    page = context.new_page()
    watched = Watched(page, server)
    page.on("pageerror", lambda error: watched.faults.append(f"error: {error}"))
    page.on("console", lambda message: _note(watched, message))
    page.on("request", lambda request: _note_request(watched, request.url))
    page.goto(f"{server.url}/{address}")
    page.wait_for_selector('body[data-ready="true"]', timeout=READY)
    yield watched
    context.close()


def _note(watched: Watched, message: Any) -> None:
    # Chromium writes down every answer of 400 and above; the tests of those look at what the page says.
    if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
        watched.faults.append(f"{message.type}: {message.text} {message.location}")


def _note_request(watched: Watched, url: str) -> None:
    watched.asked.append(url.removeprefix(watched.server.url))
    if not url.startswith((watched.server.url, "data:", f"blob:{watched.server.url}")):
        watched.faults.append(f"request to {url}")
