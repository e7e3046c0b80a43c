"""Text that was encoded as UTF-8, read as cp1252 or cp1251, and encoded once more in; what it was before out.

"GrÃ¼ÃŸe" was "Grüße". Only whole characters of UTF-8 are put back, so that text that merely looks odd stays.
"""

import re
from functools import cache

import numpy as np
from numpy.typing import NDArray

from polyglass.data.letters import Characters

_QUOTES = "“”„‘’‚«»‹›…–—"
_ROUNDS = 3  # some text went through it more than once


def mend(text: str) -> str:
    """Return the text as it was before it was encoded twice; the same text if nothing shows that it was."""
    for _ in range(_ROUNDS):
        mended = _from_cp1251(_from_cp1252(text))
        if mended == text:
            break
        text = mended
    return text


def suspects(side: Characters) -> list[int]:
    """Return the rows that are worth a call of `mend`."""
    classes = _classes()[side.small]
    pairs = (classes[:-1] & 1 != 0) & (classes[1:] & 2 != 0) & (side.line[:-1] == side.line[1:])
    rows: list[int] = np.unique(side.line[:-1][pairs]).tolist()
    return rows


def _from_cp1252(text: str) -> str:
    # In "„FUß“" and "CAFÉ»" a capital letter and a quotation mark stand side by side by right: that proves nothing.
    if all(len(found) == 2 and found[0] not in "ÂÃ" and found[1] in _QUOTES for found in _sequence().findall(text)):
        return text
    return _sequence().sub(_decoded, text)


def _decoded(found: re.Match[str]) -> str:
    raw = bytes(_byte_of()[character] for character in found.group())
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        return found.group()
    return decoded if _plausible(decoded) else found.group()


def _plausible(decoded: str) -> bool:
    return (
        decoded.isprintable()
        or decoded.isspace()
        or decoded in "\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f\u2028\u3000\u202f"
    )


def _from_cp1251(text: str) -> str:
    letters = [character for character in text if character > "\x7f"]
    if not letters or sum(character in "РС" for character in letters) * 3 < len(letters):
        return text  # every second or third character of such text is one of these
    try:
        return text.encode("cp1251").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return text


@cache
def _byte_of() -> dict[str, int]:
    """Return what byte each character comes from, by cp1252, or by Latin-1 where cp1252 has none."""
    table = {chr(byte): byte for byte in range(0x80, 0x100)}
    for byte in range(0x80, 0xA0):
        try:
            table[bytes([byte]).decode("cp1252")] = byte
        except UnicodeDecodeError:
            continue
    return table


@cache
def _sequence() -> re.Pattern[str]:
    """Match what a whole character of UTF-8 outside ASCII looks like in cp1252."""
    tails = "".join(re.escape(character) for character, byte in _byte_of().items() if byte < 0xC0)
    return re.compile(f"[\xc2-\xdf][{tails}]|[\xe0-\xef][{tails}]{{2}}|[\xf0-\xf4][{tails}]{{3}}")


@cache
def _classes() -> NDArray[np.uint8]:
    """1: a character that can begin such a sequence, 2: one that can go on with it."""
    table = np.zeros(0x10000, dtype=np.uint8)
    table[0xC2:0xF5] |= 1
    table[[ord("Р"), ord("С")]] |= 1
    for character, byte in _byte_of().items():
        if byte < 0xC0:
            table[ord(character)] |= 2
    for byte in range(0x80, 0xC0):
        if byte != 0x98:
            table[ord(bytes([byte]).decode("cp1251"))] |= 2
    return table
