"""kill -9 at random moments: the benchmark that counts what is lost, in its short form (T1)."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "kill_training.py"
KILLS = 25


def test_no_kill_costs_more_than_the_steps_since_the_last_save_or_changes_how_the_run_ends() -> None:
    """In a process of its own, which forks: a child may use torch only if its parent has started no threads."""
    command = [sys.executable, str(BENCHMARK), "--kills", str(KILLS), "--steps", "12", "--quiet"]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert table["kills"].strip().startswith(f"{KILLS}: ")
    assert "while training" in table["kills"]
    assert table["unloadable checkpoints or models"].strip() == "0"


def test_the_benchmark_sees_what_is_lost(tmp_path: Path, undisturbed: Path) -> None:
    """It must fail where a promise is broken: here, a checkpoint with one flipped bit."""
    script = runpy.run_path(str(BENCHMARK))
    out = Path(shutil.copytree(undisturbed, tmp_path / "run"))
    script["inspect"](out, script["Tally"]())
    same = script["outcome_of"](out)
    weights = max((out / "checkpoints").iterdir()) / "optimizer.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(script["BrokenPromiseError"], match="damaged and was passed over"):
        script["inspect"](out, script["Tally"]())
    assert script["outcome_of"](out) != same
    for checkpoint in (out / "checkpoints").iterdir():
        shutil.rmtree(checkpoint)
    with pytest.raises(script["BrokenPromiseError"], match="12 steps were lost"):
        script["inspect"](out, script["Tally"]())
