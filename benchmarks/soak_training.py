"""Does training take more and more memory? A toy model trains for thousands of updates; memory is read every hundred.

The slope is the median of all slopes between two readings (Theil 1950, Sen 1968), so that one jump does not decide; the
first fifth is left out, because libraries and caches fill up then. Bar: less than 1 MB for a thousand updates.
Exit status 1 if it is broken (with --quick nothing is judged).
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import torch

from kill_training import OPTIONS, write_corpus
from polyglass.config import Config
from polyglass.device import peak_memory
from polyglass.run.talk import Quiet
from polyglass.run.train import start_run
from polyglass.settings import resolve
from polyglass.training.events import Notice, Reporter, StepReport, Validation
from process_memory import resident
from recipe import build_parser, finish, recipe

EVERY, BAR_MB = 100, 1.0


class Reading(Quiet):
    """Reads the memory of this process every hundred updates."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []

    def training(self, config: Config, last: Validation | None) -> Reporter:
        """Watch the training itself."""
        return self

    def step(self, report: StepReport) -> None:
        """Read the memory if it is time."""
        if report.step % EVERY == 0:
            found = resident(os.getpid())
            self.megabytes.append(found.own / 1e6 if found else peak_memory(torch.device("cpu")) / 1e6)

    def validation(self, validation: Validation) -> None:
        """Nothing to do."""

    def notice(self, notice: Notice) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def slope(readings: Sequence[float]) -> float:
    """Return the growth from one reading to the next: the median over all pairs of readings."""
    pairs = combinations(enumerate(readings), 2)
    return statistics.median([(later - earlier) / (b - a) for (a, earlier), (b, later) in pairs] or [0.0])


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("--steps", type=int, default=4000)
    given = parser.parse_args(argv)
    steps = 300 if given.quick else given.steps
    torch.set_num_threads(1)
    reading = Reading()
    with tempfile.TemporaryDirectory() as work:
        changes = {**OPTIONS, "train.steps": steps, "train.save_every": 500, "train.validate_every": 500}
        start_run(write_corpus(Path(work)), Path(work) / "model", resolve(overrides=changes), reading)
    steady = reading.megabytes[len(reading.megabytes) // 5 :]
    grown = slope(steady) * 1000 / EVERY
    print(f"updates                        {steps:,}")
    print(f"memory, first and last reading {steady[0]:.1f} and {steady[-1]:.1f} MB")
    print(f"slope                          {grown:+.2f} MB for a thousand updates (bar: {BAR_MB:.0f})")
    finish(recipe(), {"megabytes": reading.megabytes, "slope_mb_per_1000_steps": grown}, given.json)
    return 0 if given.quick or grown < BAR_MB else 1


if __name__ == "__main__":
    sys.exit(main())
