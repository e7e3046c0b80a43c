"""Token ids and a config in, a trained model with its curve out: through the library's own loop, without files.

Experiments ask many small questions, so a trial trains for seconds: no run folder, no checkpoints, no screen. The same
data, config and seed give the same model to the bit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from polyglass.config import Config
from polyglass.data.batch import Batch
from polyglass.data.batches import BatchSource, Position, training_batches
from polyglass.data.store import TokenStore
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.run.probe import probe_speed
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from polyglass.training import loop
from polyglass.training.events import Notice, Plan, StepReport, Validation
from polyglass.training.loss import TranslationLoss
from polyglass.training.schedule import build_schedule
from polyglass.training.state import TrainState

WARM_UP_SHARE = 0.05

Ids = Sequence[int]


@dataclass(frozen=True)
class Lesson:
    """What a trial learns from: pairs of token ids, and the sizes of the two vocabularies."""

    store: TokenStore
    sizes: tuple[int, int]
    ids: SpecialIds


@dataclass(frozen=True)
class Moment:
    """One update: the smoothed loss in nats per target token, the length of the gradient, seconds since the start."""

    step: int
    loss: float
    grad_norm: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """A trained model in evaluation mode (its moving average, if it has one) and how it got there."""

    model: Seq2Seq
    curve: tuple[Moment, ...]
    seconds: float
    target_tokens: int

    @property
    def steps(self) -> int:
        """Updates made; fewer than planned if the judge had seen enough."""
        return self.curve[-1].step if self.curve else 0


def lesson_of(sources: Sequence[Ids], targets: Sequence[Ids], *, sizes: tuple[int, int], ids: SpecialIds) -> Lesson:
    """Put pairs of token ids (without special symbols) into a store in memory."""
    flat = [np.fromiter((token for row in rows for token in row), np.uint32) for rows in (sources, targets)]
    ends = [np.concatenate([[0], np.cumsum([len(row) for row in rows])]) for rows in (sources, targets)]
    offsets = [np.asarray(end, np.uint64) for end in ends]
    return Lesson(TokenStore(flat[0], offsets[0], flat[1], offsets[1], 0, ""), sizes, ids)


def trial_config(options: Mapping[str, object], *, seed: int, steps: int) -> Config:
    """Return a whole config for a trial of `steps` updates: `options` by name, and what a short run needs besides."""
    needs: dict[str, object] = {
        "train.seed": seed,
        "train.steps": steps,
        "train.warmup_steps": max(1, round(WARM_UP_SHARE * steps)),
        "train.save_every": steps,
        "train.validate_every": steps,
        "train.label_smoothing": 0.0,
    }
    return resolve(overrides={**needs, **options}).config


def fresh_model(config: Config, lesson: Lesson, device: torch.device) -> Seq2Seq:
    """Return a model with random weights that depend on `train.seed` alone."""
    torch.manual_seed(config.train.seed)
    return build_model(config.model, lesson.sizes, lesson.ids).to(device)


def batches_of(config: Config, lesson: Lesson) -> BatchSource:
    """Return where a trial gets its batches from: their order depends on `train.seed` alone."""
    tokens, seed = config.train.batch_tokens, config.train.seed
    assert tokens is not None

    def batches(position: Position) -> Iterator[tuple[Batch, Position]]:
        return training_batches(lesson.store, lesson.ids, batch_tokens=tokens, seed=seed, start=position)

    return batches


def steps_within(seconds: float, config: Config, lesson: Lesson, *, device: torch.device) -> int:
    """Return how many updates fit into `seconds` on this machine, by trying a few."""
    model = fresh_model(config, lesson, device)
    speed = probe_speed(model, batches_of(config, lesson), config.train, seconds=min(2.0, 0.05 * seconds))
    return max(1, int(seconds / speed.seconds_per_step))


def train_trial(
    config: Config,
    lesson: Lesson,
    *,
    device: torch.device,
    judge: Callable[[Seq2Seq], bool] | None = None,
    watch: Callable[[Moment], None] | None = None,
    prepare: Callable[[Seq2Seq], None] | None = None,
) -> Trained:
    """Train a fresh model for `train.steps` updates.

    judge: asked every `train.validate_every` steps whether to go on; what it does to the model's mode is undone.
    watch: told each update, so that the curve of a training that fails is known, too.
    prepare: changes the fresh model in a way that no option can.
    Raises TrainingUnhealthyError if three gradients in a row are not finite.
    """
    model = fresh_model(config, lesson, device)
    if prepare is not None:
        prepare(model)
    state = TrainState(model, config.train)
    listener = _Listener(watch)

    def validate() -> bool:
        if judge is None:
            return True
        go_on = judge(_usable(state))
        state.model.train()
        return go_on

    hooks = loop.Hooks(
        validate=validate, save=_nothing, restore=lambda: False, should_stop=lambda: False, reporter=listener
    )
    loss = TranslationLoss(state.model, config.train.label_smoothing)
    schedule = build_schedule(config)
    loop.train(state, loss, batches_of(config, lesson), config.train, schedule=schedule, hooks=hooks)
    progress = state.progress
    return Trained(_usable(state), tuple(listener.moments), progress.elapsed_seconds, progress.target_tokens)


def _usable(state: TrainState) -> Seq2Seq:
    """Return the weights that translate, in evaluation mode."""
    return (state.average if state.average is not None else state.model).eval()


def _nothing() -> None:
    """A trial keeps no checkpoint."""


class _Listener:
    """A reporter that writes the curve down."""

    def __init__(self, watch: Callable[[Moment], None] | None) -> None:
        self.moments: list[Moment] = []
        self._watch = watch

    def plan(self, plan: Plan) -> None:
        """A trial has no plan."""

    def step(self, report: StepReport) -> None:
        """Keep what curves are drawn from."""
        self.moments.append(Moment(report.step, report.loss, report.grad_norm, report.elapsed_seconds))
        if self._watch is not None:
            self._watch(self.moments[-1])

    def validation(self, validation: Validation) -> None:
        """The judge says what is to be said."""

    def notice(self, notice: Notice) -> None:
        """An update that was left out shows in the curve."""

    def close(self) -> None:
        """There is nothing to close."""
