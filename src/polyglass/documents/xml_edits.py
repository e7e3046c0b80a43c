"""Changes of an XML file as edits of its text: what stands inside of an element, and the values of its attributes."""

import re
from collections.abc import Iterator, Mapping

from polyglass.documents.original import Edit, Original
from polyglass.documents.xml_tree import Element

_INDENT = re.compile(r"(?:\r\n|\n|\r)[ \t]*$")


def set_inner(original: Original, element: Element, inner: str, attributes: Mapping[str, str]) -> Iterator[Edit]:
    """Replace what stands inside of an element, and set attributes of it."""
    if element.empty:
        head = _with_attributes(original, element, attributes)
        yield Edit(element.start, element.end, f"{head}>{inner}</{element.prefix}{element.name}>")
    else:
        yield from set_attributes(original, element, attributes)
        yield Edit(element.inner_start, element.inner_end, inner)


def set_attributes(original: Original, element: Element, attributes: Mapping[str, str]) -> Iterator[Edit]:
    """Set attributes in the start tag of an element; those that have the value already are left alone."""
    written = _with_attributes(original, element, attributes)
    if written != original.text[element.start : element.attributes_end]:
        yield Edit(element.start, element.attributes_end, written)


def indent_before(original: Original, element: Element) -> str:
    """Return line end and white space in front of an element, "" if something else stands before it in its line."""
    found = _INDENT.search(original.text[max(0, element.start - 400) : element.start])
    return found[0] if found else ""


def _with_attributes(original: Original, element: Element, attributes: Mapping[str, str]) -> str:
    """Return the start tag up to its last attribute."""
    written = original.text[element.start : element.attributes_end]
    for name, value in attributes.items():
        written = _set_in(written, name, value)
    return written


def quote(value: str) -> str:
    """Write the value of an attribute."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _set_in(head: str, name: str, value: str) -> str:
    """Set an attribute in the beginning of a start tag, such as `<target xml:lang="de"`."""
    pattern = re.compile(rf"""(\s{re.escape(name)}\s*=\s*)("[^"]*"|'[^']*')""")
    found = pattern.search(head)
    if found is None:
        return f'{head} {name}="{quote(value)}"'
    mark = found[2][0]
    written = quote(value).replace("'", "&apos;") if mark == "'" else quote(value)
    return f"{head[: found.start()]}{found[1]}{mark}{written}{mark}{head[found.end() :]}"
