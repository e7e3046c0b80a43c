"""The bytes of a file and its name in, a `Document` out: the ending of the name says which format it is."""

from collections.abc import Callable
from pathlib import PurePath

from polyglass.documents.document import Document
from polyglass.documents.package import read_package
from polyglass.documents.pages import read_html, read_markdown, read_text
from polyglass.documents.po import read_po
from polyglass.documents.subtitles import read_subtitles
from polyglass.documents.tables import read_jsonl, read_tsv
from polyglass.documents.tmx import read_tmx
from polyglass.documents.xliff import read_xliff
from polyglass.errors import DataError

Reader = Callable[[bytes, str], Document]
MOST_BYTES = 200 * 2**20  # a file is held in memory as a whole

_READERS: dict[str, Reader] = {
    **dict.fromkeys((".xlf", ".xliff", ".sdlxliff", ".mxliff", ".mqxliff", ".txlf"), read_xliff),
    **dict.fromkeys((".sdlppx", ".sdlrpx"), read_package),
    ".tmx": read_tmx,
    **dict.fromkeys((".po", ".pot"), read_po),
    **dict.fromkeys((".srt", ".vtt"), read_subtitles),
    **dict.fromkeys((".html", ".htm", ".xhtml"), read_html),
    **dict.fromkeys((".md", ".markdown"), read_markdown),
    ".txt": read_text,
    ".tsv": read_tsv,
    **dict.fromkeys((".jsonl", ".ndjson"), read_jsonl),
}
ENDINGS = frozenset(_READERS)
_BINARY = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "compressed with gzip",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}


def parse_document(content: bytes, name: str) -> Document:
    """Read a file. Raises DataError, naming it, if its format is unknown or it is broken, too large or hostile."""
    ending = PurePath(name).suffix.lower()
    if ending not in _READERS:
        known = ", ".join(sorted(ENDINGS))
        raise DataError(f"{name}: files that end in {ending or 'nothing'} cannot be translated. Known are {known}.")
    if len(content) > MOST_BYTES:
        raise DataError(f"{name} may have at most {MOST_BYTES:,} bytes, but it has {len(content):,}. Split it.")
    for magic, what in _BINARY.items():
        if content.startswith(magic) and _READERS[ending] is not read_package:
            raise DataError(f"{name} is {what}, not {ending}. Unpack it, or save it in its own format.")
    return _READERS[ending](content, name)
