"""Files of many texts in, pieces of them out, and back again: lines of text, and JSON objects with a named field."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePath
from typing import Protocol

from polyglass.batch.piece import Piece
from polyglass.data.formats.opening import raw_lines
from polyglass.errors import DataError, InputError
from polyglass.files import open_atomically
from polyglass.translator import Translation

PACKED = (".gz", ".xz", ".zst")
JSON_LINES = (".jsonl", ".ndjson")
PARQUET = ".parquet"


class Format(Protocol):
    """How a file is read in pieces, and how a translated piece is written. All of it can be sent to another process."""

    @property
    def kind(self) -> str:
        """What files it is for: "lines", "jsonl" or "parquet"."""

    @property
    def facts(self) -> str:
        """What else two parts must have in common to be joined."""

    @property
    def one_to_one(self) -> bool:
        """Whether each line becomes one line."""

    def pieces(self, path: Path, lines: int) -> Iterator[Piece]:
        """Cut a file, reading it once, from start to end. Raises DataError if it cannot be read."""

    def texts(self, piece: Piece, name: str) -> list[str]:
        """Return the texts of a piece, one for each line. Raises DataError naming the line that has none."""

    def render(self, piece: Piece, translations: Sequence[Translation]) -> bytes:
        """Return what stands for the piece in the output."""


@dataclass(frozen=True)
class Lines:
    """Lines of text; only LF and CRLF end one.

    render_line: writes the translation of the line of that number, without a line end. facts: how it does that.
    one_to_one: it never writes several lines.
    """

    render_line: Callable[[int, Translation], str]
    facts: str = ""
    one_to_one: bool = True
    kind: str = "lines"

    def pieces(self, path: Path, lines: int) -> Iterator[Piece]:
        """Cut a text file, plain or packed."""
        return _cut(raw_lines(path), lines, open_end=ends_open(path))

    def texts(self, piece: Piece, name: str) -> list[str]:
        """Return the lines."""
        return [_decoded(raw, f"{name}:{number}") for number, raw in _numbered(piece)]

    def render(self, piece: Piece, translations: Sequence[Translation]) -> bytes:
        """Return a line for each line; nothing stands behind the last one if that is so in the source."""
        lines = (self.render_line(number, one) for number, one in enumerate(translations, start=piece.first))
        return _joined((line.encode("utf-8", "replace") for line in lines), like=piece)


@dataclass(frozen=True)
class Records:
    """JSON objects, one to a line: the text of one field is translated into another, which is added at the end."""

    field: str
    into: str
    one_to_one: bool = True
    kind: str = "jsonl"

    @property
    def facts(self) -> str:
        """The two fields."""
        return json.dumps([self.field, self.into])

    def pieces(self, path: Path, lines: int) -> Iterator[Piece]:
        """Cut a file of JSON lines, plain or packed."""
        return _cut(raw_lines(path), lines, open_end=ends_open(path))

    def texts(self, piece: Piece, name: str) -> list[str]:
        """Return the text of each record; of an empty line the empty text."""
        return [self._text(_decoded(raw, f"{name}:{number}"), f"{name}:{number}") for number, raw in _numbered(piece)]

    def render(self, piece: Piece, translations: Sequence[Translation]) -> bytes:
        """Return each record as it stands there, with one field more."""
        pairs = zip(_numbered(piece), translations, strict=True)
        return _joined((self._with(raw, one.text) for (_, raw), one in pairs), like=piece)

    def _text(self, line: str, place: str) -> str:
        if not line.strip():
            return ""
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
            raise DataError(f"{place}: every line must be a JSON object, but this one is none ({reason}).") from error
        if not isinstance(record, dict):
            raise DataError(f"{place}: every line must be a JSON object, but this one is none.")
        if not isinstance(text := record.get(self.field), str):
            names = ", ".join(sorted(record))[:200]
            raise DataError(f'{place}: the record needs text at "{self.field}", but its keys are: {names}.')
        if self.into in record:
            raise DataError(f'{place}: the record has a "{self.into}" already. Choose another name: --into')
        return text

    def _with(self, raw: bytes, text: str) -> bytes:
        if not raw.strip():
            return raw
        added = f", {json.dumps(self.into, ensure_ascii=False)}: {json.dumps(text, ensure_ascii=False)}}}"
        return raw.rstrip().removesuffix(b"}").rstrip() + added.encode("utf-8", "replace")


def format_of(path: Path, lines: Lines, *, field: str | None, into: str) -> Format:
    """Return the format of a file, by its ending. Raises InputError if it needs a field, or must not have one."""
    name = PurePath(path.name)
    ending = (name.with_suffix("") if name.suffix in PACKED else name).suffix.lower()
    if ending not in (*JSON_LINES, PARQUET):
        if field is not None:
            raise InputError(f"--field goes with JSON lines and Parquet, but {path} is lines of text. Leave it out.")
        return lines
    if field is None:
        raise InputError(f"{path} holds records. Say which field is to be translated, for example --field text")
    if field == into:
        raise InputError(f"--field and --into must be two names, but both are {field!r}. Choose another --into.")
    if ending == PARQUET:
        from polyglass.batch.tables import Table

        return Table(field, into)
    return Records(field, into)


def write_joined(kind: str, contents: Iterable[bytes], path: Path) -> None:
    """Write rendered pieces as one file, which appears when all is written."""
    if kind == "parquet":
        from polyglass.batch.tables import write_table

        return write_table(contents, path)
    with open_atomically(path) as file:
        for content in contents:
            file.write(content)


def rows_of(kind: str, content: bytes) -> int:
    """Count the lines (or rows of a table) of a rendered piece."""
    if kind == "parquet":
        from polyglass.batch.tables import count_rows

        return count_rows(content)
    return content.count(b"\n") + (not content.endswith(b"\n"))


def ends_open(path: Path) -> bool:
    """Whether nothing stands behind the last line; of packed files it is not known, so they count as complete."""
    if path.suffix in PACKED or not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _cut(lines: Iterator[bytes], size: int, *, open_end: bool) -> Iterator[Piece]:
    """Put lines together; one piece is held back, because only the last one may have an open end."""
    held: list[bytes] = []
    number = 1
    while following := list(islice(lines, size)):
        if held:
            yield _piece(number, held, size, end=b"\n")
            number += 1
        held = following
    if held:
        yield _piece(number, held, size, end=b"" if open_end else b"\n")


def _piece(number: int, lines: Sequence[bytes], size: int, *, end: bytes) -> Piece:
    return Piece(number, (number - 1) * size + 1, len(lines), b"\n".join(lines) + end)


def _numbered(piece: Piece) -> Iterator[tuple[int, bytes]]:
    lines = piece.content.split(b"\n")[: piece.lines]  # what stands behind the last line feed is no line
    return enumerate(lines, start=piece.first)


def _joined(lines: Iterable[bytes], *, like: Piece) -> bytes:
    end = b"" if like.content.count(b"\n") < like.lines else b"\n"
    return b"\n".join(lines) + end


def _decoded(raw: bytes, place: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode("utf-8")) + 1
        raise DataError(
            f"{place}: byte 0x{raw[error.start]:02X} at column {column} is not UTF-8. "
            "Convert the text first, for example from cp1252: iconv -f cp1252 -t utf-8"
        ) from error
