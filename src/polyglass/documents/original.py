"""The bytes of a file in, its text out, and the bytes again with some stretches of the text replaced.

What is not replaced keeps its bytes: encoding, byte order mark and line ends are those of the file.
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from polyglass.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED_XML = re.compile(rb"""\A<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


@dataclass(frozen=True)
class Edit:
    """Characters start to end (exclusive) of a text are replaced by `text`."""

    start: int
    end: int
    text: str


class Place(Protocol):
    """What has an inside."""

    inner_start: int
    inner_end: int


@dataclass(frozen=True)
class Original:
    """A file as text. mark: its byte order mark; codec: Python's name of its encoding."""

    name: str
    text: str
    codec: str = "utf-8"
    mark: bytes = b""

    @property
    def line_end(self) -> str:
        """How lines end in the file, by the first one."""
        first = re.search(r"\r\n|\n|\r", self.text)
        return first[0] if first else "\n"

    def line_of(self, place: int) -> int:
        """Return the line of a character, counted from 1."""
        return bisect_right(self._line_starts, place) + 1

    @cached_property
    def _line_starts(self) -> list[int]:
        """Where each line but the first begins."""
        return [found.end() for found in re.finditer("\n", self.text)]

    def inside(self, place: "Place") -> str:
        """Return the text between the tags of an element."""
        return self.text[place.inner_start : place.inner_end]

    def edited(self, edits: Iterable[Edit], *, references: bool = False) -> bytes:
        """Return the file with these edits. references: characters that the encoding lacks are written as in XML.

        Raises DataError if the encoding lacks a character and there are no references.
        """
        parts, at = [], 0
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
            if edit.start < at:
                raise ValueError(f"two edits of {self.name} overlap at character {edit.start}")
            parts += [self.text[at : edit.start], edit.text]
            at = edit.end
        text = "".join([*parts, self.text[at:]])
        try:
            return self.mark + text.encode(self.codec, "xmlcharrefreplace" if references else "strict")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.name}: the translation has {text[error.start]!r}, which {self.codec} cannot write. "
                f"Convert the file first: iconv -f {self.codec} -t utf-8"
            ) from error


def read_original(content: bytes, name: str, *, declared: str | None = None, is_xml: bool = False) -> Original:
    """Decode a file by its byte order mark, else by what it declares, else as UTF-8.

    declared: an encoding that the file names in its own way. Raises DataError if the bytes are not what they should be.
    """
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if content.startswith(mark)), (b"", ""))
    if not codec and is_xml:
        if content[:4] in (b"<\0?\0", b"<\0!\0") or re.match(rb"<\0[A-Za-z]\0", content):
            codec = "utf-16-le"
        elif content[:4] in (b"\0<\0?", b"\0<\0!"):
            codec = "utf-16-be"
        elif found := _DECLARED_XML.match(content):
            declared = found[1].decode("ascii")
    codec = codec or _known(declared, name) or "utf-8"
    try:
        text = content[len(mark) :].decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name}:{line}: byte 0x{content[len(mark) + error.start]:02X} is not {codec}. "
            "Convert the file to UTF-8, for example from cp1252: iconv -f cp1252 -t utf-8"
        ) from error
    if mark + text.encode(codec) != content:
        raise DataError(f"{name}: its bytes cannot be kept in {codec}. Convert the file to UTF-8.")
    return Original(name, text, codec, mark)


def _known(declared: str | None, name: str) -> str | None:
    """Return Python's name of an encoding. UTF-16 without a mark is big-endian, as the standard says."""
    if declared is None:
        return None
    try:
        codec = codecs.lookup(declared).name
    except LookupError:
        raise DataError(f"{name}: it says that its encoding is {declared[:40]}, which is not known.") from None
    return {"utf-16": "utf-16-be", "utf-32": "utf-32-be", "utf-8-sig": "utf-8"}.get(codec, codec)
