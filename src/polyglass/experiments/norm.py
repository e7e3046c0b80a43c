"""`polyglass experiment norm`: layer, batch and RMS norm at both places: curves, stable rates, warm-up and scores."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import cached_property, partial

from polyglass.device import find_device
from polyglass.errors import InputError
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.norm_report import Report
from polyglass.experiments.norm_trials import VARIANTS, Effort, Measures, Schooling, Variant, rates_trial, whole_trial
from polyglass.experiments.norm_verdict import CLEARLY
from polyglass.experiments.outcome import Setting
from polyglass.experiments.results import Results
from polyglass.experiments.window_text import MOST_PAIRS, TextCorpus, learn_subwords, read_texts, text_lesson

EFFORT = Effort(
    steps=500,
    rate_steps=100,
    rates=(1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    rate=3e-3,
    batch_tokens=256,
    width=64,
    layers=4,
    sentences=200,
)
QUICK_PAIRS = 1_000
QUICK = Effort(steps=8, rate_steps=4, rates=(3e-3, 3e-2), rate=3e-3, batch_tokens=256, width=32, layers=1, sentences=6)


def open_experiment(request: Request) -> Experiment:
    """Check what was asked for. Raises InputError or DataError for data that cannot be used."""
    return Norm(request)


class Norm:
    """The experiment: which trials, and what follows. Parts: "train" (a whole run), "rates" (short ones)."""

    repeats = 3

    def __init__(self, request: Request, variants: Sequence[Variant] = VARIANTS) -> None:
        if request.test and not request.files:
            raise InputError("--test is text to score models on, but none is trained without FILES. Add FILES.")
        self._variants = variants
        self._device = find_device(request.device)
        self._effort = QUICK if request.quick else EFFORT
        self._texts: TextCorpus = read_texts(
            request.files, request.test, most=QUICK_PAIRS if request.quick else MOST_PAIRS
        )

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        return [
            str(astuple(self._effort)),
            str(CLEARLY),
            str(self._device),
            *map(str, self._variants),
            self._texts.digest,
        ]

    @cached_property
    def _school(self) -> Schooling:
        subwords = learn_subwords(self._texts)
        lesson = text_lesson(self._texts.train, subwords)
        return Schooling(lesson, subwords, self._texts.test, self._effort, self._device)

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repeat: whole trainings first, then the rates."""
        return list(self._trials(repeat))

    def _trials(self, seed: int) -> Iterator[Trial]:
        for variant in self._variants:
            words = f"train, {variant.label}, seed {seed}"
            yield Trial("train", variant.name, seed, words, partial(self._whole, variant, seed))
        for variant in self._variants:
            words = f"learning rates, {variant.label}, seed {seed}"
            yield Trial("rates", variant.name, seed, words, partial(self._rates, variant, seed))

    def _whole(self, variant: Variant, seed: int) -> Measures:
        return whole_trial(variant, self._school, seed=seed)

    def _rates(self, variant: Variant, seed: int) -> Measures:
        return rates_trial(variant, self._school, seed=seed)

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished trials show."""
        report = Report(results, self._variants, self._effort, self._texts.name)
        settings = [Setting(name, _spelt(value)) for name, value in vars(self._effort).items()]
        settings += [
            Setting("text", self._texts.name),
            Setting("seeds", ", ".join(str(seed) for seed in range(1, results.repeats("train") + 1))),
            Setting("device", str(self._device)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))


def _spelt(value: object) -> str:
    return ", ".join(f"{rate:g}" for rate in value) if isinstance(value, tuple) else f"{value:,}"
