"""HTML or XML in, its tags out, each with its place and its counterpart; in time linear in the text.

HTML may be tag soup: what is no tag is text. XML that is not well-formed raises InputError that says where.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from polyglass.errors import InputError
from polyglass.text.elements import RAW, VOID

Form = Literal["open", "close", "empty", "other", "cdata"]

_ATTRIBUTES = r"""(?:[^'"<>]|"[^"]*"|'[^']*'){0,10000}"""
_HTML = re.compile(
    rf"""</(?P<close>[A-Za-z][^\s/<>]{{0,200}})[^<>]{{0,1000}}>
    |<(?P<open>[A-Za-z][^\s/<>"']{{0,200}})(?P<attributes>(?:[\s/]{_ATTRIBUTES})?)>""",
    re.VERBOSE | re.DOTALL,
)
_NAME = r"[A-Za-z_:\u00c0-\U000effff][\w:.\-\u00b7]{0,200}"
_XML = re.compile(
    rf"""</(?P<close>{_NAME})\s*>
    |<(?P<open>{_NAME})(?P<attributes>(?:\s+{_NAME}\s*=\s*(?:"[^<"]*"|'[^<']*')){{0,1000}}\s*)(?P<empty>/?)>""",
    re.VERBOSE | re.DOTALL,
)
_INSTRUCTION = re.compile(rf"<\?{_NAME}(?:\s|\?>)")
_PLAIN = re.compile(
    r"""(?<!%)</(?P<close>[A-Za-z][\w:.-]{0,60})\s*>
    |(?<!%)<(?P<open>[A-Za-z][\w:.-]{0,60})(?P<attributes>
      (?:\s+[\w:.@-]{1,100}(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=/]{1,300}))?){0,50}\s*)(?P<empty>/?)>
    # Marks of a key, as in &Open, E&xit and _File, which stand before a letter, and places of subtitles: {\\an8}.
    |(?P<key>\{\\[^{}\n]{0,200}\}|(?:(?<=[a-z])(?=&[a-z])|(?<!\S))&(?=[^\W\d_])(?![A-Za-z][A-Za-z0-9]{0,31};)|(?<!\S)_(?=[A-Z][a-z])(?![^_]{0,99}_))""",
    re.VERBOSE | re.DOTALL,
)
# What is not an element begins with this and ends with that; "" is what HTML makes of one that never ends: text.
_OTHERS = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<%", "%>"), ("<!", ">"))


@dataclass(frozen=True)
class Tag:
    """A tag of a text. start, end: its characters; partner: number of the tag that opens or closes it, -1 if none."""

    start: int
    end: int
    form: Form
    name: str = ""
    attributes: tuple[int, int] = (0, 0)
    partner: int = -1


def not_well_formed(reason: str) -> InputError:
    """Return the error for XML that is none."""
    return InputError(f"The text must be well-formed XML, but {reason}. Mend it, or give it as HTML.")


def html_tags(text: str) -> list[Tag]:
    """Return the tags of HTML, names in lower case. A counterpart is the next unused one of the same name."""
    return _paired(list(_scan_html(text)))


def plain_tags(text: str) -> list[Tag]:
    """Return what looks like a tag in text that is not HTML, but may hold some, as interface texts do."""
    found = [_element(tag, (tag["open"] or tag["close"] or "").lower()) for tag in _PLAIN.finditer(text)]
    return _paired([replace(tag, form="empty") if tag.form == "open" and tag.name in VOID else tag for tag in found])


def xml_tags(text: str, *, start: int = 0) -> list[Tag]:
    """Return the tags of XML from a character on. Raises InputError if they do not nest, or something is no tag."""
    tags: list[Tag] = []
    opened: list[int] = []
    for tag in _scan_xml(text, start):
        if tag.form == "open":
            opened.append(len(tags))
        elif tag.form == "close":
            if not opened or tags[opened[-1]].name != tag.name:
                raise not_well_formed(f"</{tag.name}> at character {tag.start + 1} closes nothing that is open")
            mate = opened.pop()
            tags[mate], tag = replace(tags[mate], partner=len(tags)), replace(tag, partner=mate)
        tags.append(tag)
    if opened:
        raise not_well_formed(f"<{tags[opened[-1]].name}> at character {tags[opened[-1]].start + 1} is never closed")
    return tags


def is_well_formed(text: str) -> bool:
    """True if a part of XML opens and closes its own tags only."""
    try:
        xml_tags(text)
    except InputError:
        return False
    return True


def _scan_html(text: str) -> Iterator[Tag]:
    unending: set[str] = set()
    at = text.find("<")
    while at >= 0:
        tag = _other(text, at, unending)
        if tag is None and (found := _HTML.match(text, at)):
            tag = _element(found, (found["open"] or found["close"]).lower())
            if tag.form == "open" and (tag.name in VOID or text[tag.end - 2] == "/"):
                tag = replace(tag, form="empty")
        if tag is not None:
            yield tag
        at = at + 1 if tag is None else tag.end
        if tag is not None and tag.form == "open" and tag.name in RAW:
            close = re.compile(rf"</{tag.name}\b", re.IGNORECASE).search(text, at)
            at = close.start() if close else len(text)
        at = text.find("<", at)


def _scan_xml(text: str, start: int) -> Iterator[Tag]:
    at = text.find("<", start)
    while at >= 0:
        tag = None
        if not text.startswith(("<%", "<!"), at) or text.startswith(("<!--", "<![CDATA["), at):
            tag = _other(text, at, set())
        if tag is not None and text.startswith("<?", at) and not _INSTRUCTION.match(text, at):
            tag = None
        if tag is not None and text.startswith("<!--", at) and "--" in text[at + 4 : tag.end - 3]:
            tag = None
        if tag is None and (found := _XML.match(text, at)):
            tag = _element(found, found["open"] or found["close"])
        if tag is None:
            raise not_well_formed(f"there is no well-formed tag at character {at + 1}: {text[at : at + 40]!r}")
        yield tag
        at = text.find("<", tag.end)


def _other(text: str, at: int, unending: set[str]) -> Tag | None:
    """Return the comment, instruction or CDATA section that begins here. unending: what is known never to end."""
    for begin, end in _OTHERS:
        if text.startswith(begin, at):
            found = -1 if begin in unending else text.find(end, at + len(begin))
            if found >= 0:
                return Tag(at, found + len(end), "cdata" if begin == "<![CDATA[" else "other", begin)
            unending.add(begin)
    return None


def _element(found: "re.Match[str]", name: str) -> Tag:
    parts = found.groupdict()
    form: Form = "close" if found["close"] else "empty" if parts.get("empty") or parts.get("key") else "open"
    return Tag(found.start(), found.end(), form, name, found.span("attributes"))


def _paired(tags: list[Tag]) -> list[Tag]:
    opened: dict[str, list[int]] = {}
    for place, tag in enumerate(tags):
        if tag.form == "open":
            opened.setdefault(tag.name, []).append(place)
        elif tag.form == "close" and opened.get(tag.name):
            mate = opened[tag.name].pop()
            tags[mate], tags[place] = replace(tags[mate], partner=place), replace(tag, partner=mate)
    return tags
