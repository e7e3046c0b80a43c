"""The warnings in words, and how numbers, times and texts of a corpus are spelled for people."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_run import step_report, validation
from polyglass.training.events import Notice, Validation
from polyglass.training.watch import Watch
from polyglass.training.wording import changed_pieces, clock_time, duration, marks, percent, size, visible

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)  # a Saturday


def _watched(watch: Watch, steps: range, **changed: Any) -> list[Notice]:
    return [notice for step in steps for notice in watch.step(step_report(step, **changed))]


def _looked(watch: Watch, losses: list[float]) -> list[Notice]:
    looks: list[Validation] = [validation(600 * number, loss=loss) for number, loss in enumerate(losses, start=1)]
    return [notice for look in looks for notice in watch.validation(look)]


def test_three_rises_of_the_validation_loss_are_called_overfitting() -> None:
    assert _looked(Watch(vocabulary_size=4000), [3.0, 2.9, 3.0, 3.1, 3.05, 3.06]) == []
    (notice,) = _looked(Watch(vocabulary_size=4000), [3.0, 2.9, 3.0, 3.1, 3.2, 3.3])
    assert notice.kind == "overfitting"
    assert notice.step == 3000
    assert notice.text.startswith(
        "The validation loss rose 3 times in a row (2.90, 3.00, 3.10, 3.20) while the training"
    )


def test_a_training_loss_that_rises_too_is_called_a_learning_rate_that_is_too_high() -> None:
    watch = Watch(vocabulary_size=4000)
    notices = []
    for number in range(4):
        _watched(watch, range(100 * number, 100 * number + 100), loss=3.0 + number)
        notices += watch.validation(validation(600, loss=3.0 + number))
    (notice,) = notices
    assert notice.kind == "rising_loss"
    assert "the learning rate is probably too high" in notice.text


def test_a_loss_that_stays_at_the_logarithm_of_the_vocabulary_is_reported_once() -> None:
    (notice,) = _watched(Watch(vocabulary_size=4000), range(1, 4000), loss=math.log(4000))
    assert notice.kind == "flat_loss"
    assert notice.step == 2000
    assert "After 2,000 steps the loss is 8.29" in notice.text
    assert "polyglass data check" in notice.text


def test_a_loss_that_falls_is_not_reported() -> None:
    assert _watched(Watch(vocabulary_size=4000), range(1, 6000)) == []


def test_a_run_that_slows_down_by_a_third_is_reported_once_with_its_likely_cause() -> None:
    watch = Watch(vocabulary_size=4000)
    assert _watched(watch, range(1, 401), tokens_per_second=5000.0) == []
    (notice,) = _watched(watch, range(401, 801), tokens_per_second=3400.0)
    assert notice.kind == "slow"
    assert notice.text.startswith("Training slowed down by 32%: from 5,000 to 3,400 target tokens a second. Look for")
    assert _watched(watch, range(801, 1201), tokens_per_second=5000.0) == []
    (notice,) = _watched(watch, range(1201, 1251), tokens_per_second=1000.0, wait_share=0.6)
    assert "Waiting for data grew from 0.4% to 60% of the time" in notice.text


def test_a_fall_of_a_quarter_is_not_reported() -> None:
    watch = Watch(vocabulary_size=4000)
    _watched(watch, range(1, 401), tokens_per_second=5000.0)
    assert _watched(watch, range(401, 801), tokens_per_second=3750.0) == []


# wording


@given(st.text())
def test_no_text_can_move_the_cursor_change_a_colour_or_turn_the_line_round(text: str) -> None:
    shown = visible(text)
    assert not any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 for sign in shown)
    assert not set(shown) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    shown.encode("utf-8")
    visible(text, "ascii").encode("ascii")


def test_control_characters_become_symbols_and_letters_stay() -> None:
    assert visible("\x1b]0;title\x07 é\t日本\x7f\x9b\u202e") == "␛]0;title␇ é␉日本␡\\x9b<U+202E>"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (740, "12m 20s"), (3600, "1h 00m"), (90_000, "1d 1h"), (-1, "?")],
)
def test_time_spans_are_spelled_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_end_on_another_day_says_which() -> None:
    assert clock_time(3600, NOON) == "13:00"
    assert clock_time(86_400, NOON) == "Sun 12:00"
    assert clock_time(8 * 86_400, NOON) == "2026-03-22 12:00"
    assert clock_time(math.inf, NOON) == clock_time(1e300, NOON) == clock_time(math.nan, NOON) == "?"


def test_shares_and_sizes_are_spelled_in_as_many_digits_as_matter() -> None:
    assert [percent(share) for share in (0.0, 0.0001, 0.004, 0.0994, 0.5, 1.0)] == [
        "0.0%", "<0.1%", "0.4%", "9.9%", "50%", "100%",
    ]  # fmt: skip
    assert [size(number) for number in (12, 12_345, 12_345_678, 1.9e9)] == ["12 bytes", "12.3 kB", "12.3 MB", "1.9 GB"]


def test_the_words_that_changed_are_found() -> None:
    pieces = changed_pieces("Ein Mann sitzt.", "Ein alter Mann sitzt da.")
    assert [piece for piece, is_new in pieces if is_new] == ["alter", "sitzt", "da."]
    assert "".join(piece for piece, _ in pieces) == "Ein alter Mann sitzt da."
    assert [piece for piece, is_new in changed_pieces("私は猫が好き", "私は犬が好き") if is_new] == ["犬"]
    assert not any(is_new for _, is_new in changed_pieces(None, "all of it"))


@pytest.mark.parametrize(
    ("output", "found"),
    [
        ("Zwei Hunde spielen.", []),
        ("  ", ["empty"]),
        ("Two dogs  play.", ["source copied"]),
        ("Hunde Hunde Hunde", ["repetition"]),
        ("auf der Bank auf der Bank auf der Bank.", ["repetition"]),
        ("von und zu, von und dann", []),
        ("spielspielspielspiel", ["repetition"]),
        ("1000000000000", []),
        ("犬犬犬犬犬犬犬犬犬", ["repetition"]),
    ],
)
def test_outputs_that_are_plainly_wrong_are_marked(output: str, found: list[str]) -> None:
    assert marks("Two dogs play.", "Zwei Hunde spielen.", output) == found


def test_what_the_reference_does_too_is_not_marked() -> None:
    assert marks("no no no", "nein nein nein", "nein nein nein") == []
    assert marks("Berlin", "Berlin", "Berlin") == []
    assert marks("", "", "") == []
