"""The numbers of charts and tables as plain records: what results.json keeps and `charts.py` draws.

A chart carries its title and one sentence that says what it shows, so that nobody has to see it to know it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Unit = Literal["number", "share", "seconds", "score"]
"""How a value is written: 1,240 or 0.031; a share of one as 87.3%; seconds as 12 ms or 3.4 s; a score as 36.5."""


@dataclass(frozen=True)
class Axis:
    """One axis. ticks: the values to write beside it; empty: chosen from the data. low, high: where it must reach."""

    label: str
    unit: Unit = "number"
    scale: Literal["linear", "log"] = "linear"
    ticks: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """One measured value y at x, with its interval if there is one (low <= y <= high)."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """One line of a chart. Points are sorted by x."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Mark:
    """A vertical line at x with a word for it, such as "longest in training"."""

    x: float
    words: str


@dataclass(frozen=True)
class LineChart:
    """Lines over a common axis, with bands where the points have intervals. interval: what a band is, in words."""

    title: str
    summary: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    interval: str = ""
    kind: Literal["lines"] = "lines"


@dataclass(frozen=True)
class Bar:
    """One value with its interval if there is one. value: None where nothing was measured yet."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars from zero (values must not be negative), with whiskers where there are intervals."""

    title: str
    summary: str
    axis: Axis
    bars: tuple[Bar, ...]
    interval: str = ""
    kind: Literal["bars"] = "bars"


@dataclass(frozen=True)
class HeatTable:
    """A table whose cells are shaded by their value. values: a row for each of `rows`; None: not measured."""

    title: str
    summary: str
    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    unit: Unit = "number"
    kind: Literal["heat"] = "heat"


@dataclass(frozen=True)
class Table:
    """A plain table. Numbers are written as `unit` says, texts as they are; None: not measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    unit: Unit = "number"
    kind: Literal["table"] = "table"


Figure: TypeAlias = LineChart | BarChart | HeatTable | Table
