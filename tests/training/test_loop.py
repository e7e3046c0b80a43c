"""The training loop: what one update does, and what it does when a gradient is not finite (T6)."""

import math
from pathlib import Path

import pytest
import torch

from polyglass.config import TrainConfig
from polyglass.data.batch import Batch, collate
from polyglass.data.batches import Position
from polyglass.errors import TrainingUnhealthyError
from polyglass.training import gradients, loop
from polyglass.training.distributed import ALONE
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import newest_checkpoint
from tiny_transformer import IDS, random_sentences
from toy_corpus import toy_config
from toy_training import Bench, Poisoned, numbers_of, toy_state


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("changes", [{}, {"model.norm": "batch"}, {"train.accumulate": 3}])
def test_an_update_whose_gradient_is_not_finite_changes_no_number(
    tmp_path: Path, poison: float, changes: dict[str, object]
) -> None:
    bench = Bench(tmp_path, {"train.steps": 4, "train.save_every": 100, **changes})
    calls = bench.config.train.accumulate
    poisoned = {2 * calls + 1}  # the first batch of step 3
    pictures = {}
    bench.told._on_step = lambda report: pictures.update({report.step: numbers_of(bench.state)})
    bench.train(Poisoned(bench.state, poisoned, poison=poison))
    assert pictures[3] == pictures[2]
    assert pictures[4] != pictures[3] != pictures[1]
    assert bench.state.progress.skipped_steps == 1
    assert [notice.step for notice in bench.told.notices] == [3]
    assert bench.told.texts("non_finite")[0].startswith(
        "the gradient of step 3 is not finite (NaN or infinity); the update was left out (1 so far). Epoch "
    )


def test_statistics_that_an_update_spoiled_are_put_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 3, "model.norm": "batch"})
    inputs = {"calls": 0}

    def spoil(module: torch.nn.Module, values: tuple[torch.Tensor, ...]) -> torch.Tensor:
        inputs["calls"] += 1
        return values[0] * (math.nan if inputs["calls"] == 2 else 1.0)

    bench.state.model.encoder.layers[0].feed_forward.register_forward_pre_hook(spoil)
    bench.train()
    assert bench.state.progress.skipped_steps == 1
    assert all(tensor.isfinite().all() for tensor in bench.state.statistics)
    assert bench.state.statistics


def test_every_update_that_is_left_out_is_counted_and_training_goes_on(tmp_path: Path) -> None:
    poisoned = {2, 3, 5, 8, 9}
    bench = Bench(tmp_path, {"train.steps": 12})
    bench.train(Poisoned(bench.state, poisoned))
    assert bench.state.progress.skipped_steps == len(poisoned)
    assert [notice.step for notice in bench.told.notices] == sorted(poisoned)
    assert [report.step for report in bench.told.steps] == list(range(1, 13))
    assert {report.step for report in bench.told.steps if not math.isfinite(report.grad_norm)} == poisoned
    assert bench.state.progress.rate_factor == 1.0


def test_three_in_a_row_go_back_to_the_last_checkpoint_with_half_the_rate(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 12, "train.warmup_steps": 0, "train.decay_share": 0.0})
    loss = Poisoned(bench.state, {6, 7, 8})  # the checkpoint is of step 4
    bench.train(loss)
    steps = [report.step for report in bench.told.steps]
    assert steps == [1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8, 9, 10, 11, 12]
    assert {report.learning_rate for report in bench.told.steps[:7]} == {3e-3}
    assert {report.learning_rate for report in bench.told.steps[7:]} == {1.5e-3}
    assert loss.calls == 16
    assert (bench.state.progress.skipped_steps, bench.state.progress.rate_factor) == (3, 0.5)
    assert bench.told.notices[-1].text == "3 such updates in a row: back to step 4 with half the learning rate."


def test_what_went_back_is_what_the_checkpoint_held(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 12})
    pictures = []
    bench.told.notice = lambda notice: pictures.append(numbers_of(bench.state))  # type: ignore[method-assign]
    at_4 = []
    bench.told._on_step = lambda report: at_4.append(numbers_of(bench.state)) if report.step == 4 else None
    bench.train(Poisoned(bench.state, {6, 7, 8}))
    assert pictures[-1] == at_4[0] != pictures[0]


