"""Two text files, TSV and JSONL give the same pairs; what makes no corpus is refused in words."""

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpus_files import captions, write_side, write_sides
from polyglass.data.corpus import Pair, open_corpus
from polyglass.data.formats.languages import is_language, language_of, languages_of
from polyglass.data.formats.lines import read_lines
from polyglass.errors import DataError

ODD = "\x00\x0b\x0c\r\x1a\x1b\x1c\x1d\x1e\x85\u2028\u2029\ufeff\t \xa0é語😀"
PAIRS = [Pair(1, "One.", "Eins."), Pair(2, "Two.", "Zwei.")]


def complaint(paths: list[Path], **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        list(open_corpus(paths, **options))
    return str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.one_of(st.sampled_from(ODD + "ab"), st.characters(exclude_characters="\n", codec="utf-8")))))
@example(["\x00", "\x00"])
@example(["\ufeffa", "\r", ""])
def test_as_many_lines_come_out_as_went_in_and_each_unchanged(tmp_path_factory: Any, texts: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.txt"
    # The one BOM that opens a file and the one CR before a LF belong to the file, not to the text.
    path.write_bytes(b"\xef\xbb\xbf" + "".join(f"{text}\r\n" for text in texts).encode("utf-8"))
    assert list(read_lines(path, errors="strict")) == texts


def test_two_text_files_give_pairs_that_can_be_read_again(tmp_path: Path) -> None:
    corpus = open_corpus(write_sides(tmp_path, ["One.", "Two."], ["Eins.", "Zwei."]))
    assert list(corpus) == PAIRS
    assert list(corpus) == PAIRS
    assert corpus.guess_languages() == ("en", "de")


def test_a_tsv_gives_the_same_pairs(tmp_path: Path) -> None:
    corpus = open_corpus([write_side(tmp_path / "train.en-de.tsv", ["One.\tEins.", "Two.\tZwei."])])
    assert list(corpus) == PAIRS
    assert corpus.guess_languages() == ("en", "de")
    assert corpus.count_ignored_columns() == 0


def test_further_columns_of_a_tsv_are_ignored_and_counted(tmp_path: Path) -> None:
    corpus = open_corpus([write_side(tmp_path / "a.tsv", ["One.\tEins.\tby A\t1", "Two.\tZwei.\tby B\t2"])])
    assert list(corpus) == PAIRS
    assert corpus.count_ignored_columns() == 2
    assert corpus.guess_languages() == (None, None)


@pytest.mark.parametrize(
    ("header", "languages"),
    [("en\tde", ("en", "de")), ("pt-BR\tzh_Hans", ("pt-BR", "zh_Hans")), ("Source\tTarget", (None, None))],
)
def test_a_header_of_a_tsv_is_no_pair(tmp_path: Path, header: str, languages: tuple[str | None, str | None]) -> None:
    corpus = open_corpus([write_side(tmp_path / "a.tsv", [header, "One.\tEins."])])
    assert list(corpus) == [Pair(2, "One.", "Eins.")]
    assert corpus.guess_languages() == languages


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["One."], ":1: a TSV line must be SOURCE, tab, TARGET, but this line has no tab"),
        (
            ["One.\tEins.", "Two\ttabs.\tZwei."],
            ":2: every line must have as many columns as the first (2), but this one has 3",
        ),
        (
            ["One.\tEins.\tA", "Two.\tZwei."],
            ":2: every line must have as many columns as the first (3), but this one has 2",
        ),
    ],
    ids=["no tab", "tab inside a text", "column missing"],
)
def test_a_tsv_line_with_other_columns_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    assert words in complaint([write_side(tmp_path / "a.tsv", lines)])


