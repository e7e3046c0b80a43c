"""XML as text in, its elements out, each with the characters that it takes, so that single ones can be replaced.

A library that reads XML forgets how it was written. Here nothing is written anew: `data/formats/safe_xml.py` has the
file read by lxml first, which refuses what is broken or hostile, and then only places are looked up.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from polyglass.data.formats.safe_xml import check_xml
from polyglass.documents.original import Original, read_original
from polyglass.errors import DataError, InputError
from polyglass.text.tags import Tag, xml_tags

XML_SPACE = "http://www.w3.org/XML/1998/namespace"
_PROLOG = re.compile(r"(?:\s+|<\?(?:(?!\?>).)*\?>|<!--(?:(?!-->).)*-->)*", re.DOTALL)
_ATTRIBUTE = re.compile(r"""\s([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


@dataclass(eq=False)
class Element:
    """An element. start, end: its characters; inner_start, inner_end: those between its tags, equal if it is empty.

    name: without prefix; space: its namespace, "" if it has none. empty: it is one tag, such as <target/>.
    """

    name: str
    space: str
    prefix: str
    start: int
    inner_start: int
    inner_end: int
    end: int
    empty: bool
    attributes: dict[str, str]
    attributes_end: int
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)

    def child(self, name: str) -> "Element | None":
        """Return the first child of this name and of the element's own namespace."""
        return next((one for one in self.children if one.name == name and one.space == self.space), None)

    def named(self, name: str) -> list["Element"]:
        """Return the children of this name and of the element's own namespace."""
        return [one for one in self.children if one.name == name and one.space == self.space]

    def below(self) -> Iterator["Element"]:
        """Yield every element inside, in the order of the text."""
        waiting = self.children[::-1]
        while waiting:
            one = waiting.pop()
            yield one
            waiting += one.children[::-1]

    def inherited(self, name: str) -> str | None:
        """Return the value of an attribute here or at the nearest element around that has it."""
        here: Element | None = self
        while here is not None:
            if name in here.attributes:
                return here.attributes[name]
            here = here.parent
        return None


def read_xml(content: bytes, name: str) -> tuple[Original, Element]:
    """Return the text of an XML file and its root. Raises DataError if it is broken or hostile."""
    check_xml(content, name)
    original = read_original(content, name, is_xml=True)
    try:
        tags = xml_tags(original.text, start=_root_start(original.text))
    except InputError as error:
        raise DataError(f"{name} cannot be read: {error}") from error
    return original, _tree(original.text, tags)


def _root_start(text: str) -> int:
    """Return where the root element begins: behind instructions, comments and the document type."""
    at = _PROLOG.match(text).end()  # type: ignore[union-attr]
    if text.startswith("<!DOCTYPE", at):
        depth, quote = 0, ""
        for place in range(at, len(text)):
            sign = text[place]
            if quote:
                quote = "" if sign == quote else quote
            elif sign in "\"'":
                quote = sign
            elif sign in "<[":
                depth += 1
            elif sign in ">]":
                depth -= 1
                if depth == 0:
                    at = place + 1
                    break
        at = _PROLOG.match(text, at).end()  # type: ignore[union-attr]
    return at


def _tree(text: str, tags: list[Tag]) -> Element:
    root: Element | None = None
    around: list[tuple[Element, dict[str, str]]] = []
    for tag in tags:
        if tag.form == "close":
            around.pop()
        elif tag.form in ("open", "empty"):
            spaces = around[-1][1] if around else {"": "", "xml": XML_SPACE}
            attributes = _attributes(text[slice(*tag.attributes)])
            declared = {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
            declared |= {"": attributes["xmlns"]} if "xmlns" in attributes else {}
            spaces = {**spaces, **declared} if declared else spaces
            prefix, _, local = tag.name.rpartition(":")
            last = tag if tag.partner < 0 else tags[tag.partner]
            inner = (tag.end, last.start) if tag.partner >= 0 else (tag.end, tag.end)
            one = Element(
                *(local, spaces.get(prefix, ""), f"{prefix}:" if prefix else "", tag.start, *inner, last.end),
                *(tag.form == "empty", attributes, tag.attributes[0] + len(text[slice(*tag.attributes)].rstrip())),
                around[-1][0] if around else None,
            )
            if around:
                around[-1][0].children.append(one)
            root = root or one
            if tag.form == "open":
                around.append((one, spaces))
    assert root is not None  # lxml has read the file
    return root


def _attributes(text: str) -> dict[str, str]:
    return {found[1]: html.unescape(found[2] or found[3] or "") for found in _ATTRIBUTE.finditer(text)}
