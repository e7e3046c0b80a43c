"""A catalogue of gettext in, one pair for each translated message out.

What is fuzzy, obsolete or untranslated is no pair. A plural gives two: the singular with the form for one, the plural
with the last form.
"""

from collections.abc import Iterator
from pathlib import Path

from polyglass.data.formats.opening import read_whole
from polyglass.data.formats.po_entries import Entry, header_value, read_entries
from polyglass.data.pair import Pair


def read_po(path: Path) -> Iterator[Pair]:
    """Yield a pair for each message that somebody translated."""
    for entry in read_entries(read_whole(path, convert=f"msgconv -t UTF-8 {path}"), str(path)):
        if entry.is_header or entry.obsolete or "fuzzy" in entry.flags or entry.source is None:
            continue
        for source, target in _texts(entry):
            if source.strip() and target.strip():
                yield Pair(entry.line, source.strip("\n"), target.strip("\n"))


def po_languages(path: Path) -> tuple[str | None, str | None]:
    """Return the languages that the header names; it knows only that of the translations."""
    header = next(
        (
            entry.forms[0].text
            for entry in read_entries(read_whole(path, convert=f"msgconv -t UTF-8 {path}"), str(path))
            if entry.is_header
        ),
        "",
    )
    return header_value(header, "X-Source-Language"), header_value(header, "Language")


def _texts(entry: Entry) -> Iterator[tuple[str, str]]:
    assert entry.source is not None
    if entry.plural is None:
        yield entry.source.text, entry.forms[min(entry.forms)].text
    else:
        if len(entry.forms) > 1:
            yield entry.source.text, entry.forms[min(entry.forms)].text
        yield entry.plural.text, entry.forms[max(entry.forms)].text