@pytest.mark.parametrize(
    ("records", "languages"),
    [
        ([{"source": "One.", "target": "Eins."}, {"target": "Zwei.", "source": "Two.", "id": 2}], (None, None)),
        ([{"en": "One.", "de": "Eins."}, {"de": "Zwei.", "en": "Two."}], ("en", "de")),
        (
            [{"id": 7, "translation": {"en": "One.", "de": "Eins."}}, {"translation": {"de": "Zwei.", "en": "Two."}}],
            ("en", "de"),
        ),
    ],
    ids=["source and target", "language codes", "translation"],
)
def test_each_shape_of_jsonl_gives_the_same_pairs(
    tmp_path: Path, records: list[dict[str, Any]], languages: tuple[str | None, str | None]
) -> None:
    corpus = open_corpus([write_side(tmp_path / "a.jsonl", [json.dumps(record) for record in records])])
    assert list(corpus) == PAIRS
    assert corpus.guess_languages() == languages


def test_named_languages_choose_the_keys_of_jsonl(tmp_path: Path) -> None:
    path = write_side(tmp_path / "a.jsonl", ['{"en": "One.", "fr": "Un.", "de": "Eins."}'])
    assert list(open_corpus([path], languages=("de", "en"))) == [Pair(1, "Eins.", "One.")]
    assert "there are 3 languages (de, en, fr). Say which two: --source-lang en" in complaint([path])


def test_line_feeds_and_tabs_inside_jsonl_texts_are_kept(tmp_path: Path) -> None:
    path = write_side(tmp_path / "a.jsonl", [json.dumps({"source": "a\n\tb", "target": "c\r\nd"})])
    assert list(open_corpus([path])) == [Pair(1, "a\n\tb", "c\r\nd")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not JSON", "every line must be a JSON object, but this one is none (Expecting value"),
        ("[1, 2]", "every line must be a JSON object such as"),
        ('{"text": "One."}', "but its keys are: text."),
        ('{"source": "One.", "target": null}', "but its keys are: source, target."),
        ('{"source": "\\ud800", "target": "x"}', "a text holds half of a surrogate pair"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"source": ' + "9" * 5000 + "}", "this one is none (Exceeds the limit"),
    ],
    ids=["no JSON", "list", "other keys", "null", "surrogate", "deep", "huge number"],
)
def test_a_bad_first_record_of_jsonl_is_refused(tmp_path: Path, line: str, words: str) -> None:
    message = complaint([write_side(tmp_path / "a.jsonl", [line])])
    assert "a.jsonl:1: " in message
    assert words in message


def test_a_later_record_without_text_is_named(tmp_path: Path) -> None:
    path = write_side(tmp_path / "a.jsonl", ['{"en": "One.", "de": "Eins."}', '{"en": "Two."}'])
    assert 'a.jsonl:2: the record needs text at "en" and "de". Mend the line' in complaint([path])


def test_skipping_leaves_out_what_cannot_be_read_and_moves_nothing(tmp_path: Path) -> None:
    sides = write_sides(tmp_path, ["One.", "Two.", "Three."], ["Eins.", "x", "Drei."])
    sides[1].write_bytes(b"Eins.\nzw\xf6lf\nDrei.\n")
    table = tmp_path / "a.tsv"
    table.write_bytes(b"One.\tEins.\nno tab\nThree.\tDrei.\nx\tzw\xf6lf\n")
    records = write_side(
        tmp_path / "a.jsonl",
        ['{"source": "One.", "target": "Eins."}', "broken", '{"source": "Three.", "target": "Drei."}'],
    )
    expected = [Pair(1, "One.", "Eins."), Pair(3, "Three.", "Drei.")]
    for paths, damage in (
        (sides, ["bad_encoding"]),
        ([table], ["malformed", "bad_encoding"]),
        ([records], ["malformed"]),
    ):
        corpus = open_corpus(paths, errors="skip")
        assert list(corpus) == expected
        assert [pair.damage for pair in corpus.with_damaged() if pair.damage] == damage


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "a corpus is two text files, or one TSV, JSONL, TMX, XLIFF or PO, but these were given: none."),
        (["a.en"], "a corpus has two sides, but a.en is one text file. Give the other side, too"),
        (["a.en", "a.de", "a.fr"], "but these were given: a.en, a.de, a.fr."),
        (["a.tsv", "a.de"], "but these were given: a.tsv, a.de."),
        (["a.en", "a.en"], "source and target must be two files, but both are a.en."),
        (["a.csv"], "files that end in .csv are not read. Give TSV"),
        (["a.xlsx.gz"], "files that end in .xlsx are not read. Export it as TSV."),
        (["a.json"], "files that end in .json are not read. Give JSONL"),
    ],
)
def test_files_that_make_no_corpus_are_refused(names: list[str], words: str) -> None:
    assert words in complaint([Path(name) for name in names])


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("train.en", "en"),
        ("train.en.gz", "en"),
        ("news.v1.deu.xz", "deu"),
        ("train.pt-BR", "pt-BR"),
        ("train.zh_Hans.zst", "zh_Hans"),
        ("train.sr-Latn-RS", "sr-Latn-RS"),
        ("train.es-419", "es-419"),
        ("corpus.de.txt", "de"),
        ("train.txt", None),
        ("train.src", None),
        ("train.new.txt", None),
        ("train", None),
        ("train.v2", None),
        ("train.tok.gz", None),
    ],
)
def test_the_language_is_guessed_from_the_ending(name: str, language: str | None) -> None:
    assert language_of(Path("data.fr") / name) == language


