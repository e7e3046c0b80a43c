"""metrics.jsonl: every number back to the last bit, whole lines only, and a full disk that stops nothing."""

import errno
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
from polyglass.training.events import Notice, Sample, StepReport
from polyglass.training.metrics import as_event
from polyglass.training.progress import MetricsFile, read_metrics

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


@pytest.mark.parametrize("value", ["fan", "1nan", "", "x"])
def test_a_number_that_is_none_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(f'{{"kind": "step", "step": 1, "loss": "{value}"}}\n'.encode())
    with pytest.raises(DataError, match=r'metrics\.jsonl:1: each line must be a JSON object whose "kind" is one of'):
        read_metrics(tmp_path / "metrics.jsonl")


def test_infinity_and_what_is_no_number_come_back(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b'{"kind": "step", "step": 1, "loss": "inf", "grad_norm": "nan"}\n')
    (record,) = read_metrics(tmp_path / "metrics.jsonl")
    assert record["loss"] == float("inf")
    assert record["grad_norm"] != record["grad_norm"]
