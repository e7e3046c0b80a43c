"""`polyglass evaluate` as a person meets it: tables, JSON, comparisons, and mistakes put into words."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from polyglass.cli.main import main
from polyglass.config import Config
from polyglass.translator import Candidate, Translation, Translator
from tiny_bundle import SENTENCES, tiny_folder

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
GERMAN = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"]
SOURCES = [f"the dog number {one} runs over the {two} grass" for one in WORDS for two in WORDS]
REFERENCES = [f"der Hund Nummer {one} läuft über das {two} Gras" for one in GERMAN for two in GERMAN]


class FakeTranslator:
    """Answers from a table; notes what it was asked."""

    asked: list[dict[str, Any]]

    def __init__(self, change: Callable[[int, str], str]) -> None:
        self.answers = {s: change(row, r) for row, (s, r) in enumerate(zip(SOURCES, REFERENCES, strict=True))}
        self.bundle = SimpleNamespace(source_lang="en", target_lang="de", config=Config())
        self.asked = []

    def translate(self, texts: Sequence[str], **options: Any) -> list[Translation]:
        self.asked.append({"sentences": len(texts), **options})
        return [self._answer(text) for text in texts]

    def _answer(self, text: str) -> Translation:
        output = self.answers.get(text, "")
        return Translation(text, (Candidate(output, (), (), 0.0, 0.0, "end"),), cut_tokens=3 if "ten" in text else 0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeTranslator]:
    """A folder with a test set and two models: "good" has one fault in ten sentences, "bad" one in two."""
    monkeypatch.chdir(tmp_path)
    _write("test.en", SOURCES)
    _write("test.de", REFERENCES)
    models = {
        "good": FakeTranslator(lambda row, text: f"Hund {row}" if row % 10 == 3 else text),
        "bad": FakeTranslator(lambda row, text: "ein Hund läuft" if row % 2 else text),
    }
    for name in models:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(Translator, "load", lambda path, device: models[Path(path).name])
    return models


def _write(name: str, lines: Sequence[str]) -> None:
    Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _error(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The message of a command line that must fail with exit code 2."""
    assert main(words.split()) == 2
    return " ".join(capsys.readouterr().err.split())


