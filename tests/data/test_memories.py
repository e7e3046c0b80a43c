"""Translation memories, XLIFF, catalogues and subtitles as a corpus: what is translated becomes pairs."""

import gzip
import time
from pathlib import Path

import pytest

from polyglass.data.corpus import open_corpus
from polyglass.errors import DataError, InputError


def pairs(path: Path, content: str | bytes, **settings: tuple[str | None, str | None]) -> list[tuple[str, str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [(pair.source, pair.target) for pair in open_corpus([path], **settings)]  # type: ignore[arg-type]


MEMORY = """<tmx version="1.4"><header srclang="en-US"/><body>
<tu><tuv xml:lang="en-US"><seg>A <bpt i="1">&lt;b></bpt>dog<ept i="1">&lt;/b></ept> &amp; <hi>cat</hi></seg></tuv>
<tuv xml:lang="de"><seg>Ein Hund</seg></tuv></tu>
<tu><tuv xml:lang="de"><seg>Zwei</seg></tuv><tuv xml:lang="en"><seg>Two</seg></tuv></tu>
<tu><tuv xml:lang="en"><seg>Lost</seg></tuv></tu></body></tmx>"""


def test_a_memory_gives_its_two_languages_in_the_order_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.tmx"
    assert pairs(path, MEMORY) == [("A dog & cat", "Ein Hund"), ("Two", "Zwei")]
    assert open_corpus([path]).guess_languages() == ("en-US", "de")
    assert pairs(path, MEMORY, languages=("de", "en")) == [("Ein Hund", "A dog & cat"), ("Zwei", "Two")]
    assert [pair.line for pair in open_corpus([path])] == [2, 4]


def test_a_packed_memory_in_utf_16_is_read(tmp_path: Path) -> None:
    content = gzip.compress(('<?xml version="1.0" encoding="utf-16"?>' + MEMORY).encode("utf-16"))
    assert len(pairs(tmp_path / "a.tmx.gz", content)) == 2


def test_a_memory_of_three_languages_asks_which_two(tmp_path: Path) -> None:
    content = MEMORY.replace("</tu>", '<tuv xml:lang="fr"><seg>F</seg></tuv></tu>')
    with pytest.raises(DataError, match=r"a\.tmx does not say which two of its languages are meant\. Say it, for exam"):
        pairs(tmp_path / "a.tmx", content)
    assert pairs(tmp_path / "a.tmx", content, languages=("en", "fr"))[2] == ("Lost", "F")


def test_xliff_gives_what_is_translated_segment_by_segment(tmp_path: Path) -> None:
    content = (
        '<xliff version="1.2"><file source-language="en" target-language="de"><body>'
        "<trans-unit><source>A <x id='1'/>b</source><target>C</target>"
        "<alt-trans><source>no</source><target>nein</target></alt-trans></trans-unit>"
        '<trans-unit><source>D</source><target state="new">D</target></trans-unit>'
        "<trans-unit><source>E</source></trans-unit><trans-unit><source>One. Two.</source>"
        '<seg-source><mrk mtype="seg" mid="1">One.</mrk> <mrk mtype="seg" mid="2">Two.</mrk></seg-source>'
        '<target><mrk mtype="seg" mid="1">Eins.</mrk> <mrk mtype="seg" mid="2"/></target></trans-unit>'
        "</body></file></xliff>"
    )
    assert pairs(tmp_path / "a.xlf", content) == [("A b", "C"), ("One.", "Eins.")]
    assert open_corpus([tmp_path / "a.xlf"]).guess_languages() == ("en", "de")
    content = (
        '<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" version="2.0" srcLang="en" trgLang="fr"><file><unit>'
        "<segment><source>A</source><target>B</target></segment><ignorable><source> </source></ignorable>"
        '<segment state="initial"><source>C</source><target>C</target></segment></unit></file></xliff>'
    )
    assert pairs(tmp_path / "b.xliff", content) == [("A", "B")]
    assert open_corpus([tmp_path / "b.xliff"]).guess_languages() == ("en", "fr")


def test_a_catalogue_gives_what_a_person_translated(tmp_path: Path) -> None:
    content = (
        'msgid ""\nmsgstr "Language: de\\n"\n\nmsgid "A\\n"\nmsgstr "B\\n"\n\n#, fuzzy\nmsgid "C"\nmsgstr "D"\n\n'
        'msgid "E"\nmsgstr ""\n\n#~ msgid "F"\n#~ msgstr "G"\n\n'
        'msgid "dog"\nmsgid_plural "dogs"\nmsgstr[0] "Hund"\nmsgstr[1] "Hunde"\n'
    )
    assert pairs(tmp_path / "a.po", content) == [("A", "B"), ("dog", "Hund"), ("dogs", "Hunde")]
    assert open_corpus([tmp_path / "a.po"]).guess_languages() == (None, "de")


def test_subtitles_of_two_languages_meet_where_they_are_shown_together(tmp_path: Path) -> None:
    source, target = tmp_path / "a.en.srt", tmp_path / "a.de.vtt"
    source.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\n<i>One</i>\nline\n\n2\n00:00:03,000 --> 00:00:04,000\nTwo\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\nThree\n",
        encoding="utf-8",
    )
    target.write_text(
        "WEBVTT\n\n00:01.100 --> 00:02.100\nEins\n\n00:02.200 --> 00:02.900\nallein\n\n00:05.000 --> 00:06.500\nDrei\n",
        encoding="utf-8",
    )
    corpus = open_corpus([source, target])
    assert [(pair.line, pair.source, pair.target) for pair in corpus] == [(1, "One line", "Eins"), (3, "Three", "Drei")]
    assert corpus.guess_languages() == ("en", "de")


def test_real_files_give_pairs(shared_data: Path) -> None:
    formats = shared_data / "formats"
    assert len(list(open_corpus([formats / "po-poedit-crowdin" / "fr.po"]))) > 700
    assert len(list(open_corpus([formats / "matecat" / "calibre.docx.xliff"]))) > 200
    assert len(list(open_corpus([formats / "tmx" / "sample14b.tmx"], languages=("en", "ja")))) >= 0
    assert len(list(open_corpus([formats / "vtt" / "captions.sv.vtt", formats / "vtt" / "captions.ja.vtt"]))) > 50


@pytest.mark.parametrize(
    "content",
    [
        b"<tmx><body>" + b"<a>" * 100_000,
        b'<!DOCTYPE tmx [<!ENTITY a SYSTEM "file:///etc/passwd">]><tmx><body><tu>&a;</tu></body></tmx>',
        b"<tmx><body><tu>",
        b"",
    ],
)
def test_a_hostile_or_broken_memory_is_refused_quickly(tmp_path: Path, content: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(DataError, match=r"a\.tmx "):
        pairs(tmp_path / "a.tmx", content, languages=("en", "de"))
    assert time.perf_counter() - began < 1.0


def test_a_catalogue_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.data.formats.opening.MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"a\.po\.gz may have at most 1,000 bytes when unpacked, but it has more"):
        pairs(tmp_path / "a.po.gz", gzip.compress(b"#\n" * 10_000))


def test_without_lxml_the_command_to_get_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lxml.etree", None)
    with pytest.raises(InputError, match=r'pip install "polyglass\[formats\]"$'):
        pairs(tmp_path / "a.tmx", MEMORY)


def test_a_prefix_that_nobody_declared_is_no_crash(tmp_path: Path) -> None:
    content = MEMORY.replace("<body>", "<body><a:b/>")
    with pytest.raises(DataError, match=r"a\.tmx is not well-formed XML: Namespace prefix a on b is not defined"):
        pairs(tmp_path / "a.tmx", content, languages=("en", "de"))
