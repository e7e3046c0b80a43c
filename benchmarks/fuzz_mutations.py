"""Good files and words of a format in, hostile files out; the same number always gives the same file."""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

MOST_BYTES = 200_000  # of one hostile file; longer ones have tests of their own
FRESH = 0.1  # share of files that are made of words of the format alone
ONE_CHANGE = 0.6  # share of files with a single change: these come furthest
VALID = 0.7  # share of files of text that stay valid UTF-8
LONG = 0.01  # share of files in which one stretch stands very often
EVERYWHERE = (
    b"\0", b"\r", b"\r\n", b"\n\n", b"\t", b"\x1b]0;x\x07", b"\x7f", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xf4\x90\x80\x80", b"\xff\xfe", "\u2028".encode(), "\u0301".encode(), "\u200d".encode(), "\u202e".encode(),
    "\ufdd0".encode(), "\U0001f469\u200d\U0001f4bb".encode(), "\ue000".encode(), "é".encode("cp1252"),
    b"-1", b"0", b"1e999", b"NaN", b"9" * 400, b"18446744073709551616", b"%s", b"%(", b"{", b"}", b"{0}", b"<", b">",
    b"&", b"&#0;", b"&#xD800;", b'"', b"'", b"\\", b"\\u", b"../", b"[" * 300, b"{" * 300, b"a" * 5000, b"",
)  # fmt: skip

_SEAM = re.compile(rb"[>\n,;}]")
_ELEMENT = re.compile(rb"<(\w{1,20})[^<>]{0,300}>[^<>]{0,500}</\1>|<\w[^<>]{0,300}/>|^[^\n]{1,500}\n", re.MULTILINE)
_OBJECT_LINE = re.compile(rb"^\{.*\}$", re.MULTILINE)
_VALUES: Sequence[Any] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        7,
        2**31,
        2**63,
        10**30,
        0.5,
        -0.0,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "\0",
    ),
    *(
        "en",
        "de",
        "html",
        "xml",
        "\ud800",
        "a" * 3000,
        "<b>x",
        "../x",
        [],
        ["x"],
        [None],
        [[]],
        {},
        {"x": 1},
        ["a", "b"],
    ),
)

Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def hostile(number: int, name: str, seeds: Sequence[bytes], words: Sequence[bytes], seed: int) -> bytes:
    """Return file `number` of the target `name`."""
    dice = random.Random(f"{seed} {name} {number}")
    every = (*words, *EVERYWHERE)
    if words and dice.random() < FRESH:
        return _fresh(dice, words if dice.random() < 0.5 else every)
    content = bytearray(dice.choice(seeds))
    text = _is_text(content)
    for _ in range(1 if dice.random() < ONE_CHANGE else 2 + int(dice.expovariate(0.5))):
        dice.choice(_CHANGES)(content, dice, every)
    if dice.random() < LONG and content:
        at, length = dice.randrange(len(content)), dice.randrange(1, 40)
        content[at:at] = content[at : at + length] * dice.randrange(500, 5000)
    if dice.random() < 0.02:
        return _in_another_encoding(bytes(content[:MOST_BYTES]), dice)
    if dice.random() < 0.02:
        content += dice.choice(seeds)
    made = bytes(content[:MOST_BYTES])
    # What is not UTF-8 is refused at the door; most files should come further.
    return made.decode("utf-8", "replace").encode() if text and dice.random() < VALID else made


def _is_text(content: bytes | bytearray) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fresh(dice: random.Random, words: Sequence[bytes]) -> bytes:
    """Return words of the format in some order; what opens may be closed again."""
    parts: list[bytes] = []
    for _ in range(dice.randrange(1, 60)):
        parts.insert(dice.randrange(len(parts) + 1), dice.choice(words))
    return b"".join(parts)


