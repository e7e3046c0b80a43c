"""What the doctor says: counts, lengths, scripts, words, findings."""

import dataclasses
import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from corpus_files import captions, write_side, write_sides
from polyglass.config import DataConfig
from polyglass.data.corpus import CorpusFiles, open_corpus
from polyglass.data.doctor import CorpusHealth, check_corpus
from polyglass.data.scripts import _RANGES, _parse, expected_script
from polyglass.data.side_statistics import Spread, TypeCounter
from polyglass.errors import DataError

CONFIG = DataConfig()


def health_of(
    folder: Path, source: list[str], target: list[str], *, held_out: dict[str, CorpusFiles] | None = None
) -> CorpusHealth:
    return check_corpus(open_corpus(write_sides(folder, source, target)), CONFIG, held_out=held_out)


def levels(health: CorpusHealth) -> dict[str, str]:
    return {finding.name: finding.level for finding in health.findings}


def test_a_good_corpus_is_healthy(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 3000)
    health = health_of(tmp_path, english, german)
    assert (health.read, health.kept, health.verdict, health.findings) == (3000, 3000, "aligned", ())
    assert health.healthy
    health.check()
    assert health.source.scripts == {"Latin": 1.0}
    assert health.source.characters.max == max(map(len, english))
    assert health.source.characters.mean == pytest.approx(sum(map(len, english)) / 3000)
    assert [english[sample.line - 1] for sample in health.samples] == [sample.source for sample in health.samples]
    assert len(health.samples) == 3
    assert health.samples[0].line < 1000 < health.samples[1].line < 2000 < health.samples[2].line


def test_everything_it_says_fits_into_json(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["One.", "", "Two."], ["Eins.", "x", "Zwei\u2028drei\ufffd."])
    assert json.loads(json.dumps(dataclasses.asdict(health)))["dropped"] == {"empty_source": 1}


def test_lengths_and_words_are_counted_of_the_kept_pairs(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["a b c", "don't", "", "The THE the"], ["東京は大きい。", "x", "y" * 90, "z"])
    assert health.source.characters == Spread(mean=7.0, p95=11, max=11)
    assert health.source.words == Spread(mean=8 / 3, p95=3, max=3)
    assert health.source.word_types == 6  # a b c don t the
    assert health.target.words.max == 6  # each character of Japanese is a word, its full stop is none


def test_scripts_are_counted_by_letters(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["Ab1 2!", "Привет", "مرحبا"], ["日本の", "カナ한글", "αβ नमस्ते ไทย ⴰ😀"])
    assert health.source.scripts == {"Cyrillic": 6 / 13, "Arabic": 5 / 13, "Latin": 2 / 13}
    assert set(health.target.scripts) == {
        *("Han", "Hiragana", "Katakana", "Hangul", "Greek", "Devanagari", "Thai", "Tifinagh"),
    }


def test_the_ranges_of_scripts_do_not_overlap() -> None:
    ranges = sorted(span for spans in _RANGES.values() for span in _parse(spans.split()))
    assert all(first <= last for first, last in ranges)
    overlaps = [(before, after) for before, after in pairwise(ranges) if after[0] <= before[1]]
    assert overlaps == []


@pytest.mark.parametrize(
    ("language", "script"),
    [
        ("de", "Latin"),
        ("pt-BR", "Latin"),
        ("ja", "Hiragana"),
        ("sr", None),
        ("sr-Latn", None),
        ("xx", None),
        (None, None),
    ],
)
def test_the_script_of_a_language_is_known_where_there_is_one(language: str | None, script: str | None) -> None:
    assert expected_script(language) == script


def test_coverage_is_the_share_of_validation_words_seen_in_training(tmp_path: Path) -> None:
    valid = open_corpus(write_sides(tmp_path, ["red red blue", "green"], ["rot", "rot"], name="valid"))
    health = health_of(tmp_path, ["Red car", "blue house"], ["Auto", "Haus"], held_out={"valid": valid})
    assert health.source.coverage == pytest.approx(3 / 4)
    assert health.target.coverage == 0.0
    assert levels(health)["coverage"] == "warning"
    assert health.held_out == {"valid": 2}


def test_overlap_with_validation_and_test_is_told(tmp_path: Path) -> None:
    held_out = {
        name: open_corpus(write_sides(tmp_path, [text], ["x"], name=name))
        for name, text in (("valid", "A a"), ("test", "B b"))
    }
    health = health_of(tmp_path, ["a  A", "b b", "c c"], ["x", "y", "z"], held_out=held_out)
    assert (health.dropped, health.overlapping) == ({"overlap": 2}, 2)
    assert "The source of 2 pairs stands in the validation or test set, too." in [f.text for f in health.findings]


