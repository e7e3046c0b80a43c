"""What a request asks the model thread for, and what comes back: sentences in, one reply for each."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True)
class Sentence:
    """One sentence for one model. Equal sentences have equal answers, so those in flight together are decoded once.

    group: what may be decoded together, in practice one model with one set of options. prefix: what the answer must
    begin with. alignment: also say where the model looked. tokens: length as a source. width: rows it takes in the
    search (the beam).
    """

    group: Hashable
    text: str
    prefix: str = ""
    alignment: bool = False
    tokens: int = field(default=1, compare=False)
    width: int = field(default=1, compare=False)

    @property
    def weight(self) -> int:
        """What it costs: tokens times rows of the search. Queues and batches are measured in it."""
        return self.tokens * self.width


@dataclass(frozen=True)
class Reply(Generic[R]):
    """What became of one sentence: a result, or the error that it alone has.

    batch: number of the batch that it was decoded in, 0 if it came from the cache. sentences: how many were in it.
    waited, worked: seconds in the queue, and of the batch in the model.
    """

    result: R | None = None
    error: Exception | None = None
    batch: int = 0
    sentences: int = 0
    waited: float = 0.0
    worked: float = 0.0


class Order(Generic[R]):
    """The sentences of one request and their replies, each in the place of its sentence.

    deadline: after this moment (time.monotonic) sentences that still wait are given up. wake: called after replies
    have arrived, on whatever thread the batcher was told to.
    """

    def __init__(self, sentences: Sequence[Sentence], *, deadline: float, wake: Callable[[], None]) -> None:
        self.sentences = tuple(sentences)
        self.deadline = deadline
        self.wake = wake
        self.replies: list[Reply[R] | None] = [None] * len(self.sentences)
        self.left = len(self.sentences)

    @property
    def done(self) -> bool:
        """Whether every sentence has its reply."""
        return self.left == 0

    def settle(self, place: int, reply: Reply[R]) -> None:
        """Put a reply into its place; only the batcher may, under its lock."""
        if self.replies[place] is not None:
            raise RuntimeError(f"sentence {place} of an order was answered twice")
        self.replies[place] = reply
        self.left -= 1
