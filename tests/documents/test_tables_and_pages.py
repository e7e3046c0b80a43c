"""TSV, JSON lines, HTML, Markdown and plain text: only texts change."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.errors import DataError
from polyglass.text.parts import Output

Translate = Callable[..., Finished]


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        ("en\tde\nHi\t\n", "en\tde\nHi\tHI\n"),
        ("Hi\nyou\t\tnote\r\n", "Hi\tHI\nyou\tYOU\tnote\r\n"),
        ("Hi\tHallo\tx\n\n", "Hi\tHallo\tx\n\n"),
        ("{a} b\t", "{a} b\t{a} B"),
    ],
)
def test_the_second_column_of_a_table_is_filled(translated: Translate, rows: str, made: str) -> None:
    assert translated(rows, "a.tsv").content.decode() == made


@pytest.mark.parametrize(
    ("record", "made"),
    [
        ('{"source": "Hi", "target": "", "id": 1e2}', '{"source": "Hi", "target": "HI", "id": 1e2}'),
        ('{"id":1,"source":"a\\nb"}', '{"id":1,"source":"a\\nb", "target": "A\\nB"}'),
        ('{ "en" : "Hi" , "de" : null }', '{ "en" : "Hi" , "de" : "HI" }'),
        (
            '{"translation": {"en": "Hi"}, "x": [1, {"en": 2}]}',
            '{"translation": {"en": "Hi", "de": "HI"}, "x": [1, {"en": 2}]}',
        ),
        ('{"source": "Hi", "target": "Hallo"}', '{"source": "Hi", "target": "Hallo"}'),
        ('{"source": "\\u00e4 b"}', '{"source": "\\u00e4 b", "target": "\\u00c4 B"}'),
        ('{"source": "ä b"}', '{"source": "ä b", "target": "Ä B"}'),
    ],
)
def test_the_target_of_a_record_is_filled(translated: Translate, record: str, made: str) -> None:
    assert translated(f"{record}\n\n", "a.jsonl").content.decode() == f"{made}\n\n"


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.text(), st.lists(st.text()))), st.text())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_record_is_still_json_and_says_the_same(record: dict[str, object], text: str) -> None:
    record = {**record, "source": f"a{text}"}
    document = parse_document(json.dumps(record).encode() + b"\n", "a.jsonl")
    work = document.begin(source_lang="en", target_lang="de", longest=10_000)
    made = json.loads(work.finish([Output("x") for _ in work.sentences]).content)
    made.pop("target")
    assert made == {key: value for key, value in record.items() if key != "target"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"^a\.jsonl:1: every line must be a JSON object"),
        (
            "[" * 100_000,
            r"^a\.jsonl:1: every line must be a JSON object, but this one is none \(it is nested too deeply\)",
        ),
        ('{"x": "y"}', r'^a\.jsonl:1: a record must hold its text at "source" or "en"\. Rename the key\.$'),
        ('{"source": "a"}\n{"source": 1}', r'^a\.jsonl:2: the record needs text at "source"\.$'),
    ],
)
def test_a_record_that_is_none_is_named(translated: Translate, line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        translated(line, "a.jsonl")


def test_a_page_keeps_its_encoding_and_its_tags(translated: Translate) -> None:
    page = (
        '<html lang="en"><head><meta charset="windows-1252"><title>Caf\xe9</title></head><body><p>A <b>dog</b>.</p>\r\n'
    )
    finished = translated(page.encode("cp1252"), "a.html")
    assert finished.content.decode("cp1252") == page.replace("Caf\xe9", "CAF\xc9").replace("A <b>dog", "A <b>DOG")
    assert finished.report.filled == 2
    assert parse_document(page.encode("cp1252"), "a.html").languages == ("en", None)


MARKDOWN = """\
---
title: kept
---
# Big *words* #

A line that
goes on with **bold** and `code` and [a link](http://a.b "t").

- [ ] one
  > quoted
  > twice

```sh
not me
```

    nor me

| Head | Two |
|------|:---:|
| a    | b   |

[ref]: http://a.b
"""


def test_markdown_keeps_its_structure(translated: Translate) -> None:
    made = translated(MARKDOWN, "a.md").content.decode()
    expected = MARKDOWN
    for old, new in [
        ("Big *words*", "BIG *WORDS*"),
        (
            'A line that\ngoes on with **bold** and `code` and [a link](http://a.b "t").',
            'A LINE THAT GOES ON WITH **BOLD** AND `code` AND [A LINK](http://a.b "t").',
        ),
        ("one\n", "ONE\n"),
        ("quoted\n  > twice", "QUOTED TWICE"),
        ("| Head | Two |", "| HEAD | TWO |"),
        ("| a    | b   |", "| A    | B   |"),
    ]:
        assert old in expected
        expected = expected.replace(old, new)
    assert made == expected


@given(st.text(st.sampled_from("ab *_`[]()!#>-|\n\\<&;~:1."), max_size=120))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_markdown_comes_back_when_nothing_is_changed(text: str) -> None:
    document = parse_document(text.encode(), "a.md")
    work = document.begin(source_lang="en", target_lang="de", longest=100)
    assert work.finish([Output(sentence) for sentence in work.sentences]).content == text.encode()


def test_plain_text_keeps_its_lines(translated: Translate) -> None:
    assert translated("One. Two.\r\n\r\n  three\tfour\u2028five", "a.txt").content.decode() == (
        "ONE. TWO.\r\n\r\n  THREE\tFOUR\u2028FIVE"
    )


@pytest.mark.parametrize("content", [b"\xff\xfea", b"a\xff", b"\xef\xbb\xbf\xff"])
def test_bytes_that_are_no_text_are_named(content: bytes) -> None:
    with pytest.raises(DataError, match=r"^a\.md:1: byte 0x.. is not utf-"):
        parse_document(content, "a.md")
