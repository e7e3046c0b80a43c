"""The latest answers, as many as a number of bytes holds; the one that was not asked for longest goes first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

R = TypeVar("R")


class Cache(Generic[R]):
    """Answers by what was asked. Not safe for threads: the batcher holds its lock.

    max_bytes: 0 keeps nothing. size_of: about how many bytes an answer takes.
    """

    def __init__(self, max_bytes: int, size_of: Callable[[Hashable, R], int]) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._size_of = size_of
        self._entries: OrderedDict[Hashable, tuple[R, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> R | None:
        """Return the answer and count it as just used; None if it is not here."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, answer: R) -> None:
        """Keep an answer, and drop old ones until all fit. One larger than the whole cache is not kept."""
        if not self.max_bytes:
            return
        if known := self._entries.pop(key, None):
            self.bytes -= known[1]
        size = self._size_of(key, answer)
        if size > self.max_bytes:
            return
        self._entries[key] = (answer, size)
        self.bytes += size
        while self.bytes > self.max_bytes:
            _, (_, freed) = self._entries.popitem(last=False)
            self.bytes -= freed