def test_both_languages_of_one_file_are_guessed_from_its_name() -> None:
    assert languages_of(Path("wmt.en-de.tsv.gz")) == ("en", "de")
    assert languages_of(Path("pairs.jsonl")) == (None, None)
    assert not is_language("english")


def test_unequal_files_are_refused_with_counts_place_and_cause(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 1500)
    half = len(english[900]) // 2
    english[900:901] = [english[900][:half] + "\u2028", english[900][half:]]
    sides = write_sides(tmp_path, english, german)
    message = complaint(sides).replace(f"{tmp_path}/", "")
    assert message.startswith(
        "both files must have the same number of lines, but train.en has 1,501 and train.de has 1,500. "
        "From about line 90"
    )
    assert "line n of train.en fits line n-1 of train.de. Look there in both files: " in message
    assert "train.de lacks one line, or train.en has one line too many." in message
    assert (
        "Line 901 of train.en holds U+2028, which some tools count as a line end; here only LF ends a line." in message
    )
    assert message.count("train.de  ") == 3


def test_a_file_that_was_cut_off_is_told_apart_from_a_shift(tmp_path: Path, shared_data: Path) -> None:
    english, german = captions(shared_data, 1000)
    message = complaint(write_sides(tmp_path, english, german[:600])).replace(f"{tmp_path}/", "")
    assert "The first 600 lines fit; train.de ends there. Was it cut off?" in message
    assert "One of them is empty" in complaint(write_sides(tmp_path, english, []))


@pytest.mark.parametrize("size", [150, 1500], ids=["small file", "larger file"])
def test_a_lost_or_extra_line_is_refused_and_placed_within_fifty_lines(
    tmp_path: Path, shared_data: Path, size: int
) -> None:
    dice = random.Random(20)
    english, german = captions(shared_data, 29_000)
    distances = []
    for _ in range(50):
        start, line = dice.randrange(29_000 - size), dice.randrange(size)
        sides = english[start : start + size], german[start : start + size]
        side = dice.choice(sides)
        if dice.random() < 0.5:
            del side[line]
        else:
            side.insert(line, dice.choice(english))
        message = complaint(write_sides(tmp_path, *sides))
        found = re.search(r"From about line ([\d,]+) on|The first ([\d,]+) lines fit", message)
        assert found
        distances.append(abs(int((found[1] or found[2]).replace(",", "")) - (line + 1)))
    assert sum(distance <= 50 for distance in distances) >= 45
