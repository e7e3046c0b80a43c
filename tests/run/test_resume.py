"""A run that was interrupted ends as one that was not, to the last bit (T2, T13, T14, T15)."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyglass.run.train import resume_run
from polyglass.training.events import StepReport
from polyglass.training.metrics import read_metrics
from toy_corpus import OPTIONS, StopAt, Told, Toy, outcome_of, train_interrupted, train_toy


class PowerCut(BaseException):
    """Ends a run in the middle, without its leave."""


def cut_at(step: int) -> Callable[[StepReport], None]:
    """Return what ends the run right after a step, before it is judged or saved."""

    def cut(report: StepReport) -> None:
        if report.step == step:
            raise PowerCut

    return cut


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train.average": "checkpoints", "train.average_checkpoints": 3},
        {"train.average": "none", "model.norm": "batch", "train.accumulate": 2},
        {"data.subword_sampling": 0.3, "train.optimizer": "adam", "train.schedule": "paper"},
        {"train.precision": "bfloat16", "model.norm_place": "pre", "model.attention_dropout": 0.2},
        {"model.family": "rnn", "model.feed_context": True},
        {"model.family": "gru", "model.attention": "additive", "train.precision": "bfloat16"},
        {"model.family": "lstm", "model.attention": "general", "model.input_feeding": True, "train.accumulate": 2},
    ],
    ids=[
        *("defaults", "mean of checkpoints", "batch norm", "subword sampling", "bfloat16"),
        *("rnn", "gru with additive attention in bfloat16", "lstm with input feeding"),
    ],
)
def test_an_interrupted_run_equals_an_uninterrupted_one(tmp_path: Path, toy: Toy, changes: dict[str, Any]) -> None:
    train_toy(toy, tmp_path / "straight", changes)
    result = train_interrupted(toy, tmp_path / "interrupted", changes, stops=(2, 3, 7, 11))
    assert result.finished
    assert outcome_of(tmp_path / "interrupted") == outcome_of(tmp_path / "straight")


@pytest.mark.parametrize(
    "step", [3, 6, 8, 12], ids=["before the first save", "between saves", "in a save", "at the end"]
)
def test_what_was_done_since_the_last_checkpoint_is_done_again_the_same_way(
    tmp_path: Path, toy: Toy, undisturbed: Path, step: int
) -> None:
    with pytest.raises(PowerCut):
        train_toy(toy, tmp_path / "model", talk=Told(cut_at(step)))
    assert resume_run(tmp_path / "model", Told()).finished
    assert outcome_of(tmp_path / "model") == outcome_of(undisturbed)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_after_its_step_with_everything_saved(
    tmp_path: Path, toy: Toy, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "my model"
    talk = StopAt(5, number)
    result = train_toy(toy, out, talk=talk)
    assert (result.exit_code, result.finished, result.step) == (code, False, 5)
    assert [report.step for report in talk.steps] == [1, 2, 3, 4, 5]
    assert (out / "checkpoints" / "step-000000005").is_dir()
    assert talk.texts("stopped") == [f"stopped; everything is saved. Go on with: polyglass train --resume '{out}'"]


def test_a_second_signal_ends_the_run_at_once(tmp_path: Path, toy: Toy) -> None:
    talk = Told(lambda report: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)] and None)
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path / "model", talk=talk)
    assert len(talk.steps) == 1


def test_the_handlers_of_signals_are_put_back(tmp_path: Path, toy: Toy) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    train_toy(toy, tmp_path / "model", {"train.steps": 1}, talk=StopAt(1))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_going_on_with_a_finished_run_changes_no_file(undisturbed: Path) -> None:
    def state() -> dict[Path, tuple[int, bytes]]:
        files = [path for path in undisturbed.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    talk = Told()
    result = resume_run(undisturbed, talk)
    assert (result.finished, result.exit_code, result.step) == (True, 0, 12)
    assert state() == before
    assert (talk.steps, talk.cards, talk.notices) == ([], [], [])


def test_a_run_that_ended_before_its_report_was_written_gets_it(tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "model")
    (tmp_path / "model" / "final.json").unlink()
    (tmp_path / "model" / "report.html").unlink()
    talk = Told()
    resume_run(tmp_path / "model", talk)
    assert (len(talk.steps), len(talk.cards)) == (0, 1)
    assert (tmp_path / "model" / "report.html").exists()


def test_the_metrics_of_a_resumed_run_tell_each_step_once(tmp_path: Path, toy: Toy) -> None:
    train_interrupted(toy, tmp_path / "model", stops=(2, 5))
    steps = [
        record["step"] for record in read_metrics(tmp_path / "model" / "metrics.jsonl") if record["kind"] == "step"
    ]
    assert steps == list(range(1, 13))


def test_time_and_tokens_add_up_over_sittings(tmp_path: Path, toy: Toy, undisturbed: Path) -> None:
    train_interrupted(toy, tmp_path / "model", stops=(2, 5))
    records = [record for record in read_metrics(tmp_path / "model" / "metrics.jsonl") if record["kind"] == "step"]
    elapsed = [record["elapsed_seconds"] for record in records]
    assert elapsed == sorted(elapsed)
    facts = [
        json.loads((folder / "final.json").read_text(encoding="utf-8")) for folder in (tmp_path / "model", undisturbed)
    ]
    assert facts[0]["target_tokens"] == facts[1]["target_tokens"] == sum(record["target_tokens"] for record in records)


def test_another_process_with_another_hash_seed_and_folder_gets_the_same_weights(
    tmp_path: Path, toy: Toy, undisturbed: Path
) -> None:
    flags = [word for name, value in OPTIONS.items() for word in ("--set", f"{name}={str(value).lower()}")]
    files = [*map(str, toy.train), "--valid", *map(str, toy.valid)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "OMP_NUM_THREADS": "1", "TZ": "Pacific/Kiritimati"}
    command = [sys.executable, "-m", "polyglass", "train", *files, "--out", "das Modell ä", *flags]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert outcome_of(tmp_path / "das Modell ä") == outcome_of(undisturbed)


def test_another_seed_gives_other_weights_and_another_order(tmp_path: Path, toy: Toy, undisturbed: Path) -> None:
    train_toy(toy, tmp_path / "model", {"train.seed": 2})
    other, same = outcome_of(tmp_path / "model"), outcome_of(undisturbed)
    for name in ("source_embedding.weight", "decoder.layers.0.feed_forward.w_1.weight"):
        assert other["best"][name] != same["best"][name]
    assert other["records"] != same["records"]
