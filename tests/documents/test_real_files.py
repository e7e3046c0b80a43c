"""Files that real tools wrote: each is read, what it needs is filled in, and nothing else in it changes."""

import io
import os
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import polib
import pytest
from lxml import etree

from polyglass.documents.document import Document, Finished
from polyglass.documents.parse import ENDINGS, parse_document
from polyglass.errors import DataError
from polyglass.text.parts import Output, Rules

_NAMED = os.environ.get("POLYGLASS_TEST_DATA")
FOLDER = (Path(_NAMED) if _NAMED else Path(__file__).resolve().parents[3] / "shared" / "data") / "formats"
REFUSED = {
    "EcBeforeSc": "this <ec> closes what no <sc> before it has opened",
    "GroupIdNotUnique": "each group must have an id of its own, but '1twice' is there twice",
    "IgnorableIdNotUnique": "each segment or ignorable must have an id of its own, but 'i1twice' is there twice",
    "InvalidIsolatedOnSc": "this <ec> closes what no <sc> before it has opened",
    "InvalidLoneSm": "this <sm> is never closed by an <em>",
    "MissingIsolatedOnSc": "this <sc> is never closed by an <ec>",
    "NoFile": "there is no <file> in it, so there is nothing to translate",
    "NoTrgLangWithIgnorable": "the file has a <target>, but does not name its language in trgLang",
    "OrderNotUnique2": "two targets of one unit have the place 2",
    "PartIdNotUnique": "each segment or ignorable must have an id of its own, but '1twice' is there twice",
    "SegmentIdNotUnique": "each segment or ignorable must have an id of its own, but 's1twice' is there twice",
    "SrcLangNotWellFormed": "srcLang must be a language code such as en or pt-BR, but it is 'e'",
    "TwoSourceInUnit": "a segment may have one <source>, but this one has 2",
}
"""Files that break the standard in a way that leaves open what is to be translated -> what is said."""
FILES = (
    sorted(
        path
        for path in FOLDER.rglob("*")
        if path.suffix in ENDINGS - {".tsv"} and path.stem.removeprefix("bad_") not in REFUSED
    )
    if FOLDER.is_dir()
    else []
)
IDS = [str(path.relative_to(FOLDER)) for path in FILES]
MARKS = ("state", "state-qualifier", "subState", "trgLang", "conf", "origin", "creationid", "changeid")


@pytest.fixture(autouse=True)
def _needs_the_files(shared_data: Path) -> None:
    """Skip where the real files are absent."""


def translated(document: Document, *, overwrite: bool = False, suffix: str = " é") -> Finished:
    source, target = document.languages
    work = document.begin(
        source_lang=source or "en",
        target_lang=target or "fr",
        overwrite=overwrite,
        longest=400,
        rules=Rules(split="always"),
    )
    return work.finish([Output(sentence.upper() + suffix) for sentence in work.sentences])


