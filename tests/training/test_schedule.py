"""The learning rate at steps that can be computed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.config import Config, TrainConfig
from polyglass.training.schedule import budget_rate, build_schedule, paper_rate
from toy_corpus import toy_config


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (1, 1 / 4096 / 8),  # 64^-0.5 = 1/8; 256^-1.5 = 1/4096
        (64, 64 / 4096 / 8),
        (256, 1 / 16 / 8),  # the peak: both terms are equal
        (1024, 1 / 32 / 8),
        (65536, 1 / 256 / 8),
    ],
)
def test_the_paper_schedule_is_equation_3(step: int, rate: float) -> None:
    assert paper_rate(step, d_model=64, warmup_steps=256) == pytest.approx(rate, rel=1e-12)


def test_the_paper_base_model_peaks_at_seven_ten_thousandths_at_step_4000() -> None:
    rates = {step: paper_rate(step, d_model=512, warmup_steps=4000) for step in range(3000, 5001)}
    assert max(rates, key=rates.__getitem__) == 4000
    assert rates[4000] == pytest.approx(7e-4, rel=0.005)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(1, 0.1), (5, 0.5), (10, 1.0), (50, 1.0), (51, 1.0), (52, 0.98), (76, 0.5), (100, 0.02)],
)
def test_the_budget_schedule_rises_stays_and_falls_to_nearly_zero(step: int, rate: float) -> None:
    found = budget_rate(step, steps=100, peak=1.0, warmup_steps=10, decay_share=0.5)
    assert found == pytest.approx(rate, rel=1e-12)


def test_without_warm_up_and_decay_the_rate_stays() -> None:
    rates = {budget_rate(step, steps=20, peak=0.3, warmup_steps=0, decay_share=0.0) for step in range(1, 21)}
    assert rates == {0.3}


@given(
    steps=st.integers(1, 10_000),
    place=st.floats(0, 1),
    warmup=st.integers(0, 20_000),
    share=st.floats(0, 1),
)
def test_no_rate_is_negative_zero_or_above_the_peak(steps: int, place: float, warmup: int, share: float) -> None:
    step = 1 + int(place * (steps - 1))
    rate = budget_rate(step, steps=steps, peak=2.0, warmup_steps=warmup, decay_share=share)
    assert 0 < rate <= 2.0
    paper = paper_rate(step, d_model=512, warmup_steps=max(1, warmup))
    assert 0 < paper <= 512**-0.5 * max(1, warmup) ** -0.5 * (1 + 1e-12)


def test_a_run_gets_the_schedule_that_its_options_name() -> None:
    budget = build_schedule(toy_config({"train.learning_rate": 0.5, "train.steps": 10, "train.decay_share": 0.1}))
    assert [budget(step) for step in (1, 2, 3, 10)] == [pytest.approx(rate) for rate in (0.5 / 3, 1 / 3, 0.5, 0.5)]
    paper = build_schedule(toy_config({"train.learning_rate": 0.5, "train.schedule": "paper"}))
    assert paper(3) == pytest.approx(1 / math.sqrt(16 * 3))


def test_the_paper_schedule_can_do_without_warm_up() -> None:
    train = TrainConfig(schedule="paper", steps=10, warmup_steps=0, learning_rate=1.0)
    assert build_schedule(Config(train=train))(1) == pytest.approx(512**-0.5)
