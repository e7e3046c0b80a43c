"""Subtitles: translations take the place of texts, keep to the length of a line, and never break a cue."""

from collections.abc import Callable

import pysubs2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.documents.document import Finished
from polyglass.documents.parse import parse_document
from polyglass.documents.subtitles import break_lines
from polyglass.errors import DataError
from polyglass.text.parts import Output

Translate = Callable[..., Finished]
SRT = "1\n00:00:01,000 --> 00:00:02,000\n{}\n\n2\n00:00:03,000 --> 00:00:04,000\nEnd\n"
VTT = "WEBVTT - a title\n\nNOTE a note --> no\n\nSTYLE\n::cue {{}}\n\nid\n00:01.000 --> 00:02.000 align:start\n{}\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Hello.", "HELLO."),
        ("<i>Hello</i> you", "<i>HELLO</i> YOU"),
        ("{\\an8}Hello", "{\\an8}HELLO"),
        ("- One.\n- Two.", "- ONE.\n- TWO."),
        ("One line\ngoes on", "ONE LINE GOES ON"),
        ("", ""),
    ],
)
def test_a_text_is_replaced_in_its_cue(translated: Translate, text: str, made: str) -> None:
    assert translated(SRT.format(text), "a.srt").content.decode() == SRT.format(made).replace("End", "END")


def test_vtt_keeps_notes_styles_settings_and_voices(translated: Translate) -> None:
    made = translated(VTT.format("<v Anna>Fish &amp; <c.red>chips</c></v>"), "a.vtt").content.decode()
    assert made == VTT.format("<v Anna>FISH &amp; <c.red>CHIPS</c></v>")


def test_line_ends_marks_and_missing_last_lines_stay(translated: Translate) -> None:
    text = "\ufeff" + SRT.format("Hello").replace("\n", "\r\n").rstrip()
    made = translated(text, "a.srt").content.decode()
    assert made == text.replace("Hello", "HELLO").replace("End", "END")


def test_a_long_translation_is_broken_into_even_lines() -> None:
    document = parse_document(SRT.format("Short").encode(), "a.srt")
    work = document.begin(source_lang="en", target_lang="de", longest=100)
    long = "Das ist eine sehr lange Zeile, die kein Untertitel fassen kann"
    made = work.finish([Output(long), Output("")]).content.decode()
    assert "\nDas ist eine sehr lange Zeile,\ndie kein Untertitel fassen kann\n\n2" in made
    assert pysubs2.SSAFile.from_string(made)[0].plaintext.replace("\n", " ") == long


@given(st.text(st.sampled_from("ab c,.<i>{}犬"), max_size=200), st.integers(5, 40))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_lines_are_short_enough_and_lose_nothing(text: str, width: int) -> None:
    lines = break_lines(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    if "<" not in text and "{" not in text:
        assert all(len(line) <= width for line in lines if " " in text.strip())


def test_a_model_cannot_end_a_cue_or_begin_one() -> None:
    document = parse_document(SRT.format("Hello\nyou").encode(), "a.srt")
    work = document.begin(source_lang="en", target_lang="de", longest=100)
    made = work.finish([Output("a --> b"), Output("c")]).content
    assert len(pysubs2.SSAFile.from_string(made.decode())) == 2
    assert len(parse_document(made, "a.srt").find_units("en", "de")) == 2


def test_a_file_without_cues_is_refused() -> None:
    assert parse_document(b"WEBVTT\n", "a.vtt").find_units("en", "de") == []
    with pytest.raises(DataError, match=r"^a\.srt must hold subtitles, but no line has two times with --> between"):
        parse_document(b"Hello\nyou\n", "a.srt")
