"""`polyglass data`: the page, the JSON, the exit codes, and what happens to hostile text."""

import json
import random
import re
import shlex
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


def test_files_of_unequal_length_end_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = write_sides(tmp_path, ["One.", "Twelve."], ["Eins."])
    code, out, err = check(capsys, *sides)
    assert (code, out) == (2, "")
    assert "both files must have the same number of lines" in err


def test_bytes_that_are_not_utf8_end_with_two_and_the_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sides = [side.relative_to(tmp_path) for side in write_sides(tmp_path, ["One.", "Twelve.", "Three."], [])]
    sides[1].write_bytes(b"Eins.\nzw\xf6lf\n" + "Drei für mich.\n".encode())
    code, out, err = check(capsys, *sides)
    assert (code, err) == (2, "")
    assert "train.de:2: byte 0xF6 at column 3 is not UTF-8" in " ".join(out.split())
    command = commands(out)[0]
    fixed = tmp_path / "fixed.de"
    assert command[:4] == ["data", "fix", str(sides[1]), "--from"]
    assert main([*command[:-1], str(fixed)]) == 0
    assert capsys.readouterr().out == f"        3 lines written to {fixed}\n        1 of them were not UTF-8\n"
    assert check(capsys, sides[0], fixed)[0] == 0


def commands(out: str) -> list[list[str]]:
    """Return the commands on a page, each as the words after `polyglass`."""
    joined = re.sub(r" \\\n +", " ", out)
    return [shlex.split(line)[1:] for line in joined.split("\n") if line.strip().startswith("polyglass data ")]


def test_each_suggested_command_mends_what_it_is_for(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    english, german = captions(shared_data, 2000)
    valid = write_sides(Path(), english[1900:], german[1900:], name="valid")
    english, german = english[:1900], german[:1900]
    for number in range(30):
        at = 60 * number
        english[at], german[at] = german[at], english[at]
        german[at + 7] = english[at + 7]
        english[at + 14], german[at + 14] = f"%s {english[at + 14]}", f"%d {german[at + 14]}"
        english[at + 21], german[at + 21] = f"{english[at + 21]} 17", f"{german[at + 21]} 71"
        german[at + 28] = "Für Angaben wird nicht gehaftet.".encode().decode("cp1252")
        german[at + 35] = " ".join(german[at + 35].split()[:3])
    english += [f"Well, {text[:-1]}" for text in english[1890:] + read_lines(valid[0])[:20]]
    german += [f"{text} !" for text in german[1890:] + read_lines(valid[1])[:20]]
    train = write_sides(Path(), english, german)
    out = check(capsys, *train, "--valid", *valid)[1]
    assert max(map(len, out.split("\n"))) <= 80
    single = commands(out)
    kinds = [words[words.index("--drop" if "--drop" in words else "--mend") + 1] for words in single]
    assert {"swapped", "tags", "numbers", "twice_encoded", "truncated", "copies", "leak"} <= set(kinds)
    cleaned = [tmp_path / "clean.en", tmp_path / "clean.de"]
    for kind, words in zip(kinds, single, strict=True):
        assert main([*words[:-2], *map(str, cleaned)]) == 0
        assert "pairs written to" in capsys.readouterr().out
        out = check(capsys, *cleaned, "--valid", *valid, "--json")[1]
        left = {finding["name"]: len(finding["lines"]) for finding in json.loads(out)["findings"]}
        for name in kind.split(","):
            assert (name, left.get(name, 0) <= 3) == (name, True)
    assert kinds[-1].count(",") >= 2  # the last one mends all at once


def test_a_shift_is_mended_by_the_suggested_command(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english, german = captions(shared_data, 2000)
    del english[700]
    english.append("One more.")
    code, out, _ = check(capsys, *write_sides(tmp_path, english, german))
    assert code == 2
    words = next(words for words in commands(out) if "slips" in words)
    cleaned = [tmp_path / "clean.en", tmp_path / "clean.de"]
    assert main([*words[:-2], *map(str, cleaned)]) == 0
    capsys.readouterr()
    code, out, _ = check(capsys, *cleaned)
    assert (code, "line by line the sides fit" in out) == (0, True)


def read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def test_every_line_with_a_fault_is_written_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = write_sides(tmp_path, ["Give {x}.", "Take {y}."], ["Gib.", "Nimm {y}."])
    code, out, _ = check(capsys, *sides, "--findings", tmp_path / "f.tsv")
    assert (code, f"every such line is in {tmp_path / 'f.tsv'}\n" in out) == (0, True)
    assert (tmp_path / "f.tsv").read_text(encoding="utf-8").split("\n")[1] == "tags\t1\t\tGive {x}.\tGib."
    code, _, err = check(capsys, *sides, "--findings", sides[0])
    assert (code, "--findings must name a new file" in err) == (2, True)


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


def test_wide_characters_stay_inside_eighty_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.cells import cell_len

    monkeypatch.chdir(tmp_path)
    code, out, _ = check(
        capsys, *write_sides(Path(), ["word " * 30] * 5, ["日本語の長い文章です。" * 9 + str(n) for n in range(5)])
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
