"""A corpus in, training, validation and test out, with nothing in one that gives another away.

Pairs whose sources or targets are the same but for case, punctuation and digits stay together, however many pairs join
them. What is left in training and nearly equal to something held out (see `likeness.py`) is left out and written down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyglass.data.hashes import hash_text
from polyglass.data.likeness import fingerprint, near_fingerprints
from polyglass.data.pair import Pair
from polyglass.errors import DataError

TRAIN, VALID, TEST = 0, 1, 2
NAMES = ("train", "valid", "test")
_LARGEST_SHARE = 0.05  # of a held-out part that one group may take: boilerplate says nothing about quality


@dataclass(frozen=True)
class Split:
    """For each pair of the corpus its part: TRAIN, VALID or TEST. near: fingerprints of what is held out, by part."""

    parts: NDArray[np.uint8]
    near: tuple[frozenset[int], frozenset[int], frozenset[int]]

    def leak(self, pair: Pair, part: int) -> str | None:
        """Return the name of the part that a pair would give away; None if there is none."""
        if part == TEST:
            return None
        found = near_fingerprints(pair.source)
        for other in (TEST, VALID):
            if other > part and not found.isdisjoint(self.near[other]):
                return NAMES[other]
        return None


def split_corpus(pairs: Iterable[Pair], *, valid: int, test: int, seed: int) -> Split:
    """Choose about `valid` and `test` pairs at random, whole groups of pairs at a time.

    The same corpus and seed give the same split. Raises DataError if the corpus has too few groups.
    """
    sources, targets = _fingerprints(pairs)
    groups = _groups(sources, targets)
    labels, sizes = np.unique(groups, return_counts=True)
    keys = [hash_text(f"{seed} {sources[label]}") for label in labels]
    order = np.argsort(np.array(keys, dtype=np.uint64), kind="stable")
    part_of = np.zeros(len(groups), dtype=np.uint8)
    for part, wanted in ((TEST, test), (VALID, valid)):
        taken = 0
        largest = max(1, int(wanted * _LARGEST_SHARE))
        for place in order:
            if taken >= wanted:
                break
            if part_of[labels[place]] == TRAIN and sizes[place] <= min(largest, wanted - taken):
                part_of[labels[place]] = part
                taken += int(sizes[place])
        if taken < wanted:
            raise DataError(
                f"{wanted:,} pairs were to be set apart for {NAMES[part]}, but only {taken:,} of {len(groups):,} can "
                "be: the others are too much alike. Ask for fewer, or give more pairs."
            )
    return Split(part_of[groups], (frozenset(), frozenset(), frozenset()))


def with_near(split: Split, pairs: Iterable[Pair]) -> Split:
    """Return the split with the fingerprints of what it holds out."""
    near: tuple[set[int], set[int], set[int]] = (set(), set(), set())
    for pair, part in zip(pairs, split.parts.tolist(), strict=True):
        if part != TRAIN:
            near[part].update(near_fingerprints(pair.source))
    return Split(split.parts, (frozenset(near[0]), frozenset(near[1]), frozenset(near[2])))


def _fingerprints(pairs: Iterable[Pair]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    sides: tuple[list[int], list[int]] = ([], [])
    for pair in pairs:
        sides[0].append(fingerprint(pair.source))
        sides[1].append(fingerprint(pair.target))
    return np.array(sides[0], dtype=np.uint64), np.array(sides[1], dtype=np.uint64)


def _groups(sources: NDArray[np.uint64], targets: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return for each pair the first pair of its group: pairs that are joined by equal sources or targets."""
    group = np.arange(len(sources), dtype=np.int64)
    sides: Sequence[NDArray[np.int64]] = [np.unique(side, return_inverse=True)[1] for side in (sources, targets)]
    while True:
        before = group
        for side in sides:
            first = np.full(int(side.max(initial=-1)) + 1, len(group), dtype=np.int64)
            np.minimum.at(first, side, group)
            group = first[side]
        group = group[group]  # the group's group: joins long chains in few rounds
        if np.array_equal(group, before):
            return group
