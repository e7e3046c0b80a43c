"""`polyglass translate` of large files, and `polyglass merge`, as a person gives them."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from batch_world import write_lines
from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.translator import Translator
from tiny_bundle import SENTENCES, tiny_talker

GREEDY = ["--beam-size", "1", "--part-lines", "3"]
TEXT = [SENTENCES[n % 4][0].replace("A", "Ab"[: n % 3]) + " bird" * (n % 5) for n in range(20)]
Say = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("made") / "en-de"
    save_bundle(folder, tiny_talker())
    return str(folder)


@pytest.fixture(scope="module")
def expected(model: str) -> list[str]:
    return [one.text for one in Translator.load(model).translate(TEXT, beam_size=1)]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return a function that gives a command and returns all that it prints."""

    def run(*words: object, code: int = 0) -> str:
        capsys.readouterr()
        found = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert found == code, printed.err
        return printed.out + printed.err

    return run


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_shards_and_merge_give_what_one_process_gives(
    model: str, expected: list[str], tmp_path: Path, say: Say
) -> None:
    source, output = write_lines(tmp_path / "a.en", *TEXT), tmp_path / "a.de"
    words = ["translate", model, "--input", source, "--output", output, *GREEDY]
    assert "does not exist, so there are no parts of" in say("merge", output, code=2)
    for index in (2, 1, 3):
        said = say(*words, "--shard", f"{index}/3")
        lines = sum(len(TEXT[first : first + 3]) for first in range(3 * (index - 1), 20, 9))
        assert f"shard {index}/3 of {source} is finished: {lines} lines in" in said
        assert f"polyglass merge {output}" in said
    assert not output.exists()
    said = say(*words, "--shard", "3/3")
    assert "going on: what was finished before is not done again" in said
    assert f"shard 3/3 of {source} was finished already: 6 lines in 2 parts" in said
    (tmp_path / "a.de.parts" / "000002.part").rename(tmp_path / "aside")
    assert "lacks 1 of 7 parts: 000002.part" in say("merge", output, code=2)
    (tmp_path / "aside").rename(tmp_path / "a.de.parts" / "000002.part")
    assert say("merge", output, "--keep-parts") == f"{output}: 20 lines in, 20 lines out, from 7 parts.\n"
    say("merge", output)
    assert lines_of(output) == expected
    assert {path.name for path in tmp_path.iterdir()} == {"a.en", "a.de"}


