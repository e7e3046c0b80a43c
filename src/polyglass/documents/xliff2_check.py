"""An XLIFF file of version 2 in; an error where it is unclear which text is meant, in which language, or in what order.

This is no validator: rules of the standard that decide nothing about a translation (notes, extensions, data of codes,
comments, fragment identifiers) are left to the tool that wrote the file, and what breaks them keeps its bytes.
"""

import re
from collections.abc import Iterable, Iterator

from polyglass.documents.original import Original
from polyglass.documents.xml_tree import Element
from polyglass.errors import DataError

_LANGUAGE = re.compile(r"(?:[A-Za-z]{2,8}|[xiXI])(?:-[A-Za-z0-9]{1,8})*")  # RFC 5646, its form only
_LANG = "xml:lang"
_PARTS = ("segment", "ignorable")


def check_version_2(original: Original, root: Element) -> None:
    """Raise DataError, naming file and line, for what a careful reader must not guess."""
    if not root.named("file"):
        raise _error(original, root, "there is no <file> in it, so there is nothing to translate")
    for name in ("srcLang", "trgLang"):
        code = root.attributes.get(name)
        if code is not None and not _LANGUAGE.fullmatch(code):
            raise _error(original, root, f"{name} must be a language code such as en or pt-BR, but it is {code[:40]!r}")
    for file in root.named("file"):
        _check_ids(original, (one for one in file.below() if one.name == "unit" and one.space == root.space), "unit")
        _check_ids(original, (one for one in file.below() if one.name == "group" and one.space == root.space), "group")
    for unit in root.below():
        if unit.name == "unit" and unit.space == root.space:
            _check_unit(original, root, unit)


def _check_unit(original: Original, root: Element, unit: Element) -> None:
    parts = [one for one in unit.children if one.name in _PARTS and one.space == root.space]
    _check_ids(original, parts, "segment or ignorable")
    for part in parts:
        for name in ("source", "target"):
            found = part.named(name)
            if len(found) > 1:
                raise _error(original, found[1], f"a segment may have one <{name}>, but this one has {len(found)}")
            if name == "target" and found and "trgLang" not in root.attributes:
                raise _error(original, found[0], "the file has a <target>, but does not name its language in trgLang")
    _check_order(original, parts)
    _check_pairs(original, [text for part in parts for text in part.named("source")])


def _check_ids(original: Original, elements: Iterable[Element], word: str) -> None:
    seen: set[str] = set()
    for element in elements:
        name = element.attributes.get("id")
        if name is not None and name in seen:
            raise _error(original, element, f"each {word} must have an id of its own, but {name[:40]!r} is there twice")
        seen.add(name or "")


def other_language(root: Element, text: Element) -> str:
    """Say, for a report, that a text is in another language than the file says; "" if it is not."""
    declared = root.attributes.get("srcLang" if text.name == "source" else "trgLang")
    said = text.inherited(_LANG)
    if said is None or declared is None or said.lower() == declared.lower():
        return ""
    return f"its {text.name} is in {said[:20]!r}, not in {declared[:20]!r}"


def _check_order(original: Original, parts: list[Element]) -> None:
    """Each target has its own place in the translated text: the one it names, or that of its segment."""
    taken: set[str] = set()
    for place, part in enumerate(parts, start=1):
        for target in part.named("target"):
            order = target.attributes.get("order", str(place))
            if order in taken:
                raise _error(original, target, f"two targets of one unit have the place {order[:20]}")
            taken.add(order)


def _check_pairs(original: Original, texts: list[Element]) -> None:
    """What a code opens must be closed behind it in the unit, unless it says that its other half is elsewhere."""
    for opening, closing in (("sc", "ec"), ("sm", "em")):
        waiting: dict[str, Element] = {}
        for code in _codes(texts, (opening, closing)):
            if code.attributes.get("isolated") == "yes":
                continue
            if code.name == opening:
                waiting[code.attributes.get("id", "")] = code
                continue
            if waiting.pop(code.attributes.get("startRef", ""), None) is None:
                raise _error(original, code, f"this <{closing}> closes what no <{opening}> before it has opened")
        for code in waiting.values():
            raise _error(original, code, f"this <{opening}> is never closed by an <{closing}>")


def _codes(texts: list[Element], names: tuple[str, str]) -> Iterator[Element]:
    codes = [code for text in texts for code in text.below() if code.name in names]
    return iter(sorted(codes, key=lambda code: code.start))


def _error(original: Original, element: Element, text: str) -> DataError:
    place = f"{original.name}:{original.line_of(element.start)}"
    return DataError(f"{place}: {text}. Mend it in the tool that wrote the file, or write the file anew.")
