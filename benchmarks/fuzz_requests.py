"""Hostile requests for the server's three dialects, sent to the application itself, without a network.

A case is a request as bytes: method, path and type of the body on the first line, then the body.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fuzz_models import bundle
from fuzz_subject import Attempt, Broken, Target
from polyglass.config import DecodeConfig, ServeConfig
from polyglass.errors import InputError
from polyglass.serving.app import build_app
from polyglass.serving.keys import KeyRing
from polyglass.serving.models import Model, Shelf
from polyglass.serving.orders import Sentence
from polyglass.serving.site import Site
from polyglass.translator import Candidate, Translation, Translator

JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
OWN = {
    "/v1/translate": {"texts": ["A dog.", "B"], "source": "en", "target": "de", "alternatives": 1, "scores": True},
    "/v1/translate/stream": {"texts": ["A dog. B."], "source": "en", "target": "de"},
    "/v1/detect": {"texts": ["A dog"]},
}
LIBRE = {
    "/translate": {"q": ["A <b>dog</b>", "c"], "source": "auto", "target": "de", "format": "html", "alternatives": 1},
    "/detect": {"q": "A dog"},
    "/suggest": {"q": "a", "s": "b", "source": "en", "target": "de"},
}
DEEPL = {
    "/v2/translate": {
        "text": ["A <b>dog</b> runs."],
        "source_lang": "EN",
        "target_lang": "DE",
        "tag_handling": "xml",
        "split_sentences": "nonewlines",
        "ignore_tags": ["x"],
        "context": "c",
        "outline_detection": False,
    },
}
WORDS = tuple(
    word.encode()
    for word in (
        *(
            '"texts": ',
            '"q": ',
            '"text": ',
            '"source": ',
            '"target": ',
            '"alternatives": ',
            "[",
            "]",
            "{",
            "}",
            ",",
            ":",
        ),
        *('"en"', '"auto"', '"html"', '"xml"', "null", "true", "NaN", "-Infinity", "1e999", "\\ud800", "\\u0000", "q="),
        *(
            "&",
            "=",
            "%00",
            "%ff",
            "+",
            "--x\r\n",
            "--x--\r\n",
            'Content-Disposition: form-data; name="q"\r\n\r\n',
            "\r\n",
        ),
        *('filename="../../a"', "/v2/document", "/translate_file", "?q=", "GET ", "PUT ", "application/json", "<b>"),
    )
)


class Stub(Model):
    """A model that answers in capitals at once."""

    def translate(self, options: DecodeConfig, sentences: Sequence[Sentence]) -> list[Translation | Exception]:
        """Return an answer for each sentence."""
        answers: list[Translation | Exception] = []
        for sentence in sentences:
            said = sentence.prefix + sentence.text.upper()
            pieces = tuple(said.split())
            words = tuple(sentence.text.split())
            rows = tuple(tuple(1.0 / max(1, len(words)) for _ in words) for _ in pieces)
            one = Candidate(
                said, pieces, (-0.1,) * len(pieces), -0.1, -0.1, "end", rows if sentence.alignment else None
            )
            answers.append(Translation(sentence.text, (one,) * options.n_best, words))
        return answers


def requests(bodies: dict[str, dict[str, Any]]) -> tuple[bytes, ...]:
    """Return good requests: as JSON, as forms, and as forms in parts."""
    made = []
    for path, body in bodies.items():
        made.append(f"POST {path} {JSON}\n{json.dumps(body)}")
        flat = {name: value[0] if isinstance(value, list) else value for name, value in body.items()}
        made.append(f"POST {path} {FORM}\n" + "&".join(f"{name}={value}" for name, value in flat.items()))
        parts = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in flat.items()]
        made.append(f"POST {path} {PARTS}\n{''.join(parts)}--x--\r\n")
        made.append(f"GET {path}?{'&'.join(f'{name}={value}' for name, value in flat.items())} \n")
    return tuple(request.encode() for request in made)


def to_server(dialect: str, folder: Path) -> Attempt:
    """Send requests to an application; a 4xx counts as refused."""
    model = Stub("en-de", Translator(bundle()), batch_tokens=1000)
    site = Site(Shelf([model]), ServeConfig(max_body_kb=100), KeyRing(()))
    app = build_app(site)
    runner = asyncio.Runner()

    async def opened() -> None:
        site.desk.open()

    runner.run(opened())

    def attempt(content: bytes) -> None:
        head, _, body = content.partition(b"\n")
        method, target, kind = (*head.split(b" ", 2), b"", b"", b"")[:3]
        status, answer = runner.run(ask(app, method, target, kind, body))
        if status >= 500:
            raise Broken(f"status {status}: {answer[:200]!r}")
        if status >= 400:
            _check_refusal(answer, method)
            raise InputError(f"status {status}")

    return attempt


def _check_refusal(answer: bytes, method: bytes) -> None:
    try:
        document = json.loads(answer) if answer else {}
    except ValueError:
        raise Broken(f"a refusal that is no JSON: {answer[:100]!r}") from None
    if method != b"HEAD" and not {"error", "message"} & document.keys():
        raise Broken(f"a refusal without words: {answer[:100]!r}")


async def ask(app: Any, method: bytes, target: bytes, kind: bytes, body: bytes) -> tuple[int, bytes]:
    """Send one request as uvicorn would; return status and body."""
    path, _, query = target.partition(b"?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method.decode("latin-1") or "GET",
        "scheme": "http",
        "path": path.decode("utf-8", "replace") or "/",
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", kind), (b"content-length", b"%d" % len(body))],
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    waiting = [{"type": "http.request", "body": body, "more_body": False}]
    answer: list[bytes] = []
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        else:
            answer.append(message.get("body", b""))

    await app(scope, receive, send)
    return statuses[0], b"".join(answer)


REQUEST_TARGETS: tuple[Target, ...] = (
    Target("HTTP, own", requests(OWN), WORDS, partial(to_server, "own"), ("status",), 6),
    Target("HTTP, LibreTranslate", requests(LIBRE), WORDS, partial(to_server, "libre"), ("status",), 6),
    Target("HTTP, DeepL", requests(DEEPL), WORDS, partial(to_server, "deepl"), ("status",), 6),
)
