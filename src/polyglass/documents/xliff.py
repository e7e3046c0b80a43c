"""XLIFF in, its segments out: translations go into <target>. Here version 1.2 (OASIS 2008), in xliff2.py version 2.

A trans-unit has source, seg-source and target; a <mrk mtype="seg"> in them is a segment of its own. Trados keeps what
it thinks of a segment in sdl:seg. Machine output: state="needs-review-translation", state-qualifier="leveraged-mt".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original
from polyglass.documents.xliff2 import SPACES, line_breaks, read_version_2
from polyglass.documents.xml_edits import indent_before, quote, set_attributes, set_inner
from polyglass.documents.xml_tree import Element, read_xml
from polyglass.errors import DataError
from polyglass.text.parts import Rules

SDL = "http://sdl.com/FileTypes/SdlXliff/1.0"
_CODES = ("x", "bx", "ex", "ph", "it", "bpt", "ept")
_PAIRS = (("bpt", "ept"), ("bx", "ex"))
_DONE = frozenset(["final", "signed-off"])
_UNTRANSLATED = frozenset(
    ["new", "needs-translation", "needs-l10n"]
)  # states of 1.2 in which a target is no translation
_SIGNED_OFF = frozenset(["ApprovedTranslation", "ApprovedSignOff"])  # what Trados calls a segment that is done
_MACHINE = {"state": "needs-review-translation", "state-qualifier": "leveraged-mt"}
_MACHINE_SDL = {"conf": "Draft", "origin": "mt"}


def read_xliff(content: bytes, name: str) -> Document:
    """Read an XLIFF file of any version. Raises DataError if it is none."""
    original, root = read_xml(content, name)
    if root.name != "xliff":
        raise DataError(
            f"{name} must be XLIFF, but its root element is <{root.name}>. Give it the ending of its format."
        )
    version = root.attributes.get("version", "")
    if root.space.startswith(SPACES) or version.startswith("2"):
        return read_version_2(original, root)
    files = root.named("file")
    first = files[0].attributes if files else {}
    languages = (first.get("source-language"), first.get("target-language"))
    tags = Rules(
        ignore_tags=frozenset(f"{root.prefix}{code}" for code in _CODES),
        paired_tags=tuple((f"{root.prefix}{a}", f"{root.prefix}{b}") for a, b in _PAIRS),
    )
    return Document(
        original, f"XLIFF {version or '1.2'}", languages, lambda *_: list(_units(original, root)), "xml", tags
    )


@dataclass(frozen=True)
class _Slot:
    """A segment of a trans-unit. target: the element its translation is in; trados: what Trados says of it."""

    source: Element
    target: Element | None
    trados: Element | None


def _units(original: Original, root: Element) -> Iterator[Unit]:
    definitions = _trados_segments(root)
    for one in root.below():
        if one.name != "trans-unit" or one.space != root.space:
            continue
        source, target = one.child("source"), one.child("target")
        if source is None:
            continue
        marks = _segments_in(one.child("seg-source"))
        slots = [_Slot(source, target, None)]
        if marks:
            targets = {_number(mark): mark for mark in _segments_in(target)}
            slots = [
                _Slot(mark, targets.get(_number(mark)), definitions.get((one.start, _number(mark)))) for mark in marks
            ]
        segments = tuple(_segment(original, one, slot) for slot in slots)
        place = f"{original.name}:{original.line_of(one.start)}"
        yield Unit(place, segments, partial(_write, original, one, slots), line_breaks(source))


def _segment(original: Original, unit: Element, slot: _Slot) -> Segment:
    """Say of one segment whether it waits for a translation."""
    text, whole = original.inside(slot.source), unit.child("target")
    state = whole.attributes.get("state") if whole is not None else None
    trados = slot.trados.attributes if slot.trados is not None else {}
    reason = ""
    if unit.inherited("translate") == "no":
        reason = "marked as not to be translated"
    elif unit.attributes.get("approved") == "yes" or state in _DONE or trados.get("conf") in _SIGNED_OFF:
        reason = "approved"
    elif trados.get("locked") == "true":
        reason = "locked"
    elif not text.strip():
        reason = "empty source"
    if reason:
        return Segment(text, "closed", reason)
    filled = slot.target is not None and bool(original.inside(slot.target).strip())
    return Segment(text, "translated" if filled and state not in _UNTRANSLATED else "open")


def _write(original: Original, unit: Element, slots: Sequence[_Slot], texts: Translated, language: str) -> list[Edit]:
    """Return the edits that put translations into a trans-unit."""
    edits: list[Edit] = []
    for slot, text in zip(slots, texts, strict=True):
        if text is not None and slot.trados is not None:
            edits += set_attributes(original, slot.trados, _MACHINE_SDL)
    target = unit.child("target")
    changed = [(slot.target, text) for slot, text in zip(slots, texts, strict=True) if text is not None]
    if target is not None and all(there is not None for there, _ in changed):
        for there, text in changed:
            assert there is not None
            edits += set_inner(original, there, text, _MACHINE if there is target else {})
        return edits if changed[0][0] is target else [*edits, *set_attributes(original, target, _MACHINE)]
    inner = texts[0] or ""
    segmented = unit.child("seg-source")
    if segmented is not None and slots[0].source.name == "mrk":
        inner = _with_marks(original, segmented, slots, texts)
    if target is not None:
        return [*edits, *set_inner(original, target, inner, _MACHINE)]
    return [*edits, _new_target(original, unit, inner, language)]


def _new_target(original: Original, unit: Element, inner: str, language: str) -> Edit:
    """Return the edit that puts a target behind the source, or behind seg-source, indented like it."""
    source = unit.child("source")
    assert source is not None
    after = unit.child("seg-source") or source
    attributes = "".join(f' {name}="{value}"' for name, value in _MACHINE.items())
    if "xml:lang" in source.attributes:
        attributes = f' xml:lang="{quote(language)}"{attributes}'
    tag = f"{unit.prefix}target"
    return Edit(after.end, after.end, f"{indent_before(original, source)}<{tag}{attributes}>{inner}</{tag}>")


def _with_marks(original: Original, segmented: Element, slots: Sequence[_Slot], texts: Translated) -> str:
    """Return the inside of seg-source with translations in its segments; those that stay keep what they have."""
    parts, at = [], segmented.inner_start
    for slot, text in zip(slots, texts, strict=True):
        if not slot.source.empty:
            standing = original.inside(slot.target) if slot.target is not None else ""
            parts += [original.text[at : slot.source.inner_start], standing if text is None else text]
            at = slot.source.inner_end
    return "".join([*parts, original.text[at : segmented.inner_end]])


def _number(mark: Element) -> str:
    return mark.attributes.get("mid", "")


def _segments_in(element: Element | None) -> list[Element]:
    """Return the outermost <mrk mtype="seg"> of a seg-source or target."""
    found: list[Element] = []
    for one in element.below() if element is not None else ():
        is_segment = one.name == "mrk" and one.attributes.get("mtype") == "seg"
        if is_segment and not (found and one.start < found[-1].end):
            found.append(one)
    return found


def _trados_segments(root: Element) -> dict[tuple[int, str], Element]:
    """Return Trados' own words on segments, by the place of their trans-unit and their number."""
    found: dict[tuple[int, str], Element] = {}
    for one in root.below():
        if one.name == "seg" and one.space == SDL and one.parent is not None and one.parent.parent is not None:
            found[one.parent.parent.start, one.attributes.get("id", "")] = one
    return found
