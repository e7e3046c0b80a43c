"""Pairs in, those whose sides are swapped or in a language that is not the side's out. Knows no language by name.

What each side looks like is counted in the corpus itself: how often three neighbouring letters occur (Cavnar and
Trenkle 1994). Which side a text belongs to is then a sum of log-odds. A third language is found in two steps: texts
whose letter triples are rare on their side, names and terms that both sides share left out; and, once there are some of
those, whatever looks more like them than like either side. So it works for languages that no identifier knows.
"""

from collections.abc import Sequence
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
_FEWEST_TRIPLES = 16  # that the pair does not share: a shorter text may be odd in any language
_THIRD_NATS = 2.0
_THIRD_PSEUDO_COUNT = 0.05
# Odd texts of the side's own language are less odd than another language, and have less in common.
_THIRD_ODD = -4.8  # the median of a third language's texts must be below
_THIRD_NATS_A_TRIPLE = 0.55  # and the median of what each of its letter triples tells above
_LEAST_NATS_A_TRIPLE = 0.25  # in each of its texts
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
    """Letter triples of one side of some neighbouring pairs, of those that are looked at again.

    start, lines: which pairs; line [G]: place from `start` on; own [G]: 1 where the other side has no such triple, else
    0; times [G]: how often the text has it; counts: own triples of each text, [lines].
    """

    start: int
    lines: int
    line: NDArray[np.int32]
    bucket: NDArray[np.uint16]
    own: NDArray[np.uint8]
    times: NDArray[np.uint8]
    counts: NDArray[np.int32]

    @property
    def rows(self) -> slice:
        """Which places of the corpus the texts have."""
        return slice(self.start, self.start + self.lines)


class LanguageExam:
    """Reads pairs in order; `finish` tells which are in the wrong language. Keeps about a sixth of the text."""

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
            many = np.maximum(1, np.bincount(line, minlength=lines))
            odd = np.bincount(line, weights=_surprise(counts)[bucket], minlength=lines)
            looked_at |= odd > -_ODD * np.sqrt(many)
            looked_at |= np.bincount(line, weights=sign * leaning[bucket], minlength=lines) < 0
        chosen = [(line[looked_at[line]], bucket[looked_at[line]]) for line, bucket in triples]
        keys = [line.astype(np.int64) * BUCKETS + bucket for line, bucket in chosen]
        ordered = [np.sort(key) for key in keys]
        for side, (line, bucket) in enumerate(chosen):
            own = ~is_in(keys[side], ordered[1 - side])
            first, last = (np.searchsorted(ordered[side], keys[side], side=end) for end in ("left", "right"))
            many_own = np.bincount(line[own], minlength=lines).astype(np.int32)
            times = np.minimum(last - first, 255).astype(np.uint8)
            kept = _Kept(self._pairs, lines, line, bucket.astype(np.uint16), own.astype(np.uint8), times, many_own)
            self._kept[side].append(kept)
        self._pairs += lines

    def finish(self, asked: Places) -> LanguageFaults:
        """Say which pairs are swapped and which have a side in a wrong language.

        asked: pairs of which only `leaning` is to be told, such as those whose sides are the same text.
        """
        odds = _log_odds(self._counts)
        whole = [_sums(side, odds, self._pairs, own=False) for side in self._kept]
        swapped = (whole[0] < 0) & (whole[1] > 0) & (whole[1] - whole[0] > _SWAPPED_NATS)
        wrong = np.zeros(self._pairs, dtype=np.bool_)
        for number, side in enumerate(self._kept):
            wrong |= _sums(side, (1 - 2 * number) * odds, self._pairs) < -_OTHER_SIDE_NATS
            wrong |= _third_language(side, self._counts[[number, 1 - number]], self._pairs)
        wrong &= ~swapped
        return LanguageFaults(np.flatnonzero(swapped), np.flatnonzero(wrong), np.abs(whole[1][asked]) > _COPY_NATS)


def _third_language(side: Sequence[_Kept], counts: Floats, pairs: int) -> Flags:
    """Tell which texts belong to neither side. counts [2, BUCKETS]: what this side and the other look like."""
    triples = np.zeros(pairs)
    for kept in side:
        triples[kept.rows] = np.maximum(1, kept.counts)
    aside = np.ones(pairs, dtype=np.bool_)
    for _ in range(3):  # the more of the odd texts are set aside, the clearer the side's own language
        normal = counts[0] - _count(side, aside, own=False)
        odd = -_sums(side, _surprise(normal), pairs) / np.sqrt(triples)
        aside = odd <= _PLAIN
    normal = counts[0] - _count(side, aside, own=False)
    odd[triples < _FEWEST_TRIPLES] = 0.0
    found = odd < _FOREIGN
    known = [_log_shares(normal), _log_shares(counts[1])]
    member = odd < _SEED
    for _ in range(_ROUNDS):
        if member.sum() < _FEWEST_SEEDS:
            return found
        gain = _gain(side, member, known)
        member = (gain > np.maximum(_THIRD_NATS, _LEAST_NATS_A_TRIPLE * triples)) & (odd < _ODD)
    if member.sum() < _FEWEST_SEEDS or np.median(odd[member]) > _THIRD_ODD:
        return found
    is_language = np.median(gain[member] / triples[member]) > _THIRD_NATS_A_TRIPLE
    verdict: Flags = found | member if is_language else found
    return verdict


def _gain(side: Sequence[_Kept], member: Flags, known: Sequence[Floats]) -> Floats:
    """How much likelier each text is in the members' language, its own words left out, than in the known ones."""
    counts = _count(side, member, own=True)
    total = counts.sum() + _THIRD_PSEUDO_COUNT * BUCKETS
    gain = np.zeros(len(member))
    for kept in side:
        others = counts[kept.bucket] - kept.times * member[kept.rows][kept.line]
        third = np.log((np.maximum(others, 0) + _THIRD_PSEUDO_COUNT) / total)
        gains = [
            np.bincount(kept.line, weights=(third - shares[kept.bucket]) * kept.own, minlength=kept.lines)
            for shares in known
        ]
        gain[kept.rows] = np.minimum(*gains)
    return gain


def _count(side: Sequence[_Kept], member: Flags, *, own: bool) -> Floats:
    """Count the kept triples of some texts, [BUCKETS]."""
    counts = np.zeros(BUCKETS)
    for kept in side:
        taken = member[kept.rows][kept.line]
        if own:
            taken &= kept.own > 0
        counts += np.bincount(kept.bucket[taken], minlength=BUCKETS)
    return counts


def _sums(side: Sequence[_Kept], values: Floats, pairs: int, *, own: bool = True) -> Floats:
    """Add up the values [BUCKETS] of each text's kept triples, [pairs]; own: only of those that its pair has not."""
    total = np.zeros(pairs)
    for kept in side:
        weights = values[kept.bucket] * kept.own if own else values[kept.bucket]
        total[kept.rows] = np.bincount(kept.line, weights=weights, minlength=kept.lines)
    return total


def _log_odds(counts: Floats) -> Floats:
    """How much likelier each triple is on the source side than on the target side, in nats, [BUCKETS]."""
    shares = (counts + _PSEUDO_COUNT) / (counts.sum(axis=1, keepdims=True) + _PSEUDO_COUNT * BUCKETS)
    odds: Floats = np.clip(np.log(shares[0] / shares[1]), -_MOST_NATS, _MOST_NATS)
    return odds


def _log_shares(counts: Floats) -> Floats:
    shares: Floats = np.log((counts + _THIRD_PSEUDO_COUNT) / (counts.sum() + _THIRD_PSEUDO_COUNT * BUCKETS))
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
