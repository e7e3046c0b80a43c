"""TSV or JSON lines in, their pairs out: a translation goes into the empty second column, or into the empty target.

Other columns, keys, spaces and the order of everything stay.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from json.decoder import JSONDecoder

from polyglass.data.formats.jsonl import Keys
from polyglass.data.formats.tsv import header
from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original, read_original
from polyglass.errors import DataError

_LINE = re.compile(r"[^\n]+")
_SPACE = re.compile(r"[ \t\r\n]*")


def read_tsv(content: bytes, name: str) -> Document:
    """Read a table: source, TAB, target, and further columns that stay."""
    original = read_original(content, name)
    first = next((found[0] for found in _LINE.finditer(original.text)), "")
    languages = header(first.rstrip("\r")) or (None, None)
    return Document(original, "TSV", languages, lambda *_: list(_rows(original)))


def _rows(original: Original) -> Iterator[Unit]:
    for number, found in enumerate(_LINE.finditer(original.text)):
        line = found[0].rstrip("\r")
        if number == 0 and header(line) is not None:
            continue
        source, tab, rest = line.partition("\t")
        target = rest.split("\t")[0]
        start = found.start() + len(source) + len(tab)
        reason = "" if source.strip() else "empty source"
        state = "closed" if reason else "translated" if target.strip() else "open"
        write = partial(_write_cell, start, start + len(target), tab)
        yield Unit(f"{original.name}:{original.line_of(found.start())}", (Segment(source, state, reason),), write)  # type: ignore[arg-type]


def _write_cell(start: int, end: int, tab: str, texts: Translated, language: str) -> list[Edit]:
    text = re.sub(r"[\t\r\n]", " ", texts[0] or "")
    return [Edit(start, end, text if tab else f"\t{text}")]


def read_jsonl(content: bytes, name: str) -> Document:
    """Read JSON objects, one to a line. Raises DataError for a line that is none."""
    original = read_original(content, name)
    return Document(original, "JSON lines", (None, None), lambda a, b: list(_records(original, a, b)))


def _records(original: Original, source_lang: str, target_lang: str) -> Iterator[Unit]:
    keys: Keys | None = None
    as_ascii = original.text.isascii() and "\\u" in original.text
    for found in _LINE.finditer(original.text):
        if not found[0].strip():
            continue
        place = f"{original.name}:{original.line_of(found.start())}"
        try:
            record = json.loads(found[0])
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
            raise DataError(f"{place}: every line must be a JSON object, but this one is none ({reason}).") from error
        keys = keys or _keys(record, source_lang, target_lang, place)
        inner = record.get(keys.inside) if keys.inside and isinstance(record, dict) else record
        source = inner.get(keys.source) if isinstance(inner, dict) else None
        if not isinstance(source, str):
            raise DataError(f'{place}: the record needs text at "{keys.source}".')
        target = inner.get(keys.target)  # type: ignore[union-attr]
        reason = "" if source.strip() else "empty source"
        state = "closed" if reason else "translated" if isinstance(target, str) and target.strip() else "open"
        write = partial(_write_value, original, _Record(found.start(), keys, as_ascii))
        yield Unit(place, (Segment(source, state, reason),), write)  # type: ignore[arg-type]


def _keys(record: object, source_lang: str, target_lang: str, place: str) -> Keys:
    """Return where source and target stand; the target's key may be missing."""
    inside = "translation" if isinstance(record, dict) and isinstance(record.get("translation"), dict) else None
    fields = record.get(inside) if inside and isinstance(record, dict) else record
    for source, target in (("source", "target"), (source_lang, target_lang)):
        if isinstance(fields, dict) and isinstance(fields.get(source), str):
            return Keys(source, target, inside)
    raise DataError(f'{place}: a record must hold its text at "source" or "{source_lang}". Rename the key.')


@dataclass(frozen=True)
class _Record:
    """Where a record begins, where its texts are, and whether it spells letters as \\u00e4."""

    start: int
    keys: Keys
    as_ascii: bool


def _write_value(original: Original, record: _Record, texts: Translated, language: str) -> list[Edit]:
    start, keys = record.start, record.keys
    written = json.dumps(texts[0], ensure_ascii=record.as_ascii)
    if keys.inside:
        members = dict(_members(original.text, _object_start(original.text, start)))
        start = members[keys.inside][0]
    members = dict(_members(original.text, start))
    if keys.target in members:
        return [Edit(*members[keys.target], written)]
    after = members[keys.source][1]
    return [Edit(after, after, f", {json.dumps(keys.target)}: {written}")]


def _object_start(text: str, start: int) -> int:
    return text.index("{", start)


def _members(text: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield key and place of each member of the JSON object that begins at `start` or behind it."""
    decoder = JSONDecoder()
    at = text.index("{", start) + 1
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if text[at] == "}":
            return
        key, at = decoder.raw_decode(text, at)
        at = text.index(":", at) + 1
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        _, end = decoder.raw_decode(text, at)
        yield key, (at, end)
        at = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        if text[at] == ",":
            at += 1
