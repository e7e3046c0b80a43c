"""A trained model and held-out pairs in; translations, scores with intervals and the loss for each token out.

Everything goes by token ids, so that an experiment can change what a model reads before it reads it.
"""

from collections.abc import Sequence

import torch

from polyglass.config import DecodeConfig
from polyglass.data.batch import collate, pad
from polyglass.data.subwords import Subwords
from polyglass.decoding.search import search
from polyglass.evaluation.score import corpus_scores
from polyglass.experiments.figures import Point
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.results import Measure, Results
from polyglass.experiments.trial import Ids, Trained
from polyglass.experiments.window_trials import BLEU, CHRF, HIGH, LOW, PARAMETERS, RESAMPLES, SECONDS, STEPS
from polyglass.model.seq2seq import Seq2Seq
from polyglass.training.loss import TranslationLoss

ROWS = 64  # sentences that are read together
INTERVAL = "95 % interval, over seeds if there are several, else over sentences (bootstrap)"


@torch.inference_mode()
def translated(model: Seq2Seq, subwords: Subwords, sources: Sequence[Ids]) -> list[str]:
    """Translate greedily. sources: token ids without special symbols."""
    greedy = DecodeConfig(beam_size=1)
    texts = []
    for first in range(0, len(sources), ROWS):
        rows = [[*source, model.ids.eos] for source in sources[first : first + ROWS]]
        for found in search(model, pad(rows, model.ids.pad).to(model.device), greedy):
            texts.append(subwords.decode_target([token for token in found[0].ids if token != model.ids.eos]))
    return texts


def score_at(x: float, outputs: Sequence[str], references: Sequence[str]) -> list[Measure]:
    """Return chrF and BLEU at `x`, each with the ends of its interval over sentences."""
    scores = corpus_scores(list(outputs), list(references), metrics=("chrf", "bleu"), resamples=RESAMPLES)
    measures = []
    for name, metric in ((CHRF, scores["chrf"]), (BLEU, scores["bleu"])):
        measures.append(Measure(name, x, metric.value))
        if metric.low is not None and metric.high is not None:
            measures += [Measure(name + LOW, x, metric.low), Measure(name + HIGH, x, metric.high)]
    return measures


def score_points(results: Results, part: str, case: str, what: str) -> tuple[Point, ...]:
    """Return a score by x: with the interval over the seeds if there are several, else over sentences."""
    points = []
    for x, ys in results.values(part, case, what).items():
        centre, low, high = mean_interval(ys, low=0.0, high=100.0)
        if low is None:
            low = next(iter(results.values(part, case, what + LOW).get(x, [])), None)
            high = next(iter(results.values(part, case, what + HIGH).get(x, [])), None)
        points.append(Point(x, centre, low, high))
    return tuple(points)


@torch.inference_mode()
def held_out_loss(model: Seq2Seq, sources: Sequence[Ids], targets: Sequence[Ids]) -> float:
    """Return the plain cross-entropy in nats per target token (eos counts), in the mode that the model is in."""
    loss, whole, tokens = TranslationLoss(model, 0.0), 0.0, 0
    for first in range(0, len(sources), ROWS):
        part = slice(first, first + ROWS)
        batch = collate(sources[part], targets[part], model.ids, range(len(sources[part]))).to(model.device)
        _, plain = loss(batch.source, batch.target_in, batch.target_out)
        whole, tokens = whole + float(plain), tokens + batch.target_tokens
    return whole / tokens


def cost_of(trained: Trained) -> list[Measure]:
    """Return what a training cost: parameters, updates and seconds."""
    return [
        Measure(PARAMETERS, 0, sum(parameter.numel() for parameter in trained.model.parameters())),
        Measure(STEPS, 0, trained.steps),
        Measure(SECONDS, 0, trained.seconds),
    ]
