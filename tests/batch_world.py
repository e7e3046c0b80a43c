"""A small world for tests of large files: a translator that shouts, and everything around it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from polyglass.batch.errand import Errand
from polyglass.batch.formats import Format, Lines, rows_of, write_joined
from polyglass.batch.job import Job
from polyglass.batch.work import Search, Worker
from polyglass.translator import Candidate, Translation, Translator


class Shouter:
    """Translates into capitals and remembers what it was asked. dies_at: a text on which the process fails."""

    def __init__(self, dies_at: str | None = None) -> None:
        self.asked: list[str] = []
        self.dies_at = dies_at

    def translate(self, texts: Sequence[str], *, prefix: Any = None, **options: Any) -> list[Translation]:
        if self.dies_at in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return [shouted(text) for text in texts]


def shouted(text: str) -> Translation:
    """Return what the shouter says; of texts with "long" it has cut something."""
    return Translation(text, (Candidate(text.upper(), (), (), 0.0, 0.0, "end"),), (), 3 * ("long" in text))


def plain(number: int, translation: Translation) -> str:
    return translation.text


def lines_format() -> Lines:
    return Lines(plain)


def worker(shouter: Shouter) -> Worker:
    return Worker(lambda: cast(Translator, shouter), Search())


def errand(source: Path, output: Path, *, format: Format | None = None, model: str = "m", **changes: Any) -> Errand:
    """Return an errand with two lines in a part."""
    format = format or lines_format()
    return Errand(source, output, format, Job(model, "{}", format.kind, format.facts, format.one_to_one, 2), **changes)


def write_lines(path: Path, *lines: str) -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    return path


def through(format: Format, path: Path, size: int) -> bytes:
    """Cut, shout, and join."""
    contents = []
    for piece in format.pieces(path, size):
        texts = format.texts(piece, path.name)
        assert len(texts) == piece.lines <= size
        contents.append(format.render(piece, [shouted(text) for text in texts]))
        assert rows_of(format.kind, contents[-1]) == piece.lines
    write_joined(format.kind, contents, path.with_suffix(".out"))
    return path.with_suffix(".out").read_bytes()
