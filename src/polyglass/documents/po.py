"""A catalogue of gettext in, its messages out: translations go into msgstr, and the entry becomes "fuzzy".

Comments, contexts, obsolete entries and the order of everything stay. A plural gets the translation of msgid where the
language counts one, and that of msgid_plural in its other forms.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import partial

from polyglass.data.formats.po_entries import Entry, escape, header_value, read_entries
from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original, read_original
from polyglass.documents.plurals import MOST_FORMS, Rule, read_plurals
from polyglass.errors import DataError

WIDTH = 80  # columns of a line that gettext's own tools write
_CHARSET = re.compile(rb'"Content-Type:[^"]{0,100}charset=([A-Za-z0-9._-]{1,40})', re.IGNORECASE)


def read_po(content: bytes, name: str) -> Document:
    """Read a catalogue. Raises DataError with the line that is wrong."""
    declared = _CHARSET.search(content[:20_000])
    charset = declared[1].decode("ascii") if declared and declared[1] != b"CHARSET" else None
    original = read_original(content, name, declared=charset)
    entries = list(read_entries(original.text, name))
    header = next((entry.forms[0].text for entry in entries if entry.is_header and 0 in entry.forms), "")
    language = header_value(header, "Language")
    plurals = header_value(header.replace("\n ", " "), "Plural-Forms")
    rule = _rule(plurals, name) if plurals and "EXPRESSION" not in plurals else None
    longest_line = max(
        (_width(line) for line in original.text.splitlines() if line.startswith(("msg", '"'))), default=0
    )
    width = WIDTH if longest_line <= WIDTH + 1 else 0
    return Document(
        original,
        "gettext PO",
        (header_value(header, "X-Source-Language"), language),
        lambda *_: [_unit(original, entry, rule, width) for entry in entries if not entry.is_header],
    )


def _rule(plurals: str, name: str) -> "tuple[int, Rule]":
    try:
        return read_plurals(plurals)
    except DataError as error:
        raise DataError(f"{name}: {error}") from error


def _unit(original: Original, entry: Entry, rule: "tuple[int, Rule] | None", width: int) -> Unit:
    source = entry.source.text if entry.source else ""
    forms = sorted(entry.forms)
    reason = "obsolete" if entry.obsolete else "" if source.strip() else "empty source"
    segments = tuple(
        Segment(
            _source_of(entry, form, rule),
            "closed" if reason else "translated" if entry.forms[form].text else "open",
            reason,
        )
        for form in forms
    )
    write = partial(_write, original, entry, forms, width)
    return Unit(f"{original.name}:{entry.line}", segments, write)


def _source_of(entry: Entry, form: int, rule: "tuple[int, Rule] | None") -> str:
    """Return the text that a form is the translation of: the singular where the form is the one for 1."""
    source = entry.source.text if entry.source else ""
    if entry.plural is None:
        return source
    count, choose = rule if rule and rule[0] <= MOST_FORMS else (len(entry.forms), lambda n: int(n != 1))
    return source if count > 1 and form == choose(1) else entry.plural.text


def _write(
    original: Original, entry: Entry, forms: Sequence[int], width: int, texts: Translated, language: str
) -> list[Edit]:
    edits = []
    for form, text in zip(forms, texts, strict=True):
        if text is not None:
            place = entry.forms[form]
            used = place.start - original.text.rfind("\n", 0, place.start) - 1
            source = entry.source.text if entry.source else ""
            quoted = quote(_like(source, text), used=used, width=width, line_end=original.line_end)
            edits.append(Edit(place.start, place.end, quoted))
    return [*edits, *_mark_fuzzy(original, entry)]


def _like(source: str, text: str) -> str:
    """Begin and end with a line feed exactly where the source does: gettext's own checks ask for it."""
    text = text.strip("\n")
    return "\n" * source.startswith("\n") + text + "\n" * (source.endswith("\n") and source != "\n")


def _mark_fuzzy(original: Original, entry: Entry) -> list[Edit]:
    if "fuzzy" in entry.flags:
        return []
    if entry.flags_at is not None:
        start = entry.flags_at[0]
        return [Edit(start, start + 2, "#, fuzzy,")]
    return [Edit(entry.start, entry.start, f"#, fuzzy{original.line_end}")]


def quote(text: str, *, used: int, width: int, line_end: str) -> str:
    """Write a text as gettext does: in one line if it fits, else an empty string and then a line for each line or part.

    used: columns before it; width: of a line, 0 for as long as it is.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    one = f'"{escape(text)}"'
    if len(lines) <= 1 and (not width or used + _width(one) <= width):
        return one
    parts = [part for line in lines for part in _wrapped(escape(line), width - 2 if width else 0)]
    return line_end.join(['""', *(f'"{part}"' for part in parts)])


def _wrapped(text: str, width: int) -> list[str]:
    """Break a line after spaces; a word that is too long stays whole."""
    if not width or _width(text) <= width:
        return [text]
    parts = [""]
    for word in re.findall(r"\S*\s*", text):
        if parts[-1] and _width(parts[-1]) + _width(word.rstrip()) > width:
            parts.append("")
        parts[-1] += word
    return parts


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
