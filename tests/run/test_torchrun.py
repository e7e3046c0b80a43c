"""Two processes under torchrun train as one would: the same losses, one writer; they can go on with its run (T11)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from polyglass.bundle import load_bundle
from polyglass.training.metrics import read_metrics
from toy_corpus import OPTIONS, StopAt, Toy, train_toy

# Sums of float32 in another order, over ten updates; Adam makes much of small gradients.
TOLERANCE = 1e-4
# Without dropout, or each process would silence other numbers. Some batches have one row only: fewer than processes.
CHANGES: dict[str, Any] = {"model.dropout": 0.0, "train.steps": 10, "train.batch_tokens": 24, "train.epsilon": 1e-6}
SECONDS = 100


def torchrun(*words: str) -> str:
    """Run a command line of polyglass in two processes and return what they printed."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        "-m",
        "polyglass",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *words], env=environment, capture_output=True, text=True, encoding="utf-8", timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [record for record in read_metrics(folder / "metrics.jsonl") if record["kind"] == kind]


@pytest.fixture(scope="module")
def alone(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    out = tmp_path_factory.mktemp("alone") / "model"
    train_toy(toy, out, CHANGES)
    return out


def check_equal(folder: Path, alone: Path) -> None:
    steps, expected = records(folder, "step"), records(alone, "step")
    assert [record["step"] for record in steps] == list(range(1, 11))  # each written once
    for name in ("loss", "grad_norm"):
        assert [record[name] for record in steps] == pytest.approx([record[name] for record in expected], abs=TOLERANCE)
    for name in ("target_tokens", "learning_rate", "epoch"):
        assert [record[name] for record in steps] == [record[name] for record in expected]
    losses = [record["loss"] for record in records(alone, "validation")]
    assert [record["loss"] for record in records(folder, "validation")] == pytest.approx(losses, abs=10 * TOLERANCE)
    load_bundle(folder)
    assert (folder / "report.html").exists()


def test_two_processes_have_the_losses_of_one_and_one_of_them_writes(tmp_path: Path, toy: Toy, alone: Path) -> None:
    out = tmp_path / "model"
    flags = [word for name, value in (OPTIONS | CHANGES).items() for word in ("--set", f"{name}={str(value).lower()}")]
    said = torchrun("train", *map(str, toy.train), "--valid", *map(str, toy.valid), "--out", str(out), *flags)
    check_equal(out, alone)
    assert said.count("Learning the subwords") == 1
    assert len(records(out, "plan")) == 1


def test_two_processes_go_on_with_the_run_of_one(tmp_path: Path, toy: Toy, alone: Path) -> None:
    out = tmp_path / "model"
    train_toy(toy, out, CHANGES, talk=StopAt(5))
    torchrun("train", "--resume", str(out))
    check_equal(out, alone)
