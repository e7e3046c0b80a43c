"""Where the lines of `polyglass translate` come from, what a translation looks like in print, and where it goes."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from polyglass.cli.main import visible
from polyglass.errors import DataError

if TYPE_CHECKING:
    from polyglass.files import AtomicFile
    from polyglass.translator import Candidate, Translation

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Line:
    """One line of text, and how it ended: a line feed, or nothing behind the last line of some files."""

    text: str
    end: str


class Lines:
    """Lines from somewhere, with the place's name for messages. Only LF and CRLF end a line."""

    def __init__(self, name: str, lines: Iterable[Line]) -> None:
        self.name = name
        self._lines = lines

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    @classmethod
    def of(cls, texts: Sequence[str], path: Path | None) -> "Lines":
        """Return the texts if there are any, else the lines of the file, else those of standard input."""
        if texts:
            return cls("command line", (Line(text, "\n") for text in texts))
        if path is not None:
            return cls(str(path), _file_lines(path))
        return cls("standard input", _decoded(_stream_lines(sys.stdin.buffer), "standard input"))


def chunks(lines: Iterable[Line], *, sizes: Sequence[int]) -> Iterator[list[Line]]:
    """Group lines; the first group has at most sizes[0], and so on; the last size is that of all later groups."""
    rest = iter(lines)
    for step in range(sys.maxsize):
        chunk = list(islice(rest, sizes[min(step, len(sizes) - 1)]))
        if not chunk:
            return
        yield chunk


def _stream_lines(stream: BinaryIO) -> Iterator[tuple[bytes, str]]:
    from polyglass.data.formats.opening import MOST_LINE_BYTES

    for number in count(1):
        raw = stream.readline(MOST_LINE_BYTES + 1)
        if len(raw) > MOST_LINE_BYTES:
            raise DataError(
                f"standard input:{number}: a line may have at most {MOST_LINE_BYTES:,} bytes, but this one has more. "
                "Cut it into sentences."
            )
        if not raw:
            return
        end = "\n" if raw.endswith(b"\n") else ""
        raw = raw.removesuffix(b"\n")
        if end:
            raw = raw.removesuffix(b"\r")
        yield (raw.removeprefix(_BOM) if number == 1 else raw), end


def _file_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a file, plain or packed. Raises DataError if it is missing or no text."""
    from polyglass.data.formats.opening import raw_lines

    open_end = _ends_without_line_feed(path)
    held: Line | None = None
    for line in _decoded(((raw, "\n") for raw in raw_lines(path)), str(path)):
        if held is not None:
            yield held
        held = line
    if held is not None:
        yield Line(held.text, "") if open_end else held


def _ends_without_line_feed(path: Path) -> bool:
    """Look at the last byte; of packed files it is not known, so they count as complete."""
    if path.suffix in (".gz", ".xz", ".zst") or not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _decoded(lines: Iterable[tuple[bytes, str]], name: str) -> Iterator[Line]:
    for number, (raw, end) in enumerate(lines, start=1):
        try:
            yield Line(raw.decode("utf-8"), end)
        except UnicodeDecodeError as error:
            column = len(raw[: error.start].decode("utf-8")) + 1
            raise DataError(
                f"{name}:{number}: byte 0x{raw[error.start]:02X} at column {column} is not UTF-8. "
                "Convert the text first, for example from cp1252: iconv -f cp1252 -t utf-8"
            ) from error


class Out(Protocol):
    """Where translations go."""

    def write(self, text: str, /) -> Any:
        """Take some text."""

    def flush(self) -> None:
        """Let readers see it."""


@contextmanager
def sink(path: Path | None) -> Iterator[Out]:
    """Open the file at `path`, which appears when all is written, or standard output."""
    if path is not None:
        from polyglass.files import open_atomically

        with open_atomically(path) as file:
            yield _FileOut(file)
    elif sys.stdout.isatty():
        yield _ScreenOut()
    else:
        yield sys.stdout


@dataclass(frozen=True)
class _FileOut:
    file: "AtomicFile"

    def write(self, text: str) -> None:
        self.file.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """The file appears at the end."""


class _ScreenOut:
    """The terminal: a translation must not steer it."""

    def write(self, text: str) -> None:
        sys.stdout.write(visible(text))

    def flush(self) -> None:
        sys.stdout.flush()


@dataclass(frozen=True)
class Form:
    """What is printed of a translation: its text, columns (TSV), or a JSON object."""

    n_best: int = 1
    scores: bool = False
    alignment: bool = False
    json: bool = False

    def render(self, number: int, translation: "Translation") -> str:
        """Return what stands for line `number`, without a line end behind it."""
        if self.json:
            return json.dumps(self._record(number, translation), ensure_ascii=False)
        if self.n_best == 1:
            return "\t".join(self._columns(translation, translation.candidates[0]))
        rows = (self._columns(translation, candidate) for candidate in translation.candidates)
        return "\n".join("\t".join([str(number), *row]) for row in rows)

    def _columns(self, translation: "Translation", candidate: "Candidate") -> list[str]:
        columns = [f"{candidate.score:.4f}"] if self.scores or self.n_best > 1 else []
        columns.append(candidate.text)
        if self.alignment:
            columns.append(" ".join(f"{i}-{j}" for i, j in word_alignment(translation.source_pieces, candidate)))
        if len(columns) > 1:
            columns = [column.replace("\t", " ") for column in columns]
        return columns

    def _record(self, number: int, translation: "Translation") -> dict[str, Any]:
        record: dict[str, Any] = {"line": number, "source": translation.source}
        record["translations"] = [self._candidate(candidate) for candidate in translation.candidates]
        if self.alignment:
            record["source_pieces"] = translation.source_pieces
        if translation.cut_tokens:
            record["cut_tokens"] = translation.cut_tokens
        return record

    def _candidate(self, candidate: "Candidate") -> dict[str, Any]:
        record: dict[str, Any] = {
            "text": candidate.text,
            "score": candidate.score,
            "log_prob": candidate.log_prob,
            "finish_reason": candidate.finish_reason,
        }
        if self.scores or self.alignment:
            record["pieces"] = candidate.pieces
        if self.scores:
            record["token_log_probs"] = candidate.token_log_probs
        if self.alignment:
            record["alignment"] = [[round(weight, 4) for weight in row] for row in candidate.alignment or ()]
        return record


def word_alignment(source_pieces: Sequence[str], candidate: "Candidate") -> list[tuple[int, int]]:
    """Return (source word, target word) for each target word: the source word that its pieces looked at most.

    Words count from 0, as `fast_align` writes them; they are what "▁" begins, so no end of sentence among them.
    """
    source_words, target_words = _words(source_pieces), _words(candidate.pieces)
    found = []
    for target, rows in enumerate(target_words):
        looks = [
            sum(candidate.alignment[row][column] for row in rows for column in columns)
            for columns in source_words
            if candidate.alignment
        ]
        if looks:
            found.append((looks.index(max(looks)), target))
    return found


def _words(pieces: Sequence[str]) -> list[list[int]]:
    """Return the positions of each word's pieces."""
    words: list[list[int]] = []
    for position, piece in enumerate(pieces):
        if piece in ("</s>", "<s>", "<pad>"):
            continue
        if piece.startswith("▁") or not words:
            words.append([])
        words[-1].append(position)
    return words
