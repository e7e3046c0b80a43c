"""`polyglass score` and `polyglass info`."""

import json
import math
from pathlib import Path

import pytest

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from polyglass.cli.score import perplexity
from polyglass.translator import Translator
from tiny_bundle import FACTS, SENTENCES, tiny_folder, tiny_talker


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("made") / "en-de"
    save_bundle(folder, tiny_talker())
    return str(folder)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for name, column in (("a.en", 0), ("a.de", 1)):
        text = "".join(pair[column] + "\n" for pair in SENTENCES)
        (tmp_path / name).write_text(text, encoding="utf-8", newline="\n")
    return [str(tmp_path / "a.en"), str(tmp_path / "a.de")]


def test_each_pair_gets_its_log_probability_average_and_perplexity(
    model: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", model, *files]) == 0
    said = capsys.readouterr()
    expected = Translator.load(model).score([source for source, _ in SENTENCES], [target for _, target in SENTENCES])
    for line, candidate in zip(said.out.splitlines(), expected, strict=True):
        log_prob, per_token, ppl = map(float, line.split("\t"))
        assert log_prob == pytest.approx(candidate.log_prob, abs=1e-3)
        assert per_token == pytest.approx(candidate.log_prob / len(candidate.pieces), abs=1e-3)
        assert ppl == pytest.approx(math.exp(-per_token), rel=1e-3)
    assert said.err.startswith("4 pairs, ")
    assert "perplexity" in said.err


def test_json_tells_each_subword_and_ends_with_the_total(
    model: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", model, *files, "--json"]) == 0
    said = capsys.readouterr()
    *records, total = [json.loads(line) for line in said.out.splitlines()]
    assert [record["line"] for record in records] == [1, 2, 3, 4]
    assert all(len(record["pieces"]) == len(record["token_log_probs"]) for record in records)
    assert total["total"]["log_prob"] == pytest.approx(sum(record["log_prob"] for record in records))
    assert total["total"]["target_tokens"] == sum(len(record["pieces"]) for record in records)
    assert said.err == ""


def test_files_of_unequal_length_are_refused(model: str, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(files[0]).write_text("A dog.\n", encoding="utf-8")
    assert main(["score", model, *files]) == 2
    assert "a.en" in capsys.readouterr().err


def test_a_target_that_is_too_long_is_found(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.tsv").write_text("a\tein\nb\t" + "Hund " * 100 + "\n", encoding="utf-8")
    assert main(["score", model, str(tmp_path / "a.tsv")]) == 2
    assert "a.tsv, from line 1 on: A target may have at most 63 subwords, but target 2" in capsys.readouterr().err


def test_the_perplexity_of_the_impossible_is_a_number() -> None:
    assert perplexity(0.0) == 1.0
    assert math.isfinite(perplexity(-1e9))


def test_the_card_fits_80_columns_and_says_what_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_folder(Path("en-de"))
    assert main(["info", "en-de"]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= 80
    for text in (
        "en-de: whole, every byte checked",
        "en to de",
        "14,976",
        "28,914",
        "nrefs:1|case:mixed",
        "step 1,200",
    ):
        assert text in page
    for text in ("model.safetensors", "tokenizer.model", "subwords", "dropped: duplicate"):
        assert text in page


def test_info_as_json_holds_config_and_facts(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", model, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["facts"] == FACTS
    assert record["config"]["model"]["d_model"] == 16
    assert record["parameters"]["all"] == sum(n for part, n in record["parameters"].items() if part != "all")
    assert set(record["files"]) == {
        "config.json",
        "model.safetensors",
        "tokenizer.source.model",
        "tokenizer.target.model",
    }


def test_info_refuses_a_damaged_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tiny_folder(tmp_path / "m")
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    assert main(["info", str(folder)]) == 2
    assert "model.safetensors is damaged" in capsys.readouterr().err
