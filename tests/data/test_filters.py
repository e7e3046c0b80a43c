"""Every pair is kept, or dropped for the first reason that is true of it, counted and written down."""

import subprocess
import sys
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_files import write_sides
from polyglass.config import DataConfig
from polyglass.data.corpus import FilterReport, Pair, filter_pairs, held_out_sources, open_corpus
from polyglass.data.filters import REASONS, escape_cell, hash_source
from polyglass.data.hashes import SeenHashes, hash_pairs
from polyglass.errors import DataError

CONFIG = DataConfig(max_length_chars=60, max_length_ratio=3.0)
GOOD = ("A good sentence.", "Ein guter Satz.")
LONG = "word " * 13


def filtered(
    pairs: list[tuple[str, str]], config: DataConfig = CONFIG, *, held_out: frozenset[int] = frozenset()
) -> tuple[list[int], FilterReport]:
    report = FilterReport()
    numbered = [Pair(line, *texts) for line, texts in enumerate(pairs, start=1)]
    return [pair.line for pair in filter_pairs(numbered, config, report, held_out=held_out)], report


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("", "Satz."), "empty_source"),
        ((" \t\u2028", "Satz."), "empty_source"),
        (("", ""), "empty_source"),
        (("Sentence.", "\u3000"), "empty_target"),
        ((LONG, "x"), "too_long"),
        (("Ja.", LONG), "too_long"),
        (("Short one.", "x" * 31), "length_ratio"),
        (("x" * 45, "Kurz, das ist."), "length_ratio"),
        (("This is the very same text.", " This is the very same text."), "identical"),
        (("a b c d", "a b c d"), "identical"),
        (GOOD, "duplicate"),
        ((f" {GOOD[0]}", f"{GOOD[1]}  "), "duplicate"),
        (("KNOWN  from\u00a0the test set", "Bekannt"), "overlap"),
    ],
)
def test_a_pair_is_dropped_for_its_reason_and_only_for_that(pair: tuple[str, str], reason: str) -> None:
    held_out = held_out_sources([Pair(1, "Known from the test set", "")])
    kept, report = filtered([GOOD, pair, ("Another one.", "Noch einer.")], held_out=held_out)
    assert kept == [1, 3]
    assert dict(report.dropped) == {reason: 1}
    assert report.first_line == {reason: 2}
    assert (report.read, report.kept) == (3, 2)


@pytest.mark.parametrize(
    "pair",
    [
        ("New York", "New York"),
        ("No.", "Auf gar keinen Fall, niemals!"),
        ("x" * 20, "x" * 59),
        ("Same source.", "Erste Fassung."),
    ],
    ids=["name", "short side", "below the ratio", "other translation"],
)
def test_a_good_pair_is_kept(pair: tuple[str, str]) -> None:
    assert filtered([("Same source.", "Zweite Fassung."), pair])[0] == [1, 2]


def test_what_is_switched_off_drops_nothing() -> None:
    config = CONFIG.model_copy(update={"drop_identical": False, "drop_duplicates": False, "drop_overlap": False})
    same = ("This is the very same text.",) * 2
    kept, report = filtered([GOOD, GOOD, same, same], config, held_out=frozenset({hash_source(GOOD[0])}))
    assert kept == [1, 2, 3, 4]
    assert report.overlapping == 2


def test_ten_planted_test_sentences_are_found(tmp_path: Path) -> None:
    sources = [f"Sentence number {number} of training." for number in range(1000)]
    test = [f"Unseen sentence {number}." for number in range(200)]
    planted = [test[7 * number].upper() + " " for number in range(10)]
    corpus = open_corpus(write_sides(tmp_path, sources[:500] + planted + sources[500:], ["Satz."] * 1010))
    held_out = held_out_sources(open_corpus(write_sides(tmp_path, test, ["Satz."] * 200, name="test")))
    report = FilterReport()
    assert len(list(filter_pairs(corpus, DataConfig(), report, held_out=held_out))) == 1000
    assert report.dropped == {"overlap": 10}
    assert report.first_line == {"overlap": 501}


def test_damaged_pairs_are_dropped_and_counted(tmp_path: Path) -> None:
    table = tmp_path / "a.tsv"
    table.write_bytes(b"One.\tEins.\ntwo\tzw\xf6lf\nno tab\nThree.\tDrei.\n")
    report = FilterReport()
    kept = filter_pairs(open_corpus([table], errors="skip"), CONFIG, report)
    assert [pair.line for pair in kept] == [1, 4]
    assert report.dropped == {"bad_encoding": 1, "malformed": 1}


