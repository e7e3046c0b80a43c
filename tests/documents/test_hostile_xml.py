"""XML of strangers: refused by name, quickly, and no other file is touched."""

import builtins
import time
from pathlib import Path
from typing import Any

import pytest

from polyglass.documents.parse import parse_document
from polyglass.errors import DataError, InputError

UNIT = '<file><body><trans-unit id="1"><source>{}</source></trans-unit></body></file>'


def xliff(declarations: str, text: str) -> bytes:
    head = f'<?xml version="1.0"?>\n<!DOCTYPE xliff [{declarations}]>\n'
    return f'{head}<xliff version="1.2">{UNIT.format(text)}</xliff>'.encode()


LAUGHS = '<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
ATTACKS = {
    "billion laughs": xliff(LAUGHS, "&j;"),
    "quadratic": xliff(f'<!ENTITY a "{"x" * 50_000}">', "&a;" * 2000),
    "external file": xliff('<!ENTITY a SYSTEM "file:///etc/passwd">', "&a;"),
    "external address": xliff('<!ENTITY a SYSTEM "http://127.0.0.1:9/a">', "&a;"),
    "parameter entity": xliff('<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;', "x"),
    "deep": b"<xliff>" + b"<g>" * 100_000 + b"</g>" * 100_000 + b"</xliff>",
    "one long text": b"<xliff>" + b"x" * 12_000_000 + b"</xliff>",
    "broken": b"<xliff><file>",
    "not closed": b"<xliff",
    "bad entity": b"<xliff>&nope;</xliff>",
    "NUL": b"<xliff>\0</xliff>",
    "not XML": b"hello",
    "empty": b"",
    "wrong bytes": b'<?xml version="1.0" encoding="utf-8"?><xliff>\xff</xliff>',
    "unknown encoding": b'<?xml version="1.0" encoding="klingon"?><xliff/>',
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("ending", [".xlf", ".tmx"])
def test_an_attack_is_refused_by_name_in_under_a_second(
    name: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda *words, **more: opened.append(words[0]) or real(*words, **more))
    began = time.perf_counter()
    with pytest.raises(DataError, match=rf"^a\{ending} "):
        parse_document(ATTACKS[name].replace(b"xliff", ending.encode()[1:].replace(b"xlf", b"xliff")), f"a{ending}")
    assert time.perf_counter() - began < 1.0
    assert opened == []


def test_entities_are_named_in_the_refusal() -> None:
    with pytest.raises(DataError, match=r"^a\.xlf declares entities of its own \(a\), which may hide an attack"):
        parse_document(ATTACKS["external file"], "a.xlf")
    with pytest.raises(DataError, match=r"^a\.xlf has entities that would grow without end, so it is not read\.$"):
        parse_document(ATTACKS["billion laughs"], "a.xlf")
    with pytest.raises(DataError, match=r"^a\.xlf has elements more than 256 deep"):
        parse_document(ATTACKS["deep"], "a.xlf")


def test_a_document_type_without_entities_is_fine() -> None:
    content = b'<!DOCTYPE tmx SYSTEM "tmx14.dtd" [<!ELEMENT tmx ANY>]><!-- > --><tmx><body/></tmx>'
    assert parse_document(content, "a.tmx").format == "TMX"


def test_without_lxml_the_command_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lxml.etree", None)
    with pytest.raises(
        InputError, match=r'^a\.xlf is XML, which needs one more package: pip install "polyglass\[formats\]"$'
    ):
        parse_document(b"<xliff/>", "a.xlf")


def test_a_file_of_no_known_kind_is_refused_with_those_that_are() -> None:
    with pytest.raises(DataError, match=r"^a\.xyz: files that end in \.xyz cannot be translated\. Known are \.htm, "):
        parse_document(b"x", "a.xyz")
    with pytest.raises(DataError, match=r"^a\.po is a zip archive, not \.po\."):
        parse_document(b"PK\x03\x04", "a.po")


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.documents.parse.MOST_BYTES", 10)
    with pytest.raises(DataError, match=r"^a\.po may have at most 10 bytes, but it has 11\. Split it\.$"):
        parse_document(b"#" * 11, str(Path("a.po")))
