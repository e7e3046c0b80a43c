"""`polyglass experiment position`: kinds of positions by score, beyond the trained lengths, and out of order."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import partial

from polyglass.device import find_device
from polyglass.errors import DataError, InputError
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.outcome import Setting
from polyglass.experiments.position_charts import PART
from polyglass.experiments.position_report import Report
from polyglass.experiments.position_text import TRAINED_JOINED, longest_trained, test_groups
from polyglass.experiments.position_trials import KINDS, Effort, Kind, Measures, Schooling, position_trial
from polyglass.experiments.results import Results
from polyglass.experiments.window_text import MOST_PAIRS, TextCorpus, learn_subwords, read_texts

EFFORT = Effort(steps=700, rate=3e-3, batch_tokens=512, width=96, layers=2, sentences=100)
QUICK_PAIRS = 1_000
QUICK = Effort(steps=10, rate=3e-3, batch_tokens=256, width=32, layers=2, sentences=4)


def open_experiment(request: Request) -> Experiment:
    """Check what was asked for. Raises InputError or DataError for data that cannot be used."""
    return Positions(request)


class Positions:
    """The experiment: which trials, and what follows."""

    repeats = 3

    def __init__(self, request: Request, kinds: Sequence[Kind] = KINDS) -> None:
        if request.test and not request.files:
            raise InputError("--test is text to score models on, but none is trained without FILES. Add FILES.")
        self._kinds = kinds
        self._device = find_device(request.device)
        self._effort = QUICK if request.quick else EFFORT
        self._texts: TextCorpus = read_texts(
            request.files, request.test, most=QUICK_PAIRS if request.quick else MOST_PAIRS
        )
        subwords = learn_subwords(self._texts)
        longest = longest_trained(self._texts.train, subwords)
        groups = test_groups(self._texts.test, subwords, longest=longest, sentences=self._effort.sentences)
        if not any(group.joined <= TRAINED_JOINED for group in groups):
            raise DataError(
                f"the test set must have sentences of at most {longest} subword tokens, which is what most training "
                f"sentences have, but all {len(self._texts.test):,} are longer. Choose another --test."
            )
        self._school = Schooling(self._texts.train, tuple(groups), subwords, longest, self._effort, self._device)

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        return [str(astuple(self._effort)), str(self._device), *map(str, self._kinds), self._texts.digest]

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repeat."""
        return list(self._trials(repeat))

    def _trials(self, seed: int) -> Iterator[Trial]:
        for kind in self._kinds:
            yield Trial(PART, kind.name, seed, f"{kind.label}, seed {seed}", partial(self._measure, kind, seed))

    def _measure(self, kind: Kind, seed: int) -> Measures:
        return position_trial(kind, self._school, seed=seed)

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished trials show."""
        school = self._school
        report = Report(results, self._kinds, school.groups, school.longest, self._texts.name)
        settings = [Setting(name, f"{value:,}") for name, value in vars(self._effort).items()]
        settings += [
            Setting("longest in training", f"{school.longest} tokens"),
            Setting("text", self._texts.name),
            Setting("seeds", ", ".join(str(seed) for seed in range(1, results.repeats(PART) + 1))),
            Setting("device", str(self._device)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))
