"""The page to read: batches in, a trained model out. Knows no files, no search and no screen.

One step: add up the gradients of a few batches, shorten them, let the optimizer move the weights, move the average.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import nn

from polyglass.config import TrainConfig
from polyglass.data.batch import Batch
from polyglass.data.batches import BatchSource, Position
from polyglass.device import peak_memory
from polyglass.errors import TrainingUnhealthyError
from polyglass.training.distributed import ALONE, Team
from polyglass.training.events import Notice, Reporter, StepReport
from polyglass.training.gradients import add_up_gradients
from polyglass.training.schedule import Schedule
from polyglass.training.state import TrainState

NON_FINITE_IN_A_ROW = 3
SKIPPED_STEPS, OF_STEPS = 5, 500  # a hundredth; more would hide that a corpus or a rate is wrong


@dataclass(frozen=True)
class Hooks:
    """What the loop calls; each knows what the loop does not.

    validate: judge the model now; returns whether to go on (False: early stopping). save: write a checkpoint.
    restore: go back to the newest checkpoint; returns whether there is one. should_stop: has somebody asked this
    process to stop? team: the processes that train together.
    """

    validate: Callable[[], bool]
    save: Callable[[], None]
    restore: Callable[[], bool]
    should_stop: Callable[[], bool]
    reporter: Reporter
    team: Team = ALONE


@dataclass
class _Skips:
    """Updates that were left out in this sitting: how many one after the other, and at which steps lately."""

    in_a_row: int = 0
    steps: list[int] = field(default_factory=list)

    def add(self, step: int) -> None:
        self.in_a_row += 1
        self.steps = [earlier for earlier in self.steps if step - OF_STEPS < earlier < step] + [step]


@dataclass(frozen=True)
class Outcome:
    """One step: losses in nats per target token, and what it cost."""

    loss: float
    grad_norm: float
    target_tokens: int
    padding_share: float
    wait_seconds: float
    seconds: float


def train(
    state: TrainState,
    loss: nn.Module,
    batches: BatchSource,
    config: TrainConfig,
    *,
    schedule: Schedule,
    hooks: Hooks,
) -> None:
    """Train until `config.steps` updates are done, validations stop getting better, or somebody asks to stop.

    loss: the module that returns (smoothed, plain) loss sums of a batch (`TranslationLoss`, or a wrapper around it).
    Raises TrainingUnhealthyError if gradients stay non-finite after going back to a checkpoint, or are often so.
    """
    assert config.steps is not None
    assert config.save_every is not None
    assert config.validate_every is not None
    stream = batches(state.progress.position)
    skips = _Skips()
    while state.progress.step < config.steps:
        step, pieces = state.progress.step + 1, state.pieces
        rate = schedule(step) * state.progress.rate_factor
        outcome, position = update(state, loss, stream, config, rate=rate, team=hooks.team)
        state.advance(
            step=step,
            position=position,
            elapsed_seconds=state.progress.elapsed_seconds + outcome.seconds,
            target_tokens=state.progress.target_tokens + outcome.target_tokens,
        )
        if math.isfinite(outcome.grad_norm):
            skips.in_a_row = 0
            state.update_average(config.ema_decay)
        else:
            skips.add(step)
            stream = _after_non_finite(state, skips, stream, batches, hooks)
            if state.progress.step < step:
                skips.in_a_row = 0
                continue
        hooks.reporter.step(_report(state, config, outcome, rate))
        if state.pieces > pieces:
            hooks.reporter.notice(Notice(step, "out_of_memory", _cut_words(state, config)))
        last, stop = step == config.steps, hooks.team.any(hooks.should_stop())
        go_on = hooks.validate() if last or step % config.validate_every == 0 else True
        if last or stop or not go_on or step % config.save_every == 0:
            hooks.save()
        if stop or not go_on:
            return


def update(
    state: TrainState,
    loss: nn.Module,
    stream: Iterator[tuple[Batch, Position]],
    config: TrainConfig,
    *,
    rate: float,
    team: Team,
) -> tuple[Outcome, Position]:
    """Read the next batches and move the weights once, unless the gradient is not finite."""
    began = time.perf_counter()
    micro = list(islice(stream, config.accumulate))
    statistics = [tensor.clone() for tensor in state.statistics]
    waited = time.perf_counter() - began
    batch_list = [batch for batch, _ in micro]
    target_tokens = sum(batch.target_tokens for batch in batch_list)
    loss.train()
    total = add_up_gradients(state, loss, batch_list, config, team=team)
    limit = config.clip_norm or math.inf
    grad_norm = float(torch.nn.utils.clip_grad_norm_(state.model.parameters(), limit))
    if math.isfinite(grad_norm):
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.step()
    else:
        for tensor, before in zip(state.statistics, statistics, strict=True):
            tensor.copy_(before)
    state.optimizer.zero_grad(set_to_none=True)
    outcome = Outcome(
        loss=float(team.add_up(total)) / target_tokens,
        grad_norm=grad_norm,
        target_tokens=target_tokens,
        padding_share=_padding_share(batch_list, state.model.ids.pad),
        wait_seconds=waited,
        seconds=time.perf_counter() - began,
    )
    return outcome, micro[-1][1]


def _after_non_finite(
    state: TrainState,
    skips: _Skips,
    stream: Iterator[tuple[Batch, Position]],
    batches: BatchSource,
    hooks: Hooks,
) -> Iterator[tuple[Batch, Position]]:
    """Count an update that was left out; after several in a row go back to the last checkpoint, once.

    Raises TrainingUnhealthyError if that does not help, or if more than a hundredth of the updates were left out.
    """
    progress = state.progress
    skipped = progress.skipped_steps + 1
    state.advance(skipped_steps=skipped)
    text = (
        f"the gradient of step {progress.step} is not finite (NaN or infinity); the update was left out "
        f"({skipped:,} so far). Epoch {progress.position.epoch + 1}, batch {progress.position.batch}."
    )
    hooks.reporter.notice(Notice(progress.step, "non_finite", text))
    if len(skips.steps) > SKIPPED_STEPS and skips.in_a_row < NON_FINITE_IN_A_ROW:
        raise TrainingUnhealthyError(
            f"training cannot go on: {len(skips.steps)} of the last {OF_STEPS} updates had gradients that are not "
            f"finite, at step {progress.step} the last time; {SKIPPED_STEPS} may be chance. Look at the corpus: "
            "polyglass data check. Or try a lower train.learning_rate, or train.precision=float32."
        )
    if skips.in_a_row < NON_FINITE_IN_A_ROW:
        return stream
    if progress.rate_factor < 1.0 or not hooks.restore():
        raise TrainingUnhealthyError(
            f"training cannot go on: {skips.in_a_row} updates in a row had gradients that are not finite, at step "
            f"{progress.step}. Try a lower train.learning_rate, a longer train.warmup_steps, or model.norm_place=pre."
        )
    state.advance(rate_factor=0.5, skipped_steps=skipped)  # the checkpoint does not know of them
    text = f"{skips.in_a_row} such updates in a row: back to step {state.progress.step} with half the learning rate."
    hooks.reporter.notice(Notice(state.progress.step, "non_finite", text))
    return batches(state.progress.position)


def _cut_words(state: TrainState, config: TrainConfig) -> str:
    return (
        f"out of memory at step {state.progress.step}: each batch of {config.batch_tokens:,} tokens is now read in "
        f"{state.pieces} pieces, one after another; the update is the same. To keep it so: "
        f"--set train.batch_tokens={(config.batch_tokens or 0) // state.pieces} "
        f"--set train.accumulate={config.accumulate * state.pieces}."
    )


def _padding_share(batches: list[Batch], pad_id: int) -> float:
    real = sum(int((batch.source != pad_id).sum()) + batch.target_tokens for batch in batches)
    return 1 - real / sum(batch.source.numel() + batch.target_out.numel() for batch in batches)


def _report(state: TrainState, config: TrainConfig, outcome: Outcome, rate: float) -> StepReport:
    progress = state.progress
    assert config.steps is not None
    return StepReport(
        step=progress.step,
        total_steps=config.steps,
        epoch=progress.position.epochs,
        loss=outcome.loss,
        learning_rate=rate,
        grad_norm=outcome.grad_norm,
        target_tokens=outcome.target_tokens,
        tokens_per_second=outcome.target_tokens / outcome.seconds,
        padding_share=outcome.padding_share,
        wait_share=outcome.wait_seconds / outcome.seconds,
        elapsed_seconds=progress.elapsed_seconds,
        memory_bytes=peak_memory(state.model.device),
    )
