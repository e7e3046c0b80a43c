"""`polyglass data`: the page, the JSON, the exit codes, and what happens to hostile text."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corpus_files import captions, write_side, write_sides
from polyglass.cli.main import main


def check(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["data", "check", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_page_says_what_is_in_a_healthy_corpus(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, german = captions(shared_data, 2000)
    train = write_sides(tmp_path, english[:1500] + english[:2], german[:1500] + german[:2])
    valid = write_sides(tmp_path, english[1500:], german[1500:], name="valid")
    code, out, err = check(capsys, *train, "--valid", *valid, "--test", *valid)
    assert (code, err) == (0, "")
    for words in (
        "Pairs         1,502 read, 1,500 kept",
        "2 duplicate     the pair stood earlier in the corpus",
        "first: line 1,501",
        "--dropped FILE.tsv writes them all down",
        "Validation    500 pairs",
        "source (en)                      target (de)",
        "Latin 100.0%                     Latin 100.0%",
        "of validation",
        "line by line the sides fit (lengths correlate by 0.8",
        "The corpus can be trained on.",
    ):
        assert words in out
    assert max(map(len, out.split("\n"))) <= 80


def test_a_broken_corpus_ends_with_two_and_says_what_to_mend(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, german = captions(shared_data, 1500)
    random.Random(1).shuffle(german)
    code, out, err = check(capsys, *write_sides(tmp_path, english, german))
    assert (code, err) == (2, "")
    assert "ERROR         The sides do not look like translations of each other" in out
    assert out.endswith("One thing must be mended before training.\n")


@pytest.mark.parametrize(
    ("german", "words"),
    [
        (b"Eins.\nzw\xf6lf\n", "train.de:2: byte 0xF6 at column 3 is not UTF-8"),
        (b"Eins.\n", "both files must have the same number of lines"),
    ],
    ids=["bad bytes", "line missing"],
)
def test_files_that_cannot_be_read_end_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], german: bytes, words: str
) -> None:
    sides = write_sides(tmp_path, ["One.", "Twelve."], [])
    sides[1].write_bytes(german)
    code, out, err = check(capsys, *sides)
    assert (code, out) == (2, "")
    assert words in err


def test_skipped_lines_are_counted_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = write_sides(tmp_path, ["One.", "Twelve."], [])
    sides[1].write_bytes(b"Eins.\nzw\xf6lf\n")
    dropped = tmp_path / "dropped.tsv"
    code, out, _ = check(capsys, *sides, "--errors", "skip", "--dropped", dropped)
    assert code == 0
    assert "1 bad_encoding  bytes that are not UTF-8" in out
    assert dropped.read_text(encoding="utf-8").split("\n")[1] == "bad_encoding\t2\tTwelve.\tzw\\\\xf6lf"


def test_json_is_valid_and_has_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_side(
        tmp_path / "a.jsonl",
        [json.dumps({"en": f"One {n}\x1b[31m\u009b", "de": f"Eins {n} \ud83d\ude00"}) for n in range(5)],
    )
    code, out, _ = check(capsys, path, "--json")
    content = json.loads(out)
    assert code == 0
    assert out.isascii()
    assert (content["format"], content["healthy"], content["read"], content["kept"]) == (1, True, 5, 5)
    assert (content["source"]["language"], content["verdict"]) == ("en", "unknown")
    assert content["samples"][0]["target"].startswith("Eins")


def test_no_control_character_of_the_corpus_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;owned\x07 \x9b31m \u202egnp.exe \x00\r\x7f\x08"
    code, out, _ = check(
        capsys, *write_sides(tmp_path, [f"One {n} {evil}" for n in range(9)], [f"Eins {n}" for n in range(9)])
    )
    assert code == 0
    assert "\\x1b]0;owned\\x07" in out
    assert "\\u202egnp.exe" in out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)


def test_no_control_character_reaches_the_terminal_in_an_error(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, german = captions(shared_data, 300)
    code, _, err = check(capsys, *write_sides(tmp_path, [f"\x1b]0;{text}\x07" for text in english], german[1:]))
    assert code == 2
    assert "\\x1b]0;" in err
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", err)


def test_overlap_is_reported_and_can_be_made_to_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write_sides(tmp_path, ["One.", "Two."], ["Eins.", "Zwei."])
    test = write_sides(tmp_path, ["two."], ["Zwei!"], name="test")
    code, out, _ = check(capsys, *train, "--test", *test)
    assert (code, "1 overlap       source stands in validation or test" in out) == (0, True)
    assert check(capsys, *train, "--test", *test, "--fail-on-overlap")[0] == 2


def test_options_reach_the_filters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = write_sides(tmp_path, ["One.", "One."], ["Eins.", "Eins."])
    assert "2 read, 1 kept" in check(capsys, *sides)[1]
    assert "2 read, 2 kept" in check(capsys, *sides, "--set", "data.drop_duplicates=false")[1]


def test_named_languages_are_shown_and_swapped_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = write_sides(tmp_path, ["One."], ["Eins."])
    assert "source (en-GB)" in check(capsys, *sides, "--source-lang", "en-GB", "--target-lang", "de")[1]
    code, _, err = check(capsys, *sides, "--source-lang", "de", "--target-lang", "en")
    assert code == 2
    assert "the first file is the source side, but --source-lang is de and" in err
    assert "Swap the files:" in err


def test_the_dropped_pairs_never_overwrite_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = write_sides(tmp_path, ["One."], ["Eins."])
    code, _, err = check(capsys, *sides, "--dropped", sides[0])
    assert (code, "is one of the inputs" in err) == (2, True)
    assert sides[0].read_text(encoding="utf-8") == "One.\n"


def test_wide_characters_stay_inside_eighty_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.cells import cell_len

    code, out, _ = check(
        capsys, *write_sides(tmp_path, ["word " * 30] * 5, ["日本語の長い文章です。" * 9 + str(n) for n in range(5)])
    )
    assert code == 0
    assert max(map(cell_len, out.split("\n"))) <= 80


def test_the_demo_corpus_is_made_and_is_healthy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "demo", str(tmp_path / "demo"), "--pairs", "600", "--seed", "3"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"training +600 pairs", out)
    assert "Three of them:\n  en  " in out
    assert f"Next: polyglass train {tmp_path}/demo/train.en" in out
    sides = [tmp_path / "demo" / f"train.{language}" for language in ("en", "de")]
    assert check(capsys, *sides)[0] == 0


def test_the_check_never_loads_torch(tmp_path: Path) -> None:
    sides = write_sides(tmp_path, ["One."], ["Eins."])
    program = (
        "import sys; from polyglass.cli.main import main; code = main(sys.argv[1:]); "
        "sys.exit('torch was loaded' if 'torch' in sys.modules else code)"
    )
    command = [sys.executable, "-c", program, "data", "check", *map(str, sides)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
