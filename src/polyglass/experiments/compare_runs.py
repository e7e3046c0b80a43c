"""The folder of one run in; out: how far it is and how it went, while it trains, after it, and after a kill."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from polyglass.errors import BundleError
from polyglass.experiments.compare_child import FAILURE, OUTCOME, Outcome, remembered
from polyglass.experiments.compare_folder import RunName

State = Literal["waiting", "running", "scoring", "stopped", "done", "diverged", "failed"]
ENDED: tuple[State, ...] = ("done", "diverged", "failed")
DIVERGED = ("TrainingUnhealthyError", "PolyglassError")  # the latter: the model computes what is not a number
PARTS = 100  # of a run, for each of which one mean loss is kept
_STARTS = {kind: f'{{"kind": "{kind}"'.encode() for kind in ("step", "validation", "notice")}
_BAD_NEWS = ("non_finite", "out_of_memory", "save_failed", "metrics_failed", "damaged")


@dataclass(frozen=True)
class Moment:
    """Training up to one step: seconds and target tokens so far, mean loss of the steps since the moment before."""

    step: int
    seconds: float
    tokens: int
    loss: float


@dataclass(frozen=True)
class Judged:
    """One validation: the loss is without label smoothing; BLEU and chrF of greedy translations."""

    step: int
    seconds: float
    tokens: int
    loss: float
    bleu: float
    chrf: float


@dataclass(frozen=True)
class RunState:
    """Where a run stands. trouble: why it has no result, in words. notices: what went wrong on the way.

    latency_*: of validation sentences translated one by one, on `latency_device`.
    """

    run: RunName
    state: State
    step: int
    total_steps: int
    seconds: float
    tokens: int
    losses: tuple[Moment, ...]
    judged: tuple[Judged, ...]
    notices: tuple[str, ...]
    trouble: str = ""
    outcome: Outcome | None = None
    best_step: int | None = None
    latency_median_ms: float | None = None
    latency_p95_ms: float | None = None
    latency_device: str = ""

    @property
    def tokens_per_second(self) -> float | None:
        """Target tokens a second over the whole training, padding not counted."""
        return self.tokens / self.seconds if self.seconds > 0 else None

    @property
    def share(self) -> float:
        """The part of the updates that is made."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0


@dataclass
class _Part:
    """A stretch of steps while its mean is made."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    loss_sum: float = 0.0
    loss_tokens: int = 0


@dataclass
class _Course:
    """What the lines read so far say."""

    step: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    tokens: int = 0
    parts: dict[int, _Part] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class MetricsTail:
    """Reads what was appended to a metrics.jsonl since the last look, and keeps the course in bounded memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self._rest = b""
        self.course = _Course()

    def look(self) -> None:
        """Take in new lines; a file that was cut back by a resumed run is read anew."""
        try:
            with self._path.open("rb") as file:
                about = self._path.stat()
                if about.st_ino != self._inode or about.st_size < self._offset:
                    self._inode, self._offset, self._rest, self.course = about.st_ino, 0, b"", _Course()
                file.seek(self._offset)
                new = file.read()
        except FileNotFoundError:
            return
        self._offset += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        kind = next((kind for kind, start in _STARTS.items() if line.startswith(start)), None)
        if kind is None:
            return
        try:
            record = json.loads(line)
            {"step": self._step, "validation": self._validation, "notice": self._notice}[kind](record)
        except (ValueError, KeyError, TypeError):  # a damaged line is the run's own affair, and it says so
            return

    def _step(self, record: dict[str, Any]) -> None:
        course = self.course
        course.step, course.total_steps = record["step"], record["total_steps"]
        course.seconds = float(record["elapsed_seconds"])
        course.tokens += record["target_tokens"]
        part = course.parts.setdefault((course.step - 1) * PARTS // max(1, course.total_steps), _Part())
        part.step, part.seconds, part.tokens = course.step, course.seconds, course.tokens
        loss = float(record["loss"])
        if math.isfinite(loss):
            part.loss_sum += loss * record["target_tokens"]
            part.loss_tokens += record["target_tokens"]

    def _validation(self, record: dict[str, Any]) -> None:
        course = self.course
        judged = Judged(
            record["step"], course.seconds, course.tokens, float(record["loss"]), record["bleu"], record["chrf"]
        )
        course.judged.append(judged)

    def _notice(self, record: dict[str, Any]) -> None:
        if record["notice_kind"] in _BAD_NEWS:
            self.course.notices.append(f"step {record['step']:,}: {record['text']}")


class RunBook:
    """All runs of a comparison, as far as they are."""

    def __init__(self, folder: Path, runs: Sequence[RunName]) -> None:
        self._folder = folder
        self._runs = tuple(runs)
        self._tails = {run: MetricsTail(folder / run.folder / "metrics.jsonl") for run in runs}
        self._ended: dict[RunName, RunState] = {}

    def states(self, *, now: RunName | None = None) -> tuple[RunState, ...]:
        """Return where each run stands; `now` is the one that somebody works on."""
        return tuple(self.state(run, is_going=run == now) for run in self._runs)

    def state(self, run: RunName, *, is_going: bool = False) -> RunState:
        """Return where one run stands. Raises BundleError if a file of it is damaged."""
        if run in self._ended:
            return self._ended[run]
        tail = self._tails[run]
        tail.look()
        path = self._folder / run.folder
        found = _state(run, path, tail.course, is_going=is_going)
        if found.state in ENDED and not is_going:
            self._ended[run] = found
        return found

    def forget(self, run: RunName) -> None:
        """Look at a run anew: it is tried again."""
        self._ended.pop(run, None)


def _state(run: RunName, path: Path, course: _Course, *, is_going: bool) -> RunState:
    outcome, failure = remembered(path / OUTCOME), remembered(path / FAILURE)
    final = remembered(path / "final.json")
    state: State = "stopped" if course.step else "waiting"
    trouble = ""
    if is_going:
        is_over = course.step > 0 and course.step >= course.total_steps
        state = "scoring" if is_over else "running"
    elif outcome:
        state = "done"
    elif failure:
        state = "diverged" if failure.get("kind") in DIVERGED else "failed"
        trouble = str(failure.get("text", ""))
    latency = final.get("latency") or {}
    return RunState(
        run=run,
        state=state,
        step=course.step,
        total_steps=course.total_steps,
        seconds=course.seconds,
        tokens=course.tokens,
        losses=_moments(course),
        judged=tuple(course.judged),
        notices=tuple(course.notices),
        trouble=trouble,
        outcome=_outcome(path, outcome) if state == "done" else None,
        best_step=final.get("best_step"),
        latency_median_ms=latency.get("median_ms"),
        latency_p95_ms=latency.get("p95_ms"),
        latency_device=str(latency.get("device", "")),
    )


def _moments(course: _Course) -> tuple[Moment, ...]:
    return tuple(
        Moment(part.step, part.seconds, part.tokens, part.loss_sum / part.loss_tokens)
        for _, part in sorted(course.parts.items())
        if part.loss_tokens
    )


def _outcome(path: Path, fields: dict[str, Any]) -> Outcome:
    try:
        return Outcome(**{**fields, "finish_reasons": tuple(fields["finish_reasons"])})
    except (TypeError, KeyError) as error:
        raise BundleError(
            f"{path / OUTCOME} is damaged ({error}). Remove the folder {path}: the run is then made again."
        ) from error
