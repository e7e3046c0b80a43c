"""The planner fills what the user left open, and says why; nobody's choice is overruled."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from polyglass.errors import ConfigError
from polyglass.options import options_of
from polyglass.presets import PRESETS
from polyglass.run.planner import (
    Measured,
    Outlook,
    Planner,
    budget_of,
    check_settings,
    choose_learning,
    choose_precision,
    choose_shape,
    choose_time,
)
from polyglass.run.train import start_run
from polyglass.settings import Settings, resolve
from polyglass.training.schedule import build_schedule
from toy_corpus import OPTIONS, Told, Toy, train_toy

MEASURED = Measured(seconds_left=1000.0, seconds_per_step=0.25, seconds_per_validation=2.0, steps_per_epoch=150.0)
OUTLOOK = Outlook(target_tokens=20_000_000.0, passes=30.0)


def planned(settings: Settings, *, pairs: int = 29_000, measured: Measured = MEASURED) -> Planner:
    """Make all choices, in their order."""
    planner = Planner(settings)
    choose_shape(planner, pairs, 25_000)
    choose_precision(planner, "float32")
    budget_of(planner)
    choose_learning(planner, OUTLOOK)
    choose_time(planner, measured)
    return planner


@pytest.mark.parametrize("family", ["transformer", "rnn", "gru", "lstm"])
def test_nothing_is_left_open_that_training_needs(family: str) -> None:
    config = planned(resolve(overrides={"train.budget_seconds": 1000.0, "model.family": family})).config
    still_open = [
        option
        for option in options_of(type(config)).values()
        if option.is_for(family) and getattr(getattr(config, option.section), option.field) is None
    ]
    assert [option.name for option in still_open] == ["data.protect", "train.epochs"]
    assert config.train.precision == "float32"


OTHERS: dict[str, Any] = {
    "data.vocabulary_size": 777,
    "data.subword_sampling": 0.05,
    "model.d_model": 96,
    "model.num_heads": 2,
    "model.d_ff": 99,
    "model.encoder_layers": 3,
    "model.dropout": 0.17,
    "model.norm_place": "post",
    "train.batch_tokens": 999,
    "train.learning_rate": 0.0123,
    "train.steps": 321,
    "train.warmup_steps": 11,
    "train.validate_every": 13,
    "train.save_every": 17,
    "train.precision": "bfloat16",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_the_user_has_set_stays(name: str) -> None:
    planner = planned(resolve(overrides={"train.budget_seconds": 1000.0, name: OTHERS[name]}))
    assert planner.settings.value(name) == OTHERS[name]


def test_what_the_user_has_set_stays_even_where_it_is_the_default() -> None:
    default = resolve().config
    overrides = {"model.d_model": default.model.d_model, "model.dropout": default.model.dropout}
    config = planned(resolve(overrides=overrides)).config
    assert (config.model.d_model, config.model.dropout) == (default.model.d_model, default.model.dropout)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_that_was_asked_for_stays_but_for_its_steps(preset: str) -> None:
    planner = planned(resolve(preset=preset, overrides={"train.budget_seconds": 1000.0}))
    for name, value in PRESETS[preset].options.items():
        if name != "train.steps":
            assert planner.settings.value(name) == value, name


@pytest.mark.parametrize(("pairs", "preset"), [(5_000, "tiny"), (300_000, "small"), (5_000_000, "base")])
def test_more_pairs_get_a_larger_model(pairs: int, preset: str) -> None:
    planner = planned(resolve(), pairs=pairs)
    assert planner.config.model.d_model == PRESETS[preset].options["model.d_model"]
    assert any(f"the model of preset {preset}" in reason for reason in planner.reasons)


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        ({"train.budget_seconds": 1000.0}, 3800),  # 1000 s, 5 % less for validation, at 0.25 s
        ({"train.epochs": 3.0}, 450),  # 3 times 150
        ({"train.steps": 123}, 123),
        ({"train.steps": 123, "train.budget_seconds": 1000.0}, 123),
        ({"train.steps": 123, "train.epochs": 3.0}, 123),
    ],
    ids=str,
)
def test_time_and_passes_become_steps_and_steps_win(overrides: dict[str, Any], steps: int) -> None:
    assert planned(resolve(overrides=overrides)).config.train.steps == steps


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        ({}, 100_000),
        ({"train.budget_seconds": 1000.0}, 3800),
        ({"train.epochs": 3.0}, 450),
        ({"train.steps": 55, "train.budget_seconds": 1000.0}, 55),
    ],
    ids=str,
)
def test_a_limit_of_the_user_wins_over_the_steps_of_a_preset(overrides: dict[str, Any], steps: int) -> None:
    assert planned(resolve(preset="paper-base", overrides=overrides)).config.train.steps == steps


def test_a_run_without_a_limit_gets_an_hour_and_says_so() -> None:
    planner = planned(resolve())
    assert planner.config.train.budget_seconds == 3600.0
    assert any(reason.startswith("one hour") for reason in planner.reasons)
    planner = planned(resolve(overrides={"train.steps": 10}))
    assert planner.config.train.budget_seconds is None


def test_reasons_name_the_figures_that_were_chosen() -> None:
    planner = planned(resolve(overrides={"train.budget_seconds": 1000.0, "train.save_every": 17}))
    config, text = planner.config, "\n".join(planner.reasons)
    for value in (
        config.data.vocabulary_size,
        config.train.batch_tokens,
        config.train.learning_rate,
        config.train.steps,
        config.train.warmup_steps,
        config.train.validate_every,
        17,
    ):
        assert re.search(rf"(?<![\d.,]){value:,}(?![\d.,]*\d)", text), value
    assert "29,000 pairs" in text
    assert "0.25 s" in text


def test_what_nobody_chose_has_no_reason() -> None:
    given = {**OTHERS, "model.decoder_layers": 3}
    planner = Planner(resolve(preset="tiny", overrides=given))
    choose_shape(planner, 29_000, 25_000)
    choose_learning(planner, OUTLOOK)
    choose_time(planner, MEASURED)
    assert planner.reasons == []


@pytest.mark.parametrize("pairs", [1, 50, 1_000, 10**8])
@pytest.mark.parametrize("seconds", [1e-6, 0.1, 1e6])
def test_the_plan_of_any_corpus_and_machine_is_possible(pairs: int, seconds: float) -> None:
    measured = Measured(seconds_left=-5.0, seconds_per_step=seconds, seconds_per_validation=0.0, steps_per_epoch=0.01)
    for overrides in ({"train.budget_seconds": 1.0}, {"train.epochs": 0.001}, {"train.steps": 1}):
        train = planned(resolve(overrides=overrides), pairs=pairs, measured=measured).config.train
        assert train.steps is not None
        assert train.steps >= 1
        assert train.validate_every is not None
        assert 1 <= train.validate_every <= train.steps


@pytest.mark.parametrize("schedule", ["budget", "paper"])
def test_the_rate_of_a_planned_run_is_a_function_of_the_step(schedule: str) -> None:
    config = planned(resolve(overrides={"train.schedule": schedule})).config
    one, two = build_schedule(config), build_schedule(config)
    backwards = {step: one(step) for step in range(300, 0, -1)}
    assert [two(step) for step in range(1, 301)] == [backwards[step] for step in range(1, 301)]


def test_pairs_must_fit_the_model() -> None:
    check_settings(resolve())
    for longest, places in itertools.product((99, 100, 101), repeat=2):
        settings = resolve(overrides={"data.max_length_tokens": longest, "model.max_positions": places})
        if longest < places:
            check_settings(settings)
        else:
            with pytest.raises(ConfigError, match=f"Set model.max_positions={longest + 1}"):
                check_settings(settings)


def test_two_vocabularies_do_not_share_a_matrix() -> None:
    settings = resolve(overrides={"data.joint_vocabulary": False})
    check_settings(settings)
    assert planned(settings).config.model.tie_embeddings == "two"
    settings = resolve(overrides={"data.joint_vocabulary": False, "model.tie_embeddings": "three"})
    with pytest.raises(ConfigError, match=r"needs one joint vocabulary, but .* is false. Set model.tie_embeddings=two"):
        check_settings(settings)
    assert planned(resolve()).config.model.tie_embeddings == "three"


def test_a_dry_run_ends_with_the_plan_and_the_run_can_be_begun_from_it(tmp_path: Path, toy: Toy) -> None:
    talk = Told()
    result = start_run(toy.paths, tmp_path / "model", resolve(overrides=OPTIONS), talk, dry_run=True)
    assert (result.finished, result.step, result.steps, result.exit_code) == (False, 0, 12, 0)
    [plan] = talk.plans
    assert (plan.steps, plan.source_lang, plan.target_lang, plan.precision) == (12, "en", "de", "float32")
    assert 0 < plan.pairs <= 300
    assert talk.steps == []
    assert not (tmp_path / "model" / "model.safetensors").exists()


def test_a_plan_does_not_promise_more_than_fits_the_budget(tmp_path: Path, toy: Toy) -> None:
    """How much fits is tested above with figures; here a machine may be busy with other things, too."""
    talk = Told()
    open_steps = {"train.steps": None, "train.budget_seconds": 2.0, "train.validate_every": None}
    assert train_toy(toy, tmp_path / "model", open_steps, talk=talk).finished
    assert talk.plans[0].steps == len(talk.steps) >= 1
    assert talk.plans[0].seconds <= 2.0 or talk.plans[0].steps == 1
