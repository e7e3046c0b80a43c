"""Things to run in, seconds out: warmed up, taken in turns, so that whatever slows the machine slows all alike."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

import torch

from polyglass.run.machine import available_cores


def in_turns(
    runs: Mapping[str, Callable[[], object]], *, passes: int, device: torch.device, warm_ups: int = 1
) -> dict[str, list[float]]:
    """Return name -> seconds of each of `passes` calls: A B C A B C ..., after `warm_ups` calls of each."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(warm_ups + passes):
        for name, run in runs.items():
            taken = timed(run, device)
            if number >= warm_ups:
                seconds[name].append(taken)
    return seconds


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Return how long one call takes, until the device has done its work."""
    settle(device)
    began = time.perf_counter()
    run()
    settle(device)
    return time.perf_counter() - began


def settle(device: torch.device) -> None:
    """Wait for what was started on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Quiet:
    """How quiet the machine was. load: programs that wanted a core, on average over the last minute, ours counted.

    cores: how many there are. noise: the typical spread of repetitions, as a share of their median.
    """

    load: float
    cores: int
    noise: float

    @property
    def is_busy(self) -> bool:
        """Whether others wanted the cores, too."""
        return self.load > 1.25 * self.cores + 0.25

    def words(self) -> str:
        """Say it."""
        found = f"Repetitions of the same cell differ by {self.noise:.0%} of their median, typically"
        load = f"the load was {self.load:.1f} on {self.cores} core{'s' if self.cores > 1 else ''}."
        return f"{self.warning()} {found}." if self.is_busy else f"{found}; {load}"

    def warning(self) -> str:
        """Say that the machine was busy."""
        return (
            f"The machine was busy while this was measured (load {self.load:.1f} on {self.cores} "
            f"core{'s' if self.cores > 1 else ''}): take the figures as rough, and measure again on a quiet one."
        )


def load_now() -> float:
    """Return the system's load average of the last minute; 0 where the system tells none."""
    with suppress(OSError, AttributeError):
        return os.getloadavg()[0]
    return 0.0


def how_quiet(loads: list[float], spreads: list[float]) -> Quiet:
    """Sum up. loads: as told by `load_now`. spreads: (largest - smallest) / median of each cell."""
    return Quiet(median(loads) if loads else 0.0, available_cores(), median(spreads) if spreads else 0.0)
