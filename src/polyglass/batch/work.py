"""Pieces in, parts out: the part of the work that any process can do, here or as an actor of Ray."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from polyglass.batch.formats import Format
from polyglass.batch.job import Job
from polyglass.batch.parts import Part
from polyglass.batch.piece import Piece
from polyglass.errors import PolyglassError
from polyglass.translator import Translation, Translator

Load = Callable[[], Translator]


@dataclass(frozen=True)
class Search:
    """What is asked of the model. options: names and values of `Translator.translate`. prefix: begins every output."""

    options: tuple[tuple[str, Any], ...] = ()
    prefix: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {**dict(self.options), "prefix": self.prefix}


class Worker:
    """Translates pieces; the model is loaded when the first one comes. load: how, in whatever process this is."""

    def __init__(self, load: Load, search: Search) -> None:
        self._load = load
        self._search = search
        self._translator: Translator | None = None

    def do(self, piece: Piece, *, format: Format, job: Job, name: str) -> Part:
        """Return the part that a piece of the file `name` becomes. Raises what the format and the model raise."""
        translations = self._translate(format.texts(piece, name), f"{name}, from line {piece.first:,} on")
        cut = [number for number, one in enumerate(translations, start=piece.first) if one.cut_tokens]
        return Part.of(piece, job, format.render(piece, translations), cut)

    def prepare(self, *, unless: bool) -> None:
        """Load the model now, `unless` it may turn out that nothing is left to do."""
        if not unless:
            _ = self.translator

    @property
    def translator(self) -> Translator:
        """The model, loaded."""
        if self._translator is None:
            self._translator = self._load()
        return self._translator

    def _translate(self, texts: Sequence[str], place: str) -> list[Translation]:
        prefix = None if self._search.prefix is None else [self._search.prefix] * len(texts)
        translator = self.translator
        try:
            return translator.translate(texts, prefix=prefix, **dict(self._search.options))
        except PolyglassError as error:
            raise type(error)(f"{place}: {error}") from error
