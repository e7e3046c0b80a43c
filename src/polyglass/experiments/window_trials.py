"""The trials of `window`: train one kind of model on one task and measure what it still knows at each distance."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from polyglass.bundle import Bundle
from polyglass.data.subwords import Subwords
from polyglass.evaluation.score import corpus_scores
from polyglass.experiments.families import Family
from polyglass.experiments.reach import (
    ByDistance,
    attention_by_distance,
    encoder_influence,
    translation_influence,
)
from polyglass.experiments.results import Measure
from polyglass.experiments.trial import Trained, train_trial, trial_config
from polyglass.experiments.window_tasks import Task
from polyglass.experiments.window_text import (
    MOST_JOINED,
    Text,
    TextCorpus,
    joined,
    mean_words,
    mixed_lengths,
    text_lesson,
)
from polyglass.model.seq2seq import Seq2Seq
from polyglass.translator import Translator

ACCURACY, PARAMETERS, STEPS, SECONDS = "accuracy", "parameters", "steps", "training seconds"
CHRF, BLEU, LOW, HIGH = "chrF", "BLEU", " low", " high"
INFLUENCE, TRANSLATION, ATTENTION = "influence in the encoder", "influence on the translation", "attention "
HALF, NINE_TENTHS = "half within", "nine tenths within"
GOOD_ENOUGH = 0.995
RESAMPLES = 300
REACH_TOKENS = range(24, 100)  # length of the sources on which reach is measured

Measures = tuple[Sequence[Measure], str]


@dataclass(frozen=True)
class Effort:
    """How much is trained and tested. task_steps, text_steps: updates. cases: test pairs at each distance.

    sentences: test texts for each length. reached: sentences on which reach is measured.
    """

    task_steps: int
    task_batch_tokens: int
    task_width: int
    text_steps: int
    text_batch_tokens: int
    text_width: int
    cases: int
    sentences: int
    reached: int


def task_trial(task: Task, family: Family, effort: Effort, *, seed: int, device: torch.device) -> Measures:
    """Train one model on a task; it ends early where it makes no mistakes any more at the longest distance."""
    options = {
        **family.sized(effort.task_width, layers=2 if family.heads else 1),
        "model.dropout": 0.0,
        "model.max_positions": 4 * max(task.tested) + 16,
        "train.batch_tokens": effort.task_batch_tokens,
        "train.learning_rate": 2e-3,
        "train.validate_every": max(1, effort.task_steps // 8),
    }
    if task.name == "recall" and not family.heads:
        options["model.bidirectional"] = False  # read backwards, the letter would be near
    config = trial_config(options, seed=seed, steps=effort.task_steps)
    lesson = task.lesson(8 * effort.task_steps * effort.task_batch_tokens // task.longest // 4, seed=seed)

    def judge(model: Seq2Seq) -> bool:
        ends = (task.longest, max(1, task.longest // 2), 1)
        return any(task.accuracy(model, end, count=64) < GOOD_ENOUGH for end in ends)

    trained = train_trial(config, lesson, device=device, judge=judge)
    measures = [
        Measure(ACCURACY, distance, task.accuracy(trained.model, distance, count=effort.cases))
        for distance in task.tested
    ]
    far = next(measure.y for measure in measures if measure.x == max(task.within))
    note = f"{far:.0%} right at {max(task.within)}, the longest in training"
    return [*measures, *_cost(trained)], note


def text_trial(
    corpus: TextCorpus, subwords: Subwords, family: Family, effort: Effort, *, seed: int, device: torch.device
) -> Measures:
    """Train one model on sentences of which up to four are joined, and score and probe it."""
    options = {
        **family.sized(effort.text_width, layers=2 if family.heads else 1),
        "model.dropout": 0.1,
        "train.batch_tokens": effort.text_batch_tokens,
        "train.learning_rate": 3e-3,
        "train.label_smoothing": 0.1,
    }
    config = trial_config(options, seed=seed, steps=effort.text_steps)
    lesson = text_lesson(mixed_lengths(corpus.train, seed=seed), subwords)
    trained = train_trial(config, lesson, device=device)
    bundle = Bundle(config, trained.model, subwords, "source", "target", {})
    measures, note = model_measures(Translator(bundle), corpus.test, effort, seed=seed)
    return [*measures, *_cost(trained)], note


def model_measures(translator: Translator, test: Sequence[Text], effort: Effort, *, seed: int) -> Measures:
    """Score a model on sentences joined by one, two, three and four, and measure how far its words reach."""
    measures: list[Measure] = []
    values = []
    for count in range(1, MOST_JOINED + 1):
        pairs = joined(test, count)[: effort.sentences]
        if not pairs:
            continue
        translations = translator.translate([source for source, _ in pairs], beam_size=1)
        outputs = [translation.text for translation in translations]
        scores = corpus_scores(outputs, [target for _, target in pairs], metrics=("chrf", "bleu"), resamples=RESAMPLES)
        words = mean_words([source for source, _ in pairs])
        for name, metric in ((CHRF, scores["chrf"]), (BLEU, scores["bleu"])):
            measures.append(Measure(name, words, metric.value))
            if metric.low is not None and metric.high is not None:
                measures += [Measure(name + LOW, words, metric.low), Measure(name + HIGH, words, metric.high)]
        values.append(scores["chrf"].value)
    measures += _reach(translator.bundle.model, translator.bundle.subwords, test, effort, seed=seed)
    return measures, f"chrF {values[0]:.1f} for one sentence, {values[-1]:.1f} for {len(values)} joined"


def _reach(model: Seq2Seq, subwords: Subwords, test: Sequence[Text], effort: Effort, *, seed: int) -> list[Measure]:
    sources, targets = _long_rows(subwords, test, effort.reached, model.max_positions)
    if not sources:
        return []
    found = {
        INFLUENCE: encoder_influence(model, sources, seed=seed),
        TRANSLATION: translation_influence(model, sources, targets),
    }
    looks = attention_by_distance(model, sources, targets)
    measures = []
    for name, by_distance in found.items():
        measures += [Measure(name, distance, share) for distance, share in by_distance.per_word().items()]
    for name, by_distance in [*found.items(), *((ATTENTION + name, look) for name, look in looks.items())]:
        measures += _summary(name, by_distance)
    for name, look in looks.items():
        measures += [Measure(ATTENTION + name, distance, share) for distance, share in look.share().items()]
    return measures


def _summary(name: str, by_distance: ByDistance) -> list[Measure]:
    return [
        Measure(f"{name}, {HALF}", 0, by_distance.within(0.5)),
        Measure(f"{name}, {NINE_TENTHS}", 0, by_distance.within(0.9)),
    ]


def _long_rows(
    subwords: Subwords, test: Sequence[Text], count: int, longest: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return sources and targets long enough for distances to be far, eos included."""
    rows = []
    for number in range(2, MOST_JOINED + 1):
        pairs = joined(test, number)
        sources = subwords.encode_source([source for source, _ in pairs])
        targets = subwords.encode_target([target for _, target in pairs])
        rows += [
            ([*source, subwords.ids.eos], [*target, subwords.ids.eos])
            for source, target in zip(sources, targets, strict=True)
            if len(source) in REACH_TOKENS and max(len(source), len(target)) + 2 < longest
        ]
        if len(rows) >= count:
            break
    return [source for source, _ in rows[:count]], [target for _, target in rows[:count]]


def _cost(trained: Trained) -> list[Measure]:
    return [
        Measure(PARAMETERS, 0, sum(parameter.numel() for parameter in trained.model.parameters())),
        Measure(STEPS, 0, trained.steps),
        Measure(SECONDS, 0, trained.seconds),
    ]
