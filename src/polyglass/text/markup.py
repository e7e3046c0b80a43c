"""HTML, XML or plain text in, runs out: stretches of text, and the tags between them, each with the characters it was.

The raws of all runs, one after the other, are the text itself: nothing is parsed away.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from polyglass.text.elements import BLOCKS, attribute_spans, is_unread
from polyglass.text.icu import find_messages
from polyglass.text.markdown import escape_markdown, read_markdown
from polyglass.text.runs import Kind, Role, Run, TagRules
from polyglass.text.tags import Tag, html_tags, not_well_formed, plain_tags, xml_tags

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_XML_NAMED = frozenset(["amp", "lt", "gt", "quot", "apos"])
_LINE_BREAK = re.compile(r"\r\n?|\n|\u2028|\u2029|[ ]*\t\s*")
_TAB = re.compile(r"(?<=\S)[ ]*\t[ \t]*(?=\S)")  # not those that indent a line
_PROTECTED = re.compile(r"""\s(?:mtype\s*=\s*["']protected["']|translate\s*=\s*["']no["'])""")
_KEY = re.compile(r"""\s(rid|i|id|startRef)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_PLAIN_BREAKS = frozenset(["br", "hr", "p"])


def read_runs(text: str, kind: Kind, rules: TagRules) -> Iterator[Run]:
    """Cut a text into runs. Raises InputError, saying where, if XML is not well-formed."""
    if kind == "markdown":
        yield from read_markdown(text)
        return
    tags = {"plain": plain_tags, "html": html_tags, "xml": xml_tags}[kind](text)
    at = 0
    messages = _messages(text, tags)
    codes = _paired_codes(text, tags, rules)
    for number, tag in enumerate(tags):
        while messages and messages[0][0] < tag.start:
            start, end = messages.pop(0)
            yield from (*_words(text[at:start], kind), Run("code", text[start:end], "\ufffc"))
            at = end
        if tag.start < at:  # inside of an element that is kept as it is
            continue
        yield from _words(text[at : tag.start], kind)
        at = tag.end
        raw = text[tag.start : at]
        if tag.form == "cdata" and kind == "xml":
            # What may stand in it is not what may stand beside it, so no sentence goes across its edges.
            inner = (replace(run, in_cdata=True) for run in read_runs(raw[9:-3], "plain", rules))
            yield from (Run("break", raw[:9]), *inner, Run("break", raw[-3:]))
            continue
        is_break = _breaks(tag, kind, rules)
        if number in codes:
            at = tags[tag.partner].end if tag.partner >= 0 else at
            yield Run(codes[number][0], text[tag.start : at], pair=codes[number][1])
        elif tag.form == "open" and tag.partner >= 0 and _is_opaque(tag, text, kind, rules):
            at = tags[tag.partner].end
            yield Run("break" if is_break else "code", text[tag.start : at], "" if is_break else "\ufffc")
        elif is_break:
            yield Run("break", raw, values=_values(tag, raw, kind))
        elif tag.partner >= 0 and tag.form in ("open", "close"):
            role: Role = "open" if tag.form == "open" else "close"
            yield Run(role, raw, pair=min(number, tag.partner), values=_values(tag, raw, kind))
        else:
            yield Run("point", raw, values=_values(tag, raw, kind))
    yield from _words(text[at:], kind)


def _messages(text: str, tags: Sequence[Tag]) -> list[tuple[int, int]]:
    """Return the plurals and selects that have tags in them, all of them whole: they are kept as they are."""
    found = []
    starts = [tag.start for tag in tags]
    for start, end in find_messages(text) if tags and "{" in text else ():
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        inside = tags[first:last]
        if inside and all(tag.partner < 0 or first <= tag.partner < last for tag in inside) and inside[-1].end <= end:
            found.append((start, end))
    return found


def _paired_codes(text: str, tags: Sequence[Tag], rules: TagRules) -> dict[int, tuple[Role, int]]:
    """Return role and pair for elements that stand for one tag each and have a counterpart; by number of the tag."""
    openings, closings = dict(rules.pairs), {close: opening for opening, close in rules.pairs}
    waiting: dict[tuple[str, str], int] = {}
    found: dict[int, tuple[Role, int]] = {}
    for number, tag in enumerate(tags) if rules.pairs else ():
        if tag.form in ("close", "other", "cdata"):
            continue
        attributes = {name: one or other for name, one, other in _KEY.findall(text[slice(*tag.attributes)])}
        if tag.name in openings:
            key = attributes.get("rid") or attributes.get("i") or attributes.get("id") or ""
            waiting[tag.name, key] = number
        elif tag.name in closings:
            names = ("rid", "startRef", "i", "id")
            key = next((attributes[name] for name in names if name in attributes), "")
            mate = waiting.pop((closings[tag.name], key), None)
            if mate is not None:
                found[mate], found[number] = ("open", mate), ("close", mate)
    return found


def split_layout(runs: Iterable[Run], *, lines: bool) -> Iterator[Run]:
    """Make a break of each tab between words, as in "Open<TAB>Ctrl+O", and with `lines` of each end of line."""
    pattern = _LINE_BREAK if lines else _TAB
    for run in runs:
        at = 0
        for found in pattern.finditer(run.raw) if run.role == "text" and run.raw == run.text else ():
            yield from _part(run, at, found.start())
            yield Run("break", found[0])
            at = found.end()
        yield from _part(run, at, len(run.raw)) if at else (run,)


def escape(text: str, kind: Kind) -> str:
    """Write text so that it means itself between the tags of `kind`."""
    if kind == "plain":
        return text
    if kind == "markdown":
        return escape_markdown(text)
    # ">" alone is allowed, but "]]>" is not, and most writers escape it.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _part(run: Run, start: int, end: int) -> Iterator[Run]:
    if start < end:
        yield Run("text", run.raw[start:end], run.raw[start:end], in_cdata=run.in_cdata)


def _breaks(tag: Tag, kind: Kind, rules: TagRules) -> bool:
    if tag.name in rules.splitting:
        return True
    if kind == "xml" or tag.name in rules.joining:
        return False
    blocks = BLOCKS if kind == "html" else _PLAIN_BREAKS
    return tag.name in blocks or (kind == "html" and tag.form == "other" and tag.name == "<!")


def _is_opaque(tag: Tag, text: str, kind: Kind, rules: TagRules) -> bool:
    attributes = text[slice(*tag.attributes)]
    if kind == "xml" and _PROTECTED.search(attributes):
        return True
    return tag.name in rules.opaque or (kind == "html" and is_unread(tag.name, attributes))


def _values(tag: Tag, raw: str, kind: Kind) -> tuple[tuple[int, int], ...]:
    is_element = kind == "html" and tag.form in ("open", "empty")
    return attribute_spans(tag.name, raw, tag.attributes[0] - tag.start) if is_element else ()


def _words(raw: str, kind: Kind) -> Iterator[Run]:
    """Cut text at its character references; each becomes a run of its own, with what it means."""
    at = 0
    for found in _ENTITY.finditer(raw) if kind != "plain" else ():
        if at < found.start():
            yield _text(raw[at : found.start()], kind)
        meaning = _meaning(found[0], kind)
        yield Run("text", found[0], meaning) if meaning else Run("code", found[0], "\ufffc")
        at = found.end()
    if at < len(raw):
        yield _text(raw[at:], kind)


def _text(raw: str, kind: Kind) -> Run:
    if kind == "xml" and "&" in raw:
        place = raw.index("&")
        raise not_well_formed(f"a & must be written &amp;, and this one is not: {raw[place : place + 40]!r}")
    return Run("text", raw, raw)


def _meaning(entity: str, kind: Kind) -> str | None:
    """Return the text that a reference stands for; None if only a document type could tell, or if it is a control."""
    name = entity[1:-1]
    if kind == "xml" and not name.startswith("#") and name not in _XML_NAMED:
        return None
    meaning = html.unescape(entity)
    return None if meaning == entity or not (meaning.isprintable() or meaning == "\xa0") else meaning