def test_three_more_in_a_row_end_the_run_as_unhealthy(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 12})
    with pytest.raises(TrainingUnhealthyError) as caught:
        bench.train(Poisoned(bench.state, {6, 7, 8, *range(10, 99)}))
    assert caught.value.exit_code == 5
    assert str(caught.value).startswith(
        "training cannot go on: 3 updates in a row had gradients that are not finite, at step 8. Try a lower "
    )
    checkpoint, complaints = newest_checkpoint(bench.checkpoints)
    assert (checkpoint, complaints) == (bench.checkpoints / "step-000000004", [])


def test_three_in_a_row_before_the_first_checkpoint_end_the_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 12})
    with pytest.raises(TrainingUnhealthyError, match="at step 3"):
        bench.train(Poisoned(bench.state, range(99)))


def test_more_than_a_hundredth_of_the_updates_left_out_ends_the_run(tmp_path: Path) -> None:
    """T7: leaving out what is broken must not hide that much of it is."""
    bench = Bench(tmp_path, {"train.steps": 40})
    every_sixth = set(range(2, 40, 6))
    with pytest.raises(TrainingUnhealthyError) as caught:
        bench.train(Poisoned(bench.state, every_sixth))
    assert caught.value.exit_code == 5
    assert str(caught.value).startswith(
        "training cannot go on: 6 of the last 500 updates had gradients that are not finite, at step 32 the last time;"
    )
    assert bench.told.steps[-1].step == 31
    assert newest_checkpoint(bench.checkpoints)[0] is not None


def test_a_hundredth_of_the_updates_may_be_left_out_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "OF_STEPS", 30)
    bench = Bench(tmp_path, {"train.steps": 70})
    poisoned = {*range(2, 12, 2), *range(42, 52, 2)}  # five, and after 30 steps five more
    bench.train(Poisoned(bench.state, poisoned))
    assert bench.state.progress.skipped_steps == 10


def stream_of(*batches: Batch) -> list[tuple[Batch, Position]]:
    return [(batch, Position(0, number + 1)) for number, batch in enumerate(batches)]


def random_batch(first: int, last: int) -> Batch:
    lengths = (3, 7, 2, 5, 6, 1, 4, 9)
    source = random_sentences(lengths, seed=1)[first:last]
    target = random_sentences(lengths, seed=2)[first:last]
    return collate(source, target, IDS, range(first, last))


# Adam divides by the size of the gradient; where that is almost zero, rounding would decide without a larger epsilon.
STEADY = {"model.dropout": 0.0, "train.epsilon": 1e-3}


@pytest.mark.parametrize("parts", [((0, 4), (4, 8)), ((0, 1), (1, 6), (6, 8))])
def test_batches_that_are_added_up_equal_one_large_batch(parts: tuple[tuple[int, int], ...]) -> None:
    outcomes, weights = [], []
    for cuts in (((0, 8),), parts):
        config = toy_config({**STEADY, "train.accumulate": len(cuts), "train.clip_norm": 0.5})
        state = toy_state(config)
        stream = iter(stream_of(*(random_batch(*cut) for cut in cuts)))
        loss = TranslationLoss(state.model, 0.1)
        outcome, position = loop.update(state, loss, stream, config.train, rate=0.01, team=ALONE)
        assert position.batch == len(cuts)
        outcomes.append(outcome)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in state.model.parameters()]))
    assert outcomes[0].target_tokens == outcomes[1].target_tokens == 45
    assert outcomes[0].loss == pytest.approx(outcomes[1].loss, rel=1e-5)
    assert outcomes[0].grad_norm == pytest.approx(outcomes[1].grad_norm, rel=1e-5)
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-5)


def one_update(train: TrainConfig, **changes: float) -> tuple[loop.Outcome, dict[str, bytes]]:
    state = toy_state(toy_config({"model.dropout": changes.get("dropout", 0.0)}))
    state.advance(step=int(changes.get("step", 0)))
    torch.manual_seed(int(changes.get("outside", 0)))
    stream = iter(stream_of(random_batch(0, 8)))
    loss = TranslationLoss(state.model, 0.1)
    outcome, _ = loop.update(state, loss, stream, train, rate=changes.get("rate", 1e-3), team=ALONE)
    return outcome, numbers_of(state)


