"""XML of strangers in, elements out: no entity is expanded, no other file and no network is touched, depth is bounded.

`lxml` reads (the extra `formats`). What it refuses, and what declares entities of its own, raises DataError by name.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from polyglass.errors import DataError, InputError

DEEPEST = 256  # elements in each other; libxml2 stops there
_OPTIONS = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
_ENTITY = re.compile(r"<!ENTITY\s+(?:%\s+)?([^\s>]{1,60})")


def lxml_etree(name: str) -> Any:
    """Return lxml's reader of XML. Raises InputError that says how to get it. name: the file that needs it."""
    try:
        return import_module("lxml.etree")
    except ImportError:
        raise InputError(f'{name} is XML, which needs one more package: pip install "polyglass[formats]"') from None


def check_xml(content: bytes, name: str) -> None:
    """Raise DataError if the bytes are not well-formed XML, too deep, or declare entities."""
    etree = lxml_etree(name)
    try:
        root = etree.fromstring(content, etree.XMLParser(**_OPTIONS))
    except etree.XMLSyntaxError as error:
        raise _explain(name, error) from None
    _refuse_entities(root, name)


def stream_elements(stream: BinaryIO, name: str, local_names: frozenset[str]) -> Iterator[Any]:
    """Yield each element of these names (without namespace) when it is complete; memory holds one at a time."""
    etree = lxml_etree(name)
    try:
        checked = False
        for _, element in etree.iterparse(stream, events=("end",), **_OPTIONS):
            if not checked:
                _refuse_entities(element, name)
                checked = True
            # A prefix that nobody declared makes a tag that QName refuses.
            if isinstance(element.tag, str) and element.tag.rpartition("}")[2] in local_names:
                yield element
                element.clear()
                while element.getprevious() is not None and element.getparent() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise _explain(name, error) from None


def stream_file(path: Path, local_names: frozenset[str]) -> Iterator[Any]:
    """Yield the elements of a file, see `stream_elements`. Raises DataError if it cannot be read."""
    try:
        with path.open("rb") as stream:
            yield from stream_elements(stream, str(path), local_names)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Check the file and its permissions."
        ) from error


def _refuse_entities(element: Any, name: str) -> None:
    """Entities that a document type declares are how a small file becomes a huge one, or reads another file."""
    document_type = element.getroottree().docinfo.internalDTD
    declared = [entity.name for entity in document_type.iterentities()] if document_type is not None else []
    if declared:
        raise DataError(
            f"{name} declares entities of its own ({', '.join(declared[:3])}), which may hide an attack, so it is not "
            "read. Save it again from the program that made it, or replace the entities by their text."
        )


def _explain(name: str, error: Exception) -> DataError:
    reason = str(error)
    if "Excessive depth" in reason or "depth" in reason.lower():
        return DataError(f"{name} has elements more than {DEEPEST} deep, which no translation tool writes.")
    if "entity" in reason.lower() and ("loop" in reason.lower() or "amplification" in reason.lower()):
        return DataError(f"{name} has entities that would grow without end, so it is not read.")
    if "huge" in reason.lower() or "too long" in reason.lower() or "limit" in reason.lower():
        return DataError(f"{name} has a text or name too long to be read safely ({reason[:200]}). Split the file.")
    return DataError(f"{name} is not well-formed XML: {reason[:300]}. Save it again from the program that made it.")
