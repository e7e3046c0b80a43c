"""XLIFF of version 2 (OASIS, XLIFF 2.1 of 2018): a unit has segments, each with source and target.

Machine output: state="translated" and subState="polyglass:machine", both of the segment.
"""

from collections.abc import Iterator
from functools import partial
from typing import Literal

from polyglass.documents.document import Document, Segment, State, Translated, Unit
from polyglass.documents.original import Edit, Original
from polyglass.documents.xliff2_check import check_version_2, other_language
from polyglass.documents.xml_edits import indent_before, quote, set_attributes, set_inner
from polyglass.documents.xml_tree import Element
from polyglass.text.parts import Rules

SPACES = "urn:oasis:names:tc:xliff:document:2."
_CODES = ("ph", "sc", "ec", "cp")
_PAIRS = (("sc", "ec"), ("sm", "em"))
_MACHINE = {"state": "translated", "subState": "polyglass:machine"}


def read_version_2(original: Original, root: Element) -> Document:
    """Return the document of an XLIFF file of version 2. Raises DataError where it does not say what is meant."""
    check_version_2(original, root)
    languages = (root.attributes.get("srcLang"), root.attributes.get("trgLang"))
    tags = Rules(
        ignore_tags=frozenset(f"{root.prefix}{code}" for code in _CODES),
        paired_tags=tuple((f"{root.prefix}{a}", f"{root.prefix}{b}") for a, b in _PAIRS),
    )
    form = f"XLIFF {root.attributes.get('version', '2.0')}"
    return Document(original, form, languages, lambda *_: list(_units(original, root)), "xml", tags)


def _units(original: Original, root: Element) -> Iterator[Unit]:
    for unit in root.below():
        if unit.name != "unit" or unit.space != root.space:
            continue
        closed = unit.inherited("translate") == "no"
        for one in unit.named("segment"):
            source, target = one.child("source"), one.child("target")
            if source is None:
                continue
            text = original.inside(source)
            reason = "marked as not to be translated" if closed else ""
            reason = reason or ("approved" if one.attributes.get("state") == "final" else "")
            reason = reason or ("" if text.strip() else "empty source")
            reason = reason or other_language(root, source) or (other_language(root, target) if target else "")
            filled = target is not None and bool(original.inside(target).strip())
            state: State = "translated" if filled and one.attributes.get("state") != "initial" else "open"
            write = partial(_write, original, root, one)
            segment = Segment(text, "closed" if reason else state, reason)
            yield Unit(f"{original.name}:{original.line_of(one.start)}", (segment,), write, line_breaks(source))


def _write(original: Original, root: Element, segment: Element, texts: Translated, language: str) -> list[Edit]:
    """Return the edits that put a translation into a segment; a file with targets must name their language."""
    source, target = segment.child("source"), segment.child("target")
    assert source is not None
    edits = list(set_attributes(original, segment, _MACHINE))
    if "trgLang" not in root.attributes:
        edits += set_attributes(original, root, {"trgLang": language})
    if target is not None:
        return [*edits, *set_inner(original, target, texts[0] or "", {})]
    tag = f"{segment.prefix}target"
    keeps = f' xml:space="{quote(source.attributes["xml:space"])}"' if "xml:space" in source.attributes else ""
    written = f"{indent_before(original, source)}<{tag}{keeps}>{texts[0] or ''}</{tag}>"
    return [*edits, Edit(source.end, source.end, written)]


def line_breaks(source: Element) -> Literal["keep", "space"]:
    """Say whether line ends in a source are meant, or only how the file is laid out."""
    return "keep" if source.inherited("xml:space") == "preserve" else "space"
