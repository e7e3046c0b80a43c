"""A line that is not UTF-8 in, the likeliest reason and the way out in words."""

import re
from pathlib import Path

from polyglass.data.formats.opening import conversion, is_binary
from polyglass.errors import DataError

_CONTEXT = 12  # bytes shown on each side of the bad one
_MULTI_BYTE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_SKIP = "Or leave such lines out: --errors skip"


def explain(path: Path, line: int, raw: bytes, error: UnicodeDecodeError) -> DataError:
    """Return the error for line number `line` of `path`, whose bytes `raw` are not UTF-8."""
    bad = raw[error.start]
    column = len(raw[: error.start].decode("utf-8")) + 1
    where = f"{path}:{line}: byte 0x{bad:02X} at column {column} is not UTF-8"
    if is_binary(raw[:4096]):
        return DataError(f"{where}: the line holds binary data. Is this the right file? It must be plain text.")
    reason, remedy = _diagnose(path, raw, error)
    return DataError(f"{where} ({reason}). {remedy}")


def _diagnose(path: Path, raw: bytes, error: UnicodeDecodeError) -> tuple[str, str]:
    at = error.start
    rest = raw[at:]
    if re.match(rb"\xed[\xa0-\xbf]", rest):
        return "half of a UTF-16 surrogate pair, written by a broken converter", f"Make the file again. {_SKIP}"
    if rest.startswith(b"\xc0\x80"):
        return "Java's way to write NUL, C0 80", f"Replace the two bytes by a space. {_SKIP}"
    high = [byte for byte in raw if byte >= 0x80]
    has_utf8 = 2 * sum(map(len, _MULTI_BYTE.findall(raw))) >= len(high)  # two bytes can be valid UTF-8 by chance
    if error.reason == "unexpected end of data" and (len(rest) > 1 or has_utf8):
        return "the line ends in the middle of a character; it was cut by bytes", f"Cut by characters. {_SKIP}"
    if has_utf8:
        return f"the line mixes UTF-8 and another encoding: {_quote(raw, at)}", f"Mend the line by hand. {_SKIP}"
    letters = sum(byte > 0x20 for byte in raw)
    if len(high) > 2 and len(high) * 5 > letters * 2:
        return (
            "most letters are outside ASCII, so perhaps cp1251, KOI8-R, Shift-JIS or GB18030",
            f"Ask who made the file, then convert it, for example: {conversion(path, 'cp1251')}. {_SKIP}",
        )
    if any(byte in _UNDEFINED_IN_CP1252 for byte in high):
        return "neither UTF-8 nor cp1252; perhaps Mac Roman or cp850", (
            f"Ask who made the file, then convert it, for example: {conversion(path, 'macintosh')}. {_SKIP}"
        )
    name = "cp1252" if any(byte < 0xA0 for byte in high) else "cp1252 or Latin-1"
    read = raw[max(0, at - _CONTEXT) : at + _CONTEXT].decode("cp1252").strip()
    return (
        f'looks like {name}: {_quote(raw, at)} is then "{read}"',
        f"Convert it: {conversion(path, 'cp1252')}. {_SKIP}",
    )


def _quote(raw: bytes, at: int) -> str:
    """Show the bytes around the bad one; every byte that is not printable ASCII is written out."""
    shown = raw[max(0, at - _CONTEXT) : at + _CONTEXT].strip()
    return '"' + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in shown) + '"'
