"""One process: nothing finished is done twice, and the output is the same whoever killed whom."""

from pathlib import Path

import pytest

from batch_world import Shouter, errand, worker, write_lines
from polyglass.batch.errand import Tally
from polyglass.batch.local import translate_shard, translate_whole
from polyglass.batch.parts import PartsFolder
from polyglass.batch.piece import Shard
from polyglass.errors import InputError, LockedError
from polyglass.run.folder import lock_folder

TEXT = [f"line {n}" for n in range(1, 8)]  # four parts of two lines, the last of one
LOUD = "".join(f"LINE {n}\n" for n in range(1, 8))


def quiet(tally: Tally) -> None:
    """Say nothing."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "in.txt", *TEXT)


def interrupted(source: Path, output: Path, at: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        translate_whole(errand(source, output), worker(Shouter(dies_at=at)), quiet)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_translated_and_nothing_else_is_left(source: Path, tmp_path: Path) -> None:
    joined = translate_whole(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == LOUD
    assert (joined.lines_in, joined.lines_out, joined.parts) == (7, 7, 4)
    assert names(tmp_path) == {"in.txt", "out.txt"}


def test_what_is_finished_is_not_done_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    interrupted(source, output, at="line 6")
    assert not output.exists()
    assert PartsFolder.beside(output).numbers() == {1, 2}
    shouter, heard = Shouter(), list[int]()
    translate_whole(errand(source, output), worker(shouter), lambda tally: heard.append(tally.kept_lines))
    assert shouter.asked == TEXT[4:]
    assert heard == [2, 4, 4, 4]
    assert output.read_text(encoding="utf-8") == LOUD
    assert names(tmp_path) == {"in.txt", "out.txt"}


def test_a_short_file_needs_no_folder(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.txt", "a", "b")
    (tmp_path / "no").mkdir()
    interrupted(source, tmp_path / "out.txt", at="b")
    assert names(tmp_path) == {"in.txt", "no"}
    translate_whole(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet)
    assert (tmp_path / "out.txt").read_bytes() == b"A\nB\n"


def test_an_empty_file_becomes_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"")
    translate_whole(errand(tmp_path / "in.txt", tmp_path / "out.txt"), worker(Shouter()), quiet)
    assert (tmp_path / "out.txt").read_bytes() == b""
    translate_shard(errand(tmp_path / "in.txt", tmp_path / "b.txt"), worker(Shouter()), quiet, shard=Shard(1, 2))
    assert names(tmp_path / "b.txt.parts") == {"job.json", "input.tsv"}


def test_the_output_keeps_its_old_content_until_the_new_one_is_whole(source: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "out.txt", "old")
    interrupted(source, tmp_path / "out.txt", at="line 7")
    assert (tmp_path / "out.txt").read_bytes() == b"old\n"


def test_a_file_that_has_changed_since_is_refused_until_somebody_says_overwrite(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    interrupted(source, output, at="line 6")
    write_lines(source, *TEXT[:2], "changed", *TEXT[3:])
    with pytest.raises(InputError, match=r"000002.part was made from other text: lines 3 to 4 of the input have"):
        translate_whole(errand(source, output), worker(Shouter()), quiet)
    shouter = Shouter()
    translate_whole(errand(source, output, overwrite=True), worker(shouter), quiet)
    assert len(shouter.asked) == 7
    assert output.read_text(encoding="utf-8") == LOUD.replace("LINE 3", "CHANGED")


def test_lines_behind_the_finished_ones_may_be_mended(source: Path, tmp_path: Path) -> None:
    interrupted(source, tmp_path / "out.txt", at="line 6")
    write_lines(source, *TEXT[:5], "mended", TEXT[6])
    translate_whole(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == LOUD.replace("LINE 6", "MENDED")


def test_another_model_is_refused_until_somebody_says_overwrite(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    interrupted(source, output, at="line 6")
    with pytest.raises(InputError, match=r"out.txt.parts holds parts made with another model. Give --overwrite"):
        translate_whole(errand(source, output, model="other"), worker(Shouter()), quiet)
    translate_whole(errand(source, output, model="other", overwrite=True), worker(Shouter()), quiet)
    assert output.read_text(encoding="utf-8") == LOUD


def test_a_folder_without_any_part_hinders_nobody(source: Path, tmp_path: Path) -> None:
    interrupted(source, tmp_path / "out.txt", at="line 1")
    assert names(tmp_path / "out.txt.parts") - {".lock"} == {"job.json"}
    translate_whole(errand(source, tmp_path / "out.txt", model="other"), worker(Shouter()), quiet)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == LOUD


def test_a_damaged_part_is_done_again(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.txt"
    interrupted(source, output, at="line 6")
    path = PartsFolder.beside(output).file_of(2)
    content = path.read_bytes()
    for damaged in (content[:-1], content[:40], b"", content.replace(b"LINE 3", b"LINE 9"), b"[]\n", b"{}\n"):
        path.write_bytes(damaged)
        shouter = Shouter(dies_at="line 6")
        with pytest.raises(KeyboardInterrupt):
            translate_whole(errand(source, output), worker(shouter), quiet)
        assert shouter.asked == ["line 3", "line 4"]
        assert path.read_bytes() == content


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_processes_do_not_write_the_same_file(source: Path, tmp_path: Path, overwrite: bool) -> None:
    interrupted(source, tmp_path / "out.txt", at="line 6")
    with (
        lock_folder(tmp_path / "out.txt.parts", "x"),
        pytest.raises(LockedError, match="another process is translating into"),
    ):
        translate_whole(errand(source, tmp_path / "out.txt", overwrite=overwrite), worker(Shouter()), quiet)


def test_a_file_in_place_of_the_folder_is_named(source: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "out.txt.parts", "mine")
    with pytest.raises(InputError, match="must be a folder for parts, but it is a file"):
        translate_whole(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet)


def test_lines_that_were_cut_are_known_also_of_finished_parts(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.txt", "a", "long b", "c", "d", "long e")
    interrupted(source, tmp_path / "out.txt", at="d")
    assert translate_whole(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet).cut == [2, 5]


def test_shards_share_the_work_and_a_finished_one_asks_the_model_nothing(source: Path, tmp_path: Path) -> None:
    output, asked = tmp_path / "out.txt", list[str]()
    for index in (1, 2, 3):
        shouter = Shouter()
        tally = translate_shard(errand(source, output), worker(shouter), quiet, shard=Shard(index, 3))
        assert tally.lines == len(shouter.asked)
        asked += shouter.asked
    assert sorted(asked) == TEXT
    again = Shouter()
    tally = translate_shard(errand(source, output), worker(again), quiet, shard=Shard(2, 3))
    assert (again.asked, tally.kept_lines, tally.kept_parts) == ([], 2, 1)
    tally = translate_shard(errand(source, output, overwrite=True), worker(again), quiet, shard=Shard(2, 3))
    assert (again.asked, tally.lines) == (["line 3", "line 4"], 2)


def test_a_shard_that_is_all_of_the_file_is_done_anew_too(source: Path, tmp_path: Path) -> None:
    for overwrite, lines in ((False, 7), (False, 0), (True, 7)):
        shouter, task = Shouter(), errand(source, tmp_path / "out.txt", overwrite=overwrite)
        translate_shard(task, worker(shouter), quiet, shard=Shard(1, 1))
        assert len(shouter.asked) == lines


def test_a_whole_run_goes_on_with_what_shards_have_finished(source: Path, tmp_path: Path) -> None:
    translate_shard(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet, shard=Shard(2, 2))
    shouter = Shouter()
    translate_whole(errand(source, tmp_path / "out.txt"), worker(shouter), quiet)
    assert shouter.asked == ["line 1", "line 2", "line 5", "line 6"]
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == LOUD


def test_a_shard_beside_an_output_without_parts_is_refused(source: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "out.txt", "old")
    with pytest.raises(InputError, match="perhaps they were merged already"):
        translate_shard(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet, shard=Shard(1, 2))


def test_shards_that_read_different_files_are_told(source: Path, tmp_path: Path) -> None:
    translate_shard(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet, shard=Shard(1, 2))
    write_lines(source, *TEXT[:2], "changed", *TEXT[3:])
    with pytest.raises(InputError, match="shards have read different files"):
        translate_shard(errand(source, tmp_path / "out.txt"), worker(Shouter()), quiet, shard=Shard(2, 2))


def test_an_input_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    for act in (
        lambda: translate_whole(errand(tmp_path / "no", tmp_path / "out"), worker(Shouter()), quiet),
        lambda: translate_shard(errand(tmp_path / "no", tmp_path / "out"), worker(Shouter()), quiet, shard=Shard(1, 2)),
    ):
        with pytest.raises(InputError, match="does not exist"):
            act()
    assert names(tmp_path) == set()
