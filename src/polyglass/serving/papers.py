"""Documents that were handed in: kept in memory, found by id and key, read, and forgotten after a while."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from polyglass.serving.refusals import Refusal, not_found

State = Literal["queued", "translating", "done", "error"]

MOST = 1000


@dataclass
class Paper:
    """One document and what has become of it. content: the original, then its translation, then nothing.

    ending: of its name, such as ".html". characters: of what was translated. remaining: seconds that it still takes,
    as far as one can say. reason: why it failed.
    """

    id: str
    key: str
    ending: str
    content: bytes
    until: float
    state: State = "queued"
    characters: int = 0
    remaining: float = 0.0
    reason: str = ""


class Papers:
    """The documents of one server. seconds: how long one is kept. Lives on the event loop."""

    def __init__(self, *, max_bytes: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes, self._seconds, self._now = max_bytes, seconds, now
        self._papers: dict[str, Paper] = {}

    def add(self, content: bytes, ending: str) -> Paper:
        """Keep a document. Raises Refusal (429) if there is no room for it and its translation."""
        self._forget()
        held = sum(len(paper.content) for paper in self._papers.values())
        # A translation may be as long again as its original.
        if self._papers and (held + 2 * len(content) > self._max_bytes or len(self._papers) >= MOST):
            raise Refusal(
                429,
                "too_many_documents",
                "The server keeps as many documents as it can.",
                hint="Try again when some of them have been fetched.",
                retry_after=30,
            )
        paper = Paper(secrets.token_hex(16), secrets.token_hex(32), ending, content, self._now() + self._seconds)
        self._papers[paper.id] = paper
        return paper

    def find(self, id: str, key: str | None = None) -> Paper:
        """Return a document; its key must be right, if one is given. Raises Refusal (404)."""
        self._forget()
        paper = self._papers.get(id)
        if paper is None or not hmac.compare_digest((paper.key if key is None else key).encode(), paper.key.encode()):
            raise not_found("There is no such document, or it was fetched already.")
        return paper

    def remove(self, paper: Paper) -> None:
        """Forget a document."""
        self._papers.pop(paper.id, None)

    def _forget(self) -> None:
        now = self._now()
        for paper in [paper for paper in self._papers.values() if paper.until < now]:
            self.remove(paper)
