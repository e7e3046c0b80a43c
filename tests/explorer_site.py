"""The explorer as a site for tests: toy models behind a real port, looked at with a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer_world import recurrent_subject, subject
from polyglass.explorer.look import Explorer
from polyglass.explorer.server import Server
from polyglass.explorer.subject import Subject
from polyglass.translator import Translator

TEXT = "Two men are sitting in the old boat."
TARGET = "Zwei Männer sitzen in dem alten Boot."
# One model for each way in which a Transformer of ours can be built: norm, its place, positions, biases, activation.
MODELS: dict[str, dict[str, Any]] = {
    "pre": {"norm_place": "pre", "max_positions": 512},
    "post": {"norm_place": "post", "attention_bias": True, "norm": "batch"},
    "rotary": {"norm_place": "pre", "norm": "rms", "positions": "rotary", "activation": "gelu"},
}
# Positions of the other kinds, and the recurrent families.
OTHERS: dict[str, dict[str, Any]] = {"learned": {"positions": "learned"}, "none": {"positions": "none"}}
RECURRENT: dict[str, dict[str, Any]] = {"lstm": {"family": "lstm"}, "gru": {"family": "gru", "attention": "additive"}}
READY = 20_000  # milliseconds: a shared core draws slowly
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Site:
    """A running server. translators: the same models, to compare the page with."""

    server: Server
    translators: dict[str, Translator]

    @property
    def origin(self) -> str:
        """Where the page lives."""
        return f"http://127.0.0.1:{self.server.port}"

    def trace(self, model: str, path: str, *, text: str = TEXT, target: str | None = TARGET) -> Tensor:
        """Return a recorded tensor without its batch axis."""
        return self.translators[model].trace(text, target, keep=(path,)).tensors[path][0]


@contextmanager
def running_site() -> Iterator[Site]:
    """Serve the toy models while the block runs."""
    models = {name: subject(**changes) for name, changes in (MODELS | OTHERS).items()}
    models |= {name: recurrent_subject(**changes) for name, changes in RECURRENT.items()}
    examples = ("The girl reads a book under a tree.", "He sees the bird.")
    subjects = [Subject(name, f"toy-{name}", one.bundle, examples=examples) for name, one in models.items()]
    server = Server(Explorer(subjects), 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Site(server, {name: Translator(one.bundle) for name, one in models.items()})
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@dataclass
class Watched:
    """A page of the site, and everything that went wrong on it."""

    page: Any
    site: Site
    faults: list[str] = field(default_factory=list)

    def open(self, state: str, *, text: str = TEXT, target: str = TARGET) -> None:
        """Show a state of the address ("stage=8&layer=1") and wait until it is drawn."""
        given = {name: value for name, value in (("text", text), ("target", target)) if value}
        stage = state.split("stage=")[1].split("&")[0]
        address = self.page.evaluate("([state, given]) => `${state}&${new URLSearchParams(given)}`", [state, given])
        self.page.evaluate("address => { document.body.dataset.ready = 'false'; location.hash = address; }", address)
        self.page.wait_for_selector(f'body[data-ready="true"][data-stage="{stage}"]', timeout=READY)

    def wait(self) -> None:
        """Wait until the page has drawn what the last action asked for."""
        self.page.wait_for_selector('body[data-ready="true"]', timeout=READY)

    def table(self, figure: str) -> list[list[Any]]:
        """Return the rows of a figure's table twin: numbers in full precision, texts as they stand."""
        cells = """table => [...table.tBodies[0].rows].map(row => [...row.cells].map(cell =>
            cell.dataset.value === undefined ? cell.textContent : `number:${cell.dataset.value}`))"""
        rows = self.page.locator(f'table[data-figure="{figure}"]').evaluate(cells)
        return [[_value(text) for text in row] for row in rows]

    def numbers(self, figure: str, *, first: int = 1) -> Tensor:
        """Return the numbers of a table twin from column `first` on, as a matrix."""
        return torch.tensor([row[first:] for row in self.table(figure)], dtype=torch.float64)

    def text(self, selector: str) -> str:
        """Return the text of the one element that the selector finds, with plain spaces."""
        return str(self.page.locator(selector).text_content()).replace("\xa0", " ")


def _value(text: str) -> Any:
    if not text.startswith("number:"):
        return text
    return float(text.removeprefix("number:").replace("Infinity", "inf"))


@contextmanager
def watched_page(browser: Any, site: Site, *, width: int = 1280, scheme: str = "light") -> Iterator[Watched]:
    """Open the site in a fresh window that notes errors and requests to elsewhere."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=site.origin)
    page = context.new_page()
    watched = Watched(page, site)
    page.on("pageerror", lambda error: watched.faults.append(f"error: {error}"))
    page.on("console", lambda message: _note(watched, message.type, f"{message.text} {message.location}"))
    page.on("request", lambda request: _note_request(watched, request.url))
    page.goto(site.server.url())
    watched.wait()
    yield watched
    context.close()


def _note(watched: Watched, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        watched.faults.append(f"{kind}: {text}")


def _note_request(watched: Watched, url: str) -> None:
    if not url.startswith((watched.site.origin, "data:", "blob:")):
        watched.faults.append(f"request to {url}")


def axe_findings(page: Any) -> list[str]:
    """Return what axe-core calls serious on the page as it stands."""
    api = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    found = api.Axe().run(page).response["violations"]
    return [
        f"{one['id']} at {' '.join(node['target'][0] for node in one['nodes'][:3])}: {one['help']}"
        for one in found
        if one["impact"] in SERIOUS
    ]
