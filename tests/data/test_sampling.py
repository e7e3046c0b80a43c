"""Subword sampling: every cut is of the same text, and the same seed gives the same cuts."""

import random

import numpy as np
import pytest

from polyglass.config import DataConfig
from polyglass.data.sampling import MAX_CUTS, SubwordSampler
from polyglass.data.subwords import Subwords
from tiny_bundle import SENTENCES, tiny_subwords

NO_LIMIT = 10_000
EPOCHS = 12


def config(dropout: float, *, limit: int = NO_LIMIT, kind: str = "bpe") -> DataConfig:
    return DataConfig.model_validate(
        {"subword_sampling": dropout, "max_length_tokens": limit, "subwords": kind, "byte_fallback": kind == "bpe"}
    )


def sampler(
    subwords: Subwords | None = None, *, dropout: float = 0.4, seed: int = 1, limit: int = NO_LIMIT, kind: str = "bpe"
) -> SubwordSampler:
    return SubwordSampler(SENTENCES, subwords or tiny_subwords(), config(dropout, limit=limit, kind=kind), seed=seed)


def cuts(found: SubwordSampler, epochs: int = EPOCHS) -> list[list[tuple[list[int], list[int]]]]:
    return [
        [(pairs.source(i).tolist(), pairs.target(i).tolist()) for i in range(len(pairs))]
        for pairs in map(found.epoch, range(epochs))
    ]


def usual(subwords: Subwords) -> list[tuple[list[int], list[int]]]:
    sources, targets = zip(*SENTENCES, strict=True)
    return list(zip(subwords.encode_source(sources), subwords.encode_target(targets), strict=True))


@pytest.mark.parametrize("joint", [True, False])
def test_without_dropout_every_cut_is_the_usual_one(joint: bool) -> None:
    subwords = tiny_subwords(joint=joint)
    assert cuts(sampler(subwords, dropout=0.0), 2) == [usual(subwords)] * 2


@pytest.mark.parametrize("kind", ["bpe", "bpe, two vocabularies", "unigram"])
def test_every_cut_is_of_the_same_text(kind: str) -> None:
    if kind == "unigram":
        subwords = Subwords.train(lambda: iter(SENTENCES), config(0.4, kind=kind), size=110)
    else:
        subwords = tiny_subwords(joint=kind == "bpe")
    found = cuts(sampler(subwords, kind=kind.partition(",")[0]))
    for epoch in found:
        texts = [(subwords.decode_source(source), subwords.decode_target(target)) for source, target in epoch]
        assert texts == list(SENTENCES)
    assert len({str(epoch) for epoch in found}) == EPOCHS


def test_the_same_seed_gives_the_same_cuts_and_another_seed_others() -> None:
    first = cuts(sampler())
    random.seed(99)
    assert cuts(sampler()) == first
    assert cuts(sampler(seed=2)) != first


def test_an_epoch_can_be_asked_for_at_any_time() -> None:
    found = sampler()
    straight = cuts(found)
    later = found.epoch(7)
    assert [(later.source(i).tolist(), later.target(i).tolist()) for i in range(len(later))] == straight[7]


def test_lengths_are_those_of_the_cuts() -> None:
    found = sampler()
    for number in range(3):
        pairs = found.epoch(number)
        sources, targets = pairs.lengths(np.arange(len(pairs), dtype=np.uint32))
        assert sources.tolist() == [len(pairs.source(i)) for i in range(len(pairs))]
        assert targets.tolist() == [len(pairs.target(i)) for i in range(len(pairs))]
        assert len(pairs) == len(SENTENCES)


def test_more_dropout_makes_more_subwords() -> None:
    counts = [
        np.mean([len(source) for epoch in cuts(sampler(dropout=dropout)) for source, _ in epoch])
        for dropout in (0.0, 0.1, 0.5, 0.9)
    ]
    assert counts == sorted(counts)
    assert counts[-1] > 1.2 * counts[0]


def test_the_cuts_of_a_word_that_stands_twice_are_chosen_apart() -> None:
    subwords = tiny_subwords()
    texts = [("meadow " * 40, "x")]
    pairs = SubwordSampler(texts, subwords, config(0.4), seed=1).epoch(0)
    pieces = " ".join(subwords.source_pieces(pairs.source(0)))
    assert 3 < len(set(pieces.split("▁"))) <= MAX_CUTS + 1


def test_a_sentence_that_its_cut_makes_too_long_keeps_its_usual_cut() -> None:
    subwords = tiny_subwords()
    ordinary = usual(subwords)
    limit = max(max(map(len, pair)) for pair in ordinary)
    free, bound = cuts(sampler(dropout=0.5)), cuts(sampler(dropout=0.5, limit=limit))
    too_long = 0
    for one, other in zip(free, bound, strict=True):
        for pair, (wild, tamed) in enumerate(zip(one, other, strict=True)):
            for side in (0, 1):
                is_too_long = len(wild[side]) > limit
                too_long += is_too_long
                assert tamed[side] == (ordinary[pair][side] if is_too_long else wild[side])
    assert 0 < too_long < EPOCHS * 2 * len(SENTENCES)


def test_sentences_without_a_word_are_cut_into_nothing() -> None:
    pairs = SubwordSampler([("", "a"), (" ", "")], tiny_subwords(), config(0.4), seed=1).epoch(0)
    assert [len(pairs.source(0)), len(pairs.source(1)), len(pairs.target(1))] == [0, 0, 0]
    assert pairs.lengths(np.arange(2))[0].tolist() == [0, 0]