def _json(words: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert main([*words.split(), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_table_tells_scores_lengths_faults_and_signatures(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "good", "test.en", "test.de"]) == 0
    text = capsys.readouterr().out
    flowing = " ".join(text.split())
    assert "good on test.en, test.de: 100 sentences." in text
    assert "sentences a second (beam 5)." in text
    assert "\nchrF2  " in text
    assert "\nBLEU  " in text
    assert "\n6-10 words                 100" in text
    assert "- 10 of 100 outputs (10%) are far shorter than the reference. Lines: 4, 14, 24, 34, 44, ..." in flowing
    assert "\nBLEU\n  nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:" in text
    assert "- 19 sources were longer than the model takes and were cut. Lines: 10, 20, 30, 40, 50, ..." in flowing


def test_the_table_is_plain_and_fits_into_80_columns(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "good", "test.en", "test.de", "--against", "bad", "--show-worst", "2"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.split("\n")) <= 80
    assert "\x1b" not in text
    assert "Worst sentences (chrF2)\n  line " in text
    assert "    output     Hund " in text
    assert "Best sentences (chrF2)\n  line 100: 100.0\n" in text


def test_json_is_one_object_with_everything_that_makes_the_numbers_comparable(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    record = _json("evaluate good test.en test.de --beam-size 2 --set decode.max_length_extra=9", capsys)
    metrics = {metric["name"]: metric for metric in record["scores"]["metrics"]}
    assert list(metrics) == ["chrf", "bleu", "bleu_lc"]
    assert all(m["signature"].startswith("nrefs:1|bs:1000|seed:12345|") for m in metrics.values())
    assert all(m["low"] < m["value"] < m["high"] for m in metrics.values())
    assert record["system"]["model"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert record["system"]["model"]["decode"]["beam_size"] == 2
    assert record["system"]["model"]["decode"]["max_length_extra"] == 9
    assert record["data"]["files"][0]["sha256"] == hashlib.sha256(Path("test.en").read_bytes()).hexdigest()
    assert record["data"]["sentences"] == sum(bucket["sentences"] for bucket in record["buckets"]) == 100
    assert record["time"]["sentences_per_second"] > 0
    assert record["diagnosis"]["findings"][0]["kind"] == "short"
    assert {"polyglass", "against", "best", "worst", "comparisons"} <= record.keys()


def test_only_options_that_were_set_reach_the_model(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGLASS_DECODE_SEED", "7")
    _json("evaluate good test.en test.de --beam-size 2 --length-penalty 1.0", capsys)
    assert world["good"].asked == [{"sentences": 100, "beam_size": 2, "length_penalty": 1.0, "seed": 7}]


def test_translations_in_a_file_are_scored_as_the_model_was(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    by_model = _json("evaluate good test.en test.de --output out.txt", capsys)
    by_file = _json("evaluate --outputs out.txt test.en test.de", capsys)
    assert Path("out.txt").read_text(encoding="utf-8").count("\n") == 100
    assert by_file["scores"] == by_model["scores"]
    assert by_file["buckets"] == by_model["buckets"]
    assert by_file["data"]["pairs_sha256"] == by_model["data"]["pairs_sha256"]
    assert by_file["time"]["translate_seconds"] is None
    assert by_file["system"] == {"name": "out.txt", "model": None, "cut_lines": []}


def test_a_line_break_in_a_translation_does_not_shift_the_lines_of_the_output_file(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    world["good"].answers[SOURCES[0]] = "der\nHund\r\nläuft"
    _json("evaluate good test.en test.de --output out.txt", capsys)
    lines = Path("out.txt").read_bytes().decode("utf-8").split("\n")
    assert (len(lines), lines[0]) == (101, "der Hund  läuft")


def test_a_better_model_is_called_better_than_the_worse_one(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "good", "test.en", "test.de", "--against", "bad"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Compared with bad chrF2" in text
    assert "BLEU; the difference is unlikely to be chance (p < 0.001)." in text
    assert "good is better by" in text


def test_a_model_is_compared_with_translations_in_a_file(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    _write("old.txt", REFERENCES)
    record = _json("evaluate good test.en test.de --against old.txt", capsys)
    bleu = record["comparisons"][1]
    assert (bleu["metric"], bleu["a"]) == ("bleu", pytest.approx(100))
    assert bleu["low"] < bleu["delta"] < 0
    assert "|bs:1000|ar:10000|seed:12345|" in bleu["signature"]
    assert record["against"]["name"] == "old.txt"


def test_identical_translations_show_no_difference(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    record = _json("evaluate good test.en test.de --against good", capsys)
    assert [comparison["p_value"] for comparison in record["comparisons"]] == [1.0, 1.0]


def test_limit_takes_the_first_sentences_of_all_files(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    _write("old.txt", REFERENCES)
    record = _json("evaluate good test.en test.de --against old.txt --limit 7", capsys)
    assert record["data"]["sentences"] == record["scores"]["sentences"] == 7
    assert world["good"].asked == [{"sentences": 7}]
    assert "Only 7 sentences were scored" in record["scores"]["notes"][0]


def test_metrics_are_chosen_by_name(world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]) -> None:
    record = _json("evaluate good test.en test.de --metrics ter,bleu_lc_intl", capsys)
    assert [metric["name"] for metric in record["scores"]["metrics"]] == ["ter", "bleu_lc_intl"]
    assert main(["evaluate", "good", "test.en", "test.de", "--metrics", "ter"]) == 0
    assert "(lower is better)" in capsys.readouterr().out


def test_a_test_set_may_be_a_table(world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]) -> None:
    _write("test.tsv", [f"{source}\t{target}" for source, target in zip(SOURCES, REFERENCES, strict=True)])
    record = _json("evaluate good test.tsv", capsys)
    plain = _json("evaluate good test.en test.de", capsys)
    assert record["scores"] == plain["scores"]
    assert record["data"]["pairs_sha256"] == plain["data"]["pairs_sha256"]


def test_the_languages_choose_the_keys_of_a_jsonl_test_set(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    _write("test.jsonl", [json.dumps({"de": d, "en": e}) for d, e in zip(REFERENCES, SOURCES, strict=True)])
    assert "Give the en file first, or say --source-lang en --target-lang de" in _error(
        "evaluate good test.jsonl", capsys
    )
    record = _json("evaluate good test.jsonl --source-lang en --target-lang de", capsys)
    assert record["scores"] == _json("evaluate good test.en test.de", capsys)["scores"]


def test_a_skipped_line_of_the_test_set_is_skipped_in_the_outputs_too(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{line}\n".encode() for line in SOURCES]
    Path("test.en").write_bytes(b"".join([*lines[:2], b"caf\xe9\n", *lines[3:]]))
    _write("out.txt", REFERENCES)
    assert "test.en:3: byte 0xE9" in _error("evaluate --outputs out.txt test.en test.de", capsys)
    record = _json("evaluate --outputs out.txt test.en test.de --errors skip", capsys)
    assert record["data"]["sentences"] == 99
    assert record["scores"]["metrics"][0]["value"] == pytest.approx(100)


def test_a_test_set_the_wrong_way_round_is_refused_before_anything_is_translated(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    message = _error("evaluate good test.de test.en", capsys)
    assert "good translates en to de, but the test set looks like de to en. Give the en file first" in message
    assert world["good"].asked == []
    assert main(["evaluate", "good", "test.de", "test.en", "--source-lang", "en", "--target-lang", "de"]) == 0


def test_outputs_that_do_not_fit_the_test_set_are_refused_with_both_counts(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    _write("out.txt", REFERENCES[:99])
    message = _error("evaluate --outputs out.txt test.en test.de", capsys)
    assert (
        "out.txt must have one line for each pair of the test set, but it has 99 lines and the test set has 100"
        in message
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("evaluate good", "A test set must follow the model, but there is only good."),
        ("evaluate test.en test.de", "MODEL must be a model folder, but test.en is a file."),
        ("evaluate --outputs test.de good test.en test.de", "nothing is translated, so leave the model good out."),
        ("evaluate --outputs test.de test.en test.de --output x", "--outputs gives the translations already."),
        ("evaluate good test.en test.de --output no/where", "--output no/where cannot be written: there is no such"),
        ("evaluate good test.en test.de --metrics blue", "There is no metric 'blue'. Choose from chrf, bleu,"),
        (
            "evaluate good test.en test.de --limit 0",
            "argument --limit: must be a whole number of at least 1, but it is",
        ),
        (
            "evaluate good test.en test.de --limit ²",
            "argument --limit: must be a whole number of at least 1, but it is",
        ),
        ("evaluate good test.en test.de --beam-size 0", "must be a whole number greater than 0"),
        ("evaluate good empty.en empty.de", "there is nothing to score. Give at least one pair."),
    ],
)
def test_a_mistake_is_put_into_words(
    words: str, message: str, world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    _write("empty.en", [])
    _write("empty.de", [])
    assert message in _error(words, capsys)
    assert world["good"].asked == []


def test_empty_translations_explain_the_zero(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    world["good"].answers.clear()
    assert main(["evaluate", "good", "test.en", "test.de"]) == 0
    text = capsys.readouterr().out
    assert "All 100 outputs are empty. The model ends every sentence at once." in text
    assert "\nBLEU                                    0.0" in text


def test_text_from_files_cannot_steer_the_terminal(
    world: dict[str, FakeTranslator], capsys: pytest.CaptureFixture[str]
) -> None:
    world["good"].answers[SOURCES[0]] = "\x1b[2Jweg"
    assert main(["evaluate", "good", "test.en", "test.de", "--show-worst", "1"]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert r"\x1b[2Jweg" in text


def test_a_real_model_is_evaluated_from_folder_to_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_folder(tmp_path / "tiny")
    _write("test.en", [english for english, _ in SENTENCES])
    _write("test.de", [german for _, german in SENTENCES])
    record = _json(
        "evaluate tiny test.en test.de --beam-size 2 --set decode.max_length_extra=2 --output out.txt", capsys
    )
    outputs = Translator.load("tiny").translate([english for english, _ in SENTENCES], beam_size=2, max_length_extra=2)
    assert Path("out.txt").read_text(encoding="utf-8").split("\n")[:-1] == [output.text for output in outputs]
    assert record["system"]["model"]["decode"]["beam_size"] == 2
    assert _json("evaluate --outputs out.txt test.en test.de", capsys)["scores"] == record["scores"]
    assert "tiny translates en to de" in _error("evaluate tiny test.de test.en", capsys)


def test_a_folder_that_is_no_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _write("test.en", SOURCES)
    _write("test.de", REFERENCES)
    assert "model.safetensors" in _error("evaluate nowhere test.en test.de", capsys)


def test_scoring_a_file_of_translations_needs_no_torch(tmp_path: Path) -> None:
    for name, lines in (("test.en", SOURCES), ("test.de", REFERENCES), ("out.txt", REFERENCES)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    code = (
        "import sys; from polyglass.cli.main import main; "
        "code = main(['evaluate', '--outputs', 'out.txt', 'test.en', 'test.de']); "
        "sys.exit(code or ('torch' in sys.modules and 9))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
