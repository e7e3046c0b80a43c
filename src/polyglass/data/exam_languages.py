"""Pairs in, those whose sides are swapped or in a language that is not the side's out. Knows no language by name.

What each side looks like is counted in the corpus itself: how often three neighbouring letters occur (Cavnar and
Trenkle 1994). Which side a text belongs to is then a sum of log-odds. A third language is found in two steps: texts
whose letter triples are rare on their side, names and terms that both sides share left out; and, once there are some of
those, whatever looks more like them than like either side. So it works for languages that no identifier knows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyglass.data.hashes import is_in
from polyglass.data.letters import BUCKETS, Characters, letter_triples

STUDIED_CHARACTERS = 300  # of each text
_PSEUDO_COUNT = 1.0
_MOST_NATS = 4.0  # that one triple may tell
_SWAPPED_NATS = 8.0  # that both sides together must tell, and each must lean to the other side
_OTHER_SIDE_NATS = 9.0  # that a text without what it shares with its pair must lean to the other side
_COPY_NATS = 6.0  # that a text which stands on both sides must lean to one: names and codes do not
_MOST_SURPRISE = 5.0
_ODD = -2.0  # standard deviations from where a text is looked at again
_PLAIN = -3.0  # and from where it is not counted for what its side looks like
_FOREIGN = -11.0  # from where it is foreign whatever the others look like
_SEED = -6.0  # from where it shows what a third language looks like
_FEWEST_SEEDS = 12
_THIRD_NATS = 2.0
_THIRD_PSEUDO_COUNT = 0.05
# Odd texts of the side's own language are less odd than another language, and have less in common.
_THIRD_ODD = -4.8  # the median of a third language's texts must be below
_THIRD_NATS_A_TRIPLE = 0.55  # and the median of what each of its letter triples tells above
_ROUNDS = 4

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class LanguageFaults:
    """Places of pairs (counted from 0 in the order of `add`)."""

    swapped: Places
    wrong: Places
    leaning: Flags  # of the pairs that were asked for: the text looks like the other side


@dataclass(frozen=True)
class _Kept:
    """The letter triples of texts that are looked at again. place [G] in the corpus; shared: the pair has it twice."""

    place: NDArray[np.int32]
    bucket: NDArray[np.uint16]
    shared: Flags


class LanguageExam:
    """Reads pairs in order; `finish` tells which are in the wrong language. Keeps about a tenth of the text."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, BUCKETS))
        self._kept: tuple[list[_Kept], list[_Kept]] = ([], [])
        self._pairs = 0

    def add(self, sides: tuple[Characters, Characters]) -> None:
        """Take the next pairs, at best some thousand; texts of at most STUDIED_CHARACTERS."""
        triples = [letter_triples(side) for side in sides]
        for counts, (_, buckets) in zip(self._counts, triples, strict=True):
            counts += np.bincount(buckets, minlength=BUCKETS)
        lines = sides[0].lines
        leaning = _log_odds(self._counts)
        looked_at = np.zeros(lines, dtype=np.bool_)
        for (line, bucket), counts, sign in zip(triples, self._counts, (1, -1), strict=True):
            looked_at |= _sums(line, _surprise(counts)[bucket], lines, root=True) > -_ODD
            looked_at |= _sums(line, sign * leaning[bucket], lines) < 0
        chosen = [(line[looked_at[line]], bucket[looked_at[line]]) for line, bucket in triples]
        keys = [line.astype(np.int64) * BUCKETS + bucket for line, bucket in chosen]
        for kept, (line, bucket), own, others in zip(self._kept, chosen, keys, reversed(keys), strict=True):
            kept.append(_Kept(line + np.int32(self._pairs), bucket.astype(np.uint16), is_in(own, np.sort(others))))
        self._pairs += lines

    def finish(self, asked: Places) -> LanguageFaults:
        """Say which pairs are swapped and which have a side in a wrong language.

        asked: pairs of which only `leaning` is to be told, such as those whose sides are the same text.
        """
        sides = [_join(kept) for kept in self._kept]
        odds = _log_odds(self._counts)
        whole = [_sums(side.place, odds[side.bucket], self._pairs) for side in sides]
        swapped = (whole[0] < 0) & (whole[1] > 0) & (whole[1] - whole[0] > _SWAPPED_NATS)
        wrong = np.zeros(self._pairs, dtype=np.bool_)
        for number, side in enumerate(sides):
            own = _Kept(side.place[~side.shared], side.bucket[~side.shared], side.shared[:0])
            lean = _sums(own.place, (1 - 2 * number) * odds[own.bucket], self._pairs)
            wrong |= lean < -_OTHER_SIDE_NATS
            wrong |= _third_language(own, side, self._counts[[number, 1 - number]], self._pairs)
        wrong &= ~swapped
        return LanguageFaults(np.flatnonzero(swapped), np.flatnonzero(wrong), np.abs(whole[1][asked]) > _COPY_NATS)


