"""A server as others see it: it listens on a real port, and its models can be real or a quick stand-in."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import uvicorn

from polyglass.config import DecodeConfig, ServeConfig
from polyglass.serving.keys import KeyRing
from polyglass.serving.models import Group, Model, Shelf, Wishes, options_of
from polyglass.serving.orders import Sentence
from polyglass.serving.server import Server, listen
from polyglass.serving.site import Site
from polyglass.translator import Candidate, Translation, Translator
from tiny_bundle import tiny_talker

PATIENCE_SECONDS = 60.0  # on a machine that has much else to do; nobody waits so long where all goes well


class StandIn(Model):
    """Translates by a function of text, whole words as tokens. It follows n_best, prefix and alignment."""

    def __init__(self, source: str = "en", target: str = "de", say: Callable[[str], str] = str.upper) -> None:
        self.name, self.source, self.target = f"{source}-{target}", source, target
        self.longest, self.family, self.parameters = 60, "stand-in", 1000
        self.method = "project"
        self.say = say
        self.batches: list[list[str]] = []
        self._batch_tokens = 6000
        self._failures = 0
        self._last_success = -1e9
        self.group = lru_cache(maxsize=64)(self._group)

    def tokens(self, text: str) -> int:
        return len(text.split())

    def measure(self, text: str) -> int:
        return len(text.split())

    def _group(self, wishes: Wishes) -> Group:
        return Group(self, options_of(DecodeConfig(beam_size=2), wishes, batch_tokens=self._batch_tokens))

    def translate(self, options: DecodeConfig, sentences: Sequence[Sentence]) -> list[Translation | Exception]:
        self.batches.append([sentence.text for sentence in sentences])
        answers: list[Translation | Exception] = []
        for sentence in sentences:
            try:
                answers.append(self._one(options, sentence))
                self._last_success, self._failures = time.monotonic(), 0
            except Exception as error:
                answers.append(error)
                self._failures += 1
        return answers

    def _one(self, options: DecodeConfig, sentence: Sentence) -> Translation:
        said = sentence.prefix + self.say(sentence.text)
        words = sentence.text.split()
        pieces = tuple(f"▁{word}" for word in said.split())
        rows = tuple(
            tuple(float(column == min(row, len(words) - 1)) for column in range(len(words)))
            for row in range(len(pieces))
        )
        candidates = [
            Candidate(
                said if not rank else f"{said} ({rank})", pieces, (-0.1,) * len(pieces), -0.1, -0.1 - rank, "end",
                rows if sentence.alignment else None,
            )
            for rank in range(options.n_best)
        ]  # fmt: skip
        return Translation(sentence.text, tuple(candidates), tuple(f"▁{word}" for word in words))


def tiny_model(source: str = "en", target: str = "de") -> Model:
    """Return a real model with random weights that ends its sentences."""
    model = Model(f"{source}-{target}", Translator(tiny_talker()), batch_tokens=2000)
    model.source, model.target = source, target
    return model


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as something is so, or fail."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Live:
    """A server that listens."""

    site: Site
    server: Server
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request on a connection of its own; what is no bytes is sent as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            named.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def translate(self, *texts: str, source: str = "en", target: str = "de", **more: Any) -> Any:
        """Return the answer of /v1/translate, which must be a success."""
        answer = self.post("/v1/translate", {"texts": texts, "source": source, "target": target, **more})
        assert answer.status == 200, answer.body
        return answer.json

    def connect(self) -> socket.socket:
        """Return a bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)


@contextmanager
def live(
    *models: Model, keys: KeyRing | None = None, explore: Callable[[str], str] | None = None, **settings: Any
) -> Iterator[Live]:
    """Let a server listen on a free port while the block lasts."""
    config = ServeConfig(**{"port": 0, "drain_seconds": 3.0, **settings})
    announced = threading.Event()
    site = Site(Shelf(models or (StandIn(),)), config, keys or KeyRing(()), explore=explore)
    server = Server(site, announce=announced.set)
    listener = listen(config)
    port = listener.getsockname()[1]
    thread = threading.Thread(target=_run, args=(server, listener), daemon=True)
    thread.start()
    try:
        assert announced.wait(PATIENCE_SECONDS), server.problem
        yield Live(site, server, port)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        site.desk.batcher.close(PATIENCE_SECONDS)
        listener.close()
    assert not thread.is_alive()


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    import asyncio

    asyncio.run(server.serve(sockets=[listener]))
