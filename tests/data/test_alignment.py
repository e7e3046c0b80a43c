"""Reliability row I3: where two sides stop being translations of each other, on real captions and real sentences."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from corpus_files import captions, read_packed
from polyglass.data.alignment import Alignment, AlignmentScan, Break, place_break, place_only_break
from polyglass.data.findings import judge

CORPORA = {
    "captions": ("multi30k/train.en.gz", "multi30k/train.de.gz"),
    "short, sorted by length": ("tatoeba-en-de/train.en.xz", "tatoeba-en-de/train.de.xz"),
    "short, mixed": ("tatoeba-en-de/valid.en.xz", "tatoeba-en-de/valid.de.xz"),
    "packages, German": ("debian-ddtp-en-de/train.en.xz", "debian-ddtp-en-de/train.de.xz"),
    "packages, Italian": ("debian-ddtp-en-it/test.en.xz", "debian-ddtp-en-it/test.it.xz"),
    "packages, Japanese": ("debian-ddtp-en-ja/train.en.xz", "debian-ddtp-en-ja/train.ja.xz"),
}


def scan(sources: Sequence[str], targets: Sequence[str]) -> Alignment:
    scanned = AlignmentScan()
    for start in range(0, min(len(sources), len(targets)), 1000):
        end = min(start + 1000, len(sources), len(targets))
        scanned.add(sources[start:end], targets[start:end])
    return scanned.finish()


def sides(folder: Path, name: str) -> tuple[list[str], list[str]]:
    source, target = (read_packed(folder / path) for path in CORPORA[name])
    return source[:20_000], target[:20_000]


@pytest.mark.parametrize("name", CORPORA)
def test_a_real_corpus_fits_line_by_line(shared_data: Path, name: str) -> None:
    found = scan(*sides(shared_data, name))
    assert judge(found) == "aligned"
    assert found.breaks == ()
    assert found.fitting_share == 1.0


@pytest.mark.parametrize("name", CORPORA)
def test_no_piece_of_a_real_corpus_is_called_misaligned(shared_data: Path, name: str) -> None:
    source, target = sides(shared_data, name)
    dice = random.Random(4)
    verdicts = []
    for size in (60, 100, 250, 500) * 10:
        start = dice.randrange(len(source) - size)
        verdicts.append(judge(scan(source[start : start + size], target[start : start + size])))
    assert set(verdicts) <= {"aligned", "unknown"}


@pytest.mark.parametrize("name", [name for name in CORPORA if "sorted" not in name])
def test_a_shuffled_side_is_noticed(shared_data: Path, name: str) -> None:
    source, target = sides(shared_data, name)
    dice = random.Random(5)
    for size in (150, 400, 2000):
        start = dice.randrange(len(source) - size)
        mixed = target[start : start + size]
        dice.shuffle(mixed)
        assert judge(scan(source[start : start + size], mixed)) == "unrelated"


@pytest.mark.parametrize("shift", [-3, -2, -1, 1, 2, 3])
def test_a_shift_is_found_with_its_place_and_size(shared_data: Path, shift: int) -> None:
    english, german = captions(shared_data, 6000)
    lost = slice(2500, 2500 + abs(shift))
    del (german if shift < 0 else english)[lost]
    (only,) = scan(english, german).breaks
    assert (only.before, only.after) == (0, shift)
    assert abs(only.line - 2501) <= 16


def test_a_moved_line_shifts_only_what_lies_between(shared_data: Path) -> None:
    english, german = captions(shared_data, 6000)
    german.insert(4000, german.pop(1000))
    found = scan(english, german)
    assert [(at.before, at.after) for at in found.breaks] == [(0, -1), (-1, 0)]
    assert [abs(at.line - line) <= 16 for at, line in zip(found.breaks, (1001, 4001), strict=True)] == [True, True]
    assert found.fitting_share == pytest.approx(0.5, abs=0.01)
    assert judge(found) == "slips"


def test_a_headline_on_one_side_shifts_everything(shared_data: Path) -> None:
    english, german = captions(shared_data, 3000)
    found = scan(english, ["Deutsche Seite", *german])
    assert found.breaks == (Break(1, 0, 1),)
    assert judge(found) == "slips"


def test_a_half_that_was_shuffled_fits_no_shift(shared_data: Path) -> None:
    english, german = captions(shared_data, 6000)
    tail = german[3000:]
    random.Random(6).shuffle(tail)
    (only,) = scan(english, german[:3000] + tail).breaks
    assert (only.before, only.after) == (0, None)
    assert abs(only.line - 3001) <= 32


def test_a_break_is_placed_to_the_line_where_the_texts_tell(shared_data: Path) -> None:
    english, german = captions(shared_data, 600)
    del german[280]
    assert abs(place_break(english[:-1], german, at=Break(290, 0, -1), middle=300) - 280) <= 3
    assert abs(place_only_break(english[:-1], german, shift=-1) - 280) <= 3


def test_the_result_does_not_depend_on_how_the_pairs_arrive(shared_data: Path) -> None:
    english, german = captions(shared_data, 20_000)
    del german[9000]
    at_once = AlignmentScan()
    at_once.add(english[:-1], german)
    assert at_once.finish() == scan(english, german)


def test_a_scan_of_nothing_finds_nothing() -> None:
    found = AlignmentScan().finish()
    assert (found.pairs, found.breaks, judge(found)) == (0, (), "unknown")


def test_uniform_made_up_texts_are_not_judged() -> None:
    dice = random.Random(7)
    sources = ["".join(dice.choices("abcdefghij", k=8)) for _ in range(3000)]
    targets = [text.translate(str.maketrans("abcdefghij", "klmnopqrst"))[::-1] for text in sources]
    assert judge(scan(sources, targets)) == "unknown"


def test_reversed_digits_fit() -> None:
    dice = random.Random(8)
    sources = [" ".join(dice.choices("0123456789", k=dice.randrange(3, 12))) for _ in range(3000)]
    assert judge(scan(sources, [text[::-1] for text in sources])) == "aligned"


def test_texts_full_of_odd_characters_are_scanned_without_failing() -> None:
    odd = ["\x00", "", "\ud800"[:0], "😀" * 400, "\u2028", "١٢٣", "Ǆ", "\uffff", "𝟙"] * 60
    assert scan(odd, odd).pairs == len(odd)
