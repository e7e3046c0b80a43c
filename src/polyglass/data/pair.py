"""What every reader yields: one line of a corpus as a pair of texts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

Errors = Literal["strict", "skip"]  # what happens to a line that cannot be read: DataError, or left out and counted
Damage = Literal["bad_encoding", "malformed"]
_BATCH_PAIRS = 2048
_BATCH_CHARACTERS = 1 << 20


class DamagedText(str):
    """Text whose bytes were not UTF-8; each bad byte is written out, such as \\xe9."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """A source text, its translation, and the line of the file they stand in, counted from 1.

    damage is set only on pairs that could not be read and that `errors="skip"` passes by: bad_encoding (bytes that
    are not UTF-8) or malformed (a TSV line or JSON record that holds no two texts; the raw line is in `source`). While
    a corpus is cleaned it is the fault for which a pair is to be dropped.
    """

    line: int
    source: str
    target: str
    damage: str | None = None


@runtime_checkable
class WithDamaged(Protocol):
    """A corpus that can also yield the pairs it would pass by, so that they can be counted."""

    def with_damaged(self) -> Iterator[Pair]:
        """Yield every pair, damaged ones too."""
        ...


def in_batches(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Yield pairs by the thousand, or fewer where they are long, so that memory stays bounded."""
    batch: list[Pair] = []
    characters = 0
    for pair in pairs:
        batch.append(pair)
        characters += len(pair.source) + len(pair.target)
        if len(batch) == _BATCH_PAIRS or characters > _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
