"""How far a run is, read from its folder while it grows, is cut back, is damaged, or has ended."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from polyglass.errors import BundleError
from polyglass.experiments.compare_child import Outcome
from polyglass.experiments.compare_folder import RunName
from polyglass.experiments.compare_runs import PARTS, MetricsTail, RunBook

RUN = RunName("lstm", "lstm", 1)


def step(number: int, total: int = 200, **changes: Any) -> str:
    record = {
        "kind": "step",
        "step": number,
        "total_steps": total,
        "elapsed_seconds": 0.5 * number,
        "target_tokens": 100,
        "loss": 9.0 - 0.01 * number,
    }
    return json.dumps(record | changes) + "\n"


def validation(number: int) -> str:
    record = {"kind": "validation", "step": number, "loss": 3.0, "bleu": 12.5, "chrf": 40.0, "seconds": 2.0}
    return json.dumps(record) + "\n"


def notice(number: int, kind: str) -> str:
    return json.dumps({"kind": "notice", "notice_kind": kind, "step": number, "text": "words"}) + "\n"


def add(path: Path, *lines: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(lines))


def test_what_is_appended_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = MetricsTail(path)
    tail.look()
    assert tail.course.step == 0
    add(path, json.dumps({"kind": "plan"}) + "\n", step(1), step(2))
    tail.look()
    add(path, step(3), validation(3))
    tail.look()
    tail.look()
    course = tail.course
    assert (course.step, course.total_steps, course.seconds, course.tokens) == (3, 200, 1.5, 300)
    (judged,) = course.judged
    assert (judged.step, judged.seconds, judged.tokens, judged.bleu) == (3, 1.5, 300, 12.5)


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    path, line = tmp_path / "metrics.jsonl", step(1)
    tail = MetricsTail(path)
    add(path, line[:20])
    tail.look()
    assert tail.course.step == 0
    add(path, line[20:])
    tail.look()
    assert tail.course.step == 1


def test_a_file_that_was_cut_back_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    add(path, *map(step, range(1, 11)))
    tail = MetricsTail(path)
    tail.look()
    shorter = tmp_path / "new"
    add(shorter, *map(step, range(1, 6)))
    shorter.replace(path)
    add(path, *(step(number, loss=1.0) for number in range(6, 21)))  # longer than before, but another file
    tail.look()
    assert (tail.course.step, tail.course.tokens) == (20, 2000)


def test_a_long_run_is_kept_in_a_hundred_means(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "lstm-1" / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    add(path, *(step(number, total=1000) for number in range(1, 1001)))
    state = RunBook(tmp_path, [RUN]).state(RUN)
    assert len(state.losses) == PARTS
    first = state.losses[0]
    assert (first.step, first.seconds, first.tokens) == (10, 5.0, 1000)
    assert first.loss == pytest.approx(9.0 - 0.01 * 5.5)


def test_a_loss_that_is_no_number_spoils_no_mean(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "lstm-1" / "metrics.jsonl"
    path.parent.mkdir(parents=True)
    add(path, step(1), step(2, loss="nan"), notice(2, "non_finite"), notice(2, "resumed"))
    state = RunBook(tmp_path, [RUN]).state(RUN)
    assert [moment.loss for moment in state.losses] == [pytest.approx(8.99)]
    assert state.notices == ("step 2: words",)


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    add(path, step(1), '{"kind": "step", "step": 2\n', "\n", '{"kind": "step"}\n', step(3))
    tail = MetricsTail(path)
    tail.look()
    assert (tail.course.step, tail.course.tokens) == (3, 200)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    folder = tmp_path / RUN.folder
    folder.mkdir(parents=True)
    return folder


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_run_is_waiting_running_scoring_stopped(tmp_path: Path, run_folder: Path) -> None:
    book = RunBook(tmp_path, [RUN])
    assert book.state(RUN).state == "waiting"
    assert book.state(RUN, is_going=True).state == "running"
    add(run_folder / "metrics.jsonl", step(1, total=2))
    assert book.state(RUN).state == "stopped"
    add(run_folder / "metrics.jsonl", step(2, total=2))
    assert book.state(RUN, is_going=True).state == "scoring"
    assert book.state(RUN).share == 1.0


def test_an_outcome_makes_a_run_done(tmp_path: Path, run_folder: Path) -> None:
    outcome = Outcome(2, 1, 2, 30.0, "1 CPU thread", ("end", "length"), 4.0)
    write(run_folder / "outcome.json", asdict(outcome))
    write(run_folder / "final.json", {"best_step": 2, "latency": {"median_ms": 5.0, "p95_ms": 9.0, "device": "cpu"}})
    state = RunBook(tmp_path, [RUN]).state(RUN)
    assert (state.state, state.outcome) == ("done", outcome)
    assert (state.best_step, state.latency_median_ms, state.latency_p95_ms) == (2, 5.0, 9.0)


@pytest.mark.parametrize(
    ("kind", "state"),
    [("TrainingUnhealthyError", "diverged"), ("PolyglassError", "diverged"), ("BundleError", "failed")],
)
def test_a_failure_is_told_with_its_words(tmp_path: Path, run_folder: Path, kind: str, state: str) -> None:
    write(run_folder / "failure.json", {"kind": kind, "text": "the loss is not a number."})
    found = RunBook(tmp_path, [RUN]).state(RUN)
    assert (found.state, found.trouble) == (state, "the loss is not a number.")


def test_a_run_that_is_tried_again_is_looked_at_again(tmp_path: Path, run_folder: Path) -> None:
    write(run_folder / "failure.json", {"kind": "Ended", "text": "out of memory"})
    book = RunBook(tmp_path, [RUN])
    assert book.state(RUN).state == "failed"
    (run_folder / "failure.json").unlink()
    assert book.state(RUN).state == "failed"
    book.forget(RUN)
    assert book.state(RUN).state == "waiting"


@pytest.mark.parametrize("content", ["{}x", '{"steps": 1}', "[]"])
def test_a_damaged_outcome_is_named_with_the_way_out(tmp_path: Path, run_folder: Path, content: str) -> None:
    (run_folder / "outcome.json").write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=r"outcome\.json"):
        RunBook(tmp_path, [RUN]).state(RUN)
