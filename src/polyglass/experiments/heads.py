"""`polyglass experiment heads`: one to sixteen heads at the same cost, and the heads of a model switched off."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import cached_property, partial

from polyglass.bundle import load_bundle
from polyglass.config import TransformerConfig
from polyglass.device import find_device
from polyglass.errors import DataError, InputError
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.heads_off import attentions
from polyglass.experiments.heads_off_report import Shown
from polyglass.experiments.heads_report import Report
from polyglass.experiments.heads_trials import (
    COUNT,
    MODEL,
    OFF,
    TOGETHER,
    Effort,
    Measures,
    Ward,
    count_trial,
    head_config,
    off_many_trial,
    off_one_trial,
)
from polyglass.experiments.outcome import Setting
from polyglass.experiments.results import Results
from polyglass.experiments.short_text import School, open_school, read_short, rows_of, updates
from polyglass.experiments.trial import Trained
from polyglass.files import sha256_of

SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
EFFORT = Effort(3_000, 600, 512, heads=(1, 2, 4, 8, 16), off=8, tested=400, scored=100, shares=SHARES)
QUICK = Effort(300, 12, 256, heads=(1, 2), off=2, tested=24, scored=2, shares=(0.0, 0.5, 1.0))


def open_experiment(request: Request) -> Experiment:
    """Check what was asked for. Raises InputError, DataError or BundleError for data or a model that cannot be used."""
    return Heads(request)


class Heads:
    """The experiment. part "count": so many heads. "off": of a model trained here. "model": of the user's own."""

    repeats = 3

    def __init__(self, request: Request) -> None:
        if request.model is not None and not (request.files or request.test):
            raise InputError(
                "--model needs sentences in its languages, but no text was named. Add --test SOURCE TARGET."
            )
        if request.test and not request.files and request.model is None:
            raise InputError(
                "--test is text to score models on, but none was named. Add FILES to train on, or --model FOLDER."
            )
        self._request = request
        self._device = find_device(request.device)
        self._effort = QUICK if request.quick else EFFORT
        pairs, self._steps = self._effort.pairs, self._effort.steps
        self._texts = read_short(request.files, request.test, demo_pairs=pairs)
        if request.files and not request.quick:
            self._steps = updates(len(self._texts.train), demo_pairs=pairs, demo_updates=self._steps)
        self._model = None if request.model is None else self._open_model()
        self._trained: Trained | None = None

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        facts = [str(astuple(self._effort)), f"{self._steps} steps", str(self._device)]
        if self._request.model is not None:
            facts.append(sha256_of(self._request.model / "model.safetensors"))
        return [*facts, self._texts.digest]

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repeat: the numbers of heads first; heads are switched off in the first repeat alone."""
        return list(self._trials(repeat))

    def _trials(self, seed: int) -> Iterator[Trial]:
        if self._texts.train:
            # The model whose heads are switched off comes last, so that it is still in memory then.
            for heads in sorted(self._effort.heads, key=lambda heads: heads == self._effort.off):
                words = f"{heads} head{'s' if heads > 1 else ''}, seed {seed}"
                yield Trial(COUNT, str(heads), seed, words, partial(self._count, heads, seed))
            if seed == 1:
                yield Trial(OFF, "one", seed, "heads off, one at a time", self._off_one)
                yield Trial(OFF, TOGETHER, seed, "heads off together", self._off_many)
        if self._model is not None and seed == 1:
            for attention in attentions(self._model.config):
                words = f"your model, {attention.name}"
                yield Trial(MODEL, attention.name, seed, words, partial(off_one_trial, self._model, (attention,)))
            many = partial(off_many_trial, self._model, self._effort.shares, seed=seed)
            yield Trial(MODEL, TOGETHER, seed, "your model, heads off together", many)

    @cached_property
    def _school(self) -> School:
        return open_school(self._texts, tested=self._effort.tested, is_demo=not self._request.files)

    def _count(self, heads: int, seed: int) -> Measures:
        config = head_config(heads, self._effort, seed=seed, steps=self._steps)
        measures, trained = count_trial(config, self._school, device=self._device)
        if heads == self._effort.off and seed == 1:
            self._trained = trained
        return measures

    def _ward(self) -> Ward:
        """Return the model trained here; an experiment that goes on trains it again, to the same bits."""
        config = head_config(self._effort.off, self._effort, seed=1, steps=self._steps)
        assert isinstance(config.model, TransformerConfig)
        if self._trained is None:
            _, self._trained = count_trial(config, self._school, device=self._device)
        ranking, tests = self._school.tests.halves()
        return Ward(
            self._trained.model, config.model, self._school.subwords, ranking, tests, scored=self._effort.scored
        )

    def _off_one(self) -> Measures:
        ward = self._ward()
        return off_one_trial(ward, attentions(ward.config))

    def _off_many(self) -> Measures:
        return off_many_trial(self._ward(), self._effort.shares, seed=1)

    def _open_model(self) -> Ward:
        assert self._request.model is not None
        bundle = load_bundle(self._request.model, device=str(self._device))
        if not isinstance(bundle.config.model, TransformerConfig):
            raise InputError(
                f"--model must name a Transformer, since its heads are switched off, but {self._request.model} has "
                f"model.family={bundle.config.model.family}. Name another, or leave --model out."
            )
        longest = bundle.model.max_positions - 1
        rows = rows_of(self._texts.test[: self._effort.tested], bundle.subwords, longest=longest)
        ranking, tests = rows.halves()
        if not len(tests):
            raise DataError("--test must have at least 2 pairs that the model can read, but it has fewer. Add some.")
        return Ward(bundle.model, bundle.config.model, bundle.subwords, ranking, tests, scored=self._effort.scored)

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished trials show."""
        shown = []
        if self._texts.train:
            config = head_config(self._effort.off, self._effort, seed=1, steps=self._steps).model
            assert isinstance(config, TransformerConfig)
            shown.append(Shown(OFF, f"trained here, {config.num_heads} heads", tuple(attentions(config))))
        if self._model is not None and self._request.model is not None:
            name = self._request.model.name
            shown.append(Shown(MODEL, f"your model {name}", tuple(attentions(self._model.config))))
        report = Report(results, self._effort.heads, shown, self._texts.name)
        settings = [Setting(name, f"{value}") for name, value in vars(self._effort).items() if name != "steps"]
        settings += [
            Setting("steps", f"{self._steps:,}"),
            Setting("text", self._texts.name),
            Setting("seeds", ", ".join(str(seed) for seed in range(1, results.repeats(COUNT) + 1))),
            Setting("device", str(self._device)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))
