"""Packages of Trados: their files for one language are translated, and odd archives are refused."""

import io
import zipfile
from collections.abc import Callable

import pytest

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.errors import DataError

Translate = Callable[..., Finished]
FILE = (
    '<xliff version="1.2"><file source-language="en"{}><body><trans-unit id="1"><source>Hi</source></trans-unit>'
    "</body></file></xliff>"
)


def package(members: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_files_for_the_language_are_translated_and_the_others_stay(translated: Translate) -> None:
    languages = {language: FILE.format(f' target-language="{language}"') for language in ("de-DE", "fr-FR")}
    content = package(
        {"a.sdlproj": "<p/>", "en/a.sdlxliff": FILE.format("")}
        | {f"{language}/a.sdlxliff": text for language, text in languages.items()}
    )
    finished = translated(content, "a.sdlppx")
    before, after = members(content), members(finished.content)
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {"de-DE/a.sdlxliff"}
    assert b">HI</target>" in after["de-DE/a.sdlxliff"]
    assert (finished.report.filled, dict(finished.report.skipped)) == (1, {"for another language": 1})
    assert translated(finished.content, "a.sdlppx").content == finished.content


@pytest.mark.parametrize("name", ["../a.xml", "/a.xml", "a\\..\\b.xml", "C:a.xml", "a\x01.xml"])
def test_a_member_with_an_odd_name_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"^a\.sdlppx has a member with an odd name"):
        parse_document(package({name: "x", "b.sdlxliff": FILE.format("")}), "a.sdlppx")


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"^a\.sdlppx has a member with an odd name \(one name twice\)"):
        parse_document(package({"A.xml": "x", "a.xml": "y"}), "a.sdlppx")


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.documents.package.MOST_BYTES", 1000)
    with pytest.raises(DataError, match=r"^a\.sdlppx may have at most 1,000 bytes and 10,000 members when unpacked"):
        parse_document(package({"a.sdlxliff": b" " * 100_000}), "a.sdlppx")


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"", b"x" * 100, package({"a.xml": "x"})])
def test_what_is_no_package_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^a\.sdlppx (is no zip archive|holds no \.sdlxliff)"):
        parse_document(content, "a.sdlppx")


def test_a_damaged_or_hostile_file_inside_is_named() -> None:
    with pytest.raises(DataError, match=r"^a\.sdlppx/b\.sdlxliff is not well-formed XML"):
        parse_document(package({"b.sdlxliff": "<xliff>"}), "a.sdlppx")
    damaged = bytearray(package({"b.sdlxliff": FILE.format("") * 3}))
    damaged[60] ^= 0xFF
    with pytest.raises(DataError, match=r"^a\.sdlppx"):
        parse_document(bytes(damaged), "a.sdlppx")
