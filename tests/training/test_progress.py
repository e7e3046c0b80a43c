"""metrics.jsonl, plain lines, the pace of a run, and the watch that warns in words."""

import errno
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_run import PLAN, step_report, validation
from polyglass.errors import DataError, OutOfSpaceError
from polyglass.training.events import Notice, Sample, StepReport, Validation
from polyglass.training.metrics import as_event
from polyglass.training.pace import Pace
from polyglass.training.progress import MetricsFile, PlainLines, Several, read_metrics
from polyglass.training.watch import Watch
from polyglass.training.wording import changed_pieces, clock_time, duration, marks, percent, size, visible

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)  # a Saturday


def _metrics(path: Path, **options: Any) -> MetricsFile:
    return MetricsFile(path, now=lambda: NOON, **options)


def _written(path: Path, *, until: int) -> Path:
    metrics = _metrics(path)
    metrics.plan(PLAN)
    for step in range(1, until + 1):
        metrics.step(step_report(step))
        if step % 2 == 0:
            metrics.validation(validation(step))
    metrics.close()
    return path


# metrics.jsonl


def test_every_event_comes_back_from_the_file_as_it_was(tmp_path: Path) -> None:
    events = [PLAN, step_report(1), validation(1), Notice(1, "slow", "Slower.")]
    metrics = _metrics(tmp_path / "metrics.jsonl")
    for tell, event in zip((metrics.plan, metrics.step, metrics.validation, metrics.notice), events, strict=True):
        tell(event)  # type: ignore[operator]
    metrics.close()
    records = read_metrics(tmp_path / "metrics.jsonl")
    assert [as_event(record) for record in records] == events
    assert [record["kind"] for record in records] == ["plan", "step", "validation", "notice"]
    assert records[3]["notice_kind"] == "slow"
    assert records[0]["time"] == "2026-03-14T12:00:00.000+00:00"


@given(loss=st.floats(allow_nan=False), text=st.text())
@settings(max_examples=60, deadline=None)
def test_any_number_and_any_text_comes_back_to_the_last_bit(
    loss: float, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    metrics = _metrics(path)
    metrics.step(step_report(1, loss=loss))
    metrics.notice(Notice(1, "nan", text))
    metrics.close()
    step, notice = (as_event(record) for record in read_metrics(path))
    assert isinstance(step, StepReport)
    assert step.loss.hex() == loss.hex()
    assert notice == Notice(1, "nan", text)


def test_a_loss_that_is_no_number_is_written_as_valid_json_and_read_back_as_a_number(tmp_path: Path) -> None:
    metrics = _metrics(tmp_path / "metrics.jsonl")
    metrics.step(step_report(1, loss=math.nan, grad_norm=math.inf))
    metrics.validation(replace(validation(1), samples=(Sample("nan", "inf", "nan", None),)))
    metrics.close()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        json.loads(line, parse_constant=refuse)
    step, looked = read_metrics(tmp_path / "metrics.jsonl")
    assert math.isnan(step["loss"])
    assert step["grad_norm"] == math.inf
    assert looked["samples"][0]["source"] == "nan"


def test_no_character_of_a_corpus_can_end_a_line_or_reach_a_terminal(tmp_path: Path) -> None:
    metrics = _metrics(tmp_path / "metrics.jsonl")
    metrics.notice(Notice(1, "odd", "a\nb\rc\u2028d\x85e\x1b]0;f\ud800"))
    metrics.close()
    content = (tmp_path / "metrics.jsonl").read_bytes()
    assert content.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in content[:-1])


def test_a_line_that_a_kill_left_unfinished_is_ignored_and_cut_off_on_opening(tmp_path: Path) -> None:
    path = _written(tmp_path / "metrics.jsonl", until=4)
    whole = path.read_bytes()
    for torn in (b'{"kind": "step", "step": 5', b"\0" * 100_000, b"{"):
        path.write_bytes(whole + torn)
        assert len(read_metrics(path)) == 7
        _metrics(path).close()
        assert path.read_bytes() == whole
    path.write_bytes(b'{"kind": "st')
    _metrics(path).close()
    assert path.read_bytes() == b""


def test_cutting_back_leaves_what_a_run_had_written_at_that_step(tmp_path: Path) -> None:
    short = _written(tmp_path / "short.jsonl", until=4).read_bytes()
    path = _written(tmp_path / "metrics.jsonl", until=9)
    metrics = _metrics(path)
    metrics.cut_back(4)
    assert path.read_bytes() == short
    metrics.step(step_report(5))
    metrics.close()
    assert [record.get("step") for record in read_metrics(path)][-1] == 5


