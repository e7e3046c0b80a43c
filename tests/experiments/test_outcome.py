"""results.json: what is written is what is read back, and what is not ours is refused in words."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.errors import DataError
from polyglass.experiments.figures import Axis, Bar, BarChart, HeatTable, LineChart, Mark, Point, Series, Table
from polyglass.experiments.outcome import (
    Finding,
    Outcome,
    Section,
    Setting,
    Verdict,
    joint_verdict,
    load_outcome,
    save_outcome,
    to_json,
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

LINE = Series("s", (Point(1, 0.1, None, 0.2),))
OUTCOME = Outcome(
    name="window",
    title="How far?",
    question="Does it?",
    findings=(Finding("The notes' claim", "confirmed", "It is.", "A rule."),),
    sections=(
        Section(
            "All kinds",
            ("Words.",),
            (
                LineChart(
                    "a",
                    "b",
                    Axis("x", scale="log"),
                    Axis("y", "share"),
                    (LINE,),
                    (Mark(1, "m"),),
                ),
                BarChart("a", "b", Axis("x"), (Bar("n", 1.5, 1.0, 2.0), Bar("m", None))),
                HeatTable("a", "b", "c", ("r",), ("1", "2"), ((0.5, None),)),
                Table("a", ("c", "d"), (("x", 1.0), ("y", None))),
            ),
        ),
    ),
    method=("So.",),
    settings=(Setting("seeds", "3"),),
    command="polyglass experiment window",
    signature="polyglass",
)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    assert load_outcome(save_outcome(tmp_path, OUTCOME)) == OUTCOME


@settings(deadline=None)  # each example writes a file, and waits for the disk
@given(value=FINITE, words=WORDS)
def test_every_number_and_text_survives(tmp_path_factory: pytest.TempPathFactory, value: float, words: str) -> None:
    chart = BarChart(words, words, Axis(words), (Bar(words, value, value, value),))
    outcome = replace(OUTCOME, title=words, sections=(Section(words, (), (chart,)),))
    assert load_outcome(save_outcome(tmp_path_factory.mktemp("out"), outcome)) == outcome


def test_the_verdict_stands_at_the_top_for_programs() -> None:
    assert '"schema": 1,\n "verdict": "confirmed",' in to_json(OUTCOME)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = save_outcome(tmp_path, OUTCOME)
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 2'), encoding="utf-8")
    with pytest.raises(DataError, match=r"must hold results of schema 1, but schema: .* Run the experiment again\."):
        load_outcome(path)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": 1, "verdict": "confirmed", "outcome": {}}'])
def test_a_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="must hold results of schema 1"):
        load_outcome(path)


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        (["confirmed", "confirmed"], "confirmed"),
        (["not confirmed here"], "not confirmed here"),
        (["confirmed", "not confirmed here"], "confirmed with a condition"),
        (["confirmed", "not decided yet"], "confirmed"),
        (["not decided yet"], "not decided yet"),
        ([], "not decided yet"),
    ],
)
def test_several_verdicts_become_one(verdicts: list[Verdict], joint: Verdict) -> None:
    assert joint_verdict(verdicts) == joint
