"""`polyglass data convert`, `clean`, `split` and `sample`: what comes out, and what is said of the rest."""

from pathlib import Path

import pytest

from polyglass.cli.main import main
from polyglass.data.corpus import open_corpus


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files of 60 pairs, of which ten stand twice."""
    lines = [f"this is sentence {chr(97 + n // 26)}{chr(97 + n % 26)} of the text" for n in range(50)]
    for side in ("en", "de"):
        text = "".join(f"{side} {line}\n" for line in (*lines, *lines[:10]))
        (tmp_path / f"a.{side}").write_text(text, encoding="utf-8")
    return [str(tmp_path / "a.en"), str(tmp_path / "a.de")]


def count(*paths: Path) -> int:
    return sum(1 for _ in open_corpus(paths))


def test_convert_writes_all_pairs(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "b.tmx"
    assert main(["data", "convert", *files, "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"       60 pairs written to {out}\n"
    assert open_corpus([out]).guess_languages() == ("en", "de")
    assert count(out) == 60


def test_convert_counts_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"a\tb\n\xff\tc\nd\te\n")
    assert main(["data", "convert", str(path), "--out", str(tmp_path / "b.jsonl")]) == 2
    assert not (tmp_path / "b.jsonl").exists()
    capsys.readouterr()
    assert main(["data", "convert", str(path), "--errors", "skip", "--out", str(tmp_path / "b.jsonl")]) == 0
    assert "        1 dropped: bytes that are not UTF-8\n" in capsys.readouterr().out


def test_clean_drops_what_training_would_and_says_why(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, dropped = tmp_path / "b.tsv", tmp_path / "dropped.tsv"
    assert main(["data", "clean", *files, "--out", str(out), "--dropped", str(dropped)]) == 0
    assert capsys.readouterr().out == (
        f"       50 pairs written to {out}\n       10 dropped: the pair stood earlier in the corpus\n"
        f"  dropped pairs are in {dropped}\n"
    )
    assert dropped.read_text(encoding="utf-8").count("duplicate\t") == 10


def test_sample_keeps_the_order_and_its_seed(files: list[str], tmp_path: Path) -> None:
    texts = []
    for number, seed in enumerate(("1", "1", "2")):
        out = tmp_path / f"s{number}.tsv"
        assert main(["data", "sample", *files, "--pairs", "7", "--seed", seed, "--out", str(out)]) == 0
        texts.append(out.read_text(encoding="utf-8").splitlines())
    assert texts[0] == texts[1] != texts[2]
    everything = Path(files[0]).read_text(encoding="utf-8").splitlines()
    places = [everything.index(line.split("\t")[0]) for line in texts[0]]
    assert len(places) == 7


def test_split_writes_three_parts_and_what_it_left_out(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "parts"
    assert main(["data", "split", *files, "--valid", "2", "--test", "3", "--out", str(folder)]) == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        *("dropped.tsv", "test.de", "test.en", "train.de", "train.en", "valid.de", "valid.en")
    ]
    counts = [count(folder / f"{part}.en", folder / f"{part}.de") for part in ("train", "valid", "test")]
    lost = (folder / "dropped.tsv").read_text(encoding="utf-8").count("\n") - 1
    assert (sum(counts) + lost, counts[2]) == (60, 3)
    # All sentences are one word apart, so nothing can be trained on without a leak.
    assert counts[0] == 0
    assert "Nothing is left to train on: ask for smaller parts." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sample", "--pairs", "61", "--out", "x.tsv"], "--pairs must be 1 to 60, the pairs of the corpus, but is 61."),
        (["split", "--valid", "-1", "--out", "x"], "--valid must be 0 or more, but is -1."),
        (["split", "--test", "99", "--out", "x"], "99 pairs were to be set apart for test"),
        (["convert", "--out", "x.po"], "A corpus is written as two text files"),
    ],
)
def test_impossible_wishes_are_refused(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    verb, *rest = [str(tmp_path / word) if word.startswith("x") else word for word in words]
    assert main(["data", verb, *files, *rest]) == 2
    assert message in capsys.readouterr().err


def test_an_input_is_never_overwritten(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "convert", *files, "--out", *files]) == 2
    assert f"--out must name a new file, but {files[0]} is one of the inputs." in capsys.readouterr().err