def test_many_empty_sides_must_be_mended(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["a", "", "c"], ["x", "y", "z"])
    assert levels(health)["empty_sides"] == "error"
    with pytest.raises(DataError, match=r"33% of the pairs have an empty side \(1 empty source, 0 empty target\); 20%"):
        health.check()


def test_a_corpus_of_nothing_must_be_mended(tmp_path: Path) -> None:
    assert levels(health_of(tmp_path, [], [])) == {"empty": "error"}
    assert levels(health_of(tmp_path, ["a"], ["a" * 3000]))["nothing_left"] == "error"


def test_shuffled_files_must_be_mended(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 2000)
    random.Random(1).shuffle(german)
    health = health_of(tmp_path, english, german)
    assert health.verdict == "unrelated"
    (error,) = [finding for finding in health.findings if finding.level == "error"]
    assert "lengths correlate by 0.0" in error.text.replace("-0.0", "0.0")
    assert "shuffled" in error.text


def test_shifted_files_of_equal_length_must_be_mended_and_the_line_is_named(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 2000)
    del german[1200]
    german.append("Noch ein Satz, der nirgends hingehört.")
    health = health_of(tmp_path, english, german)
    (error,) = [finding for finding in health.findings if finding.level == "error"]
    assert abs(health.alignment.breaks[0].line - 1201) <= 3
    text = error.text.replace(f"{tmp_path}/", "")
    assert text.startswith("40.")
    assert "of the lines are out of place. From about line 1,20" in text
    assert "on, line n of train.en fits line n-1 of train.de." in text
    assert error.detail.count("\n") == 5


def test_a_short_slip_is_a_warning(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 8000)
    german.insert(3060, german.pop(3000))
    health = health_of(tmp_path, english, german)
    assert (health.verdict, levels(health)) == ("patchy", {"slips": "warning"})
    assert "They fit again from about line 3,06" in health.findings[0].text or "3,05" in health.findings[0].text


def test_a_side_in_the_wrong_script_is_noticed(tmp_path: Path) -> None:
    corpus = open_corpus(write_sides(tmp_path, ["Hello."], ["Hallo."]), languages=("ru", "ja"))
    texts = [finding.text for finding in check_corpus(corpus, CONFIG).findings if finding.name == "script"]
    assert texts == [
        "The source side should be ru, written in Cyrillic, but 100% of it is Latin.",
        "The target side should be ja, written in Hiragana, but 100% of it is Latin.",
    ]


def test_japanese_text_is_recognised(tmp_path: Path) -> None:
    corpus = open_corpus(
        write_sides(tmp_path, ["Hello."], ["日本語サーバの文書カタログ設定です"]), languages=("en", "ja")
    )
    assert "script" not in levels(check_corpus(corpus, CONFIG))


def test_text_that_was_converted_twice_is_noticed(tmp_path: Path) -> None:
    german = ["Grüße, Köln – „schön“".encode().decode("cp1252", "replace"), "Groß"]
    health = health_of(tmp_path, ["Greetings", "Big"], german)
    assert levels(health)["twice_encoded"] == "warning"
    assert "twice_encoded" not in levels(health_of(tmp_path, ["Greetings"], ["SÃO PAULO, Â, â €5, Ã bien"]))


def test_odd_characters_are_named_and_kept(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["a\x00b\rc\u2028d\x1be", "x"], ["f\ufffd", "tab\there"])
    assert health.source.odd_characters == {"NUL": 1, "lone CR": 1, "ESC": 1, "U+2028": 1}
    assert health.target.odd_characters == {"U+FFFD": 1}
    assert health.kept == 2


def test_skipped_lines_are_told(tmp_path: Path) -> None:
    sides = write_sides(tmp_path, ["a", "b"], ["x", "y"])
    sides[0].write_bytes(b"a\n\xff\n")
    health = check_corpus(open_corpus(sides, errors="skip"), CONFIG)
    assert health.dropped == {"bad_encoding": 1}
    assert levels(health)["unread"] == "warning"


def test_further_columns_are_told(tmp_path: Path) -> None:
    health = check_corpus(open_corpus([write_side(tmp_path / "a.tsv", ["a\tx\tby me"])]), CONFIG)
    assert "Column 3 is not read." in [finding.text for finding in health.findings]


def test_a_line_of_ten_million_characters_is_dropped_and_its_neighbours_stay(tmp_path: Path) -> None:
    health = health_of(tmp_path, ["a b", "word " * 2_000_000, "c d"], ["x", "y", "z"])
    assert (health.kept, health.dropped) == (2, {"too_long": 1})


def test_words_beyond_the_limit_are_estimated() -> None:
    counter = TypeCounter(most=1000)
    for start in range(0, 50_000, 500):
        counter.add(f"word{number}" for number in range(start, start + 500))
    assert counter.estimate() == pytest.approx(50_000, rel=0.1)
    few = TypeCounter(most=1000)
    few.add(["a", "b", "a"])
    assert few.estimate() == 2
