"""The benchmark of tags and placeholders runs, and judges as a person would."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from polyglass.bundle import save_bundle
from tiny_bundle import tiny_talker

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def markup(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import markup

    yield markup
    del sys.modules["markup"]


def test_even_a_model_that_knows_nothing_keeps_every_code(
    markup: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_bundle(tmp_path / "model", tiny_talker())
    words = [str(tmp_path / "model"), "--quick", "--json", str(tmp_path / "a.json"), "--method", "project"]
    monkeypatch.setattr(sys, "argv", ["markup.py", *words, "--method", "mask", "--method", "mask_tags"])
    assert markup.main() == 0
    report = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [row["method"] for row in report["results"]] == ["project", "mask", "mask_tags"]
    assert all(row["well_formed"] == row["complete"] == row["cases"] == 20 for row in report["results"])
    assert "100.0% well-formed" in capsys.readouterr().out


def test_the_reference_itself_is_judged_right(markup: Any) -> None:
    case = markup.Case("<b0>The old house</b0> %s", {"b0": ("Das", "alte", "Haus")}, {"%s": ("Haus", "")})
    right, wrong = markup.Result("right"), markup.Result("wrong")
    markup.judge(case, "<b0>Das alte Haus</b0> %s", False, right)
    assert (right.complete, right.tags_exact, right.placeholders_exact) == (1, 1, 1)
    markup.judge(case, "%s <b0>Das alte</b0> Haus", False, wrong)
    assert (wrong.complete, wrong.tags_placed, wrong.placeholders_placed) == (1, 0, 0)
    markup.judge(case, "<b0>Das alte Haus</b0>", False, wrong)
    markup.judge(case, "<b0>Das alte Haus %s", False, wrong)
    assert (wrong.well_formed, wrong.complete) == (2, 1)


def test_the_same_seed_makes_the_same_cases(markup: Any) -> None:
    assert markup.make_cases(10, 3) == markup.make_cases(10, 3) != markup.make_cases(10, 4)
