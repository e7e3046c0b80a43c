"""Finished trials: kept one file each, so that an experiment that was stopped goes on where it was."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from polyglass.errors import BundleError, InputError
from polyglass.files import make_folder, remove_leftovers, write_atomically
from polyglass.reading import read_bounded

MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Measure:
    """One measured number: what it is ("accuracy"), at which x (a distance, a length, a step), and y."""

    what: str
    x: float
    y: float


@dataclass(frozen=True)
class Finished:
    """What one trial measured. part: which question. case: of what (a family). repeat: its seed, from 1.

    note: a word on how it went, such as "stopped early: all right".
    """

    part: str
    case: str
    repeat: int
    seconds: float
    measures: tuple[Measure, ...]
    note: str = ""


@dataclass(frozen=True)
class _Document:
    """What stands in the file of a trial. fingerprint: of everything that its numbers depend on."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", ser_json_inf_nan="constants")

    schema: Literal[1]
    fingerprint: str
    trial: Finished


@cache
def _adapter() -> "TypeAdapter[_Document]":
    return TypeAdapter(_Document)


class Results:
    """The finished trials of one experiment, in memory."""

    def __init__(self, trials: Iterable[Finished] = ()) -> None:
        self._trials = {(trial.part, trial.case, trial.repeat): trial for trial in trials}

    def add(self, trial: Finished) -> None:
        """Keep one more."""
        self._trials[trial.part, trial.case, trial.repeat] = trial

    def has(self, part: str, case: str, repeat: int) -> bool:
        """Whether a trial is finished."""
        return (part, case, repeat) in self._trials

    def of(self, part: str, case: str | None = None) -> list[Finished]:
        """Return the trials of a part (and of one case of it), by repeat."""
        found = [trial for trial in self._trials.values() if trial.part == part and case in (None, trial.case)]
        return sorted(found, key=lambda trial: trial.repeat)

    def values(self, part: str, case: str, what: str) -> dict[float, list[float]]:
        """Return x -> the y of each repeat, with x ascending."""
        found: dict[float, list[float]] = {}
        for trial in self.of(part, case):
            for measure in trial.measures:
                if measure.what == what:
                    found.setdefault(measure.x, []).append(measure.y)
        return dict(sorted(found.items()))

    def repeats(self, part: str) -> int:
        """Return how often a part was measured, by any case."""
        return len({trial.repeat for trial in self.of(part)})


class TrialFolder:
    """The files of finished trials. fingerprint: trials of another one are refused, never mixed."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self._fingerprint = fingerprint

    def load(self) -> Results:
        """Read the trials that are there; one whose file is damaged is measured again.

        Raises InputError if they were measured with other settings.
        """
        make_folder(self._path)
        remove_leftovers(self._path)
        return Results(self._read())

    def save(self, trial: Finished) -> None:
        """Write one trial. Raises OutOfSpaceError."""
        content = _adapter().dump_json(_Document(1, self._fingerprint, trial), indent=1)
        write_atomically(self._path / f"{_file_name(trial)}.json", content + b"\n")

    def _read(self) -> Iterator[Finished]:
        for path in sorted(self._path.glob("*.json")):
            try:
                document = _adapter().validate_json(read_bounded(path, MAX_BYTES))
            except (ValidationError, BundleError):
                continue
            if document.fingerprint != self._fingerprint:
                raise InputError(
                    f"{self._path.parent} must be a new folder or hold the same experiment, but its trials were made "
                    "with other settings, data, versions or on another machine. Choose another --out, or remove it."
                )
            yield document.trial


def fingerprint(facts: Sequence[str]) -> str:
    """Return a short digest of everything that the numbers depend on."""
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _file_name(trial: Finished) -> str:
    """A name that any file system takes, and that no two trials share."""
    words = f"{trial.part}-{trial.case}-{trial.repeat}"
    readable = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)
    return f"{readable[:60]}-{hashlib.sha256(words.encode()).hexdigest()[:8]}"
