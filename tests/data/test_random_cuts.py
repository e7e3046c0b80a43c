"""Random cuts are drawn as the papers say, and the same seed draws the same ones in every process."""

import hashlib
import itertools
import math
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from corpus_files import captions
from polyglass.config import DataConfig
from polyglass.data.random_cuts import RandomCutter
from polyglass.data.subwords import Subwords
from tiny_bundle import tiny_subwords

DRAWS = 20_000
ENOUGH = 0.015  # more than four standard deviations of a share of 20,000 draws


def cutter(subwords: Subwords, kind: str = "bpe") -> RandomCutter:
    assert kind in ("bpe", "unigram")
    return RandomCutter(subwords.source_scores(), kind, unknown=subwords.ids.unk)  # type: ignore[arg-type]


def shares(found: Sequence[Sequence[int]]) -> dict[tuple[int, ...], float]:
    return {cut: count / len(found) for cut, count in Counter(map(tuple, found)).items()}


@pytest.mark.parametrize("byte_fallback", [True, False])
def test_without_dropout_a_word_is_cut_as_sentencepiece_cuts_it(shared_data: Path, byte_fallback: bool) -> None:
    english, german = captions(shared_data, 3000)
    config = DataConfig(byte_fallback=byte_fallback, character_coverage=0.999)
    subwords = Subwords.train(lambda: zip(english, german, strict=True), config, size=1500)
    words = sorted({word for text in german for word in text.split()} | {"犬", "a犬b犬犬", "<0x41>", "</s>", "x" * 50})
    normal = [subwords.decode_source(ids) for ids in subwords.encode_source(words)] if byte_fallback else words
    cut = cutter(subwords)
    for word, expected in zip(normal, subwords.encode_source(normal), strict=True):
        assert cut.cut(word, 1, random.Random(1), dropout=0.0) == [expected], word


# Merges: "ab" before "bc" before "abc"; none takes in the space.
ABC = {
    "▁": (4, -9.0),
    "a": (5, -9.0),
    "b": (6, -9.0),
    "c": (7, -9.0),
    "ab": (8, 0.0),
    "bc": (9, -1.0),
    "abc": (10, -2.0),
}


@pytest.mark.parametrize("dropout", [0.0, 0.1, 0.5, 0.9])
def test_bpe_dropout_leaves_out_each_merge_with_its_chance(dropout: float) -> None:
    """▁abc: "ab" is tried first; if it was left out, "bc", after which "abc" can still be made of "a" and "bc"."""
    found = shares(RandomCutter(ABC, "bpe", unknown=3).cut("abc", DRAWS, random.Random(5), dropout=dropout))
    keep = 1 - dropout
    expected = {
        (4, 10): keep * keep + dropout * keep * keep,
        (4, 8, 7): keep * dropout,
        (4, 5, 9): dropout * keep * dropout,
        (4, 5, 6, 7): dropout * dropout,
    }
    for cut, share in expected.items():
        assert found.get(cut, 0.0) == pytest.approx(share, abs=ENOUGH)
    assert sum(found.get(cut, 0.0) for cut in expected) == pytest.approx(1)


@pytest.mark.parametrize("power", [0.1, 0.5, 1.0, 3.0])
def test_unigram_sampling_draws_every_cut_as_often_as_its_probability_says(power: float) -> None:
    pieces = {"▁": -2.0, "a": -1.5, "b": -2.5, "▁a": -1.0, "ab": -3.0, "▁ab": -4.0, "ba": -2.2}
    table = {piece: (number, score) for number, (piece, score) in enumerate(pieces.items(), start=4)}
    found = shares(RandomCutter(table, "unigram", unknown=3).cut("aba", DRAWS, random.Random(7), dropout=power))
    weights = {
        tuple(table[part][0] for part in parts): math.exp(power * sum(pieces[part] for part in parts))
        for parts in all_cuts("▁aba")
        if all(part in pieces for part in parts)
    }
    assert len(weights) > 5
    assert found.keys() <= weights.keys()
    for cut, weight in weights.items():
        assert found.get(cut, 0.0) == pytest.approx(weight / sum(weights.values()), abs=ENOUGH)


def all_cuts(text: str) -> list[list[str]]:
    places = itertools.product((False, True), repeat=len(text) - 1)
    return [
        "".join(char + ("|" if cut else "") for char, cut in zip(text, (*cuts, False), strict=True)).split("|")
        for cuts in places
    ]


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_character_without_a_piece_is_spelt_in_bytes_or_unknown(kind: str) -> None:
    spelt = tiny_subwords()
    unknown = Subwords.train(lambda: iter([("a b", "c d")]), DataConfig(byte_fallback=False), size=9)
    for dropout in (0.3, 0.9):
        [ids] = cutter(spelt, kind).cut("犬é", 1, random.Random(1), dropout=dropout)
        assert spelt.decode_source(ids) == "犬é"
        [ids] = cutter(unknown, kind).cut("犬犬a", 1, random.Random(1), dropout=dropout)
        assert ids.count(unknown.ids.unk) == 1


def test_text_that_looks_like_a_byte_is_text() -> None:
    subwords = tiny_subwords()
    for kind in ("bpe", "unigram"):
        [ids] = cutter(subwords, kind).cut("<0x41>", 1, random.Random(1), dropout=0.5)
        assert subwords.decode_source(ids) == "<0x41>"


PRINT_CUTS = """
import hashlib, random, sys
from tiny_bundle import tiny_subwords
from polyglass.data.random_cuts import RandomCutter
subwords = tiny_subwords()
cutter = RandomCutter(subwords.source_scores(), "bpe", unknown=3)
print(hashlib.sha256(repr(cutter.cut("meadow", 200, random.Random(1), dropout=0.4)).encode()).hexdigest())
"""


def test_another_process_draws_the_same_cuts() -> None:
    here = cutter(tiny_subwords()).cut("meadow", 200, random.Random(1), dropout=0.4)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONHASHSEED": "5"}
    done = subprocess.run([sys.executable, "-c", PRINT_CUTS], env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == hashlib.sha256(repr(here).encode()).hexdigest()
