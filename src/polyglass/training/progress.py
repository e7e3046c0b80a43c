"""Events in; metrics.jsonl (see metrics.py) and plain lines out: what a log or a pipe sees of a training."""

import io
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TextIO

from rich.console import Console

from polyglass.training.events import Notice, Plan, Reporter, StepReport, Validation
from polyglass.training.metrics import MetricsFile, read_metrics
from polyglass.training.pace import Pace
from polyglass.training.plan_view import show_plan
from polyglass.training.watch import Watch
from polyglass.training.wording import (
    clock_time,
    count,
    duration,
    marks,
    percent,
    perplexity,
    rate,
    size,
    stream_is_gone,
    visible,
)

__all__ = ["MetricsFile", "PlainLines", "Several", "Watch", "local_time", "read_metrics"]


def local_time() -> datetime:
    """The wall clock with its time zone, for end times only; nothing is measured with it."""
    return datetime.now().astimezone()


class Several:
    """One reporter that tells several, and lets a `Watch` add its notices."""

    def __init__(self, reporters: Sequence[Reporter], *, watch: Watch | None = None) -> None:
        self._reporters = tuple(reporters)
        self._watch = watch

    def plan(self, plan: Plan) -> None:
        for reporter in self._reporters:
            reporter.plan(plan)

    def step(self, report: StepReport) -> None:
        for reporter in self._reporters:
            reporter.step(report)
        for notice in self._watch.step(report) if self._watch else ():
            self.notice(notice)

    def validation(self, validation: Validation) -> None:
        for reporter in self._reporters:
            reporter.validation(validation)
        for notice in self._watch.validation(validation) if self._watch else ():
            self.notice(notice)

    def notice(self, notice: Notice) -> None:
        for reporter in self._reporters:
            reporter.notice(notice)

    def close(self) -> None:
        for reporter in self._reporters:
            reporter.close()


class PlainLines:
    """A reporter for logs and pipes: one plain line in `every_seconds`, and every validation and notice. No ANSI.

    A stream that cannot be written (full disk, closed pipe) never stops the training.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        every_seconds: float = 30.0,
        validate_every: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = local_time,
    ) -> None:
        """clock measures the interval; now is the time of day that the end of the run is told in."""
        self._stream = stream
        self._every_seconds = every_seconds
        self._clock = clock
        self._now = now
        self._pace = Pace(validate_every=validate_every)
        self._last_line: float | None = None

    def plan(self, plan: Plan) -> None:
        drawn = io.StringIO()  # rich ends the whole program where a pipe is closed, so it never sees the stream
        show_plan(plan, Console(file=drawn, width=100, force_terminal=False, no_color=True), now=self._now())
        for line in drawn.getvalue().splitlines():
            self._write(line)

    def step(self, report: StepReport) -> None:
        self._pace.add(report)
        now = self._clock()
        is_due = self._last_line is None or now - self._last_line >= self._every_seconds
        if is_due or report.step == report.total_steps:
            self._last_line = now
            self._write(self._step_line(report))

    def validation(self, validation: Validation) -> None:
        self._pace.add_validation(validation)
        end = "best so far" if validation.is_best else f"best {best_words(validation)}"
        self._write(f"validation @ {validation.step}: {scores(validation)}, took {duration(validation.seconds)}, {end}")
        for sample in validation.samples:
            found = "".join(f" [{mark}]" for mark in marks(sample.source, sample.reference, sample.output))
            self._write(f"  source: {sample.source}")
            self._write(f"  reference: {sample.reference}")
            self._write(f"  now:{found} {sample.output}")

    def notice(self, notice: Notice) -> None:
        self._write(f"notice @ {notice.step} ({notice.kind}): {notice.text}")

    def close(self) -> None:
        """Nothing is held back, so nothing is left to write."""

    def _step_line(self, report: StepReport) -> str:
        pace = self._pace
        left = pace.seconds_left
        end = "" if left is None else f" (until {clock_time(left, self._now())})"
        parts = [
            f"step {report.step}/{report.total_steps} ({percent(report.step / max(1, report.total_steps))})",
            f"epoch {report.epoch:.2f}",
            f"loss {pace.loss:.3f}",
            f"lr {rate(report.learning_rate)}",
            f"grad {report.grad_norm:.2f}",
            f"{count(pace.tokens_per_second)} tok/s",
            f"padding {percent(pace.padding_share)}",
            f"wait {percent(pace.wait_share)}",
            f"memory {size(report.memory_bytes)}",
            f"elapsed {duration(report.elapsed_seconds)}",
            f"left {'?' if left is None else duration(left)}{end}",
        ]
        return "  ".join(parts)

    def _write(self, line: str) -> None:
        try:
            self._stream.write(visible(line, getattr(self._stream, "encoding", None) or "utf-8") + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            if not stream_is_gone(error, self._stream):
                raise


def best_words(validation: Validation) -> str:
    """Say which validation was the best so far: "chrF 41.2 / BLEU 18.4 @ 6,000 (patience 2/5)"."""
    patience = f" (patience {validation.misses}/{validation.patience})" if validation.patience else ""
    best = f"chrF {validation.best_chrf:.1f} / BLEU {validation.best_bleu:.1f} @ {count(validation.best_step)}"
    return best + patience


def scores(validation: Validation) -> str:
    """Say what a validation found, on one line."""
    return (
        f"loss {validation.loss:.3f} (perplexity {perplexity(validation.loss)}), chrF {validation.chrf:.1f}, "
        f"BLEU {validation.bleu:.1f}"
    )
