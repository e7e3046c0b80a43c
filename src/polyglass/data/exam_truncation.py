"""Pairs in, those of which one side was cut off out. Knows no language.

Naive Bayes with three clues, counted in the corpus itself: a side that was cut is short for its pair; it has lost the
mark at its end that the pair has; and its last word is one that seldom ends a text, such as an article. What is found
in a first round is left out of the counts of the next.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polyglass.data.letters import Words

_BUCKETS = 1 << 16
_ENDS = (".!?…。！？؟।։።၊။", ",;:-–—،、，；：")  # of a sentence, of a part of one
_CLOSING = "\"'”“’»«)]}」』）*_ \u00a0"
_RATIO_BIN = 0.125  # of the logarithm of the ratio of lengths
_RATIO_BINS = 64
_LENGTH_CLASSES = (12, 24, 48, 96, 192)
_SHORTEST = 12  # characters of the longer side: shorter ones are not judged
_LEFT = np.arange(0.1, 0.81, 0.05)  # shares of a text that a cut may leave
_ENDS_AFTER_CUT = np.array([0.93, 0.02, 0.05])  # no mark, the end of a sentence, of a part
_MOST_NATS = 6.0  # that one clue may tell
_NATS = 5.0
_SHORT_NATS = 0.5  # that the length must tell: a mark alone may be missing
_SURE_NATS = 8.0  # these no longer count for what a whole text looks like
_ROUNDS = 3

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


class TruncationExam:
    """Reads pairs in order; `finish` tells which were cut. Keeps 18 bytes a pair."""

    def __init__(self) -> None:
        self._lengths: tuple[list[NDArray[np.uint16]], list[NDArray[np.uint16]]] = ([], [])
        self._ends: tuple[list[Bytes], list[Bytes]] = ([], [])
        self._last: tuple[list[NDArray[np.uint16]], list[NDArray[np.uint16]]] = ([], [])
        self._words = np.zeros((2, _BUCKETS))

    def add(self, texts: Sequence[Sequence[str]], sides: Sequence[Words]) -> None:
        """Take the next pairs: their texts and the words of them."""
        for number, (side, found) in enumerate(zip(texts, sides, strict=True)):
            lengths = np.fromiter(map(len, side), dtype=np.int64, count=len(side))
            self._lengths[number].append(np.minimum(lengths, 0xFFFF).astype(np.uint16))
            self._ends[number].append(np.fromiter(map(_end, side), dtype=np.uint8, count=len(side)))
            bucket = (found.hashes >> np.uint32(16)).astype(np.uint16)
            self._words[number] += np.bincount(bucket, minlength=_BUCKETS)
            last = np.zeros(len(side), dtype=np.uint16)
            filled = found.counts > 0
            last[filled] = bucket[np.cumsum(found.counts)[filled] - 1]
            self._last[number].append(last)

    def finish(self) -> NDArray[np.int64]:
        """Return the places of pairs (counted from 0) that have lost the end of a side."""
        none = [np.zeros(0, dtype=np.uint16)]
        lengths = [np.concatenate([*none, *side]).astype(np.float64) for side in self._lengths]
        ends = [np.concatenate([np.zeros(0, np.uint8), *side]).astype(np.int64) for side in self._ends]
        last = [np.concatenate([*none, *side]) for side in self._last]
        sure = np.zeros(len(lengths[0]), dtype=np.bool_)
        for _ in range(_ROUNDS):
            short = [_ratio_nats(lengths[1 - side], lengths[side], whole=~sure) for side in (0, 1)]
            nats = [
                np.where(
                    short[side] > _SHORT_NATS,
                    short[side]
                    + _end_nats(ends[1 - side], ends[side], whole=~sure)
                    + _word_nats(last[side], self._words[side], whole=~sure),
                    0.0,
                )
                for side in (0, 1)
            ]
            sure = np.maximum(*nats) > _SURE_NATS
        return np.flatnonzero((np.maximum(*nats) > _NATS) & (np.maximum(*lengths) >= _SHORTEST))


def _end(text: str) -> int:
    """Class the end of a text: 1 the end of a sentence, 2 of a part of one, 0 neither."""
    text = text.rstrip(_CLOSING) if text[-1:] in _CLOSING else text
    last = text[-1:]
    return 1 if last and last in _ENDS[0] else 2 if last and last in _ENDS[1] else 0


def _ratio_nats(whole_side: Floats, cut_side: Floats, *, whole: NDArray[np.bool_]) -> Floats:
    """How much likelier the ratio of lengths is if `cut_side` was cut."""
    ratio = np.log((cut_side + 3) / (whole_side + 3))
    ratio -= np.median(ratio[whole]) if whole.any() else 0.0
    place = np.clip(np.rint(ratio / _RATIO_BIN) + _RATIO_BINS // 2, 0, _RATIO_BINS - 1).astype(np.int64)
    kind = np.digitize(whole_side, _LENGTH_CLASSES)
    shape = (len(_LENGTH_CLASSES) + 1, _RATIO_BINS)
    counts = np.bincount(kind[whole] * _RATIO_BINS + place[whole], minlength=shape[0] * shape[1]).reshape(shape)
    smooth = counts + 0.5 * (np.roll(counts, 1, axis=1) + np.roll(counts, -1, axis=1)) + 0.02
    shares = smooth / smooth.sum(axis=1, keepdims=True)
    moved = [np.roll(shares, int(np.rint(np.log(left) / _RATIO_BIN)), axis=1) for left in _LEFT]
    nats = np.log((np.mean(moved, axis=0) + 1e-6) / (shares + 1e-6))
    usual = _RATIO_BINS // 2
    nats[:, usual:] = np.minimum(nats[:, usual:], 0.0)  # what is not short for its pair was not cut
    # The shorter, the likelier, where the counts are few, too.
    nats[:, : usual + 1] = np.maximum.accumulate(nats[:, usual::-1], axis=1)[:, ::-1]
    told: Floats = np.clip(nats, -8.0, _MOST_NATS)[kind, place]
    return told


def _end_nats(whole_side: NDArray[np.int64], cut_side: NDArray[np.int64], *, whole: NDArray[np.bool_]) -> Floats:
    """How much likelier the mark at the end is, given the other side's, if `cut_side` was cut."""
    counts = np.bincount(whole_side[whole] * 3 + cut_side[whole], minlength=9).reshape(3, 3) + 0.5
    nats = np.log(_ENDS_AFTER_CUT / (counts / counts.sum(axis=1, keepdims=True)))
    told: Floats = np.clip(nats, -_MOST_NATS, _MOST_NATS)[whole_side, cut_side]
    return told


def _word_nats(last: NDArray[np.uint16], words: Floats, *, whole: NDArray[np.bool_]) -> Floats:
    """How much likelier the last word is at any place of a text than at its end."""
    final = np.bincount(last[whole], minlength=_BUCKETS).astype(np.float64)
    anywhere = words / max(1.0, words.sum())
    ending = (final + 2 * anywhere * 10 + 0.2) / (final.sum() + 20 + 0.2 * _BUCKETS)
    nats = np.log((anywhere + 0.2 / (words.sum() + 0.2 * _BUCKETS)) / ending)
    told: Floats = np.clip(nats, -2.0, 4.0)[last]
    return told
