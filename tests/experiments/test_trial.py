"""A trial trains through the library's own loop; the same seed gives the same model to the bit."""

from typing import Any

import pytest
import torch

from polyglass.config import Config
from polyglass.data.batches import Position
from polyglass.experiments.families import FAMILIES, Family
from polyglass.experiments.trial import Lesson, Trained, batches_of, lesson_of, steps_within, train_trial, trial_config
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds

IDS = SpecialIds()
CPU = torch.device("cpu")
ROWS = [[4, 5, 6], [5, 6], [6, 4, 5, 4], [4]]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def lesson() -> Lesson:
    return lesson_of(ROWS, [row[::-1] for row in ROWS], sizes=(8, 8), ids=IDS)


def config(*, seed: int = 1, steps: int = 6, family: Family = FAMILIES[0], **more: Any) -> Config:
    options = {**family.sized(16), "train.batch_tokens": 24, "train.learning_rate": 1e-2, **more}
    return trial_config(options, seed=seed, steps=steps)


def weights(trained: Trained) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in trained.model.state_dict().values()]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_same_seed_gives_the_same_model_to_the_bit(family: Family) -> None:
    first, again = (train_trial(config(family=family), lesson(), device=CPU) for _ in range(2))
    assert weights(first) == weights(again)
    assert [moment.loss for moment in first.curve] == [moment.loss for moment in again.curve]


def test_another_seed_gives_another_model() -> None:
    one, other = (train_trial(config(seed=seed), lesson(), device=CPU) for seed in (1, 2))
    assert weights(one) != weights(other)


def test_the_curve_has_a_moment_for_each_step_and_falls() -> None:
    trained = train_trial(config(steps=60), lesson(), device=CPU)
    assert [moment.step for moment in trained.curve] == list(range(1, 61))
    assert trained.curve[-1].loss < 0.5 * trained.curve[0].loss
    assert trained.steps == 60
    assert trained.target_tokens > 60 * 10


def test_the_judge_ends_a_training_early_and_sees_a_model_that_is_in_evaluation_mode() -> None:
    seen: list[bool] = []

    def judge(model: Seq2Seq) -> bool:
        seen.append(model.training)
        return len(seen) < 2

    trained = train_trial(config(steps=20, **{"train.validate_every": 3}), lesson(), device=CPU, judge=judge)
    assert (trained.steps, seen) == (6, [False, False])


def test_a_judge_does_not_change_what_is_learned() -> None:
    plain = train_trial(config(), lesson(), device=CPU)
    judged = train_trial(config(**{"train.validate_every": 2}), lesson(), device=CPU, judge=lambda model: True)
    assert weights(plain) == weights(judged)


def test_a_lesson_holds_the_pairs_that_were_given() -> None:
    store = lesson().store
    assert [store.source(pair).tolist() for pair in range(len(store))] == ROWS
    assert [store.target(pair).tolist() for pair in range(len(store))] == [row[::-1] for row in ROWS]


def test_batches_end_sources_and_begin_targets() -> None:
    batch, _ = next(batches_of(config(), lesson())(Position()))
    assert all(IDS.eos in row for row in batch.source.tolist())
    assert batch.target_in[:, 0].tolist() == [IDS.bos] * len(batch.source)


def test_time_becomes_steps() -> None:
    few, many = (steps_within(seconds, config(), lesson(), device=CPU) for seconds in (0.1, 10.0))
    assert 1 <= few < many


def test_only_one_line_makes_a_family() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES) == len({family.label for family in FAMILIES})
    assert all(isinstance(config(family=family), Config) for family in FAMILIES)
