"""What is to be done with one file, and how far it has got."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from polyglass.batch.formats import Format
from polyglass.batch.job import Job
from polyglass.batch.parts import PartsFolder


@dataclass(frozen=True)
class Errand:
    """One file to translate. name: of the input, for messages."""

    source: Path
    output: Path
    format: Format
    job: Job
    overwrite: bool = False

    @property
    def name(self) -> str:
        """The input, for messages."""
        return str(self.source)

    @property
    def folder(self) -> PartsFolder:
        """Where its parts are kept."""
        return PartsFolder.beside(self.output)


@dataclass
class Tally:
    """Lines and parts that were translated now, and those that were there before; and which lines were cut."""

    lines: int = 0
    parts: int = 0
    kept_lines: int = 0
    kept_parts: int = 0
    cut: list[int] = field(default_factory=list)


Tell = Callable[[Tally], None]
