"""`polyglass translate`: as many lines out as in, whatever the lines, the pipe and the disk do."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.bundle import load_bundle, save_bundle
from polyglass.cli import translate_lines
from polyglass.cli.main import main
from polyglass.cli.translate_lines import Form, Line, Lines, chunks, word_alignment
from polyglass.translator import Candidate, Translation, Translator
from tiny_bundle import tiny_talker

GREEDY = ["--beam-size", "1"]
Run = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("made") / "en-de"
    save_bundle(folder, tiny_talker())
    return str(folder)


@pytest.fixture
def give(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return a function that puts bytes on standard input."""
    return lambda content: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))


@pytest.fixture
def translated(model: str, capsys: pytest.CaptureFixture[str], give: Callable[[bytes], None]) -> Run:
    """Return a function that runs the verb on standard input and returns what it prints."""

    def run(content: bytes, *flags: str) -> str:
        give(content)
        assert main(["translate", model, *flags]) == 0
        return capsys.readouterr().out

    return run


def test_each_line_becomes_one_line_and_an_empty_one_stays_empty(translated: Run, model: str) -> None:
    out = translated(b"A small dog.\n\nTwo men are sitting.\n \n")
    best = [answer.text for answer in Translator.load(model).translate(["A small dog.", "Two men are sitting."])]
    assert out == f"{best[0]}\n\n{best[1]}\n\n"


def test_a_last_line_without_line_feed_stays_without(translated: Run, tmp_path: Path) -> None:
    assert translated(b"A dog.\nA bird.").count("\n") == 1
    (tmp_path / "open.txt").write_bytes(b"A dog.\nA bird.")
    (tmp_path / "closed.txt").write_bytes(b"A dog.\nA bird.\n")
    assert translated(b"", "--input", str(tmp_path / "open.txt")).count("\n") == 1
    assert translated(b"", "--input", str(tmp_path / "closed.txt")).count("\n") == 2


def test_nothing_in_gives_nothing_out(translated: Run, tmp_path: Path) -> None:
    assert translated(b"") == ""
    (tmp_path / "empty.txt").write_bytes(b"")
    assert translated(b"", "--input", str(tmp_path / "empty.txt")) == ""


ODD = st.lists(st.text(st.sampled_from("a \t\r\0\v\f\x1c\x85\u2028\u2029\ufeff\u0301d"), max_size=8), max_size=9)


@given(ODD, st.booleans())
@settings(max_examples=40, deadline=None)
def test_only_a_line_feed_ends_a_line(model: str, lines: list[str], closed: bool) -> None:
    content = "\n".join(lines) + "\n" * closed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode()), encoding="utf-8"))
        patch.setattr(sys, "stdout", printed := io.StringIO(newline=""))
        assert main(["translate", model, *GREEDY]) == 0
    assert printed.getvalue().count("\n") == content.count("\n")


def test_a_byte_order_mark_and_carriage_returns_are_no_text(translated: Run) -> None:
    assert translated(b"\xef\xbb\xbfA dog.\r\nA bird.\r\n") == translated(b"A dog.\nA bird.\n")


def test_packed_input_is_unpacked(translated: Run, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"A dog.\nA bird.\n"))
    assert translated(b"", "--input", str(tmp_path / "a.gz")) == translated(b"A dog.\nA bird.\n")


def test_texts_on_the_command_line_are_translated(translated: Run) -> None:
    assert translated(b"", "A dog.", "A bird.") == translated(b"A dog.\nA bird.\n")


