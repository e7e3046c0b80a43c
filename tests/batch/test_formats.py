"""Files cut into pieces: nothing is lost, added or moved, whatever the lines hold."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_world import lines_format, through
from polyglass.batch.formats import Records, format_of
from polyglass.errors import DataError, InputError

ODD = st.lists(st.text(st.sampled_from('a \t\0\v\x1c\x85\u2028\u0301d"\\{}'), max_size=6), max_size=12)


@given(ODD, st.booleans(), st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_come_out_as_they_went_in(tmp_path: Path, lines: list[str], closed: bool, size: int) -> None:
    content = "\n".join(lines) + "\n" * (closed and bool(lines))
    (tmp_path / "a.txt").write_bytes(content.encode())
    assert through(lines_format(), tmp_path / "a.txt", size) == content.upper().encode()


def test_pieces_know_their_first_line_and_their_number(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"1\n2\n3\n4\n5")
    pieces = list(lines_format().pieces(tmp_path / "a.txt", 2))
    assert [(one.number, one.first, one.lines, one.content) for one in pieces] == [
        (1, 1, 2, b"1\n2\n"),
        (2, 3, 2, b"3\n4\n"),
        (3, 5, 1, b"5"),
    ]


def test_a_byte_order_mark_carriage_returns_and_packing_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfa\r\nb\r\n"))
    assert through(lines_format(), tmp_path / "a.gz", 1) == b"A\nB\n"


def test_a_line_that_is_not_utf_8_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\nb\nc\ncaf\xe9\n")
    piece = list(lines_format().pieces(tmp_path / "a.txt", 3))[1]
    with pytest.raises(DataError, match=r"a.txt:4: byte 0xE9 at column 4 is not UTF-8"):
        lines_format().texts(piece, "a.txt")


def test_records_keep_their_bytes_and_get_one_field_more(tmp_path: Path) -> None:
    records = b'{"id": 1.50,"text" :"a\\u00e4b" }\n\n{"x": {"y": "}"}, "text": "b"}  \n'
    (tmp_path / "a.jsonl").write_bytes(records)
    out = through(Records("text", "de"), tmp_path / "a.jsonl", 2)
    assert out == (
        '{"id": 1.50,"text" :"a\\u00e4b", "de": "AÄB"}\n\n{"x": {"y": "}"}, "text": "b", "de": "B"}\n'.encode()
    )


json_values = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner), max_leaves=4
)


@given(st.lists(st.dictionaries(st.text(), json_values), max_size=6), st.integers(1, 3), st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_any_record_is_read_as_the_same_record_with_one_field_more(
    tmp_path: Path, records: list[dict[str, Any]], size: int, ascii: bool
) -> None:
    texts: list[dict[str, Any]] = [{**record, "text": f"a{n}"} for n, record in enumerate(records)]
    for record in texts:
        record.pop("de", None)
    lines = [json.dumps(record, ensure_ascii=ascii) for record in texts]
    (tmp_path / "a.jsonl").write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
    out = through(Records("text", "de"), tmp_path / "a.jsonl", size).decode().split("\n")[:-1]
    kept = [json.loads(line.encode("utf-8", "replace")) for line in lines]
    assert [json.loads(line) for line in out] == [{**one, "de": one["text"].upper()} for one in kept]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "a:1: every line must be a JSON object, but this one is none (Expecting"),
        ("[1]", "a:1: every line must be a JSON object, but this one is none."),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"b": 1}', 'a:1: the record needs text at "text", but its keys are: b.'),
        ('{"text": null}', 'needs text at "text"'),
        ('{"text": "a", "de": 0}', 'a:1: the record has a "de" already. Choose another name: --into'),
    ],
)
def test_a_record_without_its_text_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    (piece,) = Records("text", "de").pieces(tmp_path / "a.jsonl", 9)
    with pytest.raises(DataError) as caught:
        Records("text", "de").texts(piece, "a")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [("a.txt", None, "lines"), ("a.jsonl", "t", "jsonl"), ("a.NDJSON", "t", "jsonl"), ("a.jsonl.gz", "t", "jsonl")],
)
def test_the_ending_says_what_a_file_is(name: str, field: str | None, kind: str) -> None:
    assert format_of(Path(name), lines_format(), field=field, into="de").kind == kind


@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        ("a.jsonl.xz", None, "holds records. Say which field is to be translated, for example --field text"),
        ("a.parquet", None, "--field text"),
        ("a.en.gz", "t", "--field goes with JSON lines and Parquet, but a.en.gz is lines of text. Leave it out."),
        ("a.jsonl", "de", "must be two names, but both are 'de'"),
    ],
)
def test_a_field_is_named_where_there_are_fields_and_only_there(name: str, field: str | None, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        format_of(Path(name), lines_format(), field=field, into="de")
    assert reason in str(caught.value)
