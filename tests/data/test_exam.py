"""What is wrong with single pairs is found by name and line, and a good corpus is left in peace."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus_files import captions, read_packed, write_sides
from polyglass.config import DataConfig
from polyglass.data.corpus import open_corpus
from polyglass.data.doctor import CorpusHealth, Thorough, check_corpus
from polyglass.data.exam_repeats import held_out_keys
from polyglass.data.findings import Finding
from polyglass.data.letters import characters, number_sums, words

PAIRS = 6000
EVERY = 150  # each kind of fault in every 150th pair
NOT_OF_A_PAIR = {"few", "slips", "coverage", "odd_characters", "unrelated"}


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> tuple[list[str], list[str]]:
    return captions(shared_data, PAIRS)


def checked(
    folder: Path,
    source: list[str],
    target: list[str],
    *,
    held_out: list[str] | None = None,
    findings: Path | None = None,
) -> dict[str, Finding]:
    return {finding.name: finding for finding in health_of(folder, source, target, held_out, findings).findings}


def health_of(
    folder: Path, source: list[str], target: list[str], held_out: list[str] | None, findings: Path | None
) -> CorpusHealth:
    corpora = {"valid": open_corpus(write_sides(folder, held_out, held_out, name="valid"))} if held_out else {}
    files = open_corpus(write_sides(folder, source, target), errors="skip")
    return check_corpus(files, DataConfig(), held_out=corpora, thorough=Thorough(findings=findings))


def quality(found: tuple[int, ...], injected: set[int]) -> tuple[float, float]:
    return len(set(found) & injected) / len(injected), len(set(found) & injected) / len(found)


def test_a_good_corpus_gets_no_warning(tmp_path: Path, pairs: tuple[list[str], list[str]]) -> None:
    found = checked(tmp_path, *pairs)
    assert [finding for finding in found.values() if finding.level != "note"] == []
    assert sum(len(finding.lines) for finding in found.values()) < PAIRS / 500


def test_faults_of_single_pairs_are_found_by_name_and_line(
    tmp_path: Path, pairs: tuple[list[str], list[str]], shared_data: Path
) -> None:
    source, target = (list(side) for side in pairs)
    italian = [
        text for text in read_packed(shared_data / "debian-ddtp-en-it" / "train.it.xz")[:4000] if 30 < len(text) < 90
    ]
    injected: dict[str, set[int]] = {
        name: set()
        for name in ("swapped", "language", "copies", "truncated", "numbers", "tags", "boilerplate", "twice_encoded")
    }
    for number, name in enumerate(injected):
        for at in range(10 + number, PAIRS, EVERY):
            if name == "twice_encoded" and target[at].isascii():
                continue
            injected[name].add(at + 1)
            match name:
                case "swapped":
                    source[at], target[at] = target[at], source[at]
                case "language":
                    target[at] = italian[at % len(italian)]
                case "copies":
                    target[at] = source[at]
                case "truncated":
                    target[at] = " ".join(target[at].split()[:3])
                case "numbers":
                    source[at], target[at] = f"{source[at]} ({at})", f"{target[at]} ({at + 5})"
                case "tags":
                    source[at] = f"<b>{source[at]}</b>"
                case "boilerplate":
                    target[at] = "Alle Angaben ohne jede Gewähr und Haftung."
                case "twice_encoded":
                    target[at] = target[at].encode().decode("latin-1")
    found = checked(tmp_path, source, target)
    for name, lines in injected.items():
        recall, precision = quality(found[name].lines, lines)
        assert (name, recall >= 0.9, precision >= 0.9) == (name, True, True)
        assert len(found[name].samples) == 3
        assert found[name].samples[0].line == found[name].lines[0]
        assert found[name].level == "warning"


def test_near_duplicates_name_what_they_repeat(tmp_path: Path) -> None:
    source = [
        "A small black dog runs over the green grass.",
        "Nothing like it.",
        "a small black DOG runs over the grass!",
    ]
    target = ["Ein kleiner Hund rennt über das Gras.", "Nichts dergleichen.", "Ein kleiner Hund rennt über das Gras"]
    found = checked(tmp_path, source, target)["near_duplicates"]
    assert (found.lines, found.level) == ((3,), "note" if 1 <= 0.2 * 3 else "warning")
    assert found.samples[0].repeats == "line 1"


def test_another_sentence_is_no_near_duplicate(tmp_path: Path) -> None:
    source = ["I would like to buy a red car.", "I would like to buy a red house."]
    target = ["Ich möchte ein rotes Auto kaufen.", "Ich möchte ein rotes Haus kaufen."]
    assert "near_duplicates" not in checked(tmp_path, source, target)


def test_leaks_name_the_sentence_held_out(tmp_path: Path) -> None:
    held_out = ["Something else.", "Two young girls are playing in the snow."]
    source = ["Fine.", "TWO young girls are playing in the snow!!", "Two young girls were playing in the snow."]
    found = checked(tmp_path, [*source, held_out[1]], ["a", "b", "c", "d"], held_out=held_out)["leak"]
    assert found.lines == (2, 3, 4)
    assert [sample.repeats for sample in found.samples] == ["valid 2"] * 3
    assert found.text.endswith("It touches 1 of 2 such sentences.")


def test_bytes_that_are_not_utf8_are_counted_and_named(tmp_path: Path) -> None:
    sides = write_sides(tmp_path, ["One.", "Twelve.", "Three."], [])
    sides[1].write_bytes(b"Eins.\nzw\xf6lf\nDrei.\n")
    health = check_corpus(open_corpus(sides, errors="skip"), DataConfig(), thorough=Thorough())
    (finding,) = [finding for finding in health.findings if finding.name == "bad_encoding"]
    assert (finding.level, finding.lines) == ("error", (2,))
    assert "train.de:2: byte 0xF6 at column 3 is not UTF-8 (looks like cp1252 or Latin-1" in finding.text
    assert finding.command == f"polyglass data fix {sides[1]} --from cp1252 --out fixed.de"
    lenient = check_corpus(open_corpus(sides, errors="skip"), DataConfig(), thorough=Thorough(strict=False))
    assert [finding.level for finding in lenient.findings if finding.name == "bad_encoding"] == ["warning"]


def test_all_lines_are_written_down(tmp_path: Path) -> None:
    source = [f"This is sentence {word} of the text." for word in ("one", "two", "three", "four")]
    target = ["=1+1 {x}", "b", "c {y}", "d"]
    checked(tmp_path, source, target, findings=tmp_path / "findings.tsv")
    rows = [line.split("\t") for line in (tmp_path / "findings.tsv").read_text(encoding="utf-8").split("\n")[:-1]]
    assert rows[0] == ["fault", "line", "repeats", "source", "target"]
    assert [row[:2] for row in rows if row[0] == "tags"] == [["tags", "1"], ["tags", "3"]]
    assert ["tags", "1", "", source[0], "'=1+1 {x}"] in rows


def test_a_fault_is_named_once(tmp_path: Path, pairs: tuple[list[str], list[str]]) -> None:
    source, target = (list(side[:2000]) for side in pairs)
    for at in range(5, 2000, 100):
        source[at] = target[at] = f"{source[at]} Number {at} for %s."
    found = checked(tmp_path, source, target)
    assert len(found["copies"].lines) == 20
    assert "tags" not in found
    assert "language" not in found


@pytest.mark.parametrize("text", ["", " ", "\u200b", "12:30", "\U0001f600", "\ud800", "日本", "x" * 9000, "a\tb", "ß“"])
def test_odd_texts_pass(tmp_path: Path, text: str) -> None:
    safe = text.encode("utf-8", "replace").decode()
    checked(tmp_path, [safe, "b", safe], ["x", safe, safe], held_out=[safe or "x"])


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_words_are_counted_where_they_stand(texts: list[str]) -> None:
    alone = [words(characters([text])) for text in texts]
    together = words(characters(texts))
    assert together.counts.tolist() == [int(one.counts[0]) for one in alone]
    assert together.sums().tolist() == [int(one.sums()[0]) for one in alone]


def test_words_and_numbers_compare_as_they_should() -> None:
    def same(left: str, right: str) -> bool:
        sums = words(characters([left, right])).sums()
        return bool(sums[0] == sums[1])

    assert same("A dog, 12 cats!", "a DOG cats")
    assert not same("A dog bites", "A dog bits")
    assert words(characters(["日本語のテスト ab"])).counts.tolist() == [6]  # three ideographs, の, テスト, ab
    sums = number_sums(characters(["1,000 and 5", "5 1.000", "١٬٠٠٠ ٥", "1000 5", "none"]))
    assert (sums[0] == sums[1], sums[0] == sums[2], sums[0] == sums[3], int(sums[4])) == (True, True, False, 0)


def test_one_word_more_less_or_other_is_near() -> None:
    keys = held_out_keys(["The old man reads a long book in bed"])
    near = [
        "the old man reads a book in bed",
        "The old man reads a very long book in bed",
        "An old man reads a long book in bed",
    ]
    far = ["The old woman reads a short book in bed", "The old man", ""]
    places, of = keys.find(words(characters([*near, *far])))
    assert (places.tolist(), of.tolist()) == ([0, 1, 2], [0, 0, 0])


def test_findings_fit_into_json(tmp_path: Path) -> None:
    import dataclasses

    health = health_of(tmp_path, ["a {x}"] * 3, ["b", "c", "d"], None, None)
    content = json.loads(json.dumps(dataclasses.asdict(health)))
    (tags,) = [finding for finding in content["findings"] if finding["name"] == "tags"]
    assert (tags["lines"], tags["samples"][1]["line"]) == ([1, 2, 3], 2)
    assert tags["command"].endswith("--drop tags --out clean.en clean.de")


def test_short_odd_sentences_are_no_other_language(tmp_path: Path, shared_data: Path) -> None:
    sides = [read_packed(shared_data / "tatoeba-en-de" / f"train.{language}.xz")[:8000] for language in ("en", "de")]
    found = checked(tmp_path, *sides)
    assert "swapped" not in found
    assert "language" not in found or len(found["language"].lines) <= 2