def _flip_bits(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    for _ in range(dice.randrange(1, 9) if content else 0):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def _overwrite(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    at, length = dice.randrange(len(content) + 1), dice.randrange(1, 16)
    content[at : at + length] = dice.randbytes(length)


def _cut_out(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    at = dice.randrange(len(content) + 1)
    del content[at : at + dice.randrange(1, 60)]


def _cut_off(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    del content[dice.randrange(len(content) + 1) :]


def _double(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    at, to = dice.randrange(len(content) + 1), dice.randrange(len(content) + 1)
    content[to:to] = content[at : at + dice.randrange(1, 200)] * dice.randrange(1, 4)


def _insert_word(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    at = dice.randrange(len(content) + 1)
    content[at:at] = dice.choice(words)


def _replace_word(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    """Put one word in the place of another, where there is one."""
    known = dice.choice(words)
    at = content.find(known, dice.randrange(len(content) + 1)) if known else -1
    if at >= 0:
        content[at : at + len(known)] = dice.choice(words)


def _swap_lines(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    lines = bytes(content).split(b"\n")
    first, second = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    content[:] = b"\n".join(lines)


def _insert_at_seam(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    """Insert a word where something ends: behind a tag, a line, a comma."""
    seams = [found.end() for found in _SEAM.finditer(content)] or [len(content)]
    at = dice.choice(seams)
    content[at:at] = dice.choice(words)


def _move_element(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    """Take an element or line away, double it, or put it elsewhere; often what comes out is well-formed."""
    found = [(one.start(), one.end()) for one in _ELEMENT.finditer(content)]
    if not found:
        return
    start, end = dice.choice(found)
    part = bytes(content[start:end])
    if dice.random() < 0.6:
        del content[start:end]
    if dice.random() < 0.7:
        seams = [one.end() for one in _SEAM.finditer(content)] or [0]
        at = dice.choice(seams)
        content[at:at] = part


def _change_json(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    """Put another value, of any kind, somewhere into a JSON object: the file, or one of its lines."""
    whole = [(0, len(content))] if content[:1] == b"{" else []
    lines = [(found.start(), found.end()) for found in _OBJECT_LINE.finditer(content)]
    for start, end in (*whole, *dice.sample(lines, min(len(lines), 3))):
        try:
            document = json.loads(bytes(content[start:end]))
        except (ValueError, RecursionError):
            continue
        content[start:end] = json.dumps(_with_another_value(document, dice)).encode()
        return


def _with_another_value(document: Any, dice: random.Random) -> Any:
    place = document
    while isinstance(place, dict | list) and place:
        key: Any = dice.choice(list(place)) if isinstance(place, dict) else dice.randrange(len(place))
        if not isinstance(place[key], dict | list) or not place[key] or dice.random() < 0.3:
            match dice.randrange(6):
                case 0 if isinstance(place, dict):
                    del place[key]
                case 1 if isinstance(place, dict):
                    place[dice.choice([*map(str, _VALUES), "x", ""])] = place[key]
                case _:
                    place[key] = dice.choice(_VALUES)
            break
        place = place[key]
    return document


def _change_number(content: bytearray, dice: random.Random, words: Sequence[bytes]) -> None:
    places = [at for at, byte in enumerate(content) if 48 <= byte < 58]
    if places:
        at = dice.choice(places)
        content[at : at + 1] = dice.choice([b"-1", b"0", b"999999999999", b"1e9", b"", b"0.5", b"0x10", b"true"])


_CHANGES: Sequence[Change] = (
    _flip_bits,
    _overwrite,
    _cut_out,
    _cut_off,
    _double,
    _insert_word,
    _insert_word,
    _replace_word,
    _insert_at_seam,
    _insert_at_seam,
    _move_element,
    _move_element,
    _change_json,
    _change_json,
    _swap_lines,
    _change_number,
)


def _in_another_encoding(content: bytes, dice: random.Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(dice.choice(["utf-16", "utf-16-le", "utf-32", "cp1252", "shift_jis", "utf-8-sig"]), "replace")
