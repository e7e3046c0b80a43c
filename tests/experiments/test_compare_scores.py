"""Scores over seeds, and which differences are called more than luck."""

import itertools
import random
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from polyglass.data.pair import Pair
from polyglass.evaluation.sentence_counts import count_sentences
from polyglass.experiments.compare_samples import OF_EACH, choose_samples
from polyglass.experiments.compare_scores import OverSeeds, PairTests, Scored, TestSet, holm, spread

ROUNDING = 1e-9
SINGLE_PRECISION = 1e-5  # sacreBLEU adds up its bootstrap samples in float32
WORDS = ("der", "die", "das", "hund", "katze", "haus", "baum", "sieht", "holt", "grün", "alt", "heute", "nicht")


def sentences(count: int, *, seed: int, longest: int = 12) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(3, longest))) + " ." for _ in range(count)]


def spoilt(references: list[str], share: float, *, seed: int) -> list[str]:
    """Replace this share of the words."""
    chance = random.Random(seed)
    return [
        " ".join(chance.choice(WORDS) if chance.random() < share else word for word in line.split())
        for line in references
    ]


REFERENCES = sentences(120, seed=1)
TEST = TestSet([Pair(line, text.upper(), text) for line, text in enumerate(REFERENCES, 1)])


def scored(seed: int, share: float) -> Scored:
    return TEST.score(seed, spoilt(REFERENCES, share, seed=100 * seed + int(100 * share)))


def test_the_score_of_a_run_is_that_of_sacrebleu() -> None:
    run = scored(1, 0.3)
    values = {metric.name: metric.value for metric in run.metrics}
    assert values["bleu"] == pytest.approx(BLEU().corpus_score(run.outputs, [REFERENCES]).score, abs=ROUNDING)
    assert values["chrf"] == pytest.approx(CHRF().corpus_score(run.outputs, [REFERENCES]).score, abs=ROUNDING)


def test_the_score_over_seeds_is_the_mean_of_their_scores() -> None:
    runs = [scored(seed, 0.3) for seed in (1, 2, 3)]
    expected = [BLEU().corpus_score(run.outputs, [REFERENCES]).score for run in runs]
    found = spread("bleu", runs)
    assert found.mean == pytest.approx(fmean(expected), abs=ROUNDING)
    assert OverSeeds([run.counted["bleu"] for run in runs]).score() == pytest.approx(fmean(expected), abs=ROUNDING)
    assert (found.smallest, found.largest) == pytest.approx((min(expected), max(expected)), abs=ROUNDING)
    assert found.deviation == pytest.approx(stdev(expected), abs=ROUNDING)
    assert found.low < found.mean < found.high
    assert found.seeds == (1, 2, 3)
    assert "bs:1000|seed:12345" in found.signature


def test_the_interval_of_one_seed_is_that_of_sacrebleu() -> None:
    run = scored(1, 0.3)
    drawn = BLEU().corpus_score(run.outputs, [REFERENCES], n_bootstrap=1000)
    found = spread("bleu", [run])
    assert found.deviation is None
    assert (found.high - found.low) / 2 == pytest.approx(drawn._ci, abs=SINGLE_PRECISION)


def test_some_rows_over_seeds_are_scored_as_those_rows_alone() -> None:
    runs = [scored(seed, 0.4) for seed in (1, 2)]
    rows = np.array([3, 5, 8, 13])
    some = OverSeeds([run.counted["chrf"] for run in runs]).only(rows)
    references = [REFERENCES[row] for row in rows]
    expected = [CHRF().corpus_score([run.outputs[row] for row in rows], [references]).score for run in runs]
    assert some.score() == pytest.approx(fmean(expected), abs=ROUNDING)


def test_a_large_difference_is_called_more_than_chance_only_where_the_seeds_agree() -> None:
    good, bad = tuple(scored(seed, 0.1) for seed in (1, 2)), tuple(scored(seed, 0.6) for seed in (1, 2))
    bleu, chrf = PairTests().all({"good": good, "bad": bad})
    assert (bleu.metric, chrf.metric) == ("bleu", "chrf")
    assert bleu.ground == "unlike"
    assert bleu.separate
    means = [fmean(BLEU().corpus_score(run.outputs, [REFERENCES]).score for run in runs) for runs in (good, bad)]
    assert bleu.delta == pytest.approx(means[1] - means[0], abs=ROUNDING)
    assert bleu.low < bleu.delta < bleu.high < 0
    assert bleu.words.startswith("good is better than bad by ")
    assert "each seed of good is above each of bad" in bleu.words
    mixed = {"mixed": (good[0], Scored(2, bad[1].outputs, bad[1].counted, ())), "bad": bad}
    overlapping = PairTests().all(mixed)[0]
    assert overlapping.ground == "seeds overlap"
    assert "it may be the luck of the seeds" in overlapping.words


