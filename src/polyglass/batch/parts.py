"""Finished parts of a file, in a folder beside the output: each proves itself, and that it belongs here.

big.de.parts/
    job.json        model, options and version that all parts share
    000001.part     a line of JSON that says what it is, then the translation of lines 1 to 1,000
    000002.part     ...
    input.tsv       number, lines and SHA-256 of each piece of the input; written when its end was reached

A part appears by one rename, so a part that is there is whole. Several processes may write into one folder: whatever
two of them make twice is the same.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from polyglass.batch.job import Job
from polyglass.batch.piece import Piece
from polyglass.errors import BundleError, InputError
from polyglass.files import LEFTOVER_PREFIX, make_folder, remove_folder, write_atomically
from polyglass.reading import read_bounded

JOB, INPUT, LOCK = "job.json", "input.tsv", ".lock"
MAX_PART_BYTES = 2**31
_PART_NAME = re.compile(r"([0-9]{6,})\.part")
_INPUT_ROW = re.compile(r"([0-9]+)\t([0-9]+)\t([0-9a-f]{64})")


@dataclass(frozen=True)
class Header:
    """What a part says of itself.

    job: fingerprint. source_sha256: of the piece that was translated; sha256: of what became of it. lines: of the
    source. cut: numbers of the lines that were longer than the model takes.
    """

    job: str
    number: int
    first: int
    lines: int
    source_sha256: str
    sha256: str
    cut: tuple[int, ...] = ()


@dataclass(frozen=True)
class Part:
    """A translated piece."""

    header: Header
    content: bytes

    @classmethod
    def of(cls, piece: Piece, job: Job, content: bytes, cut: Sequence[int]) -> "Part":
        """Return the part that a piece became."""
        sha256 = hashlib.sha256(content).hexdigest()
        numbers = (piece.number, piece.first, piece.lines)
        return cls(Header(job.fingerprint, *numbers, piece.sha256, sha256, tuple(cut)), content)


@dataclass(frozen=True)
class Source:
    """What is known of one piece of the input."""

    number: int
    lines: int
    sha256: str


class DamagedPartError(BundleError):
    """A part is not what was written."""


class PartsFolder:
    """The parts of one output. `path` ends in .parts, so that nobody takes it for the whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, output: Path) -> "PartsFolder":
        """Return the folder for the parts of an output."""
        return cls(output.with_name(f"{output.name}.parts"))

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return self.path.is_dir()

    def open(self, job: Job, *, overwrite: bool = False) -> None:
        """Make the folder, or go on with it. Raises InputError if it holds parts of another job, or is not ours.

        overwrite: let the job be another one; its parts are then foreign until they are made anew.
        """
        if self.path.exists() and not self.exists:
            raise InputError(f"{self.path} must be a folder for parts, but it is a file. Remove it.")
        make_folder(self.path)
        if not overwrite and self.numbers():
            if not (self.path / JOB).exists():
                raise InputError(f"{self.path / JOB} is missing, so nobody knows whose parts these are. Remove them.")
            if (found := self.job()) != job:
                raise InputError(
                    f"{self.path} holds parts made with {job.difference(found)}. "
                    "Give --overwrite to translate all anew, or choose another --output."
                )
        write_atomically(self.path / JOB, job.to_json())

    def job(self) -> Job:
        """Return the job of the parts. Raises BundleError if that cannot be said."""
        return Job.read(self.path / JOB)

    def file_of(self, number: int) -> Path:
        """Return where the part of that number lies."""
        return self.path / f"{number:06d}.part"

    def write(self, part: Part) -> None:
        """Keep a part, whole or not at all."""
        head = json.dumps(asdict(part.header)).encode()
        write_atomically(self.file_of(part.header.number), head + b"\n" + part.content)

    def read(self, number: int) -> Part:
        """Return a part after proving it. Raises DamagedPartError."""
        path = self.file_of(number)
        head, _, content = read_bounded(path, MAX_PART_BYTES).partition(b"\n")
        header = _header(head, path)
        if hashlib.sha256(content).hexdigest() != header.sha256:
            raise DamagedPartError(f"{path} is damaged: its SHA-256 is not the one that it was written with.")
        return Part(header, content)

    def kept(self, piece: Piece, job: Job) -> Header | None:
        """Return the header of the finished part of a piece; None if there is none, or if it is damaged.

        Raises InputError if it is of another job or of other lines.
        """
        path = self.file_of(piece.number)
        if not path.exists():
            return None
        try:
            header = self.read(piece.number).header
        except DamagedPartError:
            return None
        if header.job != job.fingerprint:
            raise InputError(f"{path} is of another job. Give --overwrite to translate it anew.")
        if header.source_sha256 != piece.sha256:
            raise self.changed(piece)
        return header

    def changed(self, piece: Piece) -> InputError:
        """Return the error for a piece that is not what its part was made from."""
        return InputError(
            f"{self.file_of(piece.number)} was made from other text: lines {piece.first:,} to "
            f"{piece.first + piece.lines - 1:,} of the input have changed since. Give --overwrite to translate anew."
        )

    def proven(self, job: Job) -> dict[int, str]:
        """Return number and source's SHA-256 of each whole part of a job; what is damaged or foreign is left out."""
        found = {}
        for number in self.numbers():
            try:
                header = self.read(number).header
            except DamagedPartError:
                continue
            if (header.job, header.number) == (job.fingerprint, number):
                found[number] = header.source_sha256
        return found

    def note_input(self, sources: Sequence[Source], *, overwrite: bool = False) -> None:
        """Write down what the input was, to its end. Raises InputError if that is not what another shard has read."""
        rows = "".join(f"{one.number}\t{one.lines}\t{one.sha256}\n" for one in sources).encode()
        path = self.path / INPUT
        if path.exists() and not overwrite and path.read_bytes() != rows:
            raise InputError(
                f"{path} is of another input, so shards have read different files. Let all have the same one, "
                "and give --overwrite to those that had another."
            )
        write_atomically(path, rows)

    def sources(self) -> Iterator[Source]:
        """Yield what the input was. Raises InputError if nobody has read it to its end, BundleError if damaged."""
        path = self.path / INPUT
        if not path.exists():
            raise InputError(
                f"{self.path} is not complete: no process has come to the end of the input yet. "
                "Wait for it, or start it again."
            )
        with path.open(encoding="ascii", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                found = _INPUT_ROW.fullmatch(line.rstrip("\n"))
                if found is None or int(found[1]) != number:
                    raise BundleError(f"{path}:{number} is damaged. Remove the file and run one of the shards again.")
                yield Source(number, int(found[2]), found[3])

    def strangers(self) -> list[Path]:
        """Return what lies in the folder and is neither a part nor one of the files that belong to it."""
        names = sorted(entry.name for entry in self.path.iterdir())
        ours = (JOB, INPUT, LOCK)
        return [
            self.path / name
            for name in names
            if name not in ours and not name.startswith(LEFTOVER_PREFIX) and not _PART_NAME.fullmatch(name)
        ]

    def numbers(self) -> set[int]:
        """Return the numbers of the parts that are there, by their names."""
        return {int(found[1]) for entry in self.path.iterdir() if (found := _PART_NAME.fullmatch(entry.name))}

    def remove(self) -> None:
        """Remove the folder with all its parts."""
        remove_folder(self.path)


def _header(head: bytes, path: Path) -> Header:
    try:
        document: Any = json.loads(head)
        types = {one.name: list if one.name == "cut" else one.type for one in fields(Header)}
        if not isinstance(document, dict) or {name: type(value) for name, value in document.items()} != types:
            raise ValueError("its first line does not say what it is")
        return Header(**{**document, "cut": tuple(map(int, document["cut"]))})
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedPartError(f"{path} is damaged: {str(error)[:200]}.") from error
