"""Events in, metrics.jsonl out, and back: one JSON object on each line, that any other program can read, too.

{"kind": "plan" | "step" | "validation" | "notice", ...every field of the event in events.py..., "time": "..."}
`time` is UTC in ISO 8601. A Notice has a `kind` of its own, which is written as "notice_kind". Numbers come back to the
last bit; those that JSON cannot spell are the strings "nan", "inf" and "-inf".
"""

import json
import math
import os
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from polyglass.errors import DataError, OutOfSpaceError
from polyglass.files import write_atomically
from polyglass.training.events import Notice, Plan, Sample, StepReport, Validation

Event: TypeAlias = Plan | StepReport | Validation | Notice

KINDS: dict[str, type[Event]] = {"plan": Plan, "step": StepReport, "validation": Validation, "notice": Notice}
MOST_WAITING_LINES = 20_000  # about 10 MB of records that wait for room on the disk

_FLOATS = {
    kind: {field.name for field in fields(event) if field.type in (float, "float")} for kind, event in KINDS.items()
}


class MetricsFile:
    """A reporter that appends every event to metrics.jsonl; a full disk never stops the training.

    Lines that could not be written wait in memory and are tried again with the next event; `tell` hears of it once.
    """

    def __init__(
        self,
        path: Path,
        *,
        tell: Callable[[Notice], None] = lambda notice: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open or create the file and cut off a last line that a killed run left unfinished. Raises OutOfSpaceError."""
        self._path = path
        self._tell = tell
        self._now = now
        self._step = 0
        self._waiting: deque[bytes] = deque()
        self._lost = 0
        self._is_blocked = False
        self._file: int | None = self._open()

    def plan(self, plan: Plan) -> None:
        self._append(plan)

    def step(self, report: StepReport) -> None:
        self._step = report.step
        self._append(report)

    def validation(self, validation: Validation) -> None:
        self._append(validation)

    def notice(self, notice: Notice) -> None:
        self._append(notice)

    def close(self) -> None:
        """Try a last time what still waits, and close the file."""
        if self._file is None:
            return
        self._write_waiting()
        os.close(self._file)
        self._file = None

    def cut_back(self, step: int) -> None:
        """Drop every record after `step`, in one step on disk: a resumed run writes them again. Raises OutOfSpaceError.

        The file then holds what an uninterrupted run had written at `step`, byte for byte.
        """
        lines = self._path.read_bytes().split(b"\n")[:-1]
        kept = [
            line for number, line in enumerate(lines, 1) if _record(self._path, number, line).get("step", 0) <= step
        ]
        self._waiting = deque(line for line in self._waiting if json.loads(line).get("step", 0) <= step)
        self._step = step
        if len(kept) < len(lines):
            write_atomically(self._path, b"".join(line + b"\n" for line in kept))
            if self._file is not None:
                os.close(self._file)
            self._file = self._open()

    def sync(self) -> None:
        """Bring what was written to the disk itself, safe from a power cut; call it with each checkpoint."""
        if self._file is not None and not self._is_blocked:
            try:
                os.fsync(self._file)
            except OSError as error:
                self._block(error)

    def _open(self) -> int:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            end = _end_of_whole_lines(file)
            if end < os.fstat(file).st_size:  # else the time of the last change would move
                os.ftruncate(file, end)
        except OSError as error:
            raise OutOfSpaceError(
                f"The run's metrics must be writable, but {self._path} cannot be opened ({error.strerror}). "
                "Free space, or give the run a folder that you may write to."
            ) from error
        return file

    def _append(self, event: Event) -> None:
        self._wait(event)
        self._write_waiting()

    def _wait(self, event: Event) -> None:
        self._waiting.append(_line(as_record(event, time=self._now())))
        if len(self._waiting) > MOST_WAITING_LINES:
            self._waiting.popleft()
            self._lost += 1

    def _write_waiting(self) -> None:
        try:
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.popleft()
                if self._is_blocked and not self._waiting:
                    self._unblock()  # which puts a notice in line
        except OSError as error:
            self._block(error)

    def _write(self, line: bytes) -> None:
        """Append one whole line or nothing."""
        assert self._file is not None, "a closed metrics file was written to"
        before = os.fstat(self._file).st_size
        rest = line
        try:
            while rest:  # once, unless the disk becomes full within the line
                rest = rest[os.write(self._file, rest) :]
        except OSError:
            os.ftruncate(self._file, before)
            raise

    def _block(self, error: OSError) -> None:
        if self._is_blocked:
            return
        self._is_blocked = True
        self._say(
            f"{self._path} cannot be written ({error.strerror or error}). Training goes on; the records wait in memory "
            "and are tried again at every step. Free some space on that disk."
        )

    def _unblock(self) -> None:
        self._is_blocked = False
        lost = f"the oldest {self._lost} records are lost" if self._lost else "no record was lost"
        self._lost = 0
        self._say(f"{self._path} can be written again; {lost}.")

    def _say(self, text: str) -> None:
        notice = Notice(self._step, "metrics_failed", text)
        self._wait(notice)
        self._tell(notice)


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the records of a metrics file in order; a last line that a killed run left unfinished is ignored.

    Raises DataError if the file does not exist, or names the first whole line that is not a record.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"A run's metrics stand in metrics.jsonl, but {path} cannot be read ({error.strerror}). "
            "Name the folder of a run."
        ) from error
    whole = content[: content.rfind(b"\n") + 1]
    return [_record(path, number, line) for number, line in enumerate(whole.split(b"\n")[:-1], start=1)]


def as_record(event: Event, *, time: datetime) -> dict[str, Any]:
    """Turn an event into what stands on a line of metrics.jsonl."""
    values = asdict(event)
    if isinstance(event, Notice):
        values["notice_kind"] = values.pop("kind")
    kind = next(name for name, known in KINDS.items() if isinstance(event, known))
    spelled = {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in values.items()
    }
    return {"kind": kind, **spelled, "time": time.astimezone(UTC).isoformat(timespec="milliseconds")}


def as_event(record: dict[str, Any]) -> Event:
    """Turn a record of `read_metrics` back into the event it was; fields of a later version are left out."""
    event = KINDS[record["kind"]]
    values = {field.name: record.get(field.name) for field in fields(event)}
    if event is Notice:
        values["kind"] = record["notice_kind"]
    if event is Validation:
        values["samples"] = tuple(Sample(**sample) for sample in record["samples"])
    if event is Plan:
        values["reasons"] = tuple(record["reasons"])
    return event(**values)  # type: ignore[arg-type]  # the fields' own types, as as_record wrote them


def _line(record: dict[str, Any]) -> bytes:
    # ASCII: no character of a corpus can then end the line for another program, or reach a terminal as a command.
    return json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(", ", ": ")).encode("ascii") + b"\n"


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = dict(json.loads(line))
        for name in _FLOATS[record["kind"]] & record.keys():
            if isinstance(record[name], str):  # JSON has no NaN and no infinity
                record[name] = float(record[name])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DataError(
            f'{path}:{number}: each line must be a JSON object whose "kind" is one of {", ".join(KINDS)}, but this one '
            f"begins with {line[:40]!r}. Was the file edited? Delete this line."
        ) from None
    return record


def _end_of_whole_lines(file: int) -> int:
    """Return the length of the file without a last line that has no line end."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 65536)
        os.lseek(file, start, os.SEEK_SET)
        newline = os.read(file, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0
