"""`polyglass config`: what it prints can be read by people, by programs and by polyglass itself."""

import json
import tomllib
from pathlib import Path

import pytest

from polyglass.cli.main import main
from polyglass.config import Config
from polyglass.options import options_of
from polyglass.presets import PRESETS


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["config", *words]) == 0
    return capsys.readouterr().out


def test_show_prints_one_line_for_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "show", "--set", "model.dropout=0.25").splitlines()
    assert [line.split()[0] for line in lines] == [
        one.name for one in options_of(Config).values() if one.is_for("transformer")
    ]
    assert ["model.dropout", "0.25"] in [line.split() for line in lines]


def test_show_origin_says_where_each_value_came_from(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYGLASS_TRAIN_SEED", "3")
    Path("my.toml").write_text("[model]\nd_ff = 512\n", encoding="utf-8", newline="\n")
    words = ("show", "--origin", "--preset", "tiny", "--config", "my.toml", "--set", "model.dropout=0.25")
    rows = [line.split(maxsplit=2) for line in printed(capsys, *words).splitlines()]
    origins = {name: (value, origin) for name, value, origin in rows}
    assert origins["model.d_model"] == ("128", "preset tiny")
    assert origins["model.d_ff"] == ("512", "file my.toml:2")
    assert origins["train.seed"] == ("3", "environment POLYGLASS_TRAIN_SEED")
    assert origins["model.dropout"] == ("0.25", "flag --set model.dropout=0.25")
    assert origins["model.norm"] == ("layer", "default")


def test_show_json_is_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, "show", "--json")) == Config().model_dump()
    both = json.loads(printed(capsys, "show", "--json", "--origin", "--preset", "tiny"))
    assert both["config"]["model"]["d_model"] == 128
    assert both["origins"]["model.d_model"] == "preset tiny"


def test_show_toml_is_a_file_for_config(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = printed(capsys, "show", "--toml", "--origin", "--preset", "tiny")
    assert tomllib.loads(text)["model"]["d_model"] == 128
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    assert json.loads(printed(capsys, "show", "--json", "--config", str(path)))["model"]["d_model"] == 128


def test_options_lists_every_option_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "options").splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == [
        option.field for option in options_of(Config).values()
    ]


def test_options_of_one_section(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "options", "decode")
    assert "[decode]" in text
    assert "[model]" not in text
    assert "top_p sampling: only the likeliest words that add up to p" in [
        " ".join(line.split()) for line in text.splitlines()
    ]
    assert "                       (a number greater than 0 and at most 1; default 1.0)\n" in text


def test_an_unknown_section_is_refused_with_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "options", "modle"]) == 2
    assert capsys.readouterr().err == (
        "polyglass: error: unknown section modle; did you mean model? The sections are data, model, train, decode.\n"
    )


def test_presets_lists_what_each_sets(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "presets")
    assert max(map(len, text.splitlines())) <= 80
    assert [name for name in PRESETS if f"\n{name}: " not in f"\n{text}"] == []
    assert "model.d_model=128" in text


def test_config_without_an_action_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 2
    assert capsys.readouterr().err.startswith("polyglass config: error: the following arguments are required: ACTION\n")
