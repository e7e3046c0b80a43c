"""B1: kill -9 while a file is translated: the output is the old one or the whole new one, and a second try succeeds."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from tiny_bundle import tiny_talker

KILLS = 12
PO = 'msgid ""\nmsgstr "Language: de\\n"\n\n' + "".join(f'msgid "A dog {n}."\nmsgstr ""\n\n' for n in range(40))


def fork(words: list[str]) -> int:
    """Run a command line in a child that says nothing; return its process id."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        torch.set_num_threads(1)
        os._exit(main(words))
    return child


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forks beside threads
@pytest.mark.parametrize("name", ["lines.txt", "messages.po"])
def test_whenever_a_translation_is_killed_its_output_is_whole_or_absent(tmp_path: Path, name: str) -> None:
    torch.set_num_threads(1)
    save_bundle(tmp_path / "m", tiny_talker())
    source, out = tmp_path / name, tmp_path / f"out-{name}"
    source.write_text(PO if name.endswith(".po") else "A small dog.\n" * 60, encoding="utf-8", newline="\n")
    words = ["translate", str(tmp_path / "m"), "--input", str(source), "--output", str(out)]
    began = time.monotonic()
    assert os.waitpid(fork(words), 0)[1] == 0
    whole, seconds = out.read_bytes(), time.monotonic() - began
    out.unlink()
    dice = random.Random(1)
    unfinished = 0
    for number in range(KILLS):
        if number == KILLS // 2:
            out.write_bytes(b"old\n")
        child = fork(words)
        time.sleep(dice.uniform(0.0, 1.1 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        there = out.read_bytes() if out.exists() else None
        assert there in (whole, b"old\n" if number >= KILLS // 2 else None)
        unfinished += there != whole
        if there == whole:
            out.unlink() if number < KILLS // 2 else out.write_bytes(b"old\n")
    assert unfinished > 0
    assert os.waitpid(fork(words), 0)[1] == 0
    assert out.read_bytes() == whole
