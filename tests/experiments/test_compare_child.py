"""The process of one run: how it fails, and that it does not outlive its parent."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from polyglass.experiments.compare_child import most_memory

SECONDS = 60


def start(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "polyglass.experiments.compare_child", str(folder), str(folder / "test.jsonl")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_what_a_user_can_mend_is_put_into_words(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        assert process.wait(SECONDS) == 2
        assert process.stderr is not None
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.communicate()
    failure = json.loads((tmp_path / "failure.json").read_text(encoding="utf-8"))
    assert failure["kind"] == "BundleError"
    assert "run.json is missing" in failure["text"]


def test_a_failure_that_cannot_be_written_down_is_still_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "failure.json").mkdir()
    process = start(tmp_path)
    try:
        assert process.wait(SECONDS) == 2
    finally:
        process.kill()
        process.communicate()


def test_a_process_whose_parent_is_gone_ends(tmp_path: Path) -> None:
    """Closing its input is all that a killed parent does."""
    process = start(tmp_path)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    process.communicate(timeout=SECONDS)
    assert process.returncode in (-signal.SIGTERM, 2)  # 2: it had failed before it could hear of it


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell the peak of a process alone")
def test_the_memory_of_a_parent_is_not_counted_as_that_of_its_child() -> None:
    """getrusage of a child begins with what its parent had; the figure used here does not."""
    code = (
        "import subprocess, sys\n"
        "ballast = bytearray(600_000_000)\n"
        "ask = 'import torch; from polyglass.experiments.compare_child import most_memory; '\n"
        "ask += 'print(most_memory(torch.device(\"cpu\")))'\n"
        "print(subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True).stdout)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8")
    assert 50e6 < int(done.stdout) < 600e6


def test_the_most_memory_is_no_less_than_what_is_used_now() -> None:
    before = most_memory(torch.device("cpu"))
    assert before is not None
    ballast = torch.ones(30_000_000)
    after = most_memory(torch.device("cpu"))
    assert after is not None
    assert after >= before
    assert ballast.sum() == 30_000_000
