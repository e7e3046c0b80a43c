"""Updates in, where the run stands out: smoothed loss, tokens a second, and the time left."""

import math
from collections import deque
from statistics import median

from polyglass.training.events import StepReport, Validation

WINDOW = 50  # updates that a smoothed number looks back on


class Pace:
    """The last updates of a run. Panel and plain lines take their numbers from here, so that both say the same."""

    def __init__(self, *, validate_every: int | None = None) -> None:
        """validate_every: steps between validations; None: learned from the first two."""
        self.last: StepReport | None = None
        self.validation: Validation | None = None
        self._validate_every = validate_every
        self._recent: deque[StepReport] = deque(maxlen=WINDOW)
        self._step_seconds: deque[float] = deque(maxlen=WINDOW)
        self._validation_seconds: deque[float] = deque(maxlen=5)

    def add(self, report: StepReport) -> None:
        """Take in one update."""
        # The clock between two updates also holds what happens around them; the first one has no clock before it.
        if self.last is not None and report.step == self.last.step + 1:
            self._step_seconds.append(report.elapsed_seconds - self.last.elapsed_seconds)
        elif report.tokens_per_second > 0:
            self._step_seconds.append(report.target_tokens / report.tokens_per_second)
        self._recent.append(report)
        self.last = report

    def add_validation(self, validation: Validation) -> None:
        """Take in one validation."""
        if self._validate_every is None and self.validation is not None and validation.step > self.validation.step:
            self._validate_every = validation.step - self.validation.step
        self._validation_seconds.append(validation.seconds)
        self.validation = validation

    @property
    def loss(self) -> float:
        """Mean loss of a target token over the recent updates, without updates whose loss is not finite."""
        finite = [report for report in self._recent if math.isfinite(report.loss)]
        tokens = sum(report.target_tokens for report in finite)
        return sum(report.loss * report.target_tokens for report in finite) / tokens if tokens else math.nan

    @property
    def tokens_per_second(self) -> float:
        """Real target tokens a second over the recent updates."""
        known = [report for report in self._recent if report.tokens_per_second > 0]
        seconds = sum(report.target_tokens / report.tokens_per_second for report in known)
        return sum(report.target_tokens for report in known) / seconds if seconds else 0.0

    @property
    def padding_share(self) -> float:
        """Mean share of padding over the recent updates."""
        return sum(report.padding_share for report in self._recent) / max(1, len(self._recent))

    @property
    def wait_share(self) -> float:
        """Mean share of time spent waiting for data over the recent updates."""
        return sum(report.wait_share for report in self._recent) / max(1, len(self._recent))

    @property
    def seconds_left(self) -> float | None:
        """Time to the last step: the median of the recent steps, and the validations on the way; None if unknown."""
        if self.last is None or not self._step_seconds:
            return None
        steps_left = max(0, self.last.total_steps - self.last.step)
        validations_left = 0
        if self._validate_every and self._validation_seconds:
            validations_left = self.last.total_steps // self._validate_every - self.last.step // self._validate_every
        pause = median(self._validation_seconds) if self._validation_seconds else 0.0
        return steps_left * median(self._step_seconds) + max(0, validations_left) * pause

    @property
    def seconds_to_validation(self) -> float | None:
        """Time to the next validation; None if there is none or its step is not known."""
        if self.last is None or not self._step_seconds or not self._validate_every:
            return None
        steps = self._validate_every - self.last.step % self._validate_every
        if self.last.step + steps > self.last.total_steps:
            return None
        return steps * median(self._step_seconds)
