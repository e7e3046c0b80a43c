"""Pairs to files and back: nothing is lost, or it is counted."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from translate.storage.tmx import tmxfile

from polyglass.data.corpus import open_corpus
from polyglass.data.writing import write_corpus
from polyglass.errors import InputError

PAIRS = [("A dog & <cat>", "Ein Hund"), ('say "hi"', "sag 'hallo'"), ("犬\u2028x", "é\u0301"), ("", "leer")]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def written(paths: list[Path], pairs: list[tuple[str, str]]) -> int:
    with write_corpus(paths, ("en", "de")) as writer:
        for pair in pairs:
            writer.add(*pair)
    assert writer.written == len(pairs)
    return writer.flattened


@pytest.mark.parametrize(
    "names", [["a.en", "a.de"], ["a.en.gz", "a.de.gz"], ["a.tsv"], ["a.tsv.gz"], ["a.jsonl"], ["a.tmx"], ["a.tmx.gz"]]
)
def test_pairs_come_back_from_every_format(names: list[str], tmp_path: Path) -> None:
    paths = [tmp_path / name for name in names]
    assert written(paths, PAIRS) == 0
    read = [(pair.source, pair.target) for pair in open_corpus(paths)]
    assert read == PAIRS


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_json_lines_keep_any_text(tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("j") / "a.jsonl"
    assert written([path], pairs) == 0
    assert [(pair.source, pair.target) for pair in open_corpus([path])] == pairs


def test_line_feeds_and_tabs_become_spaces_where_they_must_and_are_counted(tmp_path: Path) -> None:
    pairs = [("a\nb", "c\td"), ("e", "f\r\ng")]
    assert written([tmp_path / "a.tsv"], pairs) == 3
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8") == "a b\tc d\ne\tf  g\n"
    assert written([tmp_path / "a.en", tmp_path / "a.de"], pairs) == 2
    assert (tmp_path / "a.de").read_bytes() == b"c\td\nf  g\n"


def test_another_library_reads_the_memory(tmp_path: Path) -> None:
    written([tmp_path / "a.tmx"], [*PAIRS[:2], ("bell\x07", "x")])
    units = tmxfile.parsefile(str(tmp_path / "a.tmx")).units
    assert [unit.source for unit in units] == ["A dog & <cat>", 'say "hi"', "bell\ufffd"]


def test_packed_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        written([tmp_path / f"{name}.tsv.gz"], PAIRS)
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.tsv.gz").read_bytes()).count(b"\n") == 4


def test_nothing_appears_if_the_reading_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with write_corpus([tmp_path / "a.tsv"], (None, None)) as writer:
            writer.add("a", "b")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [["a.en"], ["a.tsv", "b.tsv"], ["a.en", "a.en"], ["a.po"], ["a", "b", "c"]])
def test_names_that_make_no_corpus_are_refused(names: list[str]) -> None:
    with pytest.raises(InputError, match=r"^A corpus is written as two text files, or as one \.tsv, \.jsonl or \.tmx"):
        written([Path(name) for name in names], [])
