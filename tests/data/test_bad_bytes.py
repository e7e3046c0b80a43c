"""Reliability row I1: bytes that are not UTF-8 are named with line, column, likely reason and way out."""

from pathlib import Path

import pytest

from polyglass.data.formats.lines import read_lines
from polyglass.data.pair import DamagedText
from polyglass.errors import DataError

WESTERN = "looks like cp1252 or Latin-1"
WINDOWS = "looks like cp1252:"
CUT = "the line ends in the middle of a character"
MIXED = "the line mixes UTF-8 and another encoding"
FOREIGN = "most letters are outside ASCII, so perhaps cp1251, KOI8-R, Shift-JIS or GB18030"
NEITHER = "neither UTF-8 nor cp1252; perhaps Mac Roman or cp850"
SURROGATE = "half of a UTF-16 surrogate pair"
BINARY = "the line holds binary data. Is this the right file?"

# bytes of line 3, byte and column that are named, words of the reason
TABLE = [
    (b"caf\xe9 au lait", "0xE9 at column 4", WESTERN),
    (b"caf\xe9", "0xE9 at column 4", WESTERN),
    (b"\xc4pfel und Birnen", "0xC4 at column 1", WESTERN),
    (b"Stra\xdfe", "0xDF at column 5", WESTERN),
    (b"gr\xfc\xdfe", "0xFC at column 3", WESTERN),
    (b"\xbfqu\xe9 tal?", "0xBF at column 1", WESTERN),
    (b"na\xefve", "0xEF at column 3", WESTERN),
    (b"\xa9 2024 by us", "0xA9 at column 1", WESTERN),
    (b"S\xe3o Paulo \xe9 bonito", "0xE3 at column 2", WESTERN),
    (b"it\x92s fine", "0x92 at column 3", WINDOWS),
    (b"\x84Hallo\x93, sagte er", "0x84 at column 1", WINDOWS),
    (b"10 \x80 a piece", "0x80 at column 4", WINDOWS),
    (b"wait\x85", "0x85 at column 5", WINDOWS),
    (b"a \x96 b", "0x96 at column 3", WINDOWS),
    ("Straße und Stra".encode() + b"\xdfe", "0xDF at column 16", MIXED),
    ("Größe ".encode() + b"it\x92s", "0x92 at column 9", MIXED),
    ("日本 ".encode() + b"caf\xe9", "0xE9 at column 7", CUT),
    ("Füße".encode()[:-2] + b"", "0xC3 at column 3", CUT),
    ("fünf Euro 5 €".encode()[:-1], "0xE2 at column 13", CUT),
    ("ok 😀".encode()[:-1], "0xF0 at column 4", CUT),
    ("ok 😀".encode()[:-2], "0xF0 at column 4", CUT),
    (b"x \xed\xa0\xbd\xed\xb8\x80", "0xED at column 3", SURROGATE),
    (b"a\xc0\x80b", "0xC0 at column 2", "Java's way to write NUL, C0 80"),
    ("Привет, мир".encode("cp1251"), "0xCF at column 1", FOREIGN),
    ("Привет, мир".encode("koi8-r"), "0xF0 at column 1", FOREIGN),
    ("日本語の文章です".encode("shift-jis"), "0x93 at column 1", FOREIGN),
    ("这是一个句子".encode("gb18030"), "at column 1 is not UTF-8", FOREIGN),
    (b"M\x81nchen", "0x81 at column 2", NEITHER),
    (b"s\x8dr", "0x8D at column 2", NEITHER),
    (b"\x00\x01\x02\xff\x03\x04ab\x05\x06", "0xFF at column 4", BINARY),
]


@pytest.mark.parametrize(("raw", "place", "reason"), TABLE, ids=[ascii(raw)[2:-1] for raw, _, _ in TABLE])
def test_bad_bytes_are_named_with_place_reason_and_way_out(tmp_path: Path, raw: bytes, place: str, reason: str) -> None:
    path = tmp_path / "train.de"
    path.write_bytes(b"first\nsecond\n" + raw + b"\nfourth\n")
    with pytest.raises(DataError) as caught:
        list(read_lines(path, errors="strict"))
    message = str(caught.value)
    assert message.startswith(f"{path}:3: byte 0x")
    assert place in message
    assert reason in message
    assert "--errors skip" in message or reason == BINARY
    assert caught.value.exit_code == 2


def test_the_table_has_thirty_rows() -> None:
    assert len(TABLE) == 30


def test_the_message_shows_what_the_guess_would_give(tmp_path: Path) -> None:
    path = tmp_path / "my train.de"
    path.write_bytes(b"caf\xe9 au lait\n")
    with pytest.raises(DataError) as caught:
        list(read_lines(path, errors="strict"))
    assert str(caught.value) == (
        f'{path}:1: byte 0xE9 at column 4 is not UTF-8 (looks like cp1252 or Latin-1: "caf\\xe9 au lait" is then '
        f"\"café au lait\"). Convert it: polyglass data fix '{path}' --from cp1252 "
        f"--out '{tmp_path}/my train.utf8.de'. "
        "Or leave such lines out: --errors skip"
    )


def test_skipping_keeps_the_line_in_its_place_and_shows_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "train.de"
    path.write_bytes(b"one\ncaf\xe9\nthree\n")
    lines = list(read_lines(path, errors="skip"))
    assert lines == ["one", "caf\\xe9", "three"]
    assert [isinstance(line, DamagedText) for line in lines] == [False, True, False]