def test_each_dropped_pair_is_written_with_reason_and_line(tmp_path: Path) -> None:
    pairs = [
        Pair(1, "", "=1+1"),
        Pair(2, *GOOD),
        Pair(3, "a\tb\nc\\", ""),
        Pair(4, "Ja", "\x1b]0;x\x07" * 10),
        Pair(5, "", "y" * 9999),
    ]
    path = tmp_path / "dropped.tsv"
    assert len(list(filter_pairs(pairs, CONFIG, FilterReport(), dropped=path))) == 1
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert rows == [
        ["reason", "line", "source", "target"],
        ["empty_source", "1", "", "'=1+1"],
        ["empty_target", "3", "a\\tb\\nc\\\\", ""],
        ["length_ratio", "4", "Ja", "\\x1b]0;x\\x07" * 10],
        ["empty_source", "5", "", "y" * 2000 + "… (9,999 characters)"],
    ]


def test_the_file_of_dropped_pairs_has_its_header_even_if_nothing_is_dropped(tmp_path: Path) -> None:
    list(filter_pairs([], CONFIG, FilterReport(), dropped=tmp_path / "dropped.tsv"))
    assert (tmp_path / "dropped.tsv").read_text(encoding="utf-8") == "reason\tline\tsource\ttarget\n"


@given(st.text())
def test_a_cell_has_no_tab_no_line_end_no_control_and_no_formula(text: str) -> None:
    cell = escape_cell(text)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 or letter in "\u2028\u2029" for letter in cell)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_many_empty_sides_are_an_error() -> None:
    _, report = filtered([GOOD] + [("", "x")] * 3 + [(f"a{n}", "b") for n in range(8)])
    with pytest.raises(DataError) as caught:
        report.check_empty_share()
    assert str(caught.value) == (
        "at most 20% of the pairs may have an empty side, but 3 of 12 have (3 empty source, 0 empty target). "
        "Look at the files: a side may have lost its text."
    )
    filtered([GOOD] * 4 + [("", "x")])[1].check_empty_share()


def test_every_reason_has_its_words() -> None:
    assert set(REASONS) == {
        *("bad_encoding", "malformed", "empty_source", "empty_target", "too_long"),
        *("length_ratio", "identical", "duplicate", "overlap"),
    }


def test_fingerprints_are_the_same_in_every_process() -> None:
    program = "from polyglass.data.hashes import *; print(hash_text('Grüße'), *hash_pairs([('a', 'bc')]))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    digests = [blake2b(text, digest_size=8).digest() for text in ("Grüße".encode(), b"a\xed\xb3\xbfbc")]
    assert outputs == {" ".join(str(int.from_bytes(digest, "little")) for digest in digests) + "\n"}


def test_where_a_side_ends_matters_to_the_fingerprint() -> None:
    assert len(set(hash_pairs([("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc")]).tolist())) == 4


@given(st.lists(st.lists(st.integers(0, 40))), st.integers(1, 2**60))
def test_a_set_of_fingerprints_knows_what_it_has_seen(batches: list[list[int]], factor: int) -> None:
    seen, truth = SeenHashes(), set[int]()
    for batch in batches:
        expected = [number in truth or number in batch[:place] for place, number in enumerate(batch)]
        truth |= set(batch)
        hashes = np.array([number * factor % 2**64 for number in batch], dtype=np.uint64)
        assert seen.add(hashes).tolist() == expected
    assert len(seen) == len(truth)


def test_a_large_set_of_fingerprints_takes_nine_bytes_for_each() -> None:
    seen = SeenHashes()
    numbers = np.random.default_rng(1).permutation(400_000).astype(np.uint64) * np.uint64(2**40 + 1)
    for start in range(0, 400_000, 5000):
        assert not seen.add(numbers[start : start + 5000]).any()
    assert seen.add(numbers[::7]).all()
    assert len(seen) == 400_000
    assert seen.bytes / len(seen) < 9


def test_the_same_files_give_the_same_pairs_in_two_runs(tmp_path: Path) -> None:
    sides = write_sides(tmp_path, [f"line {n % 700}" for n in range(5000)], [f"Zeile {n % 900}" for n in range(5000)])
    runs = [[pair.line for pair in filter_pairs(open_corpus(sides), CONFIG, FilterReport())] for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 5000  # 6,300 different combinations come before the first repeats


def test_pairs_stream_through_in_order_without_waiting_for_the_end() -> None:
    def endless() -> Iterator[Pair]:
        line = 0
        while True:
            line += 1
            yield Pair(line, f"Sentence {line}.", f"Satz {line}.")

    pairs = filter_pairs(endless(), CONFIG, FilterReport())
    assert [next(pairs).line for _ in range(5000)] == list(range(1, 5001))
