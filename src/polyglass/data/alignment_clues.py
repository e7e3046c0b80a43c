"""Two lists of texts in, small numbers that tell a translation from a stranger out. Knows no language.

Four kinds of clue come through in almost every pair of languages: a long sentence has a long translation; marks such
as "?" and "(" are kept; numbers keep their digits; names, loan words and cognates share letters. `alignment.py` learns
from counts what each clue is worth in the corpus at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from polyglass.data.letters import BUCKETS, Characters, characters, letter_triples

CLUE_CHARACTERS = 300  # of each text; the length is taken before the cut
GRAM_BITS = 256  # size of the Bloom filter of letter triples that each line gets
_FREQUENT_SHARE = 0.02  # a letter triple in more lines than this ("ing", "ich") says nothing about one line

# Marks that translators keep, each with its relatives in other scripts.
_MARKS = ("?？؟;¿", "!！¡", ":：", "(（", '"“”„«»「『', "-–—/", "%°&@#$€")
NUM_MARKS = len(_MARKS)

Bits = NDArray[np.uint64]
Whole = NDArray[np.int64]


@dataclass
class Excerpts:
    """The beginnings of many texts, and how long the texts were."""

    texts: list[str]
    lengths: list[int]

    def extend(self, texts: Sequence[str]) -> None:
        """Keep at most CLUE_CHARACTERS of each text."""
        self.texts.extend([text[:CLUE_CHARACTERS] for text in texts])
        self.lengths.extend(map(len, texts))

    def head(self, count: int) -> "Excerpts":
        """Return the first `count` texts."""
        return Excerpts(self.texts[:count], self.lengths[:count])

    def forget(self, count: int) -> None:
        """Drop the first `count` texts."""
        del self.texts[:count], self.lengths[:count]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Clues:
    """What is kept of N lines of one side."""

    log_length: NDArray[np.float32]  # [N]
    digits: NDArray[np.uint32]  # [N] 0: no digit; else the same for the same digits in any order
    marks: NDArray[np.uint8]  # [N] one bit for each entry of _MARKS
    grams: Bits  # [N, GRAM_BITS / 64]
    gram_count: NDArray[np.int32]  # [N] bits set in `grams`

    def __len__(self) -> int:
        return len(self.log_length)


def clues_of(sources: Excerpts, targets: Excerpts) -> tuple[Clues, Clues]:
    """Look at N source and N target texts; letter triples that are frequent on either side are left out."""
    sides = (characters(sources.texts), characters(targets.texts))
    triples = [letter_triples(side) for side in sides]
    frequent = np.zeros(BUCKETS, dtype=np.bool_)
    for side, (_, buckets) in zip(sides, triples, strict=True):
        frequent |= np.bincount(buckets, minlength=BUCKETS) > max(2.0, _FREQUENT_SHARE * side.lines)
    source, target = (
        _side_clues(side, excerpts.lengths, *triple, frequent)
        for side, excerpts, triple in zip(sides, (sources, targets), triples, strict=True)
    )
    return source, target


def count_bits(bits: Bits) -> NDArray[np.int32]:
    """Count the ones in each row of `bits` [N, words]."""
    if hasattr(np, "bitwise_count"):  # numpy 2; five times as fast as the table
        ones = np.bitwise_count(bits)
    else:
        ones = _ones_of_byte()[np.ascontiguousarray(bits).view(np.uint8)]
    count: NDArray[np.int32] = ones.sum(axis=1, dtype=np.int32)
    return count


def _side_clues(
    side: Characters, lengths: Sequence[int], line: NDArray[np.int32], buckets: Whole, frequent: NDArray[np.bool_]
) -> Clues:
    rare = ~frequent[buckets]
    table = np.zeros((side.lines, GRAM_BITS), dtype=np.uint8)
    table[line[rare], buckets[rare] % GRAM_BITS] = 1
    grams = np.packbits(table, axis=1).view(np.uint64)
    log_length = np.log1p(np.array(lengths, dtype=np.int64)).astype(np.float32)
    return Clues(log_length, _digits(side), _marks(side), grams, count_bits(grams))


def _digits(side: Characters) -> NDArray[np.uint32]:
    """Add up a number for each ASCII digit: "1,000" and "1.000" come out the same."""
    here = np.flatnonzero((side.codes >= ord("0")) & (side.codes <= ord("9")))
    worth = np.uint32(2654435761) * (side.codes[here] - np.uint32(ord("0") - 1))
    worth ^= worth >> np.uint32(13)
    total = np.bincount(side.line[here], weights=worth % np.uint32(65521) + 1, minlength=side.lines)
    return total.astype(np.uint32)


def _marks(side: Characters) -> NDArray[np.uint8]:
    kinds = _mark_kinds()[np.minimum(side.codes, 0xFFFF)]
    marks = np.zeros(side.lines, dtype=np.uint8)
    for bit in range(NUM_MARKS):
        marks[side.line[kinds == 1 << bit]] |= 1 << bit
    return marks


@cache
def _ones_of_byte() -> NDArray[np.uint8]:
    return np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


@cache
def _mark_kinds() -> NDArray[np.uint8]:
    table = np.zeros(0x10000, dtype=np.uint8)
    for bit, relatives in enumerate(_MARKS):
        for mark in relatives:
            table[ord(mark)] = 1 << bit
    return table
