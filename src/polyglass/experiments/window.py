"""`polyglass experiment window`: how far back a model still knows what stood there, by family, task and distance."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import cached_property, partial

from polyglass.data.subwords import Subwords
from polyglass.device import find_device
from polyglass.errors import InputError
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.families import FAMILIES, Family
from polyglass.experiments.outcome import Setting
from polyglass.experiments.results import Measure, Results
from polyglass.experiments.window_report import Report
from polyglass.experiments.window_tasks import Task
from polyglass.experiments.window_text import MOST_PAIRS, TextCorpus, learn_subwords, read_texts
from polyglass.experiments.window_text_report import Shown
from polyglass.experiments.window_trials import Effort, model_measures, task_trial, text_trial
from polyglass.files import sha256_of
from polyglass.translator import Translator

COPY = Task("copy", 24, (1, 2, 4, 8, 12, 16, 20, 24, 32, 48))
RECALL = Task("recall", 32, (1, 2, 4, 8, 16, 32, 64, 128))
QUICK_COPY = Task("copy", 6, (1, 2, 4, 6, 12))
QUICK_RECALL = Task("recall", 6, (1, 2, 4, 6, 12))
EFFORT = Effort(
    task_steps=800,
    task_batch_tokens=1024,
    task_width=64,
    text_steps=1200,
    text_batch_tokens=512,
    text_width=96,
    cases=192,
    sentences=100,
    reached=20,
)
QUICK_PAIRS = 1_000
QUICK = Effort(
    task_steps=24,
    task_batch_tokens=256,
    task_width=32,
    text_steps=16,
    text_batch_tokens=256,
    text_width=32,
    cases=32,
    sentences=6,
    reached=2,
)


def open_experiment(request: Request) -> Experiment:
    """Check what was asked for. Raises InputError, DataError or BundleError for data or a model that cannot be used."""
    return Window(request)


class Window:
    """The experiment: which trials, and what follows. part "model" looks at the user's own model."""

    repeats = 3

    def __init__(self, request: Request, families: Sequence[Family] = FAMILIES) -> None:
        if request.model is not None and not (request.files or request.test):
            raise InputError(
                "--model needs sentences in its languages, but no text was named. Add --test SOURCE TARGET."
            )
        if request.test and not request.files and request.model is None:
            raise InputError(
                "--test is text to score models on, but none was named. Add FILES to train on, or --model FOLDER."
            )
        self._request = request
        self._families = families
        self._device = find_device(request.device)
        self._effort = QUICK if request.quick else EFFORT
        self._copy, self._recall = (QUICK_COPY, QUICK_RECALL) if request.quick else (COPY, RECALL)
        self._texts: TextCorpus = read_texts(
            request.files, request.test, most=QUICK_PAIRS if request.quick else MOST_PAIRS
        )
        self._translator = Translator.load(request.model, device=str(self._device)) if request.model else None

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        facts = [str(astuple(self._effort)), str(astuple(self._copy)), str(astuple(self._recall)), str(self._device)]
        facts += [f"{family}" for family in self._families]
        if self._request.model is not None:
            facts.append(sha256_of(self._request.model / "model.safetensors"))
        return [*facts, self._texts.digest]

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repeat: copying first, since most of the verdict rests on it."""
        return list(self._trials(repeat))

    def _trials(self, seed: int) -> Iterator[Trial]:
        effort, device = self._effort, self._device
        for task in (self._copy, self._recall):
            for family in self._families:
                yield Trial(
                    task.name,
                    family.name,
                    seed,
                    f"{task.name}, {family.label}, seed {seed}",
                    partial(task_trial, task, family, effort, seed=seed, device=device),
                )
        if self._request.model is not None and seed == 1:
            name = self._request.model.name
            yield Trial("model", name, seed, f"your model {name}", self._look_at_model)
        # Sentences bring an interval of their own, so that one seed tells something; time for more is asked for.
        wants_more = self._request.repeats is not None or self._request.budget_seconds is not None
        for family in self._families if self._texts.train and (seed == 1 or wants_more) else ():
            yield Trial(
                "text",
                family.name,
                seed,
                f"text, {family.label}, seed {seed}",
                partial(self._learn_text, family, seed),
            )

    @cached_property
    def _subwords(self) -> Subwords:
        return learn_subwords(self._texts)

    def _learn_text(self, family: Family, seed: int) -> tuple[Sequence[Measure], str]:
        return text_trial(self._texts, self._subwords, family, self._effort, seed=seed, device=self._device)

    def _look_at_model(self) -> tuple[Sequence[Measure], str]:
        assert self._translator is not None
        return model_measures(self._translator, self._texts.test, self._effort, seed=1)

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished trials show."""
        shown = [Shown("text", family.name, family.label) for family in self._families]
        if self._request.model is not None:
            name = self._request.model.name
            shown.insert(0, Shown("model", name, f"your model {name}"))
        report = Report(results, (self._copy, self._recall), self._families, shown, self._texts.name)
        settings = [Setting(name, f"{value:,}") for name, value in vars(self._effort).items()]
        settings += [
            Setting("text", self._texts.name),
            Setting("seeds", ", ".join(str(seed) for seed in range(1, results.repeats("copy") + 1))),
            Setting("device", str(self._device)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))
