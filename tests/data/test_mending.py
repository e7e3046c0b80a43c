"""What `data clean` puts right or leaves out, and `data fix` reads anew."""

from pathlib import Path

import pytest

from corpus_files import captions, write_side, write_sides
from polyglass.config import DataConfig
from polyglass.data.alignment import Break
from polyglass.data.corpus import open_corpus
from polyglass.data.exam import KINDS
from polyglass.data.filters import FilterReport, filter_pairs
from polyglass.data.mending import DROPPABLE, MENDABLE, REASONS, Mended, fix_encoding, plan_mending, realign
from polyglass.data.pair import Pair
from polyglass.errors import DataError, InputError


def numbered(count: int, *, lost: int | None = None) -> list[Pair]:
    """Pairs 1..count; from line `lost` on the target misses a line."""
    targets = [f"t{line}" for line in range(1, count + 1) if line != lost]
    targets += ["x"] * (count - len(targets))
    return [Pair(line, f"s{line}", target) for line, target in enumerate(targets, start=1)]


@pytest.mark.parametrize("count", [1, 2, 30])
def test_pairs_that_fit_stay_as_they_are(count: int) -> None:
    pairs = numbered(count)
    assert list(realign(pairs, (), exact=1)) == pairs


@pytest.mark.parametrize(("lost", "shift"), [(10, -1), (20, -1)])
def test_each_source_gets_the_target_that_fits(lost: int, shift: int) -> None:
    # Line `lost` of the source has no translation: from there on line n fits line n - 1.
    realigned = list(realign(numbered(40, lost=lost), (Break(lost, 0, shift),), exact=1))
    assert [pair.line for pair in realigned] == list(range(1, 41))
    whole = [pair for pair in realigned if pair.damage is None]
    assert all(pair.source[1:] == pair.target[1:] for pair in whole)
    assert {pair.line for pair in realigned if pair.damage} == set(range(lost - 2, lost + 3))


def test_what_no_line_fits_is_left_out() -> None:
    breaks = (Break(10, 0, None), Break(20, None, 0))
    left = [pair.line for pair in realign(numbered(30), breaks, exact=2) if pair.damage is None]
    assert left == [*range(1, 8), *range(23, 31)]


def test_a_shifted_corpus_fits_again(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 3000)
    true = dict(zip(english, german, strict=True))
    del german[1200]
    german.append("Noch ein Satz.")
    files = open_corpus(write_sides(tmp_path, english, german))
    mended = Mended(files, plan_mending(files, DataConfig(), held_out={}, mend=["slips"], drop=[]))
    report = FilterReport()
    kept = list(filter_pairs(mended, DataConfig(), report))
    assert sum(true[pair.source] == pair.target for pair in kept) >= 0.999 * len(kept)
    assert len(kept) >= 2990
    assert report.dropped["slips"] <= 10


def test_swapped_pairs_are_swapped_back(tmp_path: Path, shared_data: Path) -> None:
    english, german = (list(side) for side in captions(shared_data, 2000))
    for at in range(0, 2000, 100):
        english[at], german[at] = german[at], english[at]
    files = open_corpus(write_sides(tmp_path, english, german))
    mended = Mended(files, plan_mending(files, DataConfig(), held_out={}, mend=["swapped"], drop=[]))
    assert [pair.source for pair in mended] == captions(shared_data, 2000)[0]
    assert mended.counts == {"swapped": 20}


def test_faults_are_dropped_and_counted_by_name(tmp_path: Path) -> None:
    source = ["Press {key} now.", "Nothing here.", "GrÃ¼ÃŸe an alle."]
    files = open_corpus(write_sides(tmp_path, source, ["Jetzt drücken.", "Nichts hier.", "Greetings to all."]))
    mended = Mended(files, plan_mending(files, DataConfig(), held_out={}, mend=["twice_encoded"], drop=["tags"]))
    report = FilterReport()
    kept = [pair.source for pair in filter_pairs(mended, DataConfig(), report)]
    assert kept == ["Nothing here.", "Grüße an alle."]
    assert report.dropped == {"tags": 1}


@pytest.mark.parametrize(
    ("mend", "drop", "message"),
    [
        (["copies"], [], "--mend takes slips, swapped, twice_encoded, but copies was given."),
        ([], ["nonsense"], "--drop takes slips, swapped, .*, but nonsense was given."),
        (["swapped"], ["swapped"], "put right or dropped, but swapped stands after --mend and --drop."),
        ([], ["leak"], "--drop leak needs the sets that are held out, but none was given. Add --valid or --test."),
    ],
)
def test_impossible_wishes_are_refused(tmp_path: Path, mend: list[str], drop: list[str], message: str) -> None:
    files = open_corpus(write_sides(tmp_path, ["a"], ["b"]))
    with pytest.raises(InputError, match=message):
        plan_mending(files, DataConfig(), held_out={}, mend=mend, drop=drop)


def test_every_kind_has_its_reason() -> None:
    assert set(REASONS) == set(MENDABLE) | set(DROPPABLE) == {"slips", *KINDS} - {"bad_encoding", "malformed"}


def test_only_lines_that_are_not_utf8_are_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.de"
    path.write_bytes("Grüße\n".encode() + b"K\xf6ln\r\n" + b"plain")
    assert fix_encoding(path, tmp_path / "b.de", encoding="cp1252") == (3, 1)
    assert (tmp_path / "b.de").read_text(encoding="utf-8") == "Grüße\nKöln\nplain\n"


def test_an_encoding_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = write_side(tmp_path / "a.ja", [])
    path.write_bytes(b"ok\n\x81\n")
    with pytest.raises(DataError, match=r"a\.ja:2: byte 0x81 at byte 1 is neither UTF-8 nor cp932\."):
        fix_encoding(path, tmp_path / "b", encoding="cp932")
    for name in ("klingon", "rot13", "hex"):
        with pytest.raises(InputError, match=f"--from must be an encoding that Python knows, but is {name}"):
            fix_encoding(path, tmp_path / "b", encoding=name)
    assert not (tmp_path / "b").exists()