@pytest.mark.parametrize("source", ["stdin", "file"])
def test_bytes_that_are_not_utf_8_are_named_with_line_and_column(
    model: str, source: str, tmp_path: Path, give: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    content = "A dog.\nÄ caf".encode() + b"\xe9\n"
    give(content)
    (tmp_path / "a.txt").write_bytes(content)
    name = "standard input" if source == "stdin" else str(tmp_path / "a.txt")
    flags = [] if source == "stdin" else ["--input", name]
    assert main(["translate", model, *flags]) == 2
    said = capsys.readouterr().err
    assert f"{name}:2: byte 0xE9 at column 6 is not UTF-8" in said
    assert "iconv -f cp1252 -t utf-8" in said


def test_n_best_prints_number_score_and_text_of_each_candidate(translated: Run) -> None:
    rows = [line.split("\t") for line in translated(b"A dog.\n\nA bird.\n", "--n-best", "3").splitlines()]
    assert [row[0] for row in rows] == ["1", "1", "1", "2", "3", "3", "3"]
    assert rows[3] == ["2", "0.0000", ""]
    assert float(rows[0][1]) >= float(rows[1][1])


def test_scores_stand_before_the_text(translated: Run) -> None:
    plain = translated(b"A dog.\n")
    score, text = translated(b"A dog.\n", "--scores").rstrip("\n").split("\t")
    assert float(score) < 0
    assert text == plain.rstrip("\n").replace("\t", " ")


def test_json_holds_everything_that_was_asked_for(translated: Run) -> None:
    flags = ("--json", "--n-best", "2", "--scores", "--alignment")
    records = [json.loads(line) for line in translated("A dog \u2028.\n\n".encode(), *flags).split("\n")[:-1]]
    assert [record["line"] for record in records] == [1, 2]
    assert records[0]["source"] == "A dog \u2028."
    assert len(records[0]["translations"]) == 2
    first = records[0]["translations"][0]
    assert len(first["pieces"]) == len(first["token_log_probs"]) == len(first["alignment"])
    assert len(first["alignment"][0]) == len(records[0]["source_pieces"])
    assert records[1]["translations"][0]["text"] == ""
    plain = json.loads(translated(b"A dog.\n", "--json"))
    assert set(plain) == {"line", "source", "translations"}
    assert set(plain["translations"][0]) == {"text", "score", "log_prob", "finish_reason"}


def test_words_are_aligned_by_what_their_pieces_looked_at_most() -> None:
    weights = ((0.7, 0.2, 0.1, 0.0), (0.1, 0.3, 0.6, 0.0), (0.0, 0.3, 0.6, 0.1), (0.0, 0.0, 0.0, 1.0))
    candidate = Candidate("Der Hund", ("▁Der", "▁Hu", "nd", "</s>"), (-1.0,) * 4, -4.0, -4.0, "end", weights)
    source = ("▁The", "▁d", "og", "</s>")
    assert word_alignment(source, candidate) == [(0, 0), (1, 1)]
    assert Form(alignment=True).render(1, Translation("The dog", (candidate,), source)) == "Der Hund\t0-0 1-1"
    assert word_alignment((), Candidate("", (), (), 0.0, 0.0, "end")) == []


def test_a_tab_in_a_translation_breaks_no_column() -> None:
    candidate = Candidate("a\tb", (), (), 0.0, -1.0, "end")
    translation = Translation("x", (candidate,))
    assert Form(scores=True).render(1, translation) == "-1.0000\ta b"
    assert Form().render(1, translation) == "a\tb"


def test_sampling_flags_reach_the_search(translated: Run) -> None:
    flags = ("--sample", "--temperature", "3", "--top-k", "50", "--top-p", "0.9")
    outs = {translated(b"A dog runs.\n", *flags, "--seed", seed) for seed in ("1", "1", "2", "3", "4")}
    assert 1 < len(outs) <= 4


def test_a_prefix_begins_every_line(translated: Run) -> None:
    lines = translated(b"A dog.\nA bird.\n", "--prefix", "Ein Vogel").splitlines()
    assert all(line.startswith("Ein Vogel") for line in lines)


def test_lines_that_were_too_long_are_named(
    model: str, give: Callable[[bytes], None], capsys: pytest.CaptureFixture[str]
) -> None:
    give(b"A dog.\n" + b"dog " * 200 + b"\n" + b"A dog.\n" + b"dog " * 200 + b"\n")
    assert main(["translate", model, *GREEDY]) == 0
    said = capsys.readouterr()
    assert "standard input: 2 lines were longer than the 63 subwords that the model takes, and cut: 2, 4." in said.err
    assert said.out.count("\n") == 4


def test_a_pipe_sees_the_first_lines_before_the_last_are_read() -> None:
    read: list[int] = []

    def slow() -> Iterator[Line]:
        for number in range(1000):
            read.append(number)
            yield Line(str(number), "\n")

    groups = chunks(Lines("pipe", slow()), sizes=(32, 128))
    assert len(next(groups)) == 32
    assert len(read) == 32
    assert [len(group) for group in groups] == [128] * 7 + [72]


def test_an_output_file_appears_when_all_is_done_and_not_before(
    translated: Run, model: str, tmp_path: Path, give: Callable[[bytes], None]
) -> None:
    target = tmp_path / "out.txt"
    expected = translated(b"A dog.\nA bird.")
    assert translated(b"A dog.\nA bird.", "--output", str(target)) == ""
    assert target.read_text(encoding="utf-8") == expected
    give(b"A bird.\n\xff\n")
    assert main(["translate", model, "--output", str(target)]) == 2
    assert target.read_text(encoding="utf-8") == expected
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_an_output_that_cannot_be_a_file_is_refused(
    model: str, give: Callable[[bytes], None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for path, reason in ((Path("/dev/null"), "must be a file"), (tmp_path / "no" / "a", "does not exist. Make it")):
        give(b"A dog.\n")
        assert main(["translate", model, "--output", str(path)]) == 2
        assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--beam-size", "0"], "decode.beam_size = 0 (from flag --beam-size 0)"),
        (["--n-best", "9"], "Set decode.beam_size=9"),
        (["--input", "absent.txt"], "absent.txt does not exist"),
        (["TEXT", "--input", "a.txt"], "Give TEXT or --input, but not both"),
        (["--device", "tpu"], "device must be auto, cpu"),
        (["--threads", "0"], "--threads"),
        (["--prefix", "Hund " * 100], "standard input, from line 1 on: A prefix may have at most 63 subwords"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    model: str,
    flags: list[str],
    reason: str,
    give: Callable[[bytes], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    give(b"A dog.\n")
    assert main(["translate", model, *flags]) == 2
    assert reason in capsys.readouterr().err


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["translate", str(tmp_path / "absent"), "x"]) == 2
    assert "absent does not exist. Name the folder" in capsys.readouterr().err


def test_a_line_on_which_the_model_fails_is_found(
    tmp_path: Path, give: Callable[[bytes], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_talker()
    with torch.no_grad():
        bundle.model.source_embedding.weight[bundle.subwords.encode_source(["dog"])[0][-1]] = float("nan")  # type: ignore[union-attr, operator]
    monkeypatch.setattr("polyglass.cli.translate.load_translator", lambda *_, **__: Translator(bundle))
    give(b"A\n" * 40 + b"dog\n")
    assert main(["translate", "m", *GREEDY]) == 1
    said = capsys.readouterr()
    assert "standard input, from line 33 on: The model failed on text 9" in said.err
    assert said.out.count("\n") == 32


def test_the_number_of_threads_is_that_of_the_flag(translated: Run) -> None:
    before = torch.get_num_threads()
    try:
        translated(b"A dog.\n", "--threads", "1")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_terminal_is_not_steered_by_a_translation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with translate_lines.sink(None) as out:
        out.write("\x1b]0;title\x07ä\n")
    assert capsys.readouterr().out == "\\x1b]0;title\\x07ä\n"


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets a person sit at the terminal and type these lines, then leave."""

    def sit(*typed: str, leave: type[BaseException] = EOFError) -> None:
        lines = iter(typed)

        def answer(prompt: str) -> str:
            print(prompt)
            try:
                return next(lines)
            except StopIteration:
                raise leave from None

        monkeypatch.setattr("builtins.input", answer)
        monkeypatch.setattr("polyglass.cli.translate._is_conversation", lambda _: True)

    return sit


@pytest.mark.parametrize("leave", [EOFError, KeyboardInterrupt])
def test_a_person_at_the_terminal_gets_a_prompt(
    model: str, person: Callable[..., None], leave: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    person("A dog.", "", "dog " * 100, leave=leave)
    assert main(["translate", model, *GREEDY]) == 0
    said = capsys.readouterr().out
    assert said.startswith("en to de. One sentence a line; Ctrl-D leaves.\nen> \n")
    assert said.count("en> ") == 4
    assert said.count(" s)\n") == 2
    assert "The sentence was too long" in said


def test_a_failure_does_not_end_the_conversation(
    model: str, person: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    person("A dog.", "A bird.")
    assert main(["translate", model, "--prefix", "Hund " * 100]) == 0
    assert capsys.readouterr().err.count("A prefix may have at most 63 subwords") == 2


def real(model: str, shell: str) -> "subprocess.CompletedProcess[str]":
    command = f"{sys.executable} -m polyglass"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    script = f"set -o pipefail; {shell.replace('POLYGLASS', command).replace('MODEL', model)}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, timeout=100)


def test_a_reader_that_has_seen_enough_ends_it_quietly(model: str) -> None:
    done = real(model, "yes 'A dog.' | head -n 3000 | POLYGLASS translate MODEL --beam-size 1 | head -n 1")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_full_disk_behind_standard_output_is_named(model: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = real(model, "echo 'A dog.' | POLYGLASS translate MODEL --beam-size 1 > /dev/full")
    assert done.returncode == 4
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_model_is_only_read(model: str) -> None:
    assert load_bundle(Path(model)).source_lang == "en"
