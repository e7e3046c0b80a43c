"""The trials of `norm`: train with one norm at one place, and try how high its learning rate may be.

Gradients are not shortened here (`train.clip_norm` is 0), so that nothing but the norm keeps them small, and no unit is
silenced, so that training and evaluation differ in the statistics of batch norm alone.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from polyglass.config import Config
from polyglass.data.subwords import Subwords
from polyglass.errors import TrainingUnhealthyError
from polyglass.experiments.families import NUM_HEADS
from polyglass.experiments.norm_verdict import CAP, CLEARLY, is_stable
from polyglass.experiments.results import Measure
from polyglass.experiments.text_scores import cost_of, held_out_loss, score_at, translated
from polyglass.experiments.trial import Lesson, Moment, Trained, train_trial, trial_config
from polyglass.experiments.window_text import Text
from polyglass.experiments.window_trials import BLEU, CHRF

LOSS, HELD_OUT, HELD_OUT_BATCH, FIRST_GRADIENT = "loss", "held-out loss", "held-out loss, batch", "first gradient"
END, STABLE, BOUND = "loss at the end", "stable", "loss of word counts"
DIVERGED = "diverged"
BINS = 40  # points of a loss curve
TAIL = 0.1  # share of a short run that its end is the mean of
WARM_UP = 0.1  # share of a run
LOSS_PAIRS = 400

Measures = tuple[Sequence[Measure], str]


@dataclass(frozen=True)
class Variant:
    """A norm, where it stands, and whether the learning rate starts low. name: for files. label: for people."""

    name: str
    label: str
    norm: str
    place: str
    warm_up: bool = True


VARIANTS = (
    Variant("layer-post", "layer, post", "layer", "post"),
    Variant("layer-pre", "layer, pre", "layer", "pre"),
    Variant("batch-post", "batch, post", "batch", "post"),
    Variant("batch-pre", "batch, pre", "batch", "pre"),
    Variant("rms-post", "RMS, post", "rms", "post"),
    Variant("rms-pre", "RMS, pre", "rms", "pre"),
    Variant("layer-post-cold", "layer, post, no warm-up", "layer", "post", warm_up=False),
    Variant("layer-pre-cold", "layer, pre, no warm-up", "layer", "pre", warm_up=False),
)


@dataclass(frozen=True)
class Effort:
    """How much is trained and tested. steps: of a whole training. rate_steps: of the short run at each of `rates`."""

    steps: int
    rate_steps: int
    rates: tuple[float, ...]
    rate: float
    batch_tokens: int
    width: int
    layers: int
    sentences: int


@dataclass(frozen=True)
class Schooling:
    """What every trial of one experiment shares. lesson: the training text. test: held-out pairs."""

    lesson: Lesson
    subwords: Subwords
    test: tuple[Text, ...]
    effort: Effort
    device: torch.device


def config_of(variant: Variant, effort: Effort, *, seed: int, rate: float, is_short: bool = False) -> Config:
    """Return the config of a training. is_short: at a rate that is held to the end, instead of falling to zero."""
    steps = effort.rate_steps if is_short else effort.steps
    options: dict[str, object] = {
        "model.family": "transformer",
        "model.d_model": effort.width,
        "model.d_ff": 2 * effort.width,
        "model.num_heads": NUM_HEADS,
        "model.encoder_layers": effort.layers,
        "model.decoder_layers": effort.layers,
        "model.dropout": 0.0,
        "model.norm": variant.norm,
        "model.norm_place": variant.place,
        "train.batch_tokens": effort.batch_tokens,
        "train.learning_rate": rate,
        "train.warmup_steps": max(1, round(WARM_UP * steps)) if variant.warm_up else 0,
        "train.clip_norm": 0.0,
        "train.average": "none",
    }
    if is_short:
        options["train.decay_share"] = 0.0
    return trial_config(options, seed=seed, steps=steps)


def word_counts_loss(lesson: Lesson) -> float:
    """Return the loss in nats of a model that knows how often each target token occurs and nothing else."""
    counts = np.bincount(lesson.store.target_ids, minlength=lesson.sizes[1]).astype(float)
    counts[lesson.ids.eos] += len(lesson.store)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def rates_trial(variant: Variant, school: Schooling, *, seed: int) -> Measures:
    """Train shortly at each learning rate; say where the loss ended and whether that is stable."""
    effort, bound = school.effort, word_counts_loss(school.lesson)
    measures, stable = [Measure(BOUND, 0, bound)], []
    for rate in effort.rates:
        config = config_of(variant, effort, seed=seed, rate=rate, is_short=True)
        losses = [moment.loss for moment in _train(config, school)[0]]
        good = is_stable(losses, planned=effort.rate_steps, bound=CLEARLY * bound)
        if good:
            stable.append(rate)
        measures += [Measure(STABLE, rate, float(good)), Measure(END, rate, _end(losses, effort.rate_steps))]
    return measures, f"stable up to {max(stable):g}" if stable else "stable at no rate"


def whole_trial(variant: Variant, school: Schooling, *, seed: int) -> Measures:
    """Train at the common rate; return the loss curve and what the model does with held-out sentences.

    A run that diverges counts as scores of 0 and a loss of CAP.
    """
    config = config_of(variant, school.effort, seed=seed, rate=school.effort.rate)
    curve, trained = _train(config, school)
    measures = list(_curve(curve, school.effort.steps))
    sources = school.subwords.encode_source([source for source, _ in school.test])
    targets = school.subwords.encode_target([target for _, target in school.test])
    held_out, with_batch = CAP, CAP
    if trained is not None:
        measures += cost_of(trained)
        held_out = held_out_loss(trained.model, sources[:LOSS_PAIRS], targets[:LOSS_PAIRS])
        with_batch = batch_loss(trained, sources[:LOSS_PAIRS], targets[:LOSS_PAIRS])
    if trained is None or not math.isfinite(held_out):
        zeros = [Measure(name, 0, 0.0) for name in (CHRF, BLEU)]
        return [*measures, Measure(DIVERGED, 0, 1.0), Measure(HELD_OUT, 0, CAP), *zeros], "diverged"
    count = school.effort.sentences
    outputs = translated(trained.model, school.subwords, sources[:count])
    measures += score_at(0, outputs, [target for _, target in school.test[:count]])
    measures += [
        Measure(DIVERGED, 0, 0.0),
        Measure(HELD_OUT, 0, min(CAP, held_out)),
        Measure(HELD_OUT_BATCH, 0, min(CAP, with_batch) if math.isfinite(with_batch) else CAP),
    ]
    chrf = next(measure.y for measure in measures if measure.what == CHRF)
    return measures, f"chrF {chrf:.1f}, held-out loss {held_out:.2f}"


def batch_loss(trained: Trained, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> float:
    """Return the held-out loss as training would count it: batch norm takes the statistics of the test batch."""
    model = copy.deepcopy(trained.model).train()  # its running statistics change while it is asked
    return held_out_loss(model, sources, targets)


def _train(config: Config, school: Schooling) -> tuple[list[Moment], Trained | None]:
    """Return the curve, and the model unless its gradients stopped being finite."""
    curve: list[Moment] = []
    try:
        trained = train_trial(config, school.lesson, device=school.device, watch=curve.append)
    except TrainingUnhealthyError:
        return curve, None
    return curve, trained


def _curve(curve: Sequence[Moment], steps: int) -> Iterator[Measure]:
    """Yield the mean loss of each of BINS parts of the run at their middle; a part that is not finite is CAP."""
    if curve and math.isfinite(curve[0].grad_norm):
        yield Measure(FIRST_GRADIENT, 0, curve[0].grad_norm)
    size = max(1, steps // BINS)
    for first in range(0, len(curve), size):
        part = curve[first : first + size]
        loss = sum(moment.loss for moment in part) / len(part)
        yield Measure(LOSS, first + (size + 1) / 2, min(CAP, loss) if math.isfinite(loss) else CAP)


def _end(losses: Sequence[float], planned: int) -> float:
    """Return the mean of the last updates, at most CAP; CAP for a run that did not get there."""
    tail = losses[-max(1, round(TAIL * planned)) :]
    if len(losses) < planned or not all(map(math.isfinite, losses)):
        return CAP
    return min(CAP, sum(tail) / len(tail))
