"""The trials of `heads`: train with so many heads, and switch the heads of a trained model off."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from polyglass.config import Config, TransformerConfig
from polyglass.data.subwords import Subwords
from polyglass.evaluation.score import corpus_scores
from polyglass.experiments.flops import Shape, forward_flops
from polyglass.experiments.heads_off import Attention, Head, attentions, heads_of, without
from polyglass.experiments.results import Measure
from polyglass.experiments.short_text import SMALL, Rows, School
from polyglass.experiments.text_scores import cost_of, held_out_loss, score_at, translated
from polyglass.experiments.trial import Moment, Trained, train_trial, trial_config
from polyglass.experiments.window_trials import BLEU
from polyglass.model.seq2seq import Seq2Seq

COUNT, OFF, MODEL, TOGETHER = "count", "off", "model", "together"
LOSS, TRAINING_LOSS, PRODUCTS = "held-out loss", "training loss", "multiplications a pair"
RISE, LOST = "loss without: ", "BLEU lost without: "
LEAST_FIRST, MOST_FIRST, RANDOM = "off, least first", "off, most first", "off, random"
WHOLE = "whole"
SHAPE = Shape(1, 16, 16)  # the pair whose products are counted
BINS = 40  # points of a loss curve

Measures = tuple[Sequence[Measure], str]


@dataclass(frozen=True)
class Effort:
    """How much is trained and tested. pairs: of the demo's. heads: how many are tried; off: the model of these.

    tested: held-out pairs of the loss and of the scores of whole models. scored: of the scores without a head.
    shares: of all heads, switched off together.
    """

    pairs: int
    steps: int
    batch_tokens: int
    heads: tuple[int, ...]
    off: int
    tested: int
    scored: int
    shares: tuple[float, ...]


def head_config(heads: int, effort: Effort, *, seed: int, steps: int) -> Config:
    """Return the config of the small model with so many heads; everything else is the same for all."""
    options = {**SMALL, "model.num_heads": heads, "train.batch_tokens": effort.batch_tokens}
    return trial_config(options, seed=seed, steps=steps)


def count_trial(config: Config, school: School, *, device: torch.device) -> tuple[Measures, Trained]:
    """Train one model and score it; return the model, too."""
    trained = train_trial(config, school.lesson, device=device)
    tests = school.tests
    loss = held_out_loss(trained.model, tests.sources, tests.targets)
    scores = score_at(0, translated(trained.model, school.subwords, tests.sources), tests.references)
    products = forward_flops(config.model, SHAPE, vocabulary=school.lesson.sizes[1]) / 2
    measures = [Measure(LOSS, 0, loss), Measure(PRODUCTS, 0, products), *scores, *cost_of(trained)]
    bleu = next(measure.y for measure in scores if measure.what == BLEU)
    return ([*measures, *loss_curve(trained.curve)], f"loss {loss:.3f}, BLEU {bleu:.1f}"), trained


def loss_curve(curve: Sequence[Moment]) -> list[Measure]:
    """Return the mean training loss (smoothed, in nats per token) of each fortieth of a training."""
    size = max(1, len(curve) // BINS)
    bins = [curve[first : first + size] for first in range(0, len(curve), size)]
    return [Measure(TRAINING_LOSS, some[-1].step, sum(one.loss for one in some) / len(some)) for some in bins]


@dataclass(frozen=True)
class Ward:
    """A trained model whose heads are switched off, and the held-out text for it.

    ranking: pairs that say which head matters. tests: others, on which many are switched off together. Both are for
    the loss; translations are made of the first `scored` of them.
    """

    model: Seq2Seq
    config: TransformerConfig
    subwords: Subwords
    ranking: Rows
    tests: Rows
    scored: int

    def loss(self, off: Sequence[Head], rows: Rows) -> float:
        """Return the held-out loss with these heads off."""
        return held_out_loss(without(self.model, off), rows.sources, rows.targets)

    def bleu(self, off: Sequence[Head], rows: Rows) -> float:
        """Return the BLEU of greedy translations with these heads off."""
        outputs = translated(without(self.model, off), self.subwords, rows.sources[: self.scored])
        return corpus_scores(outputs, list(rows.references[: self.scored]), metrics=("bleu",), resamples=0)[
            "bleu"
        ].value


def off_one_trial(ward: Ward, some: Sequence[Attention]) -> Measures:
    """Switch each head of these attentions off, alone. The loss rises by so many nats, BLEU falls by so many points."""
    rows = ward.ranking
    whole, bleu = ward.loss((), rows), ward.bleu((), rows)
    measures = [Measure(RISE + WHOLE, 0, whole), Measure(LOST + WHOLE, 0, bleu)]
    for head in heads_of(some):
        name, number = head.attention.name, head.number
        measures.append(Measure(RISE + name, number, ward.loss((head,), rows) - whole))
        measures.append(Measure(LOST + name, number, bleu - ward.bleu((head,), rows)))
    most = max((one for one in measures[2:] if one.what.startswith(LOST)), key=lambda one: one.y)
    return (
        measures,
        f"BLEU {bleu:.1f}; most lost without head {most.x:.0f} of {most.what.removeprefix(LOST)}: {most.y:.1f}",
    )


def off_many_trial(ward: Ward, shares: Sequence[float], *, seed: int) -> Measures:
    """Switch more and more heads off together: least important first, most important first, and at random.

    Importance is the rise of the loss on the ranking pairs; BLEU is of the test pairs.
    """
    everybody = heads_of(attentions(ward.config))
    ranked = sorted(everybody, key=lambda head: ward.loss((head,), ward.ranking))
    mixed = random.Random(seed).sample(everybody, len(everybody))
    measures = []
    known: dict[frozenset[Head], float] = {}  # with all heads and with none, the order is one
    for what, order in ((LEAST_FIRST, ranked), (MOST_FIRST, ranked[::-1]), (RANDOM, mixed)):
        for count in sorted({round(share * len(order)) for share in shares}):
            off = frozenset(order[:count])
            known[off] = known[off] if off in known else ward.bleu(order[:count], ward.tests)
            measures.append(Measure(what, count / len(order), known[off]))
    third = next(one.y for one in measures if one.x >= 0.3)
    return measures, f"BLEU {measures[0].y:.1f}, {third:.1f} without the least important third of all heads"
