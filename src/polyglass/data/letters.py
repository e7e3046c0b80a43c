"""Many texts in, arrays over all their characters out: letter triples, words and numbers as hashes. Knows no language.

A loop over characters in numpy costs a hundredth of one in Python, so that a million pairs can be looked at.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 16
_IDEOGRAPHS = 0x2E80  # from here on a single character carries a meaning of its own
_LONGEST = 64  # letters of a word that have weights of their own
_LETTER, _HIRAGANA, _KATAKANA, _ALONE = 1, 2, 3, 4

Numbers = NDArray[np.uint64]


@dataclass(frozen=True)
class Characters:
    """Code points of N texts in one row."""

    codes: NDArray[np.uint32]  # [C]
    line: NDArray[np.int32]  # [C] which text each stands in
    lines: int

    @property
    def small(self) -> NDArray[np.uint32]:
        """The code points, those above U+FFFF as U+FFFF, for tables of 65,536 rows."""
        return np.minimum(self.codes, 0xFFFF)


@dataclass(frozen=True)
class Words:
    """The words of N texts. A word is a run of letters; a run of hiragana or katakana; an ideograph."""

    hashes: NDArray[np.uint32]  # [W] without regard to case
    line: NDArray[np.int32]  # [W]
    counts: NDArray[np.int64]  # [N]

    def sums(self) -> Numbers:
        """Return for each text a fingerprint of its words, [N], in which order, marks and digits do not matter."""
        return sums_by_line(spread(self.hashes), self.counts)


def characters(texts: Sequence[str]) -> Characters:
    """Lay texts end to end."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    line = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
    return Characters(codes.astype(np.uint32), line, len(texts))


def letter_triples(side: Characters) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Hash every three neighbouring letters of a word (or one ideograph): lines [G] and buckets [G]."""
    letters = _folded()[side.small]
    same_line = side.line[1:] == side.line[:-1]
    before, after = np.zeros_like(letters), np.zeros_like(letters)
    before[1:] = letters[:-1] * same_line
    after[:-1] = letters[1:] * same_line
    alone = letters >= _IDEOGRAPHS
    before[alone] = after[alone] = 0
    here = np.flatnonzero(letters)
    hashed = before[here] * np.uint32(0x9E3779B1) + letters[here] * np.uint32(0x85EBCA77)
    hashed += after[here] * np.uint32(0xC2B2AE3D)
    hashed ^= hashed >> np.uint32(15)
    hashed *= np.uint32(0x2C1B3C6D)
    return side.line[here], (hashed >> np.uint32(16)).astype(np.int64)


def words(side: Characters) -> Words:
    """Cut texts into words."""
    kinds = _word_kinds()[side.small]
    return _runs(side, kinds, _folded())


def number_sums(side: Characters) -> Numbers:
    """Return for each text a fingerprint of its runs of digits, [N]; 0: no digit. All scripts' digits are the same.

    "1,000", "1.000" and "1 000" have the same runs.
    """
    values = digit_values()
    kinds = (values[side.small] > 0).astype(np.uint8)
    return _runs(side, kinds, values).sums()


@cache
def digit_values() -> NDArray[np.uint32]:
    """One more than the value of every decimal digit below U+10000, 0 for all else."""
    table = np.zeros(0x10000, dtype=np.uint32)
    for code in range(0x10000):
        if (value := unicodedata.decimal(chr(code), None)) is not None:
            table[code] = int(value) + 1
    return table


def spread(hashes: NDArray[np.uint32]) -> Numbers:
    """Make 64 well-mixed bits of 32 (the finaliser of SplitMix64, Steele et al. 2014), so that sums tell bags apart."""
    mixed: Numbers = hashes.astype(np.uint64)
    mixed += np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def sums_by_line(values: Numbers, counts: NDArray[np.int64]) -> Numbers:
    """Add up the first counts[0] values, the next counts[1], and so on."""
    total = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)])
    ends = np.cumsum(counts)
    sums: Numbers = total[ends] - total[ends - counts]
    return sums


def _runs(side: Characters, kinds: NDArray[np.uint8], values: NDArray[np.uint32]) -> Words:
    """Hash every run of characters of one kind (0: none; _ALONE: each by itself)."""
    here = np.flatnonzero(kinds)
    if not len(here):
        return Words(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros(side.lines, np.int64))
    kind, line = kinds[here], side.line[here]
    first = np.ones(len(here), dtype=np.bool_)
    first[1:] = (np.diff(here) > 1) | (kind[1:] != kind[:-1]) | (kind[1:] == _ALONE) | (line[1:] != line[:-1])
    starts = np.flatnonzero(first)
    place = np.arange(len(here)) - np.repeat(starts, np.diff(np.append(starts, len(here))))
    weighed = values[side.small[here]].astype(np.uint32) * _weights()[np.minimum(place, _LONGEST - 1)]
    hashes = np.add.reduceat(weighed, starts, dtype=np.uint32)
    hashes ^= hashes >> np.uint32(16)
    hashes *= np.uint32(0x45D9F3B)
    return Words(hashes, line[starts], np.bincount(line[starts], minlength=side.lines))


@cache
def _weights() -> NDArray[np.uint32]:
    """Odd numbers, one for each place in a word."""
    drawn = np.random.default_rng(20170612).integers(0, 1 << 31, _LONGEST, dtype=np.uint32)
    return drawn * np.uint32(2) + np.uint32(1)


@cache
def _folded() -> NDArray[np.uint32]:
    """Lower-case code point of every letter and digit below U+10000, 0 for what separates words."""
    table = np.arange(0x10000, dtype=np.uint32)
    for code in range(_IDEOGRAPHS):
        letter = chr(code)
        table[code] = ord(letter.lower()[0]) if letter.isalnum() else 0
    table[0x3000:0x3040] = 0  # ideographic space and marks
    table[0xFF00:0xFF10] = 0  # full-width marks
    return table


@cache
def _word_kinds() -> NDArray[np.uint8]:
    table = np.where(_folded() == 0, 0, _LETTER).astype(np.uint8)
    table[_IDEOGRAPHS:0xA4D0] = _ALONE
    table[0xF900:0xFB00] = _ALONE
    table[0x3000:0x3040] = 0
    table[0x3041:0x30A0] = _HIRAGANA
    table[0x30A0:0x3100] = _KATAKANA
    table[0xFF00:0xFF66] = 0
    table[0xFF66:0xFFA0] = _KATAKANA
    table[digit_values() > 0] = 0
    return table
