"""I6, I8, I9: small files that unpack to huge ones, endless lines, and archives whose members lead elsewhere."""

import gzip
import io
import lzma
import resource
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from faults import in_child
from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.data.corpus import open_corpus
from polyglass.documents.parse import parse_document
from polyglass.errors import DataError
from tiny_bundle import tiny_talker

GROWTH_KB = 200_000
TRANSLATE_AND_TELL = """
import resource, sys, torch
from polyglass.cli.main import main
from polyglass.translator import Translator
torch.set_num_threads(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model, source, output = sys.argv[1:]
assert main(["translate", model, "--input", source, "--output", output]) == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
UNIT = (
    '<xliff version="1.2"><file source-language="en" target-language="de"><body><trans-unit id="1"><source>Hi</source>'
    "</trans-unit></body></file></xliff>"
)


def grown_kb(before: int) -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def now_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_three_hundred_megabytes_of_line_feeds_in_a_small_file_are_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv.gz"
    with gzip.open(path, "wb", compresslevel=6) as file:
        line_feeds = b"\n" * 10_000_000
        for _ in range(30):
            file.write(line_feeds)
    assert path.stat().st_size < 1_500_000

    def read() -> None:
        before = now_kb()
        lines = iter(open_corpus([path]).with_damaged())
        for _ in range(50_000):
            next(lines)
        assert grown_kb(before) < GROWTH_KB

    assert in_child(read, seconds=20) == 0


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.tsv.xz", "a.jsonl.gz", "a.tsv"])
def test_a_line_without_end_is_refused_at_the_limit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.data.formats.opening.MOST_LINE_BYTES", 1_000_000)
    content = b"a\tb\n" + b"x" * 20_000_000
    packer = {".gz": gzip.compress, ".xz": lzma.compress}.get(Path(name).suffix, bytes)
    (tmp_path / name).write_bytes(packer(content))

    def read() -> None:
        before = now_kb()
        rule = r"a\..*:2: a line may have at most 1,000,000 bytes, but this one has more\. Is it one sentence"
        with pytest.raises(DataError, match=rule):
            list(open_corpus([tmp_path / name], errors="skip").with_damaged())
        assert grown_kb(before) < 20_000

    assert in_child(read, seconds=20) == 0


def test_a_line_of_ten_megabytes_changes_no_neighbour_and_takes_bounded_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_bundle(tmp_path / "m", tiny_talker())
    (tmp_path / "few.txt").write_bytes(b"A small dog.\nTwo men.\n")
    (tmp_path / "long.txt").write_bytes(b"A small dog.\n" + b"word " * 2_000_000 + b"\nTwo men.\n")
    assert main(["translate", str(tmp_path / "m"), "--input", str(tmp_path / "few.txt")]) == 0
    expected = capsys.readouterr().out.splitlines()

    command = [
        sys.executable,
        "-c",
        TRANSLATE_AND_TELL,
        *(str(tmp_path / name) for name in ("m", "long.txt", "out.txt")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=100, check=True)
    first, _, last = (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()
    assert [first, last] == expected
    assert int(done.stdout) < GROWTH_KB


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
        file.writestr("b.sdlxliff", UNIT)
    return packed.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


ODD_NAMES = [
    "../a", "a/../../b", "..", "a/..", "/etc/passwd", "//server/a", "\\a", "\\\\server\\a", "..\\a", "a\\..\\..\\b",
    "C:a", "C:\\a", "c:/a", "a:stream", "a\nb", "a\x00b", "a\x1bb", "a\tb", "NUL", "con.txt", "COM1", "lpt9.xml", "a.",
    "a ", "a/ /b",
]  # fmt: skip
ODD_MEMBERS = {
    "a symbolic link": special("a", stat.S_IFLNK | 0o777),
    "a device": special("a", stat.S_IFCHR | 0o600),
    "a pipe": special("a", stat.S_IFIFO | 0o600),
    "a socket": special("a", stat.S_IFSOCK | 0o600),
}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_archive_with_an_odd_name_is_refused_as_a_whole(name: str) -> None:
    # zipfile itself cuts a name at a NUL.
    packed = archive((name.replace("\0", "?"), b"/etc/passwd")).replace(b"a?b", b"a\0b")
    with pytest.raises(DataError, match=r"^a\.sdlppx has a member with an odd name"):
        parse_document(packed, "a.sdlppx")


@pytest.mark.parametrize("kind", ODD_MEMBERS)
def test_an_archive_with_a_member_that_is_no_file_is_refused_as_a_whole(kind: str) -> None:
    with pytest.raises(DataError, match=r"^a\.sdlppx has a member that is no file \(a\)"):
        parse_document(archive((ODD_MEMBERS[kind], b"/etc/passwd")), "a.sdlppx")


@pytest.mark.parametrize("second", ["a.xml", "A.XML"])
def test_an_archive_with_one_name_twice_is_refused_as_a_whole(second: str) -> None:
    packed = archive(("a.xml", b"x"), ("B.XML", b"y")).replace(b"B.XML", second.encode())
    with pytest.raises(DataError, match=r"^a\.sdlppx has a member with an odd name \(one name twice\)"):
        parse_document(packed, "a.sdlppx")


def test_two_hundred_megabytes_of_zeros_in_an_archive_are_refused_unread() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file, file.open("a.bin", "w") as member:
        for _ in range(21):
            member.write(bytes(10_000_000))

    def read() -> None:
        before = now_kb()
        with pytest.raises(DataError, match=r"^a\.sdlppx may have at most 209,715,200 bytes and 10,000 members"):
            parse_document(packed.getvalue(), "a.sdlppx")
        assert grown_kb(before) < 20_000

    assert in_child(read, seconds=5) == 0


def test_a_member_that_is_larger_than_it_says_is_not_believed() -> None:
    packed = archive(("a.bin", bytes(5_000_000)))
    real, said = (5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"^a\.sdlppx"):
        parse_document(packed.replace(real, said), "a.sdlppx")


def test_an_archive_in_an_archive_is_not_opened() -> None:
    inner = archive(("../x", b"y"))
    packed = archive(("inner.zip", inner))
    assert parse_document(packed, "a.sdlppx").original.edited([]) == packed
