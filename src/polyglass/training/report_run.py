"""A run's folder in, what is known about the run out: the facts that report.html is drawn from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from polyglass.errors import DataError
from polyglass.training.events import Notice, Plan, StepReport, Validation
from polyglass.training.metrics import as_event, read_metrics

MOST = 1e18  # no number of a run is larger


@dataclass(frozen=True)
class Run:
    """Everything the folder tells. began, ended: UTC, first and last event. final, data_check: see report.py.

    Where a run went back to an earlier step, the later record of a step counts.
    """

    name: str
    plan: Plan | None
    steps: tuple[StepReport, ...]
    validations: tuple[Validation, ...]
    notices: tuple[Notice, ...]
    began: datetime | None
    ended: datetime | None
    final: Mapping[str, Any]
    data_check: Mapping[str, Any]

    @property
    def last(self) -> StepReport | None:
        """The last update that was made."""
        return self.steps[-1] if self.steps else None

    @property
    def best_step(self) -> int | None:
        """The step whose model is kept; None before the first validation."""
        known = number(self.final, "best_step")
        if known is not None:
            return int(known)
        return self.validations[-1].best_step if self.validations else None


def read_run(folder: Path) -> Run:
    """Read metrics.jsonl, final.json and data_check.json; the run may be unfinished and any of them missing.

    Raises DataError if the folder is not a run's, or names the file that is damaged.
    """
    names = ("metrics.jsonl", "final.json", "data_check.json")
    if not any((folder / name).exists() for name in names):
        raise DataError(
            f"A run's folder holds {', '.join(names[:-1])} or {names[-1]}, but {folder} holds none of them."
        )
    records = read_metrics(folder / names[0]) if (folder / names[0]).exists() else []
    plan: Plan | None = None
    steps: dict[int, StepReport] = {}
    validations: dict[int, Validation] = {}
    notices: list[Notice] = []
    for record in records:
        match as_event(record):
            case Plan() as event:
                plan = event
            case StepReport() as event:
                steps[event.step] = event
            case Validation() as event:
                validations[event.step] = event
            case Notice() as event:
                notices.append(event)
    times = [datetime.fromisoformat(record["time"]) for record in (records[:1] + records[-1:]) if record.get("time")]
    return Run(
        name=folder.resolve().name,
        plan=plan,
        steps=tuple(steps[step] for step in sorted(steps)),
        validations=tuple(validations[step] for step in sorted(validations)),
        notices=tuple(notices),
        began=times[0] if times else None,
        ended=times[-1] if times else None,
        final=_read_object(folder / names[1]),
        data_check=_read_object(folder / names[2]),
    )


def number(values: Mapping[str, Any], name: str) -> float | None:
    """Return a number, or None where there is none."""
    value = values.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if abs(value) < MOST else None  # which NaN is not, either


def string(values: Mapping[str, Any], name: str) -> str:
    """Return a text, or an empty one."""
    value = values.get(name)
    return value if isinstance(value, str) else ""


def objects(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list, or none."""
    value = values.get(name)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def strings(values: Mapping[str, Any], name: str) -> list[str]:
    """Return the texts of a list, or none."""
    value = values.get(name)
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else []


def _read_object(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} must hold a JSON object, but it cannot be read ({error}). Delete it and try again."
        ) from error
    if not isinstance(values, dict):
        raise DataError(
            f"{path} must hold a JSON object, but it holds a {type(values).__name__}. Delete it and try again."
        )
    return values