def test_killed_at_any_part_the_same_command_goes_on_and_writes_the_same_file(
    model: str, expected: list[str], tmp_path: Path, say: Say
) -> None:
    source, output = write_lines(tmp_path / "a.en", *(TEXT * 20)), tmp_path / "a.de"
    words = ["translate", model, "--input", str(source), "--output", str(output), *GREEDY]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "polyglass", *words], env=environment)
    parts = tmp_path / "a.de.parts"
    until = time.monotonic() + 60
    while len(list(parts.glob("*.part"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = {path.name for path in parts.glob("*.part")}
    assert 3 <= len(finished) < 134
    assert not output.exists()
    assert "going on" in say(*words)
    assert lines_of(output) == expected * 20
    assert not parts.exists()


def test_ctrl_c_says_what_is_kept(model: str, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    source, output = write_lines(tmp_path / "a.en", *TEXT), tmp_path / "a.de"
    real, calls = Translator.translate, list[int]()

    def stop(self: Translator, *texts: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *texts, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Translator, "translate", stop)
    said = say("translate", model, "--input", source, "--output", output, *GREEDY, code=130)
    assert f"6 lines are kept in {output}.parts; the same command goes on from there" in said
    said = say("translate", model, "--input", source, "--output", output, *GREEDY, "--prefix", "Ein", code=2)
    assert "holds parts made with other options of the search. Give --overwrite to translate all anew" in said
    say("translate", model, "--input", source, "--output", output, *GREEDY, "--prefix", "Ein", "--overwrite")
    assert all(line.startswith("Ein") for line in lines_of(output))


def test_smaller_batches_may_go_on_with_what_larger_ones_began(
    model: str, expected: list[str], tmp_path: Path, say: Say
) -> None:
    source, output = write_lines(tmp_path / "a.en", *TEXT), tmp_path / "a.de"
    words = ["translate", model, "--input", source, "--output", output, *GREEDY]
    say(*words, "--shard", "1/2")
    say(*words, "--shard", "2/2", "--batch-tokens", "40")
    say("merge", output)
    assert lines_of(output) == expected


def test_a_field_of_json_lines_is_translated_and_all_else_stays(
    model: str, expected: list[str], tmp_path: Path, say: Say
) -> None:
    records = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(TEXT))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(records.encode()))
    words = ["translate", model, "--input", tmp_path / "a.jsonl.gz", "--output", tmp_path / "b.jsonl", *GREEDY]
    say(*words, "--field", "text", "--into", "de")
    rows = zip(TEXT, expected, strict=True)
    made = [json.loads(line) for line in lines_of(tmp_path / "b.jsonl")]
    assert made == [{"id": n, "text": text, "de": de} for n, (text, de) in enumerate(rows)]
    assert "--n-best, --scores, --alignment and --json go with lines" in say(
        *words, "--field", "text", "--scores", code=2
    )


def test_other_forms_of_output_go_on_with_their_line_numbers(model: str, tmp_path: Path, say: Say) -> None:
    source = write_lines(tmp_path / "a.en", *TEXT)
    words = ["translate", model, "--input", source, "--part-lines", "3", "--beam-size", "2"]
    say(*words, "--output", tmp_path / "a", "--json")
    assert [json.loads(line)["line"] for line in lines_of(tmp_path / "a")] == list(range(1, 21))
    say(*words, "--output", tmp_path / "b", "--n-best", "2", "--shard", "1/1")
    assert say("merge", tmp_path / "b").endswith("20 lines in, 40 lines out, from 7 parts.\n")
    assert [int(line.split("\t")[0]) for line in lines_of(tmp_path / "b")] == [1 + n // 2 for n in range(40)]


def test_lines_that_were_cut_are_named_by_the_whole_the_shard_and_the_merge(
    model: str, tmp_path: Path, say: Say
) -> None:
    source = write_lines(tmp_path / "a.en", "A dog.", "dog " * 100, "A", "A", "dog " * 100)
    words = ["translate", model, "--input", source, *GREEDY]
    assert "2 lines were longer than the 63 subwords" in say(*words, "--output", tmp_path / "a")
    assert "1 line was longer" in say(*words, "--output", tmp_path / "b", "--shard", "1/2")
    say(*words, "--output", tmp_path / "b", "--shard", "2/2")
    assert "2 lines were longer than the model takes, and cut; the first is line 2." in say("merge", tmp_path / "b")


def test_a_folder_becomes_a_folder_and_finished_files_are_not_done_again(
    model: str, expected: list[str], tmp_path: Path, say: Say
) -> None:
    (tmp_path / "in").mkdir()
    write_lines(tmp_path / "in" / "a.en", *TEXT[:9])
    (tmp_path / "in" / "b.en.gz").write_bytes(gzip.compress("".join(f"{line}\n" for line in TEXT[9:]).encode()))
    (tmp_path / "in" / ".hidden").write_bytes(b"\xff")
    words = ["translate", model, "--input", tmp_path / "in", "--output", tmp_path / "out", *GREEDY]
    say(*words)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.en", "b.en", "_polyglass"}
    assert lines_of(tmp_path / "out" / "a.en") + lines_of(tmp_path / "out" / "b.en") == expected
    assert "2 of 2 files are finished already" in say(*words)
    write_lines(tmp_path / "in" / "a.en", *TEXT[:3])
    assert "1 of 2 files are finished already" in say(*words)
    assert lines_of(tmp_path / "out" / "a.en") == expected[:3]
    write_lines(tmp_path / "in" / "b.en", "x")
    assert "b.en and b.en.gz in" in say(*words, code=2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--shard", "1/2"], "--shard is for files: give --input and --output"),
        (["--engine", "ray"], "--engine ray is for files"),
        (["--workers", "2"], "--workers says how many processes --engine ray starts"),
        (["--input", "a.en", "--output", "b", "--shard", "3/2"], "--shard must be one of several shares"),
        (["--input", "a.en", "--output", "b", "--part-lines", "0"], "--part-lines must be from 1 to 1,000,000"),
        (["--input", "a.en", "--output", "b.gz"], "b.gz would be written without packing. Leave .gz out"),
        (["--input", "a.po", "--output", "b.po", "--shard", "1/2"], "is translated as a whole. Leave --shard out"),
        (["--input", "a.en", "--output", "b", "--field", "x"], "--field goes with JSON lines and Parquet"),
        (["--input", "no.en", "--output", "b"], "no.en does not exist"),
        (["--input", "empty", "--output", "b"], "empty holds no files"),
        (["--input", "full", "--output", "b", "--shard", "1/2"], "--shard is for one file, but full is a folder"),
        (["--input", "full", "--output", "a.en"], "a.en must be a folder, because a folder is translated"),
    ],
)
def test_what_cannot_be_done_is_said(
    model: str, words: list[str], reason: str, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "a.en", "A")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    write_lines(tmp_path / "full" / "a.en", "A")
    assert reason in say("translate", model, *words, code=2)
    assert {path.name for path in tmp_path.iterdir()} == {"a.en", "empty", "full"}


def test_without_ray_the_extra_is_named(model: str, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_lines(tmp_path / "a.en", *TEXT)
    said = say("translate", model, "--input", source, "--output", tmp_path / "b", "--engine", "ray", code=2)
    assert '--engine ray needs one more package: pip install "polyglass[distributed]"' in said


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, say: Say) -> None:
    source = write_lines(tmp_path / "a.en", *TEXT)
    said = say("translate", tmp_path / "no", "--input", source, "--output", tmp_path / "b", code=2)
    assert "does not exist. Name the folder" in said


def test_a_model_that_cannot_be_loaded_leaves_no_folder_behind(model: str, tmp_path: Path, say: Say) -> None:
    source = write_lines(tmp_path / "a.en", *TEXT)
    words = ["translate", model, "--input", source, "--output", tmp_path / "b", *GREEDY]
    for more in ([], ["--shard", "1/2"]):
        assert "device cuda:99 cannot be used" in say(*words, "--device", "cuda:99", *more, code=2)
        assert "--engine: must be one of torch, auto, ctranslate2" in say(*words, "--engine", "none", *more, code=2)
    assert {path.name for path in tmp_path.iterdir()} == {"a.en"}