def test_what_is_silenced_depends_on_seed_and_step_and_on_nothing_drawn_before() -> None:
    train = toy_config().train
    first = one_update(train, dropout=0.3)[1]
    assert one_update(train, dropout=0.3, outside=5)[1] == first
    assert one_update(train, dropout=0.3, step=1)[1] != first
    assert one_update(train.model_copy(update={"seed": 2}), dropout=0.3)[1] != first


def test_each_of_the_batches_that_are_added_up_is_silenced_in_its_own_way() -> None:
    seeds = {
        gradients._seed(seed, step, micro, rank)
        for seed in (1, 2)
        for step in (0, 1)
        for micro in (0, 1)
        for rank in (0, 1)
    }
    assert len(seeds) == 16


@pytest.mark.parametrize(("limit", "expected"), [(0.0, 1.0), (1e9, 1.0), (0.25, 0.25)])
def test_a_gradient_is_shortened_to_the_limit_and_zero_means_never(limit: float, expected: float) -> None:
    """Plain Adam's first moment after one update is a tenth of the gradient that it got."""
    train = toy_config({"train.clip_norm": limit}).train
    state = toy_state(toy_config({"model.dropout": 0.0}))
    stream = iter(stream_of(random_batch(0, 8)))
    outcome, _ = loop.update(state, TranslationLoss(state.model, 0.1), stream, train, rate=1e-3, team=ALONE)
    moments = [state.optimizer.state[p]["exp_avg"] for p in state.model.parameters()]
    got = torch.cat([moment.flatten() for moment in moments]).norm().item() * 10
    assert got == pytest.approx(outcome.grad_norm if expected == 1.0 else expected, rel=1e-4)


def test_a_rate_of_zero_moves_nothing() -> None:
    train = toy_config().train
    weights = {name: value for name, value in one_update(train, rate=0.0)[1].items() if name.startswith("model")}
    assert weights == {name: value for name, value in numbers_of(toy_state(toy_config())).items() if name in weights}


def test_the_report_of_a_step_counts_real_words_and_padding(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 5})
    bench.train()
    stream = bench.batches(Position())
    for report in bench.told.steps:
        batch, position = next(stream)
        cells = batch.source.numel() + batch.target_out.numel()
        real = int((batch.source != IDS.pad).sum() + (batch.target_out != IDS.pad).sum())
        assert report.target_tokens == batch.target_tokens == int((batch.target_out != IDS.pad).sum())
        assert report.padding_share == pytest.approx(1 - real / cells)
        assert report.epoch == position.epochs
        assert 0 <= report.wait_share <= 1
    assert bench.state.progress.target_tokens == sum(report.target_tokens for report in bench.told.steps)


def test_validations_and_saves_come_when_they_are_due_and_at_the_end(tmp_path: Path) -> None:
    calls: list[tuple[str, int]] = []
    bench = Bench(tmp_path, {"train.steps": 7, "train.save_every": 3, "train.validate_every": 2})
    save = bench.state.save
    bench.validate = lambda: calls.append(("validate", bench.state.progress.step)) or True  # type: ignore[func-returns-value]
    bench.state.save = lambda folder: (calls.append(("save", bench.state.progress.step)), save(folder))[1]  # type: ignore[method-assign]
    bench.train()
    assert calls == [
        ("validate", 2),
        ("save", 3),
        ("validate", 4),
        ("validate", 6),
        ("save", 6),
        ("validate", 7),
        ("save", 7),
    ]


@pytest.mark.parametrize("why", ["validation", "signal"])
def test_training_ends_early_with_everything_saved(tmp_path: Path, why: str) -> None:
    bench = Bench(tmp_path, {"train.steps": 9, "train.validate_every": 1, "train.save_every": 100})
    if why == "validation":
        bench.validate = lambda: bench.state.progress.step < 4
    else:
        bench.should_stop = lambda: bench.state.progress.step == 4
    bench.train()
    assert bench.state.progress.step == 4
    assert newest_checkpoint(bench.checkpoints)[0] == bench.checkpoints / "step-000000004"


def test_the_loss_falls(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"train.steps": 40, "train.warmup_steps": 0, "train.learning_rate": 1e-2})
    bench.train()
    losses = [report.loss for report in bench.told.steps]
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])
