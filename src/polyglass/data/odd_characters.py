"""Text from files in, text that is safe to show out: control characters cannot steer the terminal or hide."""

import unicodedata
from collections.abc import Iterable

# Characters that some tools take for the end of a line, or of a file. Here only \n ends a line: they are text.
LINE_LIKE = "\x00\x0b\x0c\r\x1a\x1c\x1d\x1e\x85\u2028\u2029"
_NAMES = {
    "\x00": "NUL",
    "\t": "TAB",
    "\n": "LF",
    "\x0b": "VT",
    "\x0c": "FF",
    "\r": "lone CR",
    "\x1a": "Ctrl-Z",
    "\x1b": "ESC",
    "\x85": "NEL",
    "\ufeff": "BOM",
    "\ufffd": "U+FFFD",
}
_HARMLESS_CATEGORIES = {"Zs", "Cn"}  # spaces of all widths; characters newer than this Python
_JOINERS = "\u200c\u200d"  # needed to spell Persian and Hindi, and in emoji


def visible(text: str, width: int | None = None) -> str:
    """Write control, direction and other unseen characters as escapes; cut to `width` characters with an ellipsis."""
    if width is not None and len(text) > width:
        text = text[: width - 1] + "…"
    if text.isprintable():
        return text
    return "".join(character if _is_plain(character) else _escaped(character) for character in text)


def name_character(character: str) -> str:
    """Name an odd character for people: "NUL", "lone CR", "U+2028"."""
    return _NAMES.get(character, f"U+{ord(character):04X}")


def is_odd(character: str) -> bool:
    """True for characters that hardly belong in a sentence: controls, line separators, direction marks, U+FFFD."""
    return character == "\ufffd" or (not _is_plain(character) and character not in "\t\n")


def line_like_in(text: str) -> Iterable[str]:
    """Return the characters in `text` that other tools may take for line ends, each once."""
    return [character for character in LINE_LIKE if character in text]


def _is_plain(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) in _HARMLESS_CATEGORIES or character in _JOINERS


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