def test_a_difference_of_one_seed_each_leaves_luck_open() -> None:
    found = PairTests().all({"a": (scored(1, 0.6),), "b": (scored(1, 0.1),)})[0]
    assert found.ground == "one seed"
    assert found.words.startswith("b is better than a by ")
    assert "the luck of the first weights is not ruled out" in found.words


def test_equal_outputs_are_the_same_and_a_small_difference_may_be_chance() -> None:
    run = scored(1, 0.3)
    same = PairTests().all({"a": (run,), "b": (run,)})[0]
    assert (same.ground, same.delta, same.p_holm) == ("same", 0.0, 1.0)
    outputs = [*run.outputs[:-1], "der ."]
    near = PairTests().all({"a": (run,), "b": (TEST.score(1, outputs),)})[0]
    assert near.ground == "chance"
    assert "that may well be chance (p = " in near.words


def test_only_seeds_that_both_have_are_compared() -> None:
    a, b = tuple(scored(seed, 0.2) for seed in (1, 2, 3)), tuple(scored(seed, 0.5) for seed in (2, 4))
    found = PairTests().all({"a": a, "b": b, "c": ()})
    assert [(pair.a, pair.b, pair.seeds) for pair in found] == [("a", "b", (2,)), ("a", "b", (2,))]


def test_holm_is_what_the_book_says() -> None:
    """Holm 1979: the smallest of m values times m, the next times m - 1, ..., and never less than one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_correction_never_makes_a_p_value_smaller_or_changes_their_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    pairs = list(zip(p_values, adjusted, strict=True))
    assert all(one[1] <= other[1] for one, other in itertools.product(pairs, pairs) if one[0] < other[0])


def test_groups_by_length_hold_each_sentence_once_and_are_scored_alone() -> None:
    runs = [scored(seed, 0.3) for seed in (1, 2)]
    groups = TEST.lengths(runs)
    assert sum(group.sentences for group in groups) == len(REFERENCES)
    group = groups[1]
    rows = [
        row
        for row, pair in enumerate(TEST.pairs)
        if group.shortest <= len(pair.source.split()) <= (group.longest or 99)
    ]
    references = [REFERENCES[row] for row in rows]
    assert group.sentences == len(rows)
    assert group.mean_length == pytest.approx(fmean(len(text.split()) for text in references))
    expected = fmean(BLEU(force=True).corpus_score([run.outputs[r] for r in rows], [references]).score for run in runs)
    assert group.bleu == pytest.approx(expected, abs=ROUNDING)
    assert group.bleu_low <= group.bleu <= group.bleu_high


def test_sentences_to_show_are_chosen_by_a_rule_and_each_only_once() -> None:
    runs = {"good": [scored(1, 0.1)], "bad": [scored(1, 0.7)], "absent": []}
    samples = choose_samples(TEST.pairs, runs)
    assert len({one.line for one in samples}) == len(samples) == 2 * OF_EACH
    assert choose_samples(TEST.pairs, runs) == samples
    assert [out.contestant for out in samples[0].outputs] == ["good", "bad"]
    at_random = {one.line for one in samples if one.chosen == "at random"}
    chrf = [
        count_sentences("chrf", run[0].outputs, REFERENCES).sentence_scores() for run in (runs["good"], runs["bad"])
    ]
    gaps = sorted(((abs(a - b), line) for line, (a, b) in enumerate(zip(*chrf, strict=True), 1)), reverse=True)
    largest = [line for _, line in gaps if line not in at_random][:OF_EACH]
    assert {one.line for one in samples if one.chosen == "most different"} == set(largest)


def test_the_draw_does_not_depend_on_who_takes_part() -> None:
    some = {"a": [scored(1, 0.1)]}
    more = {"b": [scored(1, 0.7)], "c": [scored(2, 0.2)]}
    drawn = [
        {one.line for one in choose_samples(TEST.pairs, runs) if one.chosen == "at random"} for runs in (some, more)
    ]
    assert drawn[0] == drawn[1]


def test_without_any_run_there_is_nothing_to_show() -> None:
    assert choose_samples(TEST.pairs, {"a": []}) == ()
