"""Compressed files, wrong endings, binary files: each is read, or named from its first bytes."""

import gzip
import lzma
import sys
from pathlib import Path

import pytest

from polyglass.data.formats.lines import read_lines
from polyglass.errors import DataError

LINES = ["Guten Morgen.", "", "Grüße  aus Köln ", "Ende"]
TEXT = "\n".join(LINES).encode() + b"\n"


def lines_of(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return list(read_lines(path, errors="strict"))


def complaint(path: Path, content: bytes) -> str:
    with pytest.raises(DataError) as caught:
        lines_of(path, content)
    return str(caught.value).replace(f"{path.parent}/", "")


def test_plain_and_compressed_files_give_the_same_lines(tmp_path: Path) -> None:
    zstd = pytest.importorskip("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")
    packed = {
        "a.de": TEXT,
        "a.de.gz": gzip.compress(TEXT),
        "a.de.xz": lzma.compress(TEXT),
        "a.de.zst": zstd.compress(TEXT),
    }
    for name, content in packed.items():
        assert lines_of(tmp_path / name, content) == LINES


def test_two_gzip_members_are_one_file(tmp_path: Path) -> None:
    assert lines_of(tmp_path / "a.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n")) == ["one", "two"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n\r\n\r\r\nc\r", ["a\rb", "", "\r", "c\r"]),
        ("a\u2028b\x85c\x0bd\x0ce\x00f\x1cg\u2029h\n".encode(), ["a\u2028b\x85c\x0bd\x0ce\x00f\x1cg\u2029h"]),
    ],
    ids=["empty file", "empty line", "no last LF", "blank line", "BOM", "CRLF", "lone CR", "separators"],
)
def test_only_a_line_feed_ends_a_line(tmp_path: Path, content: bytes, expected: list[str]) -> None:
    assert lines_of(tmp_path / "a.txt", content) == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.de", gzip.compress(TEXT), "compressed with gzip, but its name does not end in .gz. Rename it: mv"),
        ("a.de.gz", lzma.compress(TEXT), "compressed with xz, but its name does not end in .xz"),
        ("a.de.xz", TEXT, 'named .xz, but it is not compressed with xz (it begins with "Guten Mo"). Rename it'),
        ("a.de.gz", gzip.compress(TEXT)[:-12], "damaged and cannot be unpacked (it ends too early). Copy or download"),
        ("a.de.gz", gzip.compress(TEXT)[:-8] + bytes(8), "damaged and cannot be unpacked (CRC check failed"),
        ("a.de.xz", lzma.compress(TEXT)[:-12], "damaged and cannot be unpacked (it ends too early)"),
        ("a.de.gz", gzip.compress(gzip.compress(TEXT)), "is compressed twice, inside with gzip. Unpack it once"),
        ("a.de", b"BZh91AY&SY", "compressed with bzip2, not text. Unpack it first: bunzip2"),
        ("a.docx", b"PK\x03\x04" + bytes(30), "a zip archive (or a Word or Excel file), not text. Give text"),
        ("a.de", b"%PDF-1.7\n", "is a PDF, not text"),
        ("a.de", b"\x80\x02}q\x00.", "is a Python pickle, not text"),
        ("a.model", b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02", "is a binary SentencePiece model, not text"),
        ("a.de", b"\x38\x00\x00\x00\x00\x00\x00\x00" + b'{"a":{}}', "is a file of model weights (safetensors)"),
        ("a.de", b"version https://git-lfs.github.com/spec/v1\n", "only a pointer of Git LFS, not text. Fetch"),
        ("a.de", b"<?xml version='1.0'?>\n<tmx>\n", "is XML or a web page, not one text a line"),
        ("a.de", b"<!DOCTYPE html>\n<html>404", "it may be an error page"),
        (
            "a.de",
            "Grüße\n".encode("utf-16"),
            "is UTF-16 text (its first bytes are FF FE), not UTF-8. Convert it: iconv",
        ),
        ("a.de", b"\xfe\xff" + "Hallo\n".encode("utf-16-be"), "is UTF-16 text (its first bytes are FE FF)"),
        ("a.de", b"\xff\xfe\x00\x00" + "Hallo\n".encode("utf-32-le"), "is UTF-32 text"),
        ("a.de", "Guten Morgen, Welt\n".encode("utf-16-le"), "looks like UTF-16 text (every other byte is NUL)"),
        ("a.de", "Guten Morgen, Welt\n".encode("utf-16-be"), "iconv -f utf-16be -t utf-8 "),
        ("a.de.gz", gzip.compress("Grüße\n".encode("utf-16")), "gzip -dc "),
    ],
    ids=range(22),
)
def test_what_is_no_text_is_named_from_its_first_bytes(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    assert words in complaint(tmp_path / name, content)


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "train.en").write_bytes(b"a\n")
    with pytest.raises(DataError, match=r"trian\.en does not exist\. Did you mean .*train\.en\?"):
        list(read_lines(tmp_path / "trian.en", errors="strict"))
    with pytest.raises(DataError, match=r"does not exist\. Check the name and the folder"):
        list(read_lines(tmp_path / "no" / "other.txt", errors="strict"))
    with pytest.raises(DataError, match="is a folder, not a file"):
        list(read_lines(tmp_path, errors="strict"))


def test_without_zstd_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    assert 'pip install "polyglass[zstd]"' in complaint(tmp_path / "a.de.zst", b"\x28\xb5\x2f\xfd")


def test_damaged_zstd_is_named(tmp_path: Path) -> None:
    zstd = pytest.importorskip("backports.zstd" if sys.version_info < (3, 14) else "compression.zstd")
    packed = zstd.compress(TEXT * 100)
    assert "damaged and cannot be unpacked" in complaint(tmp_path / "a.zst", packed[: len(packed) // 2])
    assert "damaged and cannot be unpacked" in complaint(tmp_path / "b.zst", packed[:10] + b"\xff" * 20)
