"""What is kept out of training where nobody says what to judge on; and what the runs of a comparison share."""

from pathlib import Path

import pytest

from polyglass.config import DataConfig
from polyglass.data.pair import Pair
from polyglass.errors import ConfigError, DataError
from polyglass.experiments.compare_data import hold_out, read_pairs, share, write_pairs
from polyglass.run.prepare import CorpusPaths

CONFIG = DataConfig()


def corpus(stem: Path, count: int, *, word: str = "s") -> tuple[Path, Path]:
    paths = stem.with_suffix(".en"), stem.with_suffix(".de")
    for path, side in zip(paths, (word, word.upper()), strict=True):
        path.write_text("".join(f"{side} {line}\n" for line in range(1, count + 1)), encoding="utf-8")
    return paths


def test_validation_and_test_files_are_taken_as_they_are(tmp_path: Path) -> None:
    paths = CorpusPaths(
        corpus(tmp_path / "train", 9), corpus(tmp_path / "v", 3, word="v"), corpus(tmp_path / "t", 4, word="t")
    )
    held = hold_out(paths, CONFIG)
    assert [pair.source for pair in held.validation] == ["v 1", "v 2", "v 3"]
    assert [pair.line for pair in held.test] == [1, 2, 3, 4]
    assert held.notes == ()


def test_without_a_test_set_half_of_the_validation_set_judges(tmp_path: Path) -> None:
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 9), corpus(tmp_path / "v", 300, word="v")), CONFIG)
    assert len(held.validation) == len(held.test) == 150
    assert not {pair.source for pair in held.validation} & {pair.source for pair in held.test}
    assert held.test[0] == Pair(2, "v 2", "V 2")
    assert "every second pair of v.en, v.de (150 pairs) is the test set" in held.notes[0]


def test_a_sentence_that_stands_in_both_halves_is_only_judged_on(tmp_path: Path) -> None:
    names = [f"v {line // 2}" for line in range(300)]
    for ending in ("en", "de"):
        (tmp_path / f"v.{ending}").write_text("\n".join([*names[1:], "last"]) + "\n", encoding="utf-8")
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 9), (tmp_path / "v.en", tmp_path / "v.de")), CONFIG)
    assert not {pair.source for pair in held.validation} & {pair.source for pair in held.test}


def test_a_small_validation_set_does_both_and_that_is_said(tmp_path: Path) -> None:
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 9), corpus(tmp_path / "v", 199, word="v")), CONFIG)
    assert held.validation == held.test
    assert "all scores are a little too good. Give --test" in held.notes[0]


def test_without_both_pairs_are_set_aside_evenly(tmp_path: Path) -> None:
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 400)), CONFIG)
    lines = sorted(pair.line for pair in (*held.validation, *held.test))
    assert lines == [11 + 20 * part for part in range(20)]
    assert len(held.validation) == len(held.test) == 10
    assert "20 pairs of the training corpus (every 20th) were set aside" in held.notes[0]


def test_with_a_test_set_only_validation_pairs_are_set_aside(tmp_path: Path) -> None:
    test = corpus(tmp_path / "t", 5, word="t")
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 400), test=test), CONFIG)
    assert len(held.validation) == 20
    assert [pair.source for pair in held.test] == ["t 1", "t 2", "t 3", "t 4", "t 5"]
    assert "Nobody trains on them" in held.notes[0]


def test_a_large_corpus_gives_no_more_than_is_needed(tmp_path: Path) -> None:
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 50_000)), CONFIG)
    assert len(held.validation) == len(held.test) == 1000


def test_pairs_without_text_on_a_side_judge_nothing(tmp_path: Path) -> None:
    valid = corpus(tmp_path / "v", 4, word="v")
    valid[1].write_text("V 1\n\n  \nV 4\n", encoding="utf-8")
    held = hold_out(CorpusPaths(corpus(tmp_path / "train", 9), valid), CONFIG)
    assert [pair.line for pair in held.validation] == [1, 4]


def test_a_test_set_without_text_is_refused(tmp_path: Path) -> None:
    test = corpus(tmp_path / "t", 1)
    test[0].write_text("\n", encoding="utf-8")
    with pytest.raises(DataError, match="there is no pair with text on both sides"):
        hold_out(CorpusPaths(corpus(tmp_path / "train", 9), test=test), CONFIG)


def test_too_small_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"but it has only 30 pairs\. Give --valid and --test"):
        hold_out(CorpusPaths(corpus(tmp_path / "train", 30)), CONFIG)


def test_what_would_be_trained_on_all_the_same_is_not_set_aside(tmp_path: Path) -> None:
    config = DataConfig(drop_overlap=False)
    with pytest.raises(ConfigError, match=r"data\.drop_overlap=false would let them be trained on"):
        hold_out(CorpusPaths(corpus(tmp_path / "train", 400)), config)


def test_pairs_come_back_from_disk_with_their_lines(tmp_path: Path) -> None:
    pairs = [Pair(7, 'a "b"\u2028', "שלום"), Pair(9, "\r", "\\")]
    write_pairs(tmp_path / "p.jsonl", pairs)
    assert read_pairs(tmp_path / "p.jsonl") == pairs


@pytest.mark.parametrize("content", [b'{"source": "a"}\n', b"\xff\n", b"[1]\n", None])
def test_a_damaged_list_of_pairs_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "test.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"test.jsonl is damaged or missing"):
        read_pairs(path)


def test_a_run_gets_the_prepared_corpus_and_nothing_else(tmp_path: Path) -> None:
    prepared, run = tmp_path / "data" / "prepared", tmp_path / "run"
    names = (
        "tokenizer.model",
        "data_check.json",
        "data/train/source.ids",
        "data/kept.txt",
        "test.jsonl",
        "dropped.tsv",
    )
    for name in names:
        (prepared / name).parent.mkdir(parents=True, exist_ok=True)
        (prepared / name).write_text(name, encoding="utf-8")
    run.mkdir()
    share(prepared, run)
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert found == {"tokenizer.model", "data_check.json", "data/train/source.ids", "data/kept.txt"}


def test_where_links_are_impossible_the_corpus_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("polyglass.experiments.compare_data.os.link", refuse)
    prepared, run = tmp_path / "prepared", tmp_path / "run"
    (prepared / "data").mkdir(parents=True)
    (prepared / "data" / "a").write_text("words", encoding="utf-8")
    run.mkdir()
    share(prepared, run)
    assert (run / "data" / "a").read_text(encoding="utf-8") == "words"
