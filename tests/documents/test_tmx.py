"""Translation memories: a unit gets the variant that it lacks."""

from collections.abc import Callable

import pytest
from translate.storage.tmx import tmxfile

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.errors import DataError

Translate = Callable[..., Finished]


def memory(units: str) -> str:
    head = '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><header srclang="en"/>'
    return f"{head}<body>{units}</body></tmx>"


@pytest.mark.parametrize(
    ("unit", "changed"),
    [
        (
            '<tuv xml:lang="en"><seg>A</seg></tuv>',
            '<tuv xml:lang="en"><seg>A</seg></tuv><tuv xml:lang="de" creationid="polyglass MT"><seg>A</seg></tuv>',
        ),
        (
            '\n <tuv xml:lang="en-US"><seg>Hi</seg></tuv>\n <tuv xml:lang="fr"><seg>B</seg></tuv>\n',
            '\n <tuv xml:lang="en-US"><seg>Hi</seg></tuv>\n <tuv xml:lang="fr"><seg>B</seg></tuv>'
            '\n <tuv xml:lang="de" creationid="polyglass MT"><seg>HI</seg></tuv>\n',
        ),
        (
            '<tuv lang="EN"><seg>Hi</seg></tuv><tuv lang="DE"><seg/></tuv>',
            '<tuv lang="EN"><seg>Hi</seg></tuv><tuv lang="DE" changeid="polyglass MT"><seg>HI</seg></tuv>',
        ),
        ('<tuv xml:lang="de-AT"><seg>B</seg></tuv><tuv xml:lang="en"><seg>A</seg></tuv>', None),
        ('<tuv xml:lang="fr"><seg>A</seg></tuv>', None),
    ],
)
def test_a_unit_gets_the_variant_that_it_lacks(translated: Translate, unit: str, changed: str | None) -> None:
    made = translated(memory(f"<tu>{unit}</tu>"), "a.tmx").content.decode()
    assert made == memory(f"<tu>{unit if changed is None else changed}</tu>")


def test_codes_are_kept_and_paired(translated: Translate) -> None:
    text = 'A <bpt i="1">&lt;b></bpt>big<ept i="1">&lt;/b></ept> dog'
    made = translated(memory(f'<tu><tuv xml:lang="en"><seg>{text}</seg></tuv></tu>'), "a.tmx").content.decode()
    assert '<seg>A <bpt i="1">&lt;b></bpt>BIG<ept i="1">&lt;/b></ept> DOG</seg>' in made


def test_utf_16_stays_utf_16(translated: Translate) -> None:
    text = memory('<tu><tuv xml:lang="en"><seg>Hi</seg></tuv></tu>').replace("\n", "\r\n")
    content = b"\xff\xfe" + text.encode("utf-16-le")
    made = translated(content, "a.tmx").content
    assert made.startswith(b"\xff\xfe")
    assert "<seg>HI</seg>" in made.decode("utf-16")
    assert made.decode("utf-16").replace('<tuv xml:lang="de" creationid="polyglass MT"><seg>HI</seg></tuv>', "") == text


def test_a_letter_that_the_encoding_lacks_is_written_as_a_reference(translated: Translate) -> None:
    text = memory('<tu><tuv xml:lang="en"><seg>stra\xdfe \xff</seg></tuv></tu>')
    content = text.replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="iso-8859-1"?>').encode("latin-1")
    assert b"<seg>STRASSE &#376;</seg>" in translated(content, "a.tmx").content


def test_another_library_reads_what_was_written(translated: Translate) -> None:
    made = translated(memory('<tu><tuv xml:lang="en"><seg>Hello</seg></tuv></tu>'), "a.tmx").content
    file = tmxfile.parsestring(made)
    assert [(one.source, one.target) for one in file.units] == [("Hello", "HELLO")]


def test_what_is_no_memory_is_refused() -> None:
    with pytest.raises(DataError, match=r"^a\.tmx must be TMX, but its root element is <html>\."):
        parse_document(b"<html/>", "a.tmx")
