"""Sentences, and parts of a sentence that is too long: nothing is lost, and nothing is cut that belongs together."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.text import split
from polyglass.text.parts import Output, Rules, take_apart
from polyglass.text.split import forced_spans, sentence_spans

TEXT = st.text(st.sampled_from("ab .!?,;。！\u0301\u200d👍🏽\u4e00'\" (“"), max_size=80)


@pytest.fixture(params=["sentencex", "simple"])
def splitter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library, or the rule that stands in for it."""
    if request.param == "simple":
        monkeypatch.setattr(split, "_sentencex", lambda: None)
    return str(request.param)


def sentences(text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text, language, [])]


@pytest.mark.usefixtures("splitter")
@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("One. Two! Three?", "en", ["One. ", "Two! ", "Three?"]),
        ("Dr. Smith went home. He slept.", "en", ["Dr. Smith went home. ", "He slept."]),
        ("これは文です。次の文です。", "ja", ["これは文です。", "次の文です。"]),
        ("No end", "en", ["No end"]),
        ("", "en", []),
        ('Wait...  "Yes." She', "xx", None),
    ],
)
def test_sentences_are_found_and_nothing_is_lost(text: str, language: str, expected: list[str] | None) -> None:
    found = sentences(text, language)
    assert "".join(found) == text
    if expected is not None:
        assert found == expected


@given(TEXT, st.sampled_from(["en", "de", "ja", "", "pt-BR", "zz"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_parts_of_any_text_are_the_text(text: str, language: str) -> None:
    assert "".join(sentences(text, language)) == text


def test_a_dot_inside_of_a_code_ends_no_sentence() -> None:
    assert take_apart("See http://a.b/c. Then %s. Go.", rules=Rules(split="always"), language="en").sentences == (
        "See.",
        "Then.",
        "Go.",
    )


@given(TEXT, st.integers(1, 20), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_parts_are_short_enough_unless_something_whole_is_longer(text: str, longest: int, data: st.DataObject) -> None:
    whole = []
    if len(text) > 4:
        start = data.draw(st.integers(0, len(text) - 2))
        whole = [(start, data.draw(st.integers(start + 1, len(text))))]
    spans = forced_spans(text, longest, len, whole)
    assert [span for span in spans if span[0] >= span[1]] == []
    assert "".join(text[start:end] for start, end in spans) == text
    for start, end in spans:
        assert not any(a < start < b for a, b in whole)
        if not whole and text.isascii():
            assert end - start <= longest


@pytest.mark.parametrize(
    ("text", "longest", "parts"),
    [
        ("one two, three four five", 12, ["one two, ", "three four ", "five"]),
        ("one two three", 6, ["one ", "two ", "three"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("e\u0301" * 4, 3, ["e\u0301", "e\u0301", "e\u0301", "e\u0301"]),
        ("👍🏽👍🏽", 3, ["👍🏽", "👍🏽"]),
    ],
)
def test_a_cut_is_made_at_a_clause_then_at_a_space_then_between_letters(
    text: str, longest: int, parts: list[str]
) -> None:
    assert [text[start:end] for start, end in forced_spans(text, longest, len, [])] == parts


def test_a_long_line_is_measured_a_bounded_number_of_times_and_flagged() -> None:
    measured = 0

    def measure(text: str) -> int:
        nonlocal measured
        measured += len(text)
        return len(text.encode())

    text = "a few words and an ä, " * 20_000
    parts = take_apart(text, longest=200, rules=Rules(measure=measure))
    assert parts.forced.count(False) < 30  # pieces between the slices that sentences are looked for in
    assert all(len(sentence.encode()) <= 200 for sentence in parts.sentences)
    assert measured < 40 * len(text)
    assert parts.put_together([Output(sentence) for sentence in parts.sentences]) == text
    assert parts.assemble([Output(sentence) for sentence in parts.sentences]).repairs[0] == (
        "a sentence was too long for the model and was cut"
    )


def test_only_what_is_too_long_is_split_unless_asked() -> None:
    text = "One. Two.\nThree is long enough. To be split."
    assert take_apart(text, language="en", longest=20).sentences == (
        "One. Two.",
        "Three is long",
        "enough.",
        "To be split.",
    )
    assert take_apart(text, language="en", longest=99, rules=Rules(split="always")).sentences == (
        *("One.", "Two.", "Three is long enough.", "To be split."),
    )
    assert take_apart(text, language="en", longest=99, rules=Rules(line_breaks="space")).sentences == (
        "One. Two. Three is long enough. To be split.",
    )


def test_half_of_a_surrogate_pair_is_a_letter_like_any_other() -> None:
    text = "A dog \ud83d. Runs\udc69. Far."
    assert "".join(text[start:end] for start, end in sentence_spans(text, "en", ())) == text
