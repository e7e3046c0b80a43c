"""A path in, its raw lines out: plain or compressed by the file's ending, and only if the first bytes are text."""

import gzip
import importlib
import io
import lzma
import shlex
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from polyglass.errors import DataError

_UTF8_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 4096
MOST_BYTES = 500 * 2**20  # of a file that is held in memory as a whole
MOST_LINE_BYTES = 64 * 2**20  # a packed file of a few kilobytes can hold a line that fills the memory
_UNPACK = {".gz": "gzip", ".xz": "xz", ".zst": "zstd"}
_PACKED_MAGIC = {
    b"\x1f\x8b": (".gz", "gzip"),
    b"\xfd7zXZ\x00": (".xz", "xz"),
    b"\x28\xb5\x2f\xfd": (".zst", "zstd"),
}
# First bytes -> what the file is, and what to do about it.
_FOREIGN_MAGIC = {
    b"BZh": ("compressed with bzip2", "Unpack it first: bunzip2 {path}"),
    b"PK\x03\x04": ("a zip archive (or a Word or Excel file)", "Give text: unpack it, or save it as plain text."),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", "Unpack it first."),
    b"%PDF": ("a PDF", "Give plain text."),
    b"\x89PNG": ("a picture", "Give plain text."),
    b"\xff\xd8\xff": ("a picture", "Give plain text."),
    b"\x7fELF": ("a program", "Give plain text."),
    b"SQLite format 3": ("a SQLite database", "Export it as TSV or JSONL."),
    b"PAR1": ("a Parquet table", "Export it as TSV or JSONL."),
    b"\xd0\xcf\x11\xe0": ("an old Word or Excel file", "Save it as plain text."),
    b"{\\rtf": ("an RTF document", "Save it as plain text."),
    b"\x80\x02": ("a Python pickle", "Give plain text."),
    b"version https://git-lfs": ("only a pointer of Git LFS", "Fetch the file itself: git lfs pull"),
}
_UTF16_MAGIC = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_MARKUP = (b"<?xml", b"<!doctype", b"<html", b"<tmx", b"<xliff")


def raw_lines(path: Path) -> Iterator[bytes]:
    """Yield each line without its end (LF or CRLF) and without the byte order mark of UTF-8.

    Only LF ends a line. Raises DataError if the file is missing, cannot be unpacked or is no text by its first bytes,
    or has a line of more than `MOST_LINE_BYTES`.
    """
    with _open(path) as stream, _explaining(path):
        for number, line in enumerate(iter(partial(stream.readline, MOST_LINE_BYTES + 1), b""), start=1):
            if number == 1:
                line = line.removeprefix(_UTF8_BOM)
                if not line:  # the mark is all there is
                    return
            if len(line) > MOST_LINE_BYTES:
                raise DataError(
                    f"{path}:{number}: a line may have at most {MOST_LINE_BYTES:,} bytes, but this one has more. "
                    "Is it one sentence or paragraph a line? Cut it, or leave it out."
                )
            if line.endswith(b"\n"):
                line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
            yield line


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file that need not be lines of text, plain or compressed. Raises DataError if it cannot be read."""
    _refuse_what_is_no_file(path)
    with _explaining(path), path.open("rb") as packed:
        _refuse_wrong_ending(path, packed.peek(16))
        yield _unpacked(path, packed)


def read_whole(path: Path, *, convert: str) -> str:
    """Return the text of a UTF-8 file as a whole. convert: the command that makes it UTF-8, for the message.

    Raises DataError if it is no UTF-8, or unpacks to more than `MOST_BYTES`.
    """
    with open_unpacked(path) as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(f"{path} may have at most {MOST_BYTES:,} bytes when unpacked, but it has more. Split it.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: byte 0x{content[error.start]:02X} is not UTF-8. Convert the file: {convert}"
        ) from error


def conversion(path: Path, encoding: str) -> str:
    """Return the command that makes a UTF-8 copy of a file. In UTF-16 and UTF-32 even a line's end is other bytes."""
    packer = _UNPACK.get(path.suffix)
    plain = path.with_suffix("") if packer else path
    copy = plain.with_name(f"{plain.stem}.utf8{plain.suffix}")
    from_name, to_name = shlex.quote(str(path)), shlex.quote(str(copy))
    if not encoding.casefold().startswith("utf"):
        return f"polyglass data fix {from_name} --from {encoding} --out {to_name}"
    if packer:
        return f"{packer} -dc {from_name} | iconv -f {encoding} -t utf-8 > {to_name}"
    return f"iconv -f {encoding} -t utf-8 {from_name} > {to_name}"


def is_binary(content: bytes) -> bool:
    """True if more than a tenth of the bytes are controls that text does not hold."""
    return sum(byte < 32 and byte not in b"\t\n\r\x0b\x0c\x1b" for byte in content) * 10 > len(content)


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    _refuse_what_is_no_file(path)
    with _explaining(path), path.open("rb") as packed:
        _refuse_wrong_ending(path, packed.peek(16))
        with cast(BinaryIO, io.BufferedReader(_unpacked(path, packed), 1 << 16)) as stream:
            _refuse_what_is_no_text(path, cast(io.BufferedReader, stream).peek(_HEAD_BYTES)[:_HEAD_BYTES])
            yield stream


