"""A catalogue of gettext in, its entries out, each with the characters that its strings take.

The format is that of the GNU gettext manual, "The Format of PO Files": comments, msgctxt, msgid, msgid_plural, msgstr;
"#~" before what is obsolete. Nothing is parsed away, so that single strings can be replaced.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from polyglass.errors import DataError

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*\Z')
_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d{1,3})\])?)\s*(?=\")")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_MEANINGS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_WRITTEN = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\v": "\\v",
}


@dataclass
class Text:
    """A string of an entry. start, end: the characters from its first quote to its last."""

    text: str
    start: int
    end: int


@dataclass
class Entry:
    """An entry. start: where its first string begins; line: of that; flags_at: the characters of its flags.

    forms: the msgstr, by number (0 if there is no plural).
    """

    start: int = -1
    line: int = 0
    context: str | None = None
    source: Text | None = None
    plural: Text | None = None
    forms: dict[int, Text] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    flags_at: tuple[int, int] | None = None
    obsolete: bool = False
    indent: str = ""

    @property
    def is_header(self) -> bool:
        """True for the entry that says what the file is."""
        return self.source is not None and self.source.text == "" and self.context is None


def read_entries(text: str, name: str) -> Iterator[Entry]:
    """Yield the entries of a catalogue. Raises DataError with the line that breaks the rules."""
    entry = Entry()
    last: Text | None = None
    for number, found in enumerate(_LINE.finditer(text), start=1):
        line, at = found[0].rstrip("\r\n"), found.start()
        obsolete = line.startswith("#~")
        body = line.removeprefix("#~") if obsolete else line
        indent = len(line) - len(body.lstrip())
        body = body.strip()
        if not body or (line.startswith("#") and not obsolete) or (obsolete and body.startswith("|")):
            last = None
            if entry.forms:
                yield entry
                entry = Entry()
            if line.startswith("#,"):
                entry.flags = frozenset(flag.strip() for flag in line[2:].split(",") if flag.strip())
                entry.flags_at = (at, at + len(line))
            continue
        keyword = _KEYWORD.match(body)
        string = _STRING.match(body, keyword.end() if keyword else 0)
        if string is None or (keyword is None and last is None):
            raise DataError(
                f"{name}:{number}: a line must be a comment, or msgid, msgctxt or msgstr with text in quotes, but this "
                f"one is {line[:60]!r}. Mend it, or check the file: msgfmt --check {name}"
            )
        start, end = at + indent + string.start(1) - 1, at + indent + string.end(1) + 1
        if keyword is None and last is not None:
            last.text += unescape(string[1])
            last.end = end
            continue
        assert keyword is not None
        if entry.forms and not keyword[1].startswith("msgstr"):
            yield entry
            entry = Entry()
        last = Text(unescape(string[1]), start, end)
        if entry.start < 0:
            entry.start, entry.line, entry.obsolete = at, number, obsolete
        _put(entry, keyword, last)
    if entry.forms:
        yield entry


def _put(entry: Entry, keyword: "re.Match[str]", text: Text) -> None:
    match keyword[1]:
        case "msgctxt":
            entry.context = text.text
        case "msgid":
            entry.source = text
        case "msgid_plural":
            entry.plural = text
        case _:
            entry.forms[int(keyword[2] or 0)] = text


def unescape(text: str) -> str:
    """Return what a quoted string says."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_meaning, text)


def _meaning(found: "re.Match[str]") -> str:
    if found[1] or found[2]:
        return chr(int(found[1], 16) if found[1] else int(found[2], 8) & 0xFF)
    return _MEANINGS.get(found[3], found[3])


def escape(text: str) -> str:
    """Write a text as it stands between quotes."""
    return "".join(_WRITTEN.get(sign, sign) for sign in text)


def header_value(text: str, name: str) -> str | None:
    """Return a value of the header, such as "Language"; lines are "Name: value"."""
    found = re.search(rf"^{re.escape(name)}:[ \t]*(.*)$", text, re.MULTILINE | re.IGNORECASE)
    return (found[1].strip() or None) if found else None
