"""T16: clocks, time zones and names of folders change nothing. T3: disks that are really full, where we can."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from polyglass.bundle import load_bundle, save_bundle
from polyglass.cli.main import main
from polyglass.run.train import resume_run
from polyglass.training.events import StepReport
from polyglass.training.state import newest_checkpoint, step_of
from tiny_bundle import tiny_talker
from toy_corpus import StopAt, Told, Toy, outcome_of, train_toy

YEARS = 10 * 365 * 86400.0


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["forwards", "backwards"])
def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, toy: Toy, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    real = time.time
    train_toy(toy, tmp_path / "m", talk=StopAt(5))
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    for file in tmp_path.rglob("*"):
        os.utime(file, (real() + jump, real() + jump))
    assert resume_run(tmp_path / "m", Told()).finished
    assert outcome_of(tmp_path / "m") == outcome_of(undisturbed)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 200,
        "das Modell ä/日本語/نموذج",
        " leading and trailing ",
        "e\u0301 and \u00e9",
        "emoji \U0001f469\u200d\U0001f4bb",
        "-dash",
        "a'b\"c$d;e&f|g*h?[i]",
        "line\nfeed",
    ],
    ids=["200 letters", "scripts", "spaces", "both forms of e acute", "emoji", "dash", "shell", "line feed"],
)
def test_a_folder_may_be_called_anything(tmp_path: Path, toy: Toy, undisturbed: Path, name: str) -> None:
    folder = tmp_path / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    talk = StopAt(5)
    train_toy(toy, folder, talk=talk)
    assert "stopped; everything is saved" in talk.texts("stopped")[0]
    assert resume_run(folder, Told()).finished
    assert outcome_of(folder) == outcome_of(undisturbed)
    load_bundle(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes; skips where this user may not mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    """Take all the space that is left."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_a_disk_that_is_really_full_for_a_while_costs_no_step(small_disk: Path, toy: Toy, undisturbed: Path) -> None:
    out = small_disk / "m"

    def on_step(report: StepReport) -> None:
        if report.step == 6:
            fill(small_disk)
        if report.step == 8:
            checkpoint, complaints = newest_checkpoint(out / "checkpoints")
            assert checkpoint is not None
            assert (step_of(checkpoint), complaints) == (4, [])
            load_bundle(out)
        if report.step == 9:
            (small_disk / "filler").unlink()

    talk = Told(on_step)
    assert train_toy(toy, out, talk=talk).finished
    said = talk.texts("save_failed")
    assert said, [notice.text for notice in talk.notices]
    assert all("no space left on device" in text.lower() and text.endswith("Training goes on.") for text in said), said
    assert outcome_of(out) == outcome_of(undisturbed)


def test_a_translation_on_a_disk_that_is_really_full_is_said_and_leaves_nothing(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_bundle(tmp_path / "m", tiny_talker())
    source = tmp_path / "in.txt"
    source.write_bytes(b"A dog.\n" * 200)
    (small_disk / "old.txt").write_bytes(b"old\n")
    fill(small_disk)
    for name in ("old.txt", "new.txt"):
        out = small_disk / name
        assert main(["translate", str(tmp_path / "m"), "--input", str(source), "--output", str(out)]) == 4
        said = capsys.readouterr().err
        assert str(out) in said
        assert "no space left on device" in said.lower()
    assert {path.name: path.read_bytes() for path in small_disk.iterdir() if path.name != "filler"} == {
        "old.txt": b"old\n"
    }