def _third_language(own: _Kept, side: _Kept, counts: Floats, pairs: int) -> Flags:
    """Tell which texts belong to neither side. own: triples that the pair does not share; counts [2, BUCKETS]."""
    normal = counts[0] - np.bincount(side.bucket, minlength=BUCKETS)
    for _ in range(3):  # the more of the odd texts are set aside, the clearer the side's own language
        odd = -_sums(own.place, _surprise(normal)[own.bucket], pairs, root=True)
        aside = odd[side.place] <= _PLAIN
        normal = counts[0] - np.bincount(side.bucket[aside], minlength=BUCKETS)
    found = odd < _FOREIGN
    known = [_log_shares(normal), _log_shares(counts[1])]
    member = odd < _SEED
    triples = np.maximum(1, np.bincount(own.place, minlength=pairs))
    for _ in range(_ROUNDS):
        if member.sum() < _FEWEST_SEEDS:
            return found
        third = _log_shares_without_own(own, member)
        gain = np.minimum(*(_sums(own.place, third - side_shares[own.bucket], pairs) for side_shares in known))
        member = (gain > _THIRD_NATS) & (odd < _ODD)
    if member.sum() < _FEWEST_SEEDS or np.median(odd[member]) > _THIRD_ODD:
        return found
    is_language = np.median(gain[member] / triples[member]) > _THIRD_NATS_A_TRIPLE
    verdict: Flags = found | member if is_language else found
    return verdict


def _log_odds(counts: Floats) -> Floats:
    """How much likelier each triple is on the source side than on the target side, in nats, [BUCKETS]."""
    shares = (counts + _PSEUDO_COUNT) / (counts.sum(axis=1, keepdims=True) + _PSEUDO_COUNT * BUCKETS)
    odds: Floats = np.clip(np.log(shares[0] / shares[1]), -_MOST_NATS, _MOST_NATS)
    return odds


def _log_shares(counts: Floats) -> Floats:
    shares: Floats = np.log((counts + _THIRD_PSEUDO_COUNT) / (counts.sum() + _THIRD_PSEUDO_COUNT * BUCKETS))
    return shares


def _log_shares_without_own(own: _Kept, member: Flags) -> Floats:
    """What a third language looks like to each kept triple: counted in the members, its own text left out."""
    is_member = member[own.place]
    bucket = own.bucket.astype(np.int64)
    counts = np.bincount(bucket[is_member], minlength=BUCKETS)
    key = own.place.astype(np.int64) * BUCKETS + bucket
    _, inverse, times = np.unique(key, return_inverse=True, return_counts=True)
    others = counts[bucket] - times[inverse] * is_member
    total = counts.sum() + _THIRD_PSEUDO_COUNT * BUCKETS
    shares: Floats = np.log((others + _THIRD_PSEUDO_COUNT) / total)
    return shares


def _surprise(counts: Floats) -> Floats:
    """How rare each triple is: -log of the share of the text in triples no more frequent; mean 0, deviation 1."""
    order = np.argsort(counts, kind="stable")
    ranked = counts[order]
    total = max(1.0, float(ranked.sum()))
    rarer = np.cumsum(ranked) / total
    share = np.empty(BUCKETS)
    share[order] = rarer[np.searchsorted(ranked, ranked, side="right") - 1]
    surprise = np.minimum(-np.log(np.maximum(share, 1e-9)), _MOST_SURPRISE)
    mean = float(counts @ surprise) / total
    deviation = float(np.sqrt(counts @ (surprise - mean) ** 2 / total))
    scaled: Floats = (surprise - mean) / max(deviation, 1e-6)
    return scaled


def _sums(line: NDArray[np.int32], values: Floats, lines: int, *, root: bool = False) -> Floats:
    """Add values up by line, [lines]; root: over the root of how many there are."""
    total: Floats = np.bincount(line, weights=values, minlength=lines).astype(np.float64)
    return total / np.sqrt(np.maximum(1, np.bincount(line, minlength=lines))) if root else total


def _join(kept: list[_Kept]) -> _Kept:
    if not kept:
        return _Kept(np.zeros(0, np.int32), np.zeros(0, np.uint16), np.zeros(0, np.bool_))
    return _Kept(
        np.concatenate([part.place for part in kept]),
        np.concatenate([part.bucket for part in kept]),
        np.concatenate([part.shared for part in kept]),
    )
