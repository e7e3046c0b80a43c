"""Pairs in, those that nearly repeat another pair, a held-out sentence, or a text that stands everywhere out.

Case, marks, digits and the order of words count for nothing. Two texts of six words or more are nearly the same, too,
if one becomes the other by changing, adding or leaving out one word (as in `likeness.py`). A pair is a near-duplicate
of an earlier one if one side has the same words and the other is nearly the same: were both sides to change by a word,
it would be another sentence. Fingerprints are sums of words, so that a word is left out by one subtraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyglass.data.hashes import Kind, is_in
from polyglass.data.letters import Numbers, Words, characters, spread, words

FEWEST_WORDS = 6
_BOILERPLATE_TEXTS = 15  # different texts that one text stands beside
_BOILERPLATE_SPREAD = 0.35  # standard deviation of the logarithms of their lengths; translations of one text have less
_LIKE_ALL = 0.75  # or this share of what all texts of that side have, if that is less
_MANY_TEXTS = 100  # so many are boilerplate, however long they are
_KEYS_AT_ONCE = 1 << 22

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Repeats:
    """Places of pairs (counted from 0) and, for each, the place of what they repeat."""

    places: Places
    of: Places


@dataclass(frozen=True)
class HeldOutKeys:
    """Sorted fingerprints of held-out texts, [K], and which text each is of, [K]."""

    keys: Numbers
    text: Places

    def find(self, found: Words) -> tuple[Places, Places]:
        """Return the places of texts that are nearly the same as a held-out one, and that one."""
        keys, line = near_keys(found)
        if not len(self.keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        hit = np.flatnonzero(is_in(keys, self.keys))
        places, first = np.unique(line[hit], return_index=True)
        of = self.text[np.searchsorted(self.keys, keys[hit[first]])]
        filled = found.counts[places] > 0
        return places[filled], of[filled]


def held_out_keys(texts: Sequence[str]) -> HeldOutKeys:
    """Return the fingerprints of held-out texts."""
    keys, line = near_keys(words(characters(texts)))
    keys, first = np.unique(keys, return_index=True)
    return HeldOutKeys(keys, line[first])


def near_keys(found: Words) -> tuple[Numbers, Places]:
    """Return fingerprints of which nearly equal texts share one, [K], and which text each is of, [K]."""
    sums = found.sums()
    long = (found.counts >= FEWEST_WORDS)[found.line]
    line = found.line[long].astype(np.int64)
    left_out = sums[line] - spread(found.hashes[long])
    return np.concatenate([sums, left_out]), np.concatenate([np.arange(len(sums)), line])


class RepeatExam:
    """Reads pairs in order; `finish` tells what repeats. Keeps four bytes a word and 24 a pair."""

    def __init__(self) -> None:
        self._sums: tuple[list[Numbers], list[Numbers]] = ([], [])
        self._words: tuple[list[NDArray[np.uint32]], list[NDArray[np.uint32]]] = ([], [])
        self._counts: tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]] = ([], [])

    def add(self, sides: tuple[Words, Words]) -> None:
        """Take the next pairs."""
        for number, side in enumerate(sides):
            self._sums[number].append(side.sums())
            self._words[number].append(side.hashes)
            self._counts[number].append(side.counts.astype(np.int32))

    def finish(self) -> tuple[Repeats, Repeats]:
        """Return near-duplicates and boilerplate; of: an earlier pair, and the first pair with the same text."""
        sums = [_join(side, np.uint64) for side in self._sums]
        counts = [_join(side, np.int32) for side in self._counts]
        near = np.full(len(sums[0]), -1, dtype=np.int64)
        for same, other in ((0, 1), (1, 0)):
            flat = _join(self._words[other], np.uint32)
            self._words[other].clear()
            _mark_near(near, sums, same=same, words=flat, counts=counts[other])
            del flat
        near[(counts[0] == 0) | (counts[1] == 0)] = -1
        places = np.flatnonzero(near >= 0)
        return Repeats(places, near[places]), _boilerplate(sums, counts)


def _mark_near(
    near: Places, sums: Sequence[Numbers], *, same: int, words: NDArray[np.uint32], counts: NDArray[np.int32]
) -> None:
    """Write into `near` the first pair that has the same words on side `same` and nearly the same on the other."""
    _, group, size = np.unique(sums[same], return_inverse=True, return_counts=True)
    repeated = size[group] > 1
    ends = np.cumsum(counts, dtype=np.int64)
    number = max(1, int(counts[repeated].sum()) // _KEYS_AT_ONCE + 1)
    for part in range(number):  # a part of the groups at a time, so that memory stays bounded
        rows = np.flatnonzero(repeated & (group % number == part))
        taken = np.where(counts[rows] >= FEWEST_WORDS, counts[rows], 0).astype(np.int64)
        inside = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
        left_out = spread(words[np.repeat(ends[rows] - counts[rows], taken) + inside])
        whole = sums[1 - same]
        row = np.concatenate([rows, np.repeat(rows, taken)])
        key = np.concatenate([whole[rows], np.repeat(whole[rows], taken) - left_out])
        key = spread_together(key, sums[same][row])
        order = np.lexsort((row, key))
        key, row = key[order], row[order]
        new = np.ones(len(key), dtype=np.bool_)
        new[1:] = key[1:] != key[:-1]
        first = row[np.maximum.accumulate(np.where(new, np.arange(len(key)), 0))]
        later = first < row
        near[row[later]] = np.where(near[row[later]] < 0, first[later], near[row[later]])


def spread_together(keys: Numbers, others: Numbers) -> Numbers:
    """Make one fingerprint of two."""
    joined: Numbers = keys * np.uint64(0x9E3779B97F4A7C15) + others * np.uint64(0xC2B2AE3D27D4EB4F)
    return joined


def _boilerplate(sums: Sequence[Numbers], counts: Sequence[NDArray[np.int32]]) -> Repeats:
    """Find texts that stand beside many different ones."""
    found = np.full(len(sums[0]), -1, dtype=np.int64)
    if not len(found):
        return Repeats(found, found)
    for side in (0, 1):
        _, group, size = np.unique(sums[side], return_inverse=True, return_counts=True)
        rows = np.flatnonzero(size[group] >= _BOILERPLATE_TEXTS)
        rows = rows[np.lexsort((sums[1 - side][rows], group[rows]))]
        here, beside = group[rows], sums[1 - side][rows]
        new = np.ones(len(rows), dtype=np.bool_)
        new[1:] = (here[1:] != here[:-1]) | (beside[1:] != beside[:-1])
        lengths = np.log1p(counts[1 - side][rows[new]].astype(np.float64))
        groups, places = np.unique(here[new], return_inverse=True)
        different = np.bincount(places)
        mean = np.bincount(places, weights=lengths) / different
        spread_out = np.sqrt(np.maximum(0, np.bincount(places, weights=lengths**2) / different - mean**2))
        usual = min(_BOILERPLATE_SPREAD, _LIKE_ALL * float(np.log1p(counts[1 - side]).std()))
        many = (different >= _BOILERPLATE_TEXTS) & (spread_out > usual) | (different >= _MANY_TEXTS)
        for label in groups[many]:
            members = np.sort(rows[here == label])
            if counts[side][members[0]]:
                found[members] = members[0]
    places = np.flatnonzero(found >= 0)
    return Repeats(places, found[places])


def _join(parts: list[NDArray[Kind]], kind: type[Kind]) -> NDArray[Kind]:
    return np.concatenate([np.zeros(0, dtype=kind), *parts])