def _refuse_what_is_no_file(path: Path) -> None:
    if not path.exists():
        raise DataError(f"{path} does not exist{_near(path)}")
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a file. Name the file inside it.")


@contextmanager
def _explaining(path: Path) -> Iterator[None]:
    """Put failures of reading and unpacking into words."""
    try:
        yield
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}. Check the file and its permissions."
        ) from error
    except Exception as error:
        if type(error).__name__ == "ZstdError":  # its module may be absent, so it cannot be named above
            raise _damaged(path, error) from error
        raise


def _damaged(path: Path, error: Exception) -> DataError:
    reason = "it ends too early" if isinstance(error, EOFError) else str(error)
    return DataError(f"{path} is damaged and cannot be unpacked ({reason}). Copy or download it again.")


def _unpacked(path: Path, packed: BinaryIO) -> Any:
    match path.suffix:
        case ".gz":
            return gzip.GzipFile(fileobj=packed)
        case ".xz":
            return lzma.LZMAFile(packed)
        case ".zst":
            return _zstd(path).ZstdFile(packed)
    return packed


def _zstd(path: Path) -> Any:
    for name in ("compression.zstd", "backports.zstd"):  # the standard library has it from Python 3.14 on
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise DataError(
        f'{path} is compressed with zstd, which needs one more package: pip install "polyglass[zstd]", '
        f"or unpack the file: zstd -d {shlex.quote(str(path))}"
    )


def _refuse_wrong_ending(path: Path, head: bytes) -> None:
    """Compression is known by the file's ending; say so where the ending is missing or wrong."""
    found = next((kind for magic, kind in _PACKED_MAGIC.items() if head.startswith(magic)), None)
    if found and path.suffix != found[0]:
        right = path.with_suffix(found[0]) if path.suffix in _UNPACK else path.with_name(path.name + found[0])
        raise DataError(
            f"{path} is compressed with {found[1]}, but its name does not end in {found[0]}. "
            f"Rename it: mv {shlex.quote(str(path))} {shlex.quote(str(right))}"
        )
    if path.suffix in _UNPACK and not found and head:
        raise DataError(
            f"{path} is named {path.suffix}, but it is not compressed with {_UNPACK[path.suffix]} "
            f"(it begins with {_show(head[:8])}). Rename it: "
            f"mv {shlex.quote(str(path))} {shlex.quote(str(path.with_suffix('')))}"
        )


def _refuse_what_is_no_text(path: Path, head: bytes) -> None:
    for magic, name in _UTF16_MAGIC.items():
        if head.startswith(magic):
            raise DataError(
                f"{path} is {name} text (its first bytes are {magic.hex(' ').upper()}), not UTF-8. "
                f"Convert it: {conversion(path, name.lower())}"
            )
    if byte_order := _utf16_without_mark(head):
        raise DataError(
            f"{path} looks like UTF-16 text (every other byte is NUL), not UTF-8. "
            f"Convert it: {conversion(path, byte_order)}"
        )
    if packer := next((name for magic, (_, name) in _PACKED_MAGIC.items() if head.startswith(magic)), None):
        raise DataError(f"{path} is compressed twice, inside with {packer}. Unpack it once and give the result.")
    for magic, (name, remedy) in _FOREIGN_MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"{path} is {name}, not text. {remedy.format(path=shlex.quote(str(path)))}")
    if head[:1] == b"\n" and head[2:3] == b"\n" and b"<unk>" in head[:64]:
        raise DataError(f"{path} is a binary SentencePiece model, not text. Give the corpus it was made for.")
    if head[8:10] == b'{"' and head[1:8].endswith(b"\0\0\0\0"):
        raise DataError(f"{path} is a file of model weights (safetensors), not text. Give a corpus.")
    if head.removeprefix(_UTF8_BOM).lstrip()[:10].lower().startswith(_MARKUP):
        raise DataError(
            f"{path} is XML or a web page, not one text a line. Export it as two text files, TSV or JSONL; "
            "if it was downloaded, look into it: it may be an error page."
        )


def _utf16_without_mark(head: bytes) -> str | None:
    """Name UTF-16 by its pattern: Western text has a NUL in every other byte, and many letters between them."""
    even, odd = head[0::2], head[1::2]
    for name, empty, full in (("utf-16le", odd, even), ("utf-16be", even, odd)):
        letters = {byte for byte in full if chr(byte).isalpha()}
        if len(empty) >= 8 and empty.count(0) >= 0.9 * len(empty) and full.count(0) == 0 and len(letters) >= 4:
            return name
    return None


def _near(path: Path) -> str:
    """Name a file of nearly the same name, if there is one."""
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, names, n=1, cutoff=0.75)
    return f". Did you mean {path.with_name(near[0])}?" if near else ". Check the name and the folder."


def _show(content: bytes) -> str:
    return '"' + content.decode("ascii", "backslashreplace").encode("unicode_escape").decode("ascii") + '"'
