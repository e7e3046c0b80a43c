"""Pairs in, files of a corpus out: two text files, a TSV, JSON lines or a translation memory; plain or .gz.

Nothing appears before all is written. Where a format has no line feeds or tabs inside of a text they become spaces, and
are counted.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from polyglass.data.formats.languages import bare_name
from polyglass.errors import InputError
from polyglass.files import AtomicFile, open_atomically

_BATCH_BYTES = 1 << 20
_LINE_ENDS = str.maketrans("\n\r", "  ")
_LINE_ENDS_AND_TABS = str.maketrans("\n\r\t", "   ")
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], 0xFFFD)  # that XML has no way to write

Write = Callable[[str], None]


class PairWriter:
    """Writes pairs. flattened: texts in which a line feed or a tab became a space; written: pairs so far."""

    def __init__(self, files: "Sequence[_Lines]", write: "Callable[[Sequence[_Lines], str, str], int]") -> None:
        self._files = files
        self._write = write
        self.written = 0
        self.flattened = 0

    def add(self, source: str, target: str) -> None:
        """Write one pair."""
        self.flattened += self._write(self._files, source, target)
        self.written += 1


@contextmanager
def write_corpus(paths: Sequence[Path], languages: tuple[str | None, str | None]) -> Iterator[PairWriter]:
    """Open the files of a corpus that appear, whole, when the block ends.

    languages: of both sides; TMX and JSON lines name them. Raises InputError if the names make no corpus.
    """
    kind = corpus_kind(paths)
    with ExitStack() as stack:
        files = [_Lines(stack.enter_context(open_atomically(path)), packed=path.suffix == ".gz") for path in paths]
        codes = (languages[0] or "und", languages[1] or "und")
        head, write, tail = {
            "lines": ("", _write_lines, ""),
            "tsv": ("", _write_row, ""),
            "jsonl": ("", _write_record, ""),
            "tmx": (_memory_head(codes[0]), _memory_unit(codes), "</body>\n</tmx>\n"),
        }[kind]
        for file in files:
            file.write(head)
        yield PairWriter(files, write)
        for file in files:
            file.write(tail)
            file.close()


def corpus_kind(paths: Sequence[Path]) -> str:
    """Return the format that file names ask for: lines, tsv, jsonl or tmx."""
    endings = [bare_name(path).suffix.lower() for path in paths]
    known = {".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".tmx": "tmx"}
    if len(paths) == 2 and not any(ending in known for ending in endings) and paths[0] != paths[1]:
        return "lines"
    if len(paths) == 1 and endings[0] in known:
        return known[endings[0]]
    names = " ".join(map(str, paths))
    raise InputError(f"A corpus is written as two text files, or as one .tsv, .jsonl or .tmx, but not as {names}.")


class _Lines:
    """One file, written a megabyte at a time, perhaps packed."""

    def __init__(self, file: AtomicFile, *, packed: bool) -> None:
        self._file = file
        self._packer = zlib.compressobj(6, zlib.DEFLATED, 31) if packed else None  # 31: with the head of gzip, no time
        self._waiting: list[str] = []
        self._size = 0

    def write(self, text: str) -> None:
        self._waiting.append(text)
        self._size += len(text)
        if self._size > _BATCH_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        if self._packer:
            self._file.write(self._packer.flush())

    def _flush(self) -> None:
        content = "".join(self._waiting).encode("utf-8", "replace")
        self._file.write(self._packer.compress(content) if self._packer else content)
        self._waiting, self._size = [], 0


def _write_lines(files: Sequence[_Lines], source: str, target: str) -> int:
    flat = source.translate(_LINE_ENDS), target.translate(_LINE_ENDS)
    for file, text in zip(files, flat, strict=True):
        file.write(f"{text}\n")
    return (flat[0] != source) + (flat[1] != target)


def _write_row(files: Sequence[_Lines], source: str, target: str) -> int:
    flat = source.translate(_LINE_ENDS_AND_TABS), target.translate(_LINE_ENDS_AND_TABS)
    files[0].write(f"{flat[0]}\t{flat[1]}\n")
    return (flat[0] != source) + (flat[1] != target)


def _write_record(files: Sequence[_Lines], source: str, target: str) -> int:
    files[0].write(json.dumps({"source": source, "target": target}, ensure_ascii=False) + "\n")
    return 0


def _memory_head(source_lang: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
        '<header creationtool="polyglass" creationtoolversion="1" segtype="sentence" o-tmf="none" adminlang="en" '
        f'srclang={quoteattr(source_lang)} datatype="plaintext"/>\n<body>\n'
    )


def _memory_unit(languages: tuple[str, str]) -> "Callable[[Sequence[_Lines], str, str], int]":
    def write(files: Sequence[_Lines], source: str, target: str) -> int:
        variants = "".join(
            f"<tuv xml:lang={quoteattr(language)}><seg>{escape(text.translate(_CONTROLS))}</seg></tuv>"
            for language, text in zip(languages, (source, target), strict=True)
        )
        files[0].write(f"<tu>{variants}</tu>\n")
        return 0

    return write
