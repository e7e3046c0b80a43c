"""`polyglass experiment speed`: tokens a second by length and batch, for each kind of model on this machine."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import TypeAlias

import torch

from polyglass.device import find_device
from polyglass.experiments.experiment import Conclusion, Experiment, Request, Trial
from polyglass.experiments.families import FAMILIES, NUM_HEADS, Family
from polyglass.experiments.outcome import Setting
from polyglass.experiments.results import Measure, Results
from polyglass.experiments.speed_cells import (
    Model,
    attention_cell,
    batch_cell,
    decode_cell,
    steps_cell,
    thread_cell,
    train_cell,
)
from polyglass.experiments.speed_found import Plan
from polyglass.experiments.speed_report import Report
from polyglass.run.machine import describe_device

WIDEST = 4096

Cell: TypeAlias = tuple[str, str, Callable[[], list[Measure]]]
"""Part, case, and what measures it."""


@dataclass(frozen=True)
class Effort:
    """How large the cells are. tokens: target tokens in each training step. rows: written at once when decoding.

    batch_length: sequence length where the batch size varies. passes: of each cell in one trial.
    """

    width: int
    layers: int
    vocabulary: int
    tokens: int
    lengths: tuple[int, ...]
    decode_lengths: tuple[int, ...]
    rows: int
    batches: tuple[int, ...]
    batch_length: int
    attention_lengths: tuple[int, ...]
    step_lengths: tuple[int, ...]
    passes: int


EFFORT = Effort(
    width=128,
    layers=2,
    vocabulary=2_000,
    tokens=2_048,
    lengths=(16, 32, 64, 128, 256, 512, 1024),
    decode_lengths=(16, 64, 256, 1024),
    rows=8,
    batches=(1, 4, 16, 64, 256),
    batch_length=32,
    attention_lengths=(128, 256, 512, 1024, 2048, 4096),
    step_lengths=(16, 64, 256),  # the profiler keeps a record of each call, so longer ones take minutes
    passes=3,
)
QUICK = Effort(
    width=16,
    layers=1,
    vocabulary=64,
    tokens=64,
    lengths=(8, 16),
    decode_lengths=(8, 16),
    rows=2,
    batches=(1, 4),
    batch_length=8,
    attention_lengths=(32, 64),
    step_lengths=(8, 32),
    passes=2,
)


def open_experiment(request: Request) -> Experiment:
    """Settle devices and sizes. Raises ConfigError for a device that is not there."""
    return Speed(request)


class Speed:
    """The experiment: which cells, and what follows."""

    repeats = 3

    def __init__(self, request: Request, families: Sequence[Family] = FAMILIES) -> None:
        self._effort = QUICK if request.quick else EFFORT
        self._families = families
        self._devices = _devices(request.device)
        self._threads = torch.get_num_threads()
        self._equal = {
            "parameters": equal_models(families, self._effort, lambda model: model.parameters()),
            "operations": equal_models(families, self._effort, lambda model: model.flops_per_token(64)),
        }

    def facts(self) -> Sequence[str]:
        """Return what the numbers depend on."""
        return [str(astuple(self._effort)), str(self._families), *map(describe_device, self._devices)]

    def trials(self, repeat: int) -> Sequence[Trial]:
        """Return one repetition of every cell: what the verdicts rest on comes first."""
        found = list(self._once()) if repeat == 1 else []
        for device in self._devices:
            found += self._on(device)
        return [
            Trial(part, case, repeat, f"{part}, {case}, repetition {repeat}", partial(_without_note, measure))
            for part, case, measure in found
        ]

    def _once(self) -> Iterator[Cell]:
        """What needs no repetition: counts."""
        for length in self._effort.step_lengths:
            yield "steps", f"{length}", partial(steps_cell, self._equal["parameters"], length=length)

    def _on(self, device: torch.device) -> Iterator[Cell]:
        """The cells of one device."""
        effort, models = self._effort, self._equal["parameters"]
        yield from self._training("parameters", device)
        if device.type == "cpu" and self._threads > 1:
            length = min(64, max(effort.lengths))
            rows = effort.tokens // length
            cell = partial(thread_cell, models, rows=rows, length=length, threads=self._threads, passes=effort.passes)
            yield "threads", f"{device} {length}", cell
        for length in effort.decode_lengths:
            passes = max(1, effort.passes - 1)  # it takes longest and has the least noise
            cell = partial(decode_cell, models, rows=effort.rows, length=length, device=device, passes=passes)
            yield "decode", f"{device} {length}", cell
        for length in effort.attention_lengths:
            cell = partial(
                attention_cell,
                d_model=effort.width,
                heads=NUM_HEADS,
                length=length,
                device=device,
                passes=effort.passes,
            )
            yield "attention", f"{device} {length}", cell
        for rows in effort.batches:
            yield (
                "batch",
                f"{device} {rows}",
                partial(batch_cell, models, rows=rows, length=effort.batch_length, device=device, passes=effort.passes),
            )
        yield from self._training("operations", device)

    def _training(self, equal: str, device: torch.device) -> Iterator[Cell]:
        """Training at each length, with models that are equal in one respect."""
        effort, models = self._effort, self._equal[equal]
        for length in effort.lengths:
            rows = max(1, effort.tokens // length)
            cell = partial(train_cell, models, rows=rows, length=length, device=device, passes=effort.passes)
            yield f"train {equal}", f"{device} {length}", cell

    def conclude(self, results: Results) -> Conclusion:
        """Say what the finished cells show."""
        devices = {str(device): describe_device(device) for device in self._devices}
        plan = Plan(self._families, devices, self._equal["parameters"], self._equal["operations"], self._threads)
        report = Report(results, plan)
        settings = [Setting(name.replace("_", " "), str(value)) for name, value in vars(self._effort).items()]
        settings += [
            Setting("repetitions", str(results.repeats("train parameters"))),
            Setting("devices", ", ".join(devices.values())),
            Setting("CPU threads", str(self._threads)),
        ]
        return Conclusion(report.findings(), report.sections(), report.method(), tuple(settings))


def _without_note(measure: Callable[[], list[Measure]]) -> tuple[list[Measure], str]:
    return measure(), ""


def equal_models(families: Sequence[Family], effort: Effort, cost: Callable[[Model], float]) -> tuple[Model, ...]:
    """Return every family in the width at which its cost is nearest to that of the family with heads.

    That one has `effort.width` and `effort.layers` layers on each side; recurrent models have one, as they are used.
    """
    reference = next(family for family in families if family.heads)
    wanted = cost(Model(reference, effort.width, effort.layers, effort.vocabulary))
    found = []
    for family in families:
        layers = effort.layers if family.heads else 1
        low, high = 1, WIDEST // NUM_HEADS
        while low < high:  # the narrowest that costs as much
            middle = (low + high) // 2
            if cost(Model(family, middle * NUM_HEADS, layers, effort.vocabulary)) < wanted:
                low = middle + 1
            else:
                high = middle
        near = [Model(family, width * NUM_HEADS, layers, effort.vocabulary) for width in (max(1, low - 1), low)]
        found.append(min(near, key=lambda model: abs(cost(model) - wanted)))
    return tuple(found)


def _devices(asked: str) -> list[torch.device]:
    """Return the CPU, and the GPU where there is one; or the one device that was asked for."""
    if asked != "auto":
        return [find_device(asked)]
    return [torch.device("cpu"), *([torch.device("cuda")] if torch.cuda.is_available() else [])]
