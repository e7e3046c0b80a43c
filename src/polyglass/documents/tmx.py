"""TMX in, its units out (LISA, TMX 1.4b of 2005): a translation goes into a <tuv> of its language.

Machine output: the new tuv has creationid="polyglass MT", a tuv that had an empty <seg> gets changeid="polyglass MT".
"""

from collections.abc import Iterator
from functools import partial

from polyglass.data.formats.languages import same_language
from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original
from polyglass.documents.xml_edits import indent_before, quote, set_attributes, set_inner
from polyglass.documents.xml_tree import Element, read_xml
from polyglass.errors import DataError
from polyglass.text.parts import Rules

MACHINE = "polyglass MT"
_TAGS = Rules(ignore_tags=frozenset(["bpt", "ept", "it", "ph", "ut"]), paired_tags=(("bpt", "ept"),))


def read_tmx(content: bytes, name: str) -> Document:
    """Read a translation memory. Raises DataError if it is none."""
    original, root = read_xml(content, name)
    if root.name != "tmx":
        raise DataError(f"{name} must be TMX, but its root element is <{root.name}>. Give it the ending of its format.")
    header = root.child("header")
    source = header.attributes.get("srclang") if header is not None else None
    languages = (None if source == "*all*" else source, None)
    return Document(original, "TMX", languages, lambda a, b: list(_units(original, root, a, b)), "xml", _TAGS)


def _units(original: Original, root: Element, source_lang: str, target_lang: str) -> Iterator[Unit]:
    body = root.child("body")
    for one in body.named("tu") if body is not None else ():
        variants = one.named("tuv")
        source = pick(variants, source_lang)
        place = f"{original.name}:{original.line_of(one.start)}"
        if source is None or (inner := source.child("seg")) is None:
            yield Unit(place, (Segment("", "closed", f"no {source_lang} text"),), lambda *_: ())
            continue
        text = original.text[inner.inner_start : inner.inner_end]
        target = pick([variant for variant in variants if variant is not source], target_lang)
        there = target.child("seg") if target is not None else None
        filled = there is not None and bool(original.text[there.inner_start : there.inner_end].strip())
        segment = Segment(text, "translated" if filled else "open")
        if not text.strip():
            segment = Segment(text, "closed", "empty source")
        yield Unit(place, (segment,), partial(_write, original, source, target), "space")


def pick(variants: list[Element], language: str) -> Element | None:
    """Return the variant in a language: with the same region, else with any."""
    named = [
        (variant.attributes.get("xml:lang") or variant.attributes.get("lang") or "", variant) for variant in variants
    ]
    exact = [variant for code, variant in named if code.lower().replace("_", "-") == language.lower().replace("_", "-")]
    alike = [variant for code, variant in named if same_language(code, language)]
    return next(iter(exact or alike), None)


def _write(original: Original, source: Element, target: Element | None, texts: Translated, language: str) -> list[Edit]:
    text = texts[0] or ""
    if target is not None and (there := target.child("seg")) is not None:
        return [*set_attributes(original, target, {"changeid": MACHINE}), *set_inner(original, there, text, {})]
    if target is not None:
        return list(set_inner(original, target, f"<seg>{text}</seg>", {"changeid": MACHINE}))
    assert source.parent is not None
    last = source.parent.named("tuv")[-1]
    name = "xml:lang" if "xml:lang" in source.attributes or "lang" not in source.attributes else "lang"
    head = f'<tuv {name}="{quote(language)}" creationid="{MACHINE}">'
    return [Edit(last.end, last.end, f"{indent_before(original, last)}{head}<seg>{text}</seg></tuv>")]