def without_targets(content: bytes) -> bytes:
    """Return an XML file as lxml writes it, without its targets and without the marks of machine output."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False))
    for element in list(root.iter("{*}target", "{*}tuv")):
        parent = element.getparent()
        language = element.get("{http://www.w3.org/XML/1998/namespace}lang", element.get("lang", ""))
        if etree.QName(element).localname == "target" or not language.lower().startswith("en"):
            parent.remove(element)
    for element in root.iter("*"):
        for name in MARKS:
            element.attrib.pop(name, None)
        for attribute in ("text", "tail"):
            text = getattr(element, attribute)
            if text is not None and not text.strip():
                setattr(element, attribute, None)
    return etree.tostring(root)


def test_the_folder_holds_the_files_that_its_list_names() -> None:
    listed = (FOLDER / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(listed) == 143
    refused = {f"xliff2-oasis/invalid/bad_{name}.xlf" for name in REFUSED}
    assert {line.split("\t")[0] for line in listed} <= set(IDS) | refused


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_leaves_open_what_is_meant_is_refused_by_name_and_line(name: str) -> None:
    path = FOLDER / "xliff2-oasis" / "invalid" / f"bad_{name}.xlf"
    with pytest.raises(DataError, match=rf"^bad_{name}\.xlf:\d+: {re.escape(REFUSED[name])}"):
        parse_document(path.read_bytes(), path.name)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_file_in_which_nothing_is_missing_comes_back_byte_for_byte(path: Path) -> None:
    content = path.read_bytes()
    document = parse_document(content, path.name)
    assert document.original.edited([]) == content
    source, target = document.languages
    work = document.begin(source_lang=source or "en", target_lang=target or "fr", longest=400)
    finished = work.finish([Output(sentence) for sentence in work.sentences])
    if finished.report.filled == 0 or document.in_place:
        assert finished.content == content


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_second_run_has_nothing_left_to_do(path: Path) -> None:
    content = path.read_bytes()
    document = parse_document(content, path.name)
    if document.in_place:
        pytest.skip("translations take the place of their sources")
    first = translated(document)
    again = translated(parse_document(first.content, path.name))
    assert again.report.filled == 0
    assert again.content == first.content
    assert again.report.segments == first.report.segments


@pytest.mark.parametrize("overwrite", [False, True], ids=["fill", "overwrite"])
@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_only_targets_change(path: Path, overwrite: bool) -> None:
    content = path.read_bytes()
    document = parse_document(content, path.name)
    finished = translated(document, overwrite=overwrite)
    changed = parse_document(finished.content, path.name)
    assert (changed.format, changed.original.mark) == (document.format, document.original.mark)
    match path.suffix:
        case ".po":
            assert _catalogue(finished.content) == _catalogue(content)
        case ".sdlppx":
            assert _members(finished.content) == _members(content)
        case ".srt" | ".vtt":
            assert _without_text(changed) == _without_text(document)
        case _:
            assert _sources(changed) == _sources(document)
            assert without_targets(finished.content) == without_targets(content)
            assert finished.content.count(b"\r\n") >= content.count(b"\r\n")


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_inline_tags_are_those_of_the_source(path: Path) -> None:
    if path.suffix not in (".xlf", ".xliff", ".sdlxliff"):
        pytest.skip("only XLIFF")
    finished = translated(parse_document(path.read_bytes(), path.name), overwrite=True)
    root = etree.fromstring(finished.content)
    for target in root.iter("{*}target"):
        if target.getparent().tag.endswith("alt-trans") or not "".join(target.itertext()).endswith("é"):
            continue
        source = target.getparent().find("{*}seg-source")
        source = target.getparent().find("{*}source") if source is None else source
        assert _codes(target) == _codes(source)


def _codes(element: etree._Element) -> list[tuple[str, str]]:
    """Return the inline elements but those that only mark segments."""
    found = [(etree.QName(one).localname, one.get("id", "")) for one in element.iter("{*}*") if one is not element]
    return sorted(one for one in found if one[0] not in ("mrk", "sub"))


def _sources(document: Document) -> Sequence[str]:
    source, target = document.languages
    units = document.find_units(source or "en", target or "fr")
    return [segment.source for unit in units for segment in unit.segments]


def _catalogue(content: bytes) -> list[object]:
    file = polib.pofile(content.decode())
    entries = [
        (one.msgid, one.msgctxt, one.msgid_plural, one.comment, one.tcomment, one.occurrences, one.obsolete)
        for one in file
    ]
    flags = [(sorted(set(one.flags) - {"fuzzy"}), sorted(one.msgstr_plural)) for one in file]
    return [*entries, *flags, file.metadata]


def _members(package: bytes) -> list[tuple[object, ...]]:
    """Return name, time and content of each member, without the targets of those that are translated."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return [
            (one.filename, one.date_time, one.compress_type)
            + ((without_targets(archive.read(one)),) if one.filename.startswith("fr") else (archive.read(one),))
            for one in archive.infolist()
        ]


def _without_text(document: Document) -> str:
    text = document.original.text
    lines = re.sub(r"(-->[^\n]*\n)(?:[^\n]*[^\s][^\n]*\n?)+", r"\1", text)
    return re.sub(r"\n+", "\n", lines)
