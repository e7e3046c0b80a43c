"""Plain lines for logs and pipes, and the pace of a run: smoothed numbers and the time left."""

import errno
import io
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from fake_run import PLAN, step_report, validation
from polyglass.training.events import Notice
from polyglass.training.pace import Pace
from polyglass.training.progress import MetricsFile, PlainLines, Several, read_metrics
from polyglass.training.watch import Watch

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)  # a Saturday


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


def test_several_reporters_hear_everything_and_the_notices_of_the_watch(tmp_path: Path) -> None:
    lines, stream, _ = _lines()
    metrics = MetricsFile(tmp_path / "metrics.jsonl", tell=lines.notice)
    both = Several((metrics, lines), watch=Watch(vocabulary_size=4000))
    both.plan(PLAN)
    for number, loss in enumerate((1.0, 2.0, 3.0, 4.0), start=1):
        both.step(step_report(number))
        both.validation(validation(number, loss=loss))
    both.close()
    assert read_metrics(tmp_path / "metrics.jsonl")[-1]["notice_kind"] == "overfitting"
    assert "notice @ 4 (overfitting)" in stream.getvalue()


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
