"""HTML, Markdown or plain text in, its sentences out; translations take their place, and all else stays."""

import re
from collections.abc import Sequence

from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original, read_original
from polyglass.text.parts import Kind

_CHARSET = re.compile(rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_LANGUAGE = re.compile(r"""(?i)<html\b[^>]{0,500}?\slang\s*=\s*["']?([A-Za-z-]{2,20})""")


def read_html(content: bytes, name: str) -> Document:
    """Read a web page; its encoding is that of its mark or its <meta charset>, else UTF-8."""
    declared = _CHARSET.search(content[:4096])
    original = read_original(content, name, declared=declared[1].decode("ascii") if declared else None)
    language = _LANGUAGE.search(original.text[:10_000])
    return _page(original, "HTML", "html", language[1] if language else None)


def read_markdown(content: bytes, name: str) -> Document:
    """Read Markdown (CommonMark, with tables and front matter)."""
    return _page(read_original(content, name), "Markdown", "markdown", None)


def read_text(content: bytes, name: str) -> Document:
    """Read plain text: each line by itself."""
    return _page(read_original(content, name), "plain text", "plain", None)


def _page(original: Original, form: str, kind: Kind, language: str | None) -> Document:
    def write(texts: Translated, _: str) -> Sequence[Edit]:
        return [Edit(0, len(original.text), texts[0] or "")]

    unit = Unit(original.name, (Segment(original.text),), write, is_page=True)
    return Document(original, form, (language, None), lambda *_: [unit], kind, in_place=True)
