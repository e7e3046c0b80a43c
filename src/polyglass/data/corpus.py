"""Files in, aligned pairs out: two text files, two of subtitles, one TSV, JSONL, TMX, XLIFF or PO; plain or compressed.

    corpus = open_corpus([Path("train.en.gz"), Path("train.de.gz")])
    for pair in corpus: ...

Pairs stream: memory holds one line of each file. `filter_pairs` keeps what can be trained on, and counts the rest.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from polyglass.data.filters import FilterReport, filter_pairs, held_out_sources
from polyglass.data.formats import jsonl, po, tsv, xml_memories
from polyglass.data.formats.languages import bare_name, language_of, languages_of
from polyglass.data.formats.lines import read_lines
from polyglass.data.formats.subtitles import read_subtitle_pairs
from polyglass.data.pair import Damage, DamagedText, Errors, Pair
from polyglass.data.unequal import explain_unequal
from polyglass.errors import DataError

__all__ = ["CorpusFiles", "FilterReport", "Pair", "filter_pairs", "held_out_sources", "open_corpus"]

Kind = Literal["lines", "subtitles", "tsv", "jsonl", "tmx", "xliff", "po"]
_ENDINGS: dict[str, Kind] = {
    **{".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".tmx": "tmx", ".po": "po"},
    **dict.fromkeys((".xlf", ".xliff", ".sdlxliff", ".mxliff", ".mqxliff", ".txlf"), "xliff"),
    **dict.fromkeys((".srt", ".vtt"), "subtitles"),
}
_UNREAD = {
    ".csv": "Give TSV: texts hold commas.",
    ".json": "Give JSONL: one JSON object to a line.",
    ".xlsx": "Export it as TSV.",
    ".parquet": "Export it as JSONL.",
}
_END = object()


class CorpusFiles:
    """The files of one corpus; each `for` reads them again from the start.

    Iterating yields whole pairs only; what `errors="skip"` passes by is in `with_damaged()`, which `filter_pairs`
    counts. Raises DataError while reading: see `open_corpus`.
    """

    def __init__(
        self, paths: Sequence[Path], kind: Kind, *, errors: Errors, languages: tuple[str | None, str | None]
    ) -> None:
        self.paths = tuple(paths)
        self.kind = kind
        self.errors = errors
        self._languages = languages

    def __iter__(self) -> Iterator[Pair]:
        return (pair for pair in self.with_damaged() if pair.damage is None)

    def with_damaged(self) -> Iterator[Pair]:
        """Yield every pair, those too that could not be read (with errors="skip")."""
        match self.kind:
            case "lines":
                return self._side_by_side()
            case "tsv":
                return tsv.read_tsv(self.paths[0], errors=self.errors)
            case "jsonl":
                return jsonl.read_jsonl(self.paths[0], errors=self.errors, languages=self._languages)
            case "subtitles":
                return read_subtitle_pairs(*self.paths)
            case "tmx":
                return xml_memories.read_tmx(self.paths[0], languages=self._languages)
            case "xliff":
                return xml_memories.read_xliff(self.paths[0])
            case "po":
                return po.read_po(self.paths[0])

    @property
    def given_languages(self) -> tuple[str | None, str | None]:
        """The languages that the caller named."""
        return self._languages

    def guess_languages(self) -> tuple[str | None, str | None]:
        """Name source and target language by file endings, JSON keys or the header; None where nothing tells."""
        if self._languages[0] and self._languages[1]:
            return self._languages
        if self.kind in ("lines", "subtitles"):
            guessed = language_of(self.paths[0]), language_of(self.paths[1])
        else:
            guessed = self._named_inside() or languages_of(self.paths[0])
        return self._languages[0] or guessed[0], self._languages[1] or guessed[1]

    def count_ignored_columns(self) -> int:
        """Return how many columns of a TSV are not read (0 for other files)."""
        return max(0, tsv.count_columns(self.paths[0]) - 2) if self.kind == "tsv" else 0

    def _named_inside(self) -> tuple[str | None, str | None] | None:
        match self.kind:
            case "jsonl":
                keys = jsonl.find_keys(self.paths[0])
                named = keys.languages if keys else None
            case "tmx":
                named = xml_memories.tmx_languages(self.paths[0])
            case "xliff":
                named = xml_memories.xliff_languages(self.paths[0])
            case "po":
                named = po.po_languages(self.paths[0])
            case _:
                first = next(read_lines(self.paths[0], errors="skip"), "")
                named = tsv.header(first)
        return named if named and any(named) else None

    def _side_by_side(self) -> Iterator[Pair]:
        sides = [read_lines(path, errors=self.errors) for path in self.paths]
        for line, (source, target) in enumerate(zip_longest(*sides, fillvalue=_END), start=1):
            if not isinstance(source, str) or not isinstance(target, str):
                # The longer side has a line in hand already.
                longer = line + sum(1 for _ in sides[isinstance(target, str)])
                counts = (longer, line - 1) if isinstance(source, str) else (line - 1, longer)
                raise explain_unequal(self.paths, counts)
            damage: Damage | None = None
            if isinstance(source, DamagedText) or isinstance(target, DamagedText):
                damage = "bad_encoding"
            yield Pair(line, source, target, damage)


def open_corpus(
    paths: Sequence[Path],
    *,
    errors: Errors = "strict",
    languages: tuple[str | None, str | None] = (None, None),
) -> CorpusFiles:
    """Name a corpus: two text files (source, target), two of subtitles, or one .tsv, .jsonl, .tmx, .xlf or .po.

    Each may end in .gz, .xz or .zst.

    Line n of the one file is the translation of line n of the other. errors: "strict" raises DataError at the first
    line that cannot be read, "skip" passes it by. languages: source and target, if the caller knows them; they also
    choose the keys of a JSONL file. Raises DataError if the files do not make a corpus; reading raises DataError
    if the sides have different numbers of lines.
    """
    paths = [Path(path) for path in paths]
    kinds = [_kind(path) for path in paths]
    if len(paths) == 2 and kinds in (["lines", "lines"], ["subtitles", "subtitles"]):
        if paths[0] == paths[1]:
            raise DataError(f"source and target must be two files, but both are {paths[0]}.")
        return CorpusFiles(paths, kinds[0], errors=errors, languages=languages)
    if len(paths) == 1 and kinds not in (["lines"], ["subtitles"]):
        return CorpusFiles(paths, kinds[0], errors=errors, languages=languages)
    if len(paths) == 1:
        raise DataError(
            f"a corpus has two sides, but {paths[0]} is one text file. Give the other side, too, "
            "or one file that ends in .tsv, .jsonl, .tmx, .xlf or .po."
        )
    names = ", ".join(map(str, paths)) or "none"
    raise DataError(f"a corpus is two text files, or one TSV, JSONL, TMX, XLIFF or PO, but these were given: {names}.")


def _kind(path: Path) -> Kind:
    ending = bare_name(path).suffix.lower()
    if ending in _UNREAD:
        raise DataError(f"{path}: files that end in {ending} are not read. {_UNREAD[ending]}")
    return _ENDINGS.get(ending, "lines")