def test_cutting_back_to_the_last_step_does_not_touch_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path / "metrics.jsonl", until=4)
    before = path.stat()
    metrics = _metrics(path)
    metrics.cut_back(4)
    metrics.close()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_cut_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = _written(tmp_path / "metrics.jsonl", until=4)
    before = path.read_bytes()
    metrics = _metrics(path)
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("os.fsync", side_effect=full), pytest.raises(OutOfSpaceError, match=r"metrics\.jsonl"):
        metrics.cut_back(2)
    metrics.close()
    assert path.read_bytes() == before


def _full_disk(room: list[int]) -> Callable[[int, bytes], int]:
    """Return an os.write for a disk with room[0] bytes left; like a real one it writes what fits, then refuses."""
    real = os.write

    def write(file: int, content: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(file, content[: room[0]])
        room[0] -= written
        return written

    return write


def test_a_full_disk_becomes_one_notice_and_no_record_is_lost_when_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    told: list[Notice] = []
    metrics = _metrics(path, tell=told.append)
    room = [700]  # one record, and a part of the second
    with patch("os.write", _full_disk(room)):
        for step in range(1, 6):
            metrics.step(step_report(step))
        assert path.read_bytes().count(b"\n") == 1
        assert path.read_bytes().endswith(b"\n")
        assert len(told) == 1
        room[0] = 1_000_000
        metrics.step(step_report(6))
    metrics.close()
    assert told[0].step == 2
    assert told[0].text == (
        f"{path} cannot be written (No space left on device). Training goes on; the records wait in memory and are "
        "tried again at every step. Free some space on that disk."
    )
    assert told[1].text == f"{path} can be written again; no record was lost."
    records = read_metrics(path)
    assert [record["step"] for record in records if record["kind"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [record["text"] for record in records if record["kind"] == "notice"] == [notice.text for notice in told]


def test_a_disk_that_stays_full_does_not_fill_the_memory(tmp_path: Path) -> None:
    told: list[Notice] = []
    metrics = _metrics(tmp_path / "metrics.jsonl", tell=told.append)
    with patch("polyglass.training.metrics.MOST_WAITING_LINES", 10):
        with patch("os.write", _full_disk([0])):
            for step in range(1, 31):
                metrics.step(step_report(step))
        metrics.close()
    assert told[1].text.endswith("can be written again; the oldest 21 records are lost.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_really_full_does_not_stop_the_training() -> None:
    told: list[Notice] = []
    with patch("os.ftruncate"), patch("polyglass.training.metrics._end_of_whole_lines", return_value=0):
        metrics = MetricsFile(Path("/dev/full"), tell=told.append)
        for step in range(1, 4):
            metrics.step(step_report(step))
        metrics.close()
    assert len(told) == 1


def test_a_metrics_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(OutOfSpaceError, match=r"metrics must be writable, but .* cannot be opened .*you may write to"):
        MetricsFile(tmp_path)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path / "metrics.jsonl", until=2)
    for damage in (b"hello", b"[1]", b'{"kind": "other"}', b'{"kind": ["step"]}', b"\xff"):
        path.write_bytes(damage + b"\n")
        with pytest.raises(DataError, match=r"metrics.jsonl:1: each line must be a JSON object .* Delete this line\."):
            read_metrics(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.jsonl cannot be read .* Name the folder of a run"):
        read_metrics(tmp_path / "gone.jsonl")


# plain lines


def _lines(every_seconds: float = 30.0, **options: Any) -> tuple[PlainLines, io.StringIO, dict[str, float]]:
    stream, clock = io.StringIO(), {"now": 0.0}
    lines = PlainLines(stream, every_seconds=every_seconds, clock=lambda: clock["now"], now=lambda: NOON, **options)
    return lines, stream, clock


def test_one_plain_line_is_written_in_each_interval_and_at_the_end() -> None:
    lines, stream, clock = _lines()
    for step in range(11_880, 12_001):
        lines.step(step_report(step))
        clock["now"] += 1.0
    steps = [line.split()[1] for line in stream.getvalue().splitlines()]
    assert steps == ["11880/12000", "11910/12000", "11940/12000", "11970/12000", "12000/12000"]


def test_a_plain_line_says_where_the_run_stands() -> None:
    lines, stream, _ = _lines()
    report = step_report(
        6000, loss=2.5, grad_norm=0.7, target_tokens=1000, tokens_per_second=5000.0, padding_share=0.073
    )
    lines.step(report)
    assert stream.getvalue() == (
        "step 6000/12000 (50%)  epoch 10.70  loss 2.500  lr 8.6e-4  grad 0.70  5,000 tok/s  padding 7.3%  wait 0.4%  "
        "memory 1.6 GB  elapsed 28m 00s  left 20m 00s (until 12:20)\n"
    )


def test_validations_and_notices_are_always_written_and_nothing_is_coloured() -> None:
    lines, stream, _ = _lines()
    lines.plan(PLAN)
    lines.step(step_report(1))
    lines.validation(validation(11_400))
    lines.notice(Notice(7, "slow", "Training \x1b[31mslowed."))
    written = stream.getvalue()
    assert "\x1b" not in written
    assert "en to de" in written
    assert (
        "validation @ 11400: loss 1.810 (perplexity 6.11), chrF 59.0, BLEU 33.6, took 11s, best chrF 59.8 / " in written
    )
    assert "BLEU 34.1 @ 10,200 (patience 2/5)" in written
    assert "  now: Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt." in written
    assert "notice @ 7 (slow): Training ␛[31mslowed." in written
    assert all(line == line.rstrip() for line in written.splitlines())


def test_a_stream_that_cannot_be_written_never_stops_the_training() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    closed = io.StringIO()
    closed.close()
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for stream in (Gone(), closed, ascii_only):
        lines = PlainLines(stream, now=lambda: NOON)
        lines.plan(replace(PLAN, reasons=("größer",)))
        lines.step(step_report(1))
        lines.validation(validation(600))
        lines.notice(Notice(1, "slow", "größer"))
        lines.close()
    ascii_only.seek(0)
    assert r"gr\xf6\xdfer" in ascii_only.read()


def test_a_bug_of_ours_is_not_taken_for_a_broken_stream() -> None:
    lines, stream, _ = _lines()
    with patch.object(stream, "write", side_effect=ValueError("a bug")), pytest.raises(ValueError, match="a bug"):
        lines.step(step_report(1))


# pace


def _paced(steps: range, *, seconds: float = 2.0, **options: Any) -> Pace:
    pace = Pace(**options)
    for step in steps:
        pace.add(step_report(step, total_steps=100, elapsed_seconds=step * seconds, loss=1.0))
    return pace


def test_the_time_left_comes_from_the_median_so_that_one_slow_step_does_not_decide() -> None:
    pace = _paced(range(1, 20))
    pace.add(step_report(20, total_steps=100, elapsed_seconds=1000.0))
    assert pace.seconds_left == 80 * 2.0


def test_the_time_left_counts_the_validations_that_are_still_to_come() -> None:
    pace = _paced(range(1, 21), validate_every=25)
    assert pace.seconds_left == 160.0
    assert pace.seconds_to_validation == 10.0
    pace.add_validation(validation(25, seconds=7.0))
    assert pace.seconds_left == 160.0 + 4 * 7.0


def test_the_distance_of_validations_is_learned_from_two_of_them() -> None:
    pace = _paced(range(1, 45))
    pace.add_validation(validation(20))
    assert pace.seconds_to_validation is None
    pace.add_validation(validation(40))
    assert pace.seconds_to_validation == 16 * 2.0


def test_a_loss_that_is_no_number_does_not_spoil_the_smoothed_loss() -> None:
    pace = _paced(range(1, 10))
    pace.add(step_report(10, loss=math.nan))
    assert pace.loss == pytest.approx(1.0)


# watch


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


def test_several_reporters_hear_everything_and_the_notices_of_the_watch(tmp_path: Path) -> None:
    lines, stream, _ = _lines()
    metrics = _metrics(tmp_path / "metrics.jsonl", tell=lines.notice)
    both = Several((metrics, lines), watch=Watch(vocabulary_size=4000))
    both.plan(PLAN)
    for number, loss in enumerate((1.0, 2.0, 3.0, 4.0), start=1):
        both.step(step_report(number))
        both.validation(validation(number, loss=loss))
    both.close()
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["notice_kind"] == "overfitting"
    assert "notice @ 4 (overfitting)" in stream.getvalue()


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
