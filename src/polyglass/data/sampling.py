"""Subword sampling: a word is cut in another way each time it is met (Provilkov et al. 2020; Kudo 2018).

Cutting text anew for every batch would cost more than the rest of data loading together. SentencePiece cuts at
spaces first, so a sentence is its words, one after another; each distinct word is cut at random a few times in
advance, and a batch picks one of these cuts for each word.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyglass.config import DataConfig
from polyglass.data.random_cuts import RandomCutter
from polyglass.data.subwords import Subwords

MAX_CUTS = 16  # random cuts of one word
TABLE_IDS = 20_000_000  # ids in all cuts of one side together, at most


@dataclass(frozen=True)
class _Side:
    """One language: sentences as word numbers, and each word's cuts; flat arrays with offsets.

    The first cut of a word is the usual one, the others are random.
    """

    words: NDArray[np.uint32]
    word_offsets: NDArray[np.int64]
    cuts: NDArray[np.int32]
    cut_offsets: NDArray[np.int64]  # cut c of word w is cuts[cut_offsets[w * cuts_per_word + c] : ... + 1]
    cuts_per_word: int

    def cut(self, seed: int, *, max_length_tokens: int) -> "_CutSide":
        """Choose a random cut for every word of every sentence; the usual one where that makes a sentence too long."""
        random = _mixed(np.arange(len(self.words), dtype=np.uint64), seed)
        usual = self.words.astype(np.int64) * self.cuts_per_word
        chosen = usual + 1 + (random % np.uint64(self.cuts_per_word - 1)).astype(np.int64)
        cut = self._as_chosen(chosen)
        is_too_long = cut.lengths > max_length_tokens
        if not is_too_long.any():
            return cut
        return self._as_chosen(np.where(np.repeat(is_too_long, np.diff(self.word_offsets)), usual, chosen))

    def _as_chosen(self, chosen: NDArray[np.int64]) -> "_CutSide":
        sizes = np.diff(self.cut_offsets)[chosen]
        ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        return _CutSide(self, chosen, np.diff(ends[self.word_offsets]))


@dataclass(frozen=True)
class _CutSide:
    """One language as it is cut in one epoch: the cut of each word, and the ids in each sentence."""

    side: _Side
    chosen: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def sentence(self, pair: int) -> NDArray[np.int64]:
        side = self.side
        chosen = self.chosen[side.word_offsets[pair] : side.word_offsets[pair + 1]].tolist()
        pieces = [side.cuts[side.cut_offsets[c] : side.cut_offsets[c + 1]] for c in chosen]
        return np.concatenate(pieces).astype(np.int64) if pieces else np.zeros(0, np.int64)


class SampledPairs:
    """All pairs of a corpus, cut at random in one way; read like a `TokenStore`."""

    def __init__(self, source: _CutSide, target: _CutSide) -> None:
        self._source = source
        self._target = target

    def __len__(self) -> int:
        return len(self._source.lengths)

    def source(self, pair: int) -> NDArray[np.int64]:
        """Return the source ids of one pair."""
        return self._source.sentence(pair)

    def target(self, pair: int) -> NDArray[np.int64]:
        """Return the target ids of one pair."""
        return self._target.sentence(pair)

    def lengths(self, pairs: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of source and of target ids of each of `pairs`."""
        return self._source.lengths[pairs], self._target.lengths[pairs]


class SubwordSampler:
    """Gives a corpus in a new cut for each epoch; a pure function of the corpus, the seed and the epoch."""

    def __init__(
        self,
        texts: Iterable[tuple[str, str]],
        subwords: Subwords,
        config: DataConfig,
        *,
        seed: int,
    ) -> None:
        """Cut every distinct word of `texts` in advance, as `data.subword_sampling` says.

        A sentence never gets longer than `data.max_length_tokens`.
        """
        sides: tuple[list[str], list[str]] = ([], [])
        for source, target in texts:
            sides[0].append(source)
            sides[1].append(target)
        self._seed = seed
        self._max_length_tokens = config.max_length_tokens
        dropout, unknown = config.subword_sampling or 0.0, subwords.ids.unk
        tables = (subwords.source_scores(), subwords.target_scores())
        cutters = [RandomCutter(table, config.subwords, unknown=unknown) for table in tables]
        random = Random(seed)
        self._source = _side(sides[0], subwords.encode_source, partial(cutters[0].cut, random=random, dropout=dropout))
        self._target = _side(sides[1], subwords.encode_target, partial(cutters[1].cut, random=random, dropout=dropout))

    def epoch(self, number: int) -> SampledPairs:
        """Return the corpus as it is cut in epoch `number`."""
        seed = self._seed * 1_000_003 + number
        source, target = (
            side.cut(seed, max_length_tokens=self._max_length_tokens) for side in (self._source, self._target)
        )
        return SampledPairs(source, target)


def _mixed(values: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return one random number for each value: splitmix64 (Steele et al. 2014), a function without state."""
    with np.errstate(over="ignore"):
        x = (values + np.uint64(seed % 2**40 << 24)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def _side(
    sentences: list[str], encode: Callable[[list[str]], list[list[int]]], sample: Callable[[str, int], list[list[int]]]
) -> _Side:
    numbers: dict[str, int] = {}
    words: list[int] = []
    ends = [0]
    for sentence in sentences:
        words.extend(numbers.setdefault(word, len(numbers)) for word in sentence.split())
        ends.append(len(words))
    spellings = list(numbers)
    characters = max(1, sum(map(len, spellings)))
    random_cuts = max(1, min(MAX_CUTS, TABLE_IDS // characters))
    cuts = []
    for word, usual in zip(spellings, encode(spellings), strict=True):
        cuts += [usual, *sample(word, random_cuts)]
    return _Side(
        words=np.array(words, np.uint32),
        word_offsets=np.array(ends, np.int64),
        cuts=np.array([token for cut in cuts for token in cut], np.int32),
        cut_offsets=np.concatenate([[0], np.cumsum([len(cut) for cut in cuts], dtype=np.int64)]).astype(np.int64),
        cuts_per_word=1 + random_cuts,
    )
