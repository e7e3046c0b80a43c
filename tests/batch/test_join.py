"""Joining refuses, by name, what is missing, there twice, damaged or foreign; and writes nothing then."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from batch_world import Shouter, errand, worker, write_lines
from polyglass.batch.errand import Tally
from polyglass.batch.join import join
from polyglass.batch.local import translate_shard
from polyglass.batch.parts import PartsFolder
from polyglass.batch.piece import Shard
from polyglass.errors import InputError

TEXT = [f"line {n}" for n in range(1, 12)]  # six parts


def quiet(tally: Tally) -> None:
    """Say nothing."""


def made(folder: Path, *lines: str, shards: int = 3, model: str = "m", only: int | None = None) -> PartsFolder:
    """Let shards translate a file; `only` one of them."""
    folder.mkdir(exist_ok=True)
    source = write_lines(folder / "in.txt", *(lines or TEXT))
    for index in range(1, shards + 1) if only is None else [only]:
        task = errand(source, folder / "out.txt", model=model)
        translate_shard(task, worker(Shouter()), quiet, shard=Shard(index, shards))
    return PartsFolder.beside(folder / "out.txt")


def test_parts_are_joined_in_order_and_stay(tmp_path: Path) -> None:
    folder = made(tmp_path)
    joined = join(folder, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == "".join(f"{line.upper()}\n" for line in TEXT)
    assert (joined.parts, joined.lines_in, joined.lines_out) == (6, 11, 11)
    assert folder.numbers() == {1, 2, 3, 4, 5, 6}


def refused(tmp_path: Path, folder: PartsFolder) -> str:
    """Return why; and see that nothing was written."""
    write_lines(tmp_path / "out.txt", "old")
    with pytest.raises(InputError) as caught:
        join(folder, tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes() == b"old\n"
    assert not list(tmp_path.glob(".polyglass*"))
    return str(caught.value)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.file_of(2).unlink()
    folder.file_of(5).unlink()
    said = refused(tmp_path, folder)
    assert "lacks 2 of 6 parts: 000002.part, 000005.part. Run again what should have made them: of N shards" in said


def test_shards_that_are_still_at_it_are_waited_for(tmp_path: Path) -> None:
    folder = made(tmp_path, only=2)
    assert "lacks 4 of 6 parts: 000001.part, 000003.part, 000004.part" in refused(tmp_path, folder)
    (folder.path / "input.tsv").unlink()
    assert "no process has come to the end of the input yet" in refused(tmp_path, folder)


def copy(folder: PartsFolder, other: PartsFolder) -> None:
    folder.file_of(4).write_bytes(folder.file_of(3).read_bytes())


def another_name(folder: PartsFolder, other: PartsFolder) -> None:
    (folder.path / "000003 (copy).part").write_bytes(folder.file_of(3).read_bytes())


def one_too_many(folder: PartsFolder, other: PartsFolder) -> None:
    folder.file_of(7).write_bytes(folder.file_of(3).read_bytes())


def other_job(folder: PartsFolder, other: PartsFolder) -> None:
    folder.file_of(3).write_bytes(other.file_of(3).read_bytes())


def flipped_bit(folder: PartsFolder, other: PartsFolder) -> None:
    content = bytearray(folder.file_of(3).read_bytes())
    content[-3] ^= 1
    folder.file_of(3).write_bytes(content)


def no_job(folder: PartsFolder, other: PartsFolder) -> None:
    (folder.path / "job.json").unlink()


def odd_job(folder: PartsFolder, other: PartsFolder) -> None:
    (folder.path / "job.json").write_text('{"format": 2}', encoding="utf-8")


def odd_input(folder: PartsFolder, other: PartsFolder) -> None:
    (folder.path / "input.tsv").write_text("1\t2\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (copy, "000004.part is part 3 under another name, so it would be there twice. Remove it."),
        (another_name, "000003 (copy).part in"),
        (one_too_many, "000007.part in"),
        (other_job, "000003.part is foreign: it was made with another model, other options"),
        (flipped_bit, "000003.part is damaged: its SHA-256"),
        (no_job, "job.json is missing"),
        (odd_job, "job.json is not of this polyglass"),
        (odd_input, "input.tsv:1 is damaged"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, harm: Callable[[PartsFolder, PartsFolder], None], reason: str
) -> None:
    folder = made(tmp_path / "a")
    harm(folder, made(tmp_path / "b", model="other"))
    assert reason in refused(tmp_path / "a", folder)


def test_a_part_of_another_input_is_named(tmp_path: Path) -> None:
    folder, other = made(tmp_path / "a"), made(tmp_path / "b", *TEXT[:4], "other", *TEXT[5:])
    other_job(folder, other)
    assert "000003.part is foreign: it was made from another input" in refused(tmp_path / "a", folder)


def test_a_part_that_lost_a_line_is_named(tmp_path: Path) -> None:
    """Even if it proves itself."""
    folder = made(tmp_path)
    part = folder.read(3)
    head = {**json.loads(folder.file_of(3).read_bytes().split(b"\n")[0])}
    content = part.content.split(b"\n", 1)[1]
    head["sha256"] = hashlib.sha256(content).hexdigest()
    folder.file_of(3).write_bytes(json.dumps(head).encode() + b"\n" + content)
    assert "000003.part should have 2 lines, but it has 1" in refused(tmp_path, folder)


def test_where_there_are_no_parts_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"out.txt.parts does not exist, so there are no parts of"):
        join(PartsFolder.beside(tmp_path / "out.txt"), tmp_path / "out.txt")
