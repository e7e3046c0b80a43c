"""`norm`: what counts as stable, each verdict by its rule, and trainings that differ in nothing but the norm."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
import torch

from polyglass.errors import InputError, TrainingUnhealthyError
from polyglass.experiments import norm_trials
from polyglass.experiments.experiment import NORM, Request
from polyglass.experiments.norm import open_experiment
from polyglass.experiments.norm_charts import Charts
from polyglass.experiments.norm_trials import (
    BOUND,
    DIVERGED,
    END,
    FIRST_GRADIENT,
    HELD_OUT,
    HELD_OUT_BATCH,
    LOSS,
    STABLE,
    VARIANTS,
    Effort,
    Schooling,
    Variant,
    batch_loss,
    config_of,
    rates_trial,
    whole_trial,
    word_counts_loss,
)
from polyglass.experiments.norm_verdict import CAP, Tried, is_stable, judge, largest_stable, wholly_below
from polyglass.experiments.outcome import Finding
from polyglass.experiments.results import Finished, Measure, Results
from polyglass.experiments.text_scores import held_out_loss
from polyglass.experiments.trial import Moment, Trained, lesson_of, train_trial
from polyglass.experiments.window_text import learn_subwords, read_texts, text_lesson
from polyglass.experiments.window_trials import CHRF
from polyglass.special_ids import SpecialIds

CPU = torch.device("cpu")
BY_NAME = {variant.name: variant for variant in VARIANTS}
EFFORT = Effort(steps=8, rate_steps=6, rates=(1e-3, 10.0), rate=3e-3, batch_tokens=128, width=16, layers=1, sentences=3)
RATES = (0.001, 0.01, 0.1)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@cache
def school() -> Schooling:
    texts = read_texts([], [], most=600)
    subwords = learn_subwords(texts, size=600)
    return Schooling(text_lesson(texts.train, subwords), subwords, texts.test[:40], EFFORT, CPU)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([5.0] * 19 + [1.0], True),  # the last tenth is what counts: here (5 + 1) / 2 against 4
        ([1.0] * 18 + [5.0, 5.0], False),
        ([1.0] * 20, True),
        ([4.0] * 20, False),
        ([1.0] * 19, False),  # did not get to its end
        ([1.0] * 10 + [math.nan] + [1.0] * 9, False),
        ([1.0] * 10 + [math.inf] + [1.0] * 9, False),
        ([], False),
    ],
)
def test_a_run_is_stable_if_it_is_finite_and_ends_below_what_word_counts_give(
    losses: Sequence[float], expected: bool
) -> None:
    assert is_stable(losses, planned=20, bound=4.0) is expected


def test_word_counts_give_the_entropy_of_the_target_tokens_with_their_ends() -> None:
    ids = SpecialIds()
    lesson = lesson_of([[4], [4]], [[4, 5], [4]], sizes=(8, 8), ids=ids)
    shares = (2 / 5, 1 / 5, 2 / 5)  # token 4 twice, token 5 once, eos twice
    assert word_counts_loss(lesson) == pytest.approx(-sum(share * math.log(share) for share in shares))


def test_the_largest_stable_rate_is_found_for_each_seed() -> None:
    assert largest_stable({0.001: [1, 1, 0], 0.01: [1, 0, 0], 0.1: [0, 1, 0]}) == [0.01, 0.1, 0.0]


def test_an_interval_is_wholly_below_another_if_they_do_not_touch() -> None:
    assert wholly_below((1, 0, 2), (4, 3, 5))
    assert not wholly_below((1, 0, 3), (4, 3, 5))
    assert not wholly_below((4, 3, 5), (1, 0, 2))
    assert wholly_below((1, None, None), (2, None, None))


def test_a_rate_that_is_far_too_high_is_a_figure_and_no_error() -> None:
    measures, note = rates_trial(BY_NAME["layer-post"], school(), seed=1)
    ends = {measure.x: measure.y for measure in measures if measure.what == END}
    stable = {measure.x: measure.y for measure in measures if measure.what == STABLE}
    assert ends.keys() == stable.keys() == set(EFFORT.rates)
    assert stable[10.0] == 0.0
    assert ends[10.0] == CAP
    assert ends[1e-3] < CAP
    assert note == "stable at no rate"  # six updates are too few to know more than word counts
    assert next(measure.y for measure in measures if measure.what == BOUND) == word_counts_loss(school().lesson)


def test_a_training_that_diverges_counts_as_no_score_and_the_highest_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*args: object, watch: Callable[[Moment], None], **more: object) -> Trained:
        watch(Moment(1, 7.0, 2.5, 0.1))
        watch(Moment(2, math.nan, math.nan, 0.2))
        raise TrainingUnhealthyError("training cannot go on")

    monkeypatch.setattr(norm_trials, "train_trial", diverge)
    measures, note = whole_trial(BY_NAME["layer-post"], school(), seed=1)
    found = {measure.what: measure.y for measure in measures if measure.x == 0}
    assert note == "diverged"
    assert (found[DIVERGED], found[CHRF], found[HELD_OUT], found[FIRST_GRADIENT]) == (1.0, 0.0, CAP, 2.5)
    assert [measure.y for measure in measures if measure.what == LOSS] == [7.0, CAP]


@pytest.mark.parametrize("name", ["layer-pre", "rms-post", "batch-post"])
def test_only_batch_norm_has_another_loss_with_the_statistics_of_the_batch(name: str) -> None:
    measures, _ = whole_trial(BY_NAME[name], school(), seed=1)
    found = {measure.what: measure.y for measure in measures}
    is_same = found[HELD_OUT_BATCH] == pytest.approx(found[HELD_OUT], abs=1e-5)
    assert is_same == (BY_NAME[name].norm != "batch")
    assert found[DIVERGED] == 0.0


def test_asking_for_the_loss_of_the_batch_leaves_the_model_as_it_was() -> None:
    trained = train_trial(config_of(BY_NAME["batch-pre"], EFFORT, seed=1, rate=3e-3), school().lesson, device=CPU)
    rows = [[5, 6, 7], [8, 9]]
    before = held_out_loss(trained.model, rows, rows)
    batch_loss(trained, rows, rows)
    assert held_out_loss(trained.model, rows, rows) == before
    assert not trained.model.training


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_variants_differ_in_norm_place_and_warm_up_alone(variant: Variant) -> None:
    one, other = (config_of(each, EFFORT, seed=1, rate=3e-3) for each in (variant, VARIANTS[0]))
    model = one.model.model_copy(update={"norm": "layer", "norm_place": "post"})
    train = one.train.model_copy(update={"warmup_steps": other.train.warmup_steps})
    assert one.model_copy(update={"model": model, "train": train}) == other
    assert (one.train.warmup_steps == 0) == (not variant.warm_up)
    assert one.train.clip_norm == 0.0


def test_a_short_run_holds_its_rate_to_the_end() -> None:
    assert config_of(VARIANTS[0], EFFORT, seed=1, rate=1.0, is_short=True).train.decay_share == 0.0
    assert config_of(VARIANTS[0], EFFORT, seed=1, rate=1.0, is_short=True).train.steps == EFFORT.rate_steps


def tried(name: str, highest: Sequence[float], chrf: float, held_out: Sequence[float]) -> Tried:
    """A variant whose seeds are stable up to `highest`, with a chrF of 2 points more or less."""
    stable = {rate: [float(rate <= one) for one in highest] for rate in RATES}
    return Tried(name, stable, (chrf, chrf - 2, chrf + 2), held_out)


AS_THE_NOTES_SAY: Mapping[str, tuple[Sequence[float], float, Sequence[float]]] = {
    "layer-post": ((0.01, 0.01), 50, (2.0, 2.0)),
    "layer-pre": ((0.01, 0.01), 50, (2.0, 2.0)),
    "layer-post-cold": ((0.01, 0.01), 50, (2.0, 2.0)),
    "layer-pre-cold": ((0.01, 0.01), 50, (2.0, 2.0)),
    "batch-post": ((0.1, 0.1), 45, (2.5, 2.5)),
    "batch-pre": ((0.1, 0.1), 45, (2.5, 2.5)),
}


def findings(**changes: tuple[Sequence[float], float, Sequence[float]]) -> tuple[Finding, ...]:
    known = {**AS_THE_NOTES_SAY, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return judge([tried(name, *value) for name, value in known.items()])


def test_norm_after_each_sub_layer_is_confirmed_where_it_needs_nothing() -> None:
    assert findings()[0].verdict == "confirmed"


def test_a_lower_stable_rate_without_warm_up_is_the_condition() -> None:
    found = findings(layer_post_cold=((0.001, 0.001), 50, (2.0, 2.0)))[0]
    assert found.verdict == "confirmed with a condition"
    assert "The condition is the warm-up" in found.words


def test_a_lower_score_without_warm_up_is_the_condition_too() -> None:
    found = findings(layer_post_cold=((0.01, 0.01), 8, (4.0, 4.0)))[0]
    assert found.verdict == "confirmed with a condition"


def test_norm_after_each_sub_layer_is_not_confirmed_if_it_is_behind_even_with_warm_up() -> None:
    found = findings(layer_post=((0.01, 0.01), 40, (3.0, 3.0)))[0]
    assert found.verdict == "not confirmed here"
    assert "chrF 40.0 after each sub-layer, 50.0 before" in found.words


@pytest.mark.parametrize(
    ("post", "pre", "verdict"),
    [
        (0.1, 0.1, "confirmed"),
        (0.1, 0.01, "confirmed with a condition"),
        (0.01, 0.1, "confirmed with a condition"),
        (0.01, 0.01, "not confirmed here"),  # as high is not higher
        (0.0, 0.0, "not confirmed here"),
    ],
)
def test_batch_norm_must_allow_higher_rates_in_both_places(post: float, pre: float, verdict: str) -> None:
    found = findings(batch_post=((post, post), 45, (2.5, 2.5)), batch_pre=((pre, pre), 45, (2.5, 2.5)))[1]
    assert found.verdict == verdict


def test_the_median_of_the_seeds_decides_on_rates() -> None:
    seeds = {"batch_post": ((0.001, 0.1, 0.1), 45.0, (2.5,) * 3), "batch_pre": ((0.1, 0.1, 0.001), 45.0, (2.5,) * 3)}
    assert findings(**seeds)[1].verdict == "confirmed"


@pytest.mark.parametrize(
    ("batch_rate", "batch_loss", "verdict"),
    [
        (0.01, 2.5, "confirmed"),
        (0.01, 1.5, "confirmed with a condition"),
        (0.1, 2.5, "confirmed with a condition"),
        (0.1, 1.5, "not confirmed here"),
    ],
)
def test_layer_norm_must_be_stable_as_often_and_end_lower(batch_rate: float, batch_loss: float, verdict: str) -> None:
    batch = ((batch_rate, batch_rate), 45.0, (batch_loss, batch_loss))
    assert findings(batch_post=batch, batch_pre=batch)[2].verdict == verdict


def test_one_seed_with_a_higher_loss_is_enough_against_layer_norm() -> None:
    steady, one_seed = ((0.01, 0.01), 45.0, (2.5, 2.5)), ((0.01, 0.01), 45.0, (2.5, 1.9))
    assert findings(batch_post=one_seed, batch_pre=steady)[2].verdict == "confirmed with a condition"


@pytest.mark.parametrize(
    ("post_cold", "pre_cold", "verdict"),
    [
        (8, 50, "confirmed"),
        (8, 40, "confirmed with a condition"),
        (50, 50, "confirmed with a condition"),
        (50, 40, "not confirmed here"),
        (46, 50, "confirmed with a condition"),  # 44 to 48 touches 48 to 52
    ],
)
def test_warm_up_must_matter_after_each_sub_layer_and_not_before(
    post_cold: float, pre_cold: float, verdict: str
) -> None:
    rates = (0.01, 0.01)
    found = findings(layer_post_cold=(rates, post_cold, (2, 2)), layer_pre_cold=(rates, pre_cold, (2, 2)))[3]
    assert (found.verdict, found.whose) == (verdict, "Xiong et al. 2020 found")


def test_nothing_is_decided_before_the_trials_are_finished() -> None:
    assert [finding.verdict for finding in judge([])] == ["not decided yet"] * 4
    half = [Tried(name, {}, None, [2.0]) for name in AS_THE_NOTES_SAY]
    assert [finding.verdict for finding in judge(half)] == ["not decided yet"] * 4


def test_every_finding_says_its_rule_and_what_the_notes_say() -> None:
    assert [finding.claim for finding in findings()] == list(NORM.claims)
    assert all("confirmed" in finding.rule for finding in findings())


def test_charts_keep_a_line_for_each_norm_while_trials_are_missing() -> None:
    measures = (Measure(LOSS, 1.0, 3.0), Measure(LOSS, 2.0, 2.0))
    results = Results([Finished("train", "layer-pre", 1, 1.0, measures)])
    chart = Charts(results, VARIANTS, EFFORT).curves("Loss", VARIANTS)
    assert [len(series.points) for series in chart.series] == [0, 2, 0, 0, 0, 0, 0, 0]
    assert "layer, pre 2.00" in chart.summary


def test_a_test_set_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--test is text to score models on.* Add FILES\."):
        open_experiment(Request(out=tmp_path, test=(tmp_path / "t.en", tmp_path / "t.de")))
