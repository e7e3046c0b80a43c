"""`polyglass train` on the command line: what it says, what it refuses, and its exit codes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from polyglass.cli.main import main
from polyglass.errors import OutOfSpaceError, TrainingUnhealthyError
from polyglass.run import train as running
from polyglass.run.folder import RunFolder
from polyglass.training.metrics import read_metrics
from toy_corpus import OPTIONS, Toy, write_toy

SECONDS = 60


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """As in tests/run: more threads only wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The files of the toy corpus."""
    return write_toy(tmp_path_factory.mktemp("corpus"), valid=2)


def flags(**changes: Any) -> list[str]:
    """Return --set for each toy option."""
    options = {**OPTIONS, **{name.replace("__", "."): value for name, value in changes.items()}}
    return [word for name, value in options.items() for word in ("--set", f"{name}={str(value).lower()}")]


def words(toy: Toy, out: Path, *more: str) -> list[str]:
    """Return the command line of a toy run."""
    valid = ["--valid", *map(str, toy.valid)]
    return ["train", *map(str, toy.train), *valid, "--out", str(out), *flags(train__steps=4), *more]


@pytest.fixture(scope="module")
def finished(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("run") / "model"
    assert main(words(toy, out)) == 0
    return out


def test_a_run_says_what_it_reads_plans_does_and_leaves(
    tmp_path: Path, toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(toy, tmp_path / "model")) == 0
    said = capsys.readouterr()
    for expected in ("Reading the corpus", "300", "Why this plan", "step 4/4 (100%)", "validation @ 4", "chrF"):
        assert expected in said.out, expected
    assert f"polyglass translate {tmp_path / 'model'}" in said.out
    assert "\x1b" not in said.out
    assert said.err == ""


def test_a_dry_run_stops_after_the_plan(tmp_path: Path, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(toy, tmp_path / "model", "--dry-run")) == 0
    said = capsys.readouterr().out
    assert "Why this plan" in said
    assert "step 1/" not in said
    assert not (tmp_path / "model" / "checkpoints").exists()
    assert main(["train", "--resume", str(tmp_path / "model")]) == 0
    assert "step 4/4" in capsys.readouterr().out


def test_a_finished_run_has_nothing_to_do(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["train", "--resume", str(finished)]) == 0
    said = " ".join(capsys.readouterr().out.split())  # a long path may break the line
    assert said == f"{finished} is finished (4 steps): nothing to do."


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["train.en", "train.de"], "FILE"),
        (["--valid", "a", "b"], "--valid"),
        (["--test", "a", "b"], "--test"),
        (["--out", "elsewhere"], "--out"),
        (["--steps", "9"], "--steps"),
        (["--set", "model.dropout=0.3"], "--set"),
        (["--budget", "3h", "--seed", "2"], "--budget, --seed"),
        (["--preset", "tiny"], "--preset"),
        (["--config", "my.toml"], "--config"),
        (["--dry-run"], "--dry-run"),
        (["--source-lang", "en"], "--source-lang"),
        (["--errors", "skip"], "--errors"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_flag_that_resuming_would_ignore_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], more: list[str], named: str
) -> None:
    assert main(["train", "--resume", str(finished), *more]) == 2
    said = capsys.readouterr().err
    assert "so nothing else can be given with it" in said
    assert f"Leave out: {named}." in said


@pytest.mark.parametrize("more", [[], ["train.en", "train.de"], ["--out", "model"]])
def test_corpus_and_folder_must_be_named(capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    assert main(["train", *more]) == 2
    assert "train needs the corpus and a folder for the model" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert main(words(toy, tmp_path)) == 2
    assert "is not empty (thesis.txt)" in capsys.readouterr().err


def test_training_into_a_finished_run_is_refused_with_the_way_on(
    toy: Toy, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(toy, finished)) == 2
    assert f"polyglass train --resume {finished}" in capsys.readouterr().err


def test_a_folder_that_is_in_use_is_refused_with_its_own_exit_code(
    toy: Toy, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunFolder(finished).lock():
        assert main(["train", "--resume", str(finished)]) == 3
        assert main(words(toy, finished)) == 3
    assert capsys.readouterr().err.count("another run is writing into") == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(OutOfSpaceError("the disk is full."), 4), (TrainingUnhealthyError("training cannot go on."), 5)],
)
def test_errors_of_a_run_have_their_exit_codes(
    tmp_path: Path,
    toy: Toy,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(running.Sitting, "train", fail)
    assert main(words(toy, tmp_path / "model")) == code
    assert capsys.readouterr().err == f"polyglass: error: {error}\n"


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "no.en"), str(tmp_path / "no.de"), "--out", str(tmp_path / "model")]) == 2
    assert "no.en" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_to_the_process_saves_and_says_how_to_go_on(
    tmp_path: Path, toy: Toy, number: signal.Signals, code: int
) -> None:
    """A real process, that reads the corpus and trains; it is stopped in the middle of training."""
    out = tmp_path / "model"
    command = [
        sys.executable,
        "-m",
        "polyglass",
        *words(toy, out, "--steps", "100000", "--set", "train.save_every=100000"),
    ]
    process = subprocess.Popen(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_for_steps(out, process)
        process.send_signal(number)
        said, complaints = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == code, complaints
    assert f"stopped; everything is saved. Go on with: polyglass train --resume {out}" in said
    assert complaints == ""
    last = [record["step"] for record in read_metrics(out / "metrics.jsonl") if record["kind"] == "step"][-1]
    assert [path.name for path in (out / "checkpoints").iterdir()] == [f"step-{last:09d}"]


def wait_for_steps(out: Path, process: "subprocess.Popen[str]", *, steps: int = 3) -> None:
    """Return when a run has made some steps."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        metrics = out / "metrics.jsonl"
        if metrics.exists() and metrics.read_bytes().count(b'"kind": "step"') >= steps:
            return
        time.sleep(0.01)
    pytest.fail(f"no training: {process.poll()}")
