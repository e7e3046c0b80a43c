"""The verb `export` as a person uses it."""

from pathlib import Path

import pytest

from polyglass.bundle import save_bundle
from polyglass.cli.main import main
from tiny_bundle import SENTENCES, tiny_bundle

pytest.importorskip("ctranslate2", reason="the package ctranslate2 is not installed")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_bundle(tmp_path / "en-de", tiny_bundle())
    return tmp_path / "en-de"


def test_an_export_comes_with_its_proof(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "test.en"
    text.write_text("".join(f"{source}\n" for source, _ in SENTENCES), encoding="utf-8")
    assert main(["export", str(model), "--out", str(tmp_path / "out"), "--proof", str(text)]) == 0
    said = capsys.readouterr().out
    assert "Proof: 4 of 4 sentences" in said
    assert (tmp_path / "out" / "model.bin").is_file()
    assert max(map(len, said.replace(str(tmp_path), "").splitlines())) <= 80


def test_without_a_text_nothing_is_claimed(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(model), "--out", str(tmp_path / "out")]) == 0
    assert "Not proved" in capsys.readouterr().out


def test_a_folder_that_exists_is_not_overwritten(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(model), "--out", str(model)]) == 2
    assert "must be a new folder, but it exists" in capsys.readouterr().err
