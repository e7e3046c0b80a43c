"""What an experiment found, as one record: written as results.json, drawn as index.html, read back by anybody.

results.json is `Outcome` field by field, beside "schema": 1. A reader of another schema says so and stops.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from polyglass.errors import DataError
from polyglass.experiments.figures import Figure
from polyglass.files import write_atomically
from polyglass.reading import read_bounded

SCHEMA: Final = 1
RESULTS = "results.json"
MAX_BYTES = 64 * 2**20

Verdict: TypeAlias = Literal["confirmed", "confirmed with a condition", "not confirmed here", "not decided yet"]


@dataclass(frozen=True)
class Finding:
    """One claim with its verdict.

    words: what was measured, with the figures. rule: how the verdict follows from figures, fixed before measuring.
    whose: who says what is claimed.
    """

    claim: str
    verdict: Verdict
    words: str
    rule: str
    whose: str = "The notes say"


@dataclass(frozen=True)
class Section:
    """A part of the page: a heading, paragraphs, then figures."""

    title: str
    paragraphs: tuple[str, ...]
    figures: tuple[Annotated[Figure, Field(discriminator="kind")], ...]


@dataclass(frozen=True)
class Setting:
    """One fact about how it was measured, such as ("seeds", "3")."""

    name: str
    value: str


@dataclass(frozen=True)
class Outcome:
    """Everything that one experiment found.

    method: how it was measured, in paragraphs. command: what repeats it. signature: versions, machine and data in one
    line. unfinished: what is missing, in words; empty if nothing is.
    """

    name: str
    title: str
    question: str
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]
    method: tuple[str, ...]
    settings: tuple[Setting, ...]
    command: str
    signature: str
    unfinished: str = ""

    @property
    def verdict(self) -> Verdict:
        """All findings in one: confirmed or not confirmed if all are, else confirmed with a condition."""
        return joint_verdict([finding.verdict for finding in self.findings])


def joint_verdict(verdicts: "list[Verdict]") -> Verdict:
    """Return the one verdict of several; undecided ones count only if there is no other."""
    decided = {verdict for verdict in verdicts if verdict != "not decided yet"}
    if not decided:
        return "not decided yet"
    return decided.pop() if len(decided) == 1 else "confirmed with a condition"


@dataclass(frozen=True)
class _Document:
    """What stands in results.json."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", allow_inf_nan=False)

    schema: Literal[1]  # SCHEMA
    verdict: Verdict
    outcome: Outcome


@cache
def _adapter() -> "TypeAdapter[_Document]":
    """Return what reads and writes documents; it takes a tenth of a second to make."""
    return TypeAdapter(_Document)


def to_json(outcome: Outcome) -> str:
    """Return the text of results.json."""
    document = _Document(SCHEMA, outcome.verdict, outcome)
    return _adapter().dump_json(document, indent=1).decode() + "\n"


def save_outcome(folder: Path, outcome: Outcome) -> Path:
    """Write results.json into `folder` and return its path. Raises OutOfSpaceError if it cannot be written."""
    path = folder / RESULTS
    write_atomically(path, to_json(outcome).encode())
    return path


def load_outcome(path: Path) -> Outcome:
    """Read a results.json. Raises DataError if it is damaged or of another schema."""
    try:
        return _adapter().validate_json(read_bounded(path, MAX_BYTES)).outcome
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise DataError(
            f"{path} must hold results of schema {SCHEMA}, but {place}: {first['msg'][:200]}. Run the experiment again."
        ) from error
