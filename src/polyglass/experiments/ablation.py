"""`polyglass experiment ablation`: the paper's table 3, rows A to E, on one's own data; and the root in the scores."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import cached_property, partial

from polyglass.device import find_device
from polyglass.errors import InputError
from polyglass.experiments.ablation_report import Report
from polyglass.experiments.ablation_rows import FIRST, QUICK_ROWS, ROWS, Row
from polyglass.experiments.ablation_trials import ROOT, ROW, Effort, Measures, root_trial, row_trial
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.outcome import Setting
from polyglass.experiments.results import Results
from polyglass.experiments.short_text import SMALL, School, open_school, read_short, updates

EFFORT = Effort(pairs=1_000, steps=400, batch_tokens=512, tested=400)
QUICK = Effort(pairs=300, steps=12, batch_tokens=256, tested=24)


def open_experiment(request: Request) -> Experiment:
    """Check what was asked for. Raises InputError or DataError for data that cannot be used."""
    return Ablation(request)


class Ablation:
    """The experiment. part "row": the model of one row of the table. "root": softmax rows of random vectors."""

    repeats = 3

    def __init__(self, request: Request) -> None:
        if request.test and not request.files:
            raise InputError("--test is text to score models on, but none was named. Add FILES to train on.")
        self._request = request
        self._device = find_device(request.device)
        self._effort = QUICK if request.quick else EFFORT
        pairs, self._steps = self._effort.pairs, self._effort.steps
        self._texts = read_short(request.files, request.test, demo_pairs=pairs)
        if request.files and not request.quick:
            self._steps = updates(len(self._texts.train), demo_pairs=pairs, demo_updates=self._steps)

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        rows = [f"{row.name} {sorted(row.options.items())} {row.key_size} {row.root}" for row in ROWS]
        return [
            str(astuple(self._effort)),
            f"{self._steps} steps",
            str(self._device),
            str(sorted(SMALL.items())),
            *rows,
            self._texts.digest,
        ]

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repeat: the rows that most verdicts rest on first."""
        return list(self._trials(repeat))

    def _trials(self, seed: int) -> Iterator[Trial]:
        if seed == 1:
            yield Trial(ROOT, ROOT, seed, "softmax with and without root", partial(root_trial, seed=seed))
        ordered = QUICK_ROWS if self._request.quick else (*FIRST, *(row for row in ROWS if row not in FIRST))
        for row in ordered:
            name = row.label if row.group in ("base", "root") else f"({row.group}) {row.label}"
            yield Trial(ROW, row.name, seed, f"{name}, seed {seed}", partial(self._measure, row, seed))

    @cached_property
    def _school(self) -> School:
        return open_school(self._texts, tested=self._effort.tested, is_demo=not self._request.files)

    def _measure(self, row: Row, seed: int) -> Measures:
        return row_trial(row, self._school, self._effort, seed=seed, steps=self._steps, device=self._device)

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished trials show."""
        report = Report(results, self._texts.name, self._steps)
        settings = [Setting(name.partition(".")[2], str(value)) for name, value in SMALL.items()]
        settings += [Setting(name.replace("_", " "), f"{value:,}") for name, value in vars(self._effort).items()]
        settings += [
            Setting("updates", f"{self._steps:,}"),
            Setting("text", self._texts.name),
            Setting("seeds", ", ".join(str(seed) for seed in range(1, results.repeats(ROW) + 1))),
            Setting("device", str(self._device)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))
