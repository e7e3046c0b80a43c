"""Charts: every number is in the table beside them, the markup is well formed, and nothing rests on colour alone."""

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.experiments.axes import fit, spell, spell_tick
from polyglass.experiments.charts import draw
from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, HeatTable, LineChart, Mark, Point, Series, Table

LINES = LineChart(
    "Recall",
    "The RNN forgets.",
    Axis("distance", scale="log", ticks=(1, 2, 4)),
    Axis("right", "share", low=0.0, high=1.0),
    (
        Series("RNN", (Point(1, 0.9, 0.85, 0.95), Point(2, 0.5, 0.4, 0.6), Point(4, 0.0625, 0.01, 0.1))),
        Series("LSTM", (Point(1, 1.0), Point(4, 0.75))),
    ),
    (Mark(2, "longest"),),
    "95 % interval",
)
BARS = BarChart("Half-life", "Short.", Axis("words"), (Bar("RNN", 7.5, 6.0, 9.0), Bar("LSTM", None), Bar("GRU", 9.0)))
HEAT = HeatTable("chrF", "Falls.", "model", ("RNN", "LSTM"), ("1", "2"), ((50.5, 20.25), (60.0, None)), "score")
PLAIN = Table("Sizes", ("model", "parameters", "note"), (("RNN", 18944.0, "small"), ("LSTM", None, "wide")))


def parsed(figure: Figure) -> ElementTree.Element:
    """Parse a figure as XML, which is stricter than HTML."""
    return ElementTree.fromstring(str(draw(figure)))


def numbers(figure: Figure) -> list[float]:
    """Every number that a machine finds in the tables, in their order."""
    return [float(element.get("value") or "nan") for element in parsed(figure).iter("data")]


def test_the_table_of_a_line_chart_has_every_number_of_its_data() -> None:
    #               x    RNN               LSTM
    assert numbers(LINES) == [
        *(1, 0.9, 0.85, 0.95, 1.0),
        *(2, 0.5, 0.4, 0.6),
        *(4, 0.0625, 0.01, 0.1, 0.75),
    ]


def test_the_tables_of_other_figures_have_every_number_of_their_data() -> None:
    assert numbers(BARS) == [7.5, 6.0, 9.0, 9.0]
    assert numbers(HEAT) == [50.5, 20.25, 60.0]
    assert numbers(PLAIN) == [18944.0]


def test_what_was_not_measured_is_told_from_zero() -> None:
    for figure in (BARS, HEAT, PLAIN):
        assert [element.text for element in parsed(figure).iter("span") if element.get("class") == "quiet"] == ["-"]


@pytest.mark.parametrize("figure", [LINES, BARS, HEAT, PLAIN], ids=lambda figure: figure.kind)
def test_each_figure_has_its_title_and_its_sentence(figure: Figure) -> None:
    words = "".join(parsed(figure).itertext())
    assert figure.title in words
    assert getattr(figure, "summary", "") in words


def test_a_picture_is_named_for_those_who_do_not_see_it() -> None:
    names = [element.get("aria-label") for element in parsed(LINES).iter("svg") if element.get("role") == "img"]
    assert names == ["Recall. The RNN forgets."]


def test_lines_differ_in_more_than_colour() -> None:
    many = tuple(Series(f"model {number}", (Point(1, number), Point(2, number))) for number in range(12))
    drawn = parsed(LineChart("Many", "Twelve.", Axis("x"), Axis("y"), many))
    legend = next(element for element in drawn.iter("div") if element.get("class") == "legend")
    looks = [
        tuple((path.get("class"), path.get("stroke-dasharray"), path.get("d")) for path in swatch.iter("path"))
        for swatch in legend.iter("svg")
    ]
    assert len(set(looks)) == 12
    without_colour = [tuple((dash, shape) for _, dash, shape in look) for look in looks]
    assert len(set(without_colour)) == 12


def test_a_line_keeps_its_colour_while_another_has_no_points_yet() -> None:
    only_second = LineChart("x", "y", LINES.x, LINES.y, (Series("RNN", ()), LINES.series[1]))
    classes = {path.get("class") for path in parsed(only_second).iter("path")}
    assert "line s1" in classes
    assert "line s0" not in classes


def test_a_chart_without_points_says_so() -> None:
    assert "Nothing was measured yet." in "".join(parsed(LineChart("x", "y", LINES.x, LINES.y, ())).itertext())


def test_points_lie_where_their_values_are() -> None:
    """On a log axis 2 is halfway between 1 and 4; shares run from 0 at the bottom to 1 at the top."""
    drawn = parsed(LINES)
    line = next(
        path for path in drawn.iter("path") if path.get("class") == "line s0" and path.get("d", "").count("L") == 2
    )
    assert line.get("d") == "M0 100L500 500L1000 937.5"


def test_text_cannot_become_markup() -> None:
    attack = "<script>alert(1)</script>"
    figure = LineChart(attack, attack, Axis(attack), Axis(attack), (Series(attack, (Point(1, 1), Point(2, 2))),))
    assert not list(parsed(figure).iter("script"))


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (12345.6, "number", "12,346"),
        (0.03141, "number", "0.0314"),
        (7.0, "number", "7"),
        (0.0, "number", "0"),
        (3.2e-9, "number", "3.2e-9"),
        (0.8731, "share", "87.3%"),
        (1.0, "share", "100%"),
        (2e-7, "share", "2e-7"),
        (36.54, "score", "36.5"),
        (0.0124, "seconds", "12.4 ms"),
        (3.41e-5, "seconds", "34.1 µs"),
        (2.5, "seconds", "2.50 s"),
        (math.nan, "number", "?"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: str, words: str) -> None:
    assert spell(value, unit) == words  # type: ignore[arg-type]


def test_values_beside_an_axis_are_short() -> None:
    assert [spell_tick(value, "share") for value in (0.2, 1.0, 0.125)] == ["20%", "100%", "12.5%"]
    assert spell_tick(0.01, "seconds") == "10 ms"


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=20), st.sampled_from(["linear", "log"]), st.booleans())
def test_every_value_and_every_tick_lies_inside_the_frame(
    values: Sequence[float], scale: str, round_ends: bool
) -> None:
    found = fit(Axis("x", scale=scale), values, round_ends=round_ends)  # type: ignore[arg-type]
    assert all(0 <= found.place(value) <= 1000 for value in values)
    room = 1e-6 * (found.high - found.low)
    assert all(found.low - room <= tick <= found.high + room for tick in found.ticks())
    assert len(found.ticks()) <= 8
    assert [found.place(value) for value in sorted(values)] == sorted(found.place(value) for value in values)


def test_no_figure_uses_a_class_that_the_style_sheet_does_not_know() -> None:
    from polyglass.experiments.style import STYLE

    elements = [element for figure in (LINES, BARS, HEAT, PLAIN) for element in parsed(figure).iter()]
    used = {name for element in elements for name in (element.get("class") or "").split()}
    assert {name for name in used if not re.search(rf"\.{name}\b", STYLE)} <= {"x", "y", "line", "summary"}
