"""Numbers in, charts out: SVG without scripts that fills any width. Labels are HTML, so they keep their size."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from polyglass.training.markup import Html, join, tag
from polyglass.training.wording import count

Point: TypeAlias = tuple[float, float]
MOST_POINTS = 240  # of one line; more cannot be told apart on a screen
BOX = 1000.0  # the drawing's own units, stretched to the frame in both directions


@dataclass(frozen=True)
class Line:
    """One curve. colour: a class of the style sheet. dots: mark each point and name it when pointed at."""

    name: str
    points: tuple[Point, ...]
    colour: Literal["first", "second"]
    dots: bool = False


@dataclass(frozen=True)
class _Frame:
    """Which part of the plane is shown."""

    left: float
    right: float
    bottom: float
    top: float

    def x(self, value: float) -> float:
        return round(BOX * (value - self.left) / (self.right - self.left), 1)

    def y(self, value: float) -> float:
        inside = min(self.top, max(self.bottom, value))
        return round(BOX * (self.top - inside) / (self.top - self.bottom), 1)


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    spell: Callable[[float], str],
    from_zero: bool = False,
    best_step: int | None = None,
    last_step: int = 0,
) -> Html:
    """Draw curves over the training steps. spell writes a value of the vertical axis.

    best_step: where the kept model stands. last_step: how far the axis goes at least. Values that are not finite are
    left out; a chart without any says so.
    """
    known = [Line(line.name, _finite(line.points), line.colour, line.dots) for line in lines]
    known = [line for line in known if line.points]
    if not known:
        return _figure(title, Html(""), tag("p", "Nothing was recorded yet.", class_="quiet"))
    frame, ticks = _frame(known, from_zero=from_zero, last_step=last_step)
    shapes = [_grid(frame, ticks)]
    if best_step is not None:
        shapes.append(_stroke([(best_step, frame.bottom), (best_step, frame.top)], frame, class_="best"))
    for line in known:
        shapes += _curve(line, frame, spell)
    labels = [
        *(_label("y", _short(spell(tick)), top=100 * frame.y(tick) / BOX) for tick in ticks),
        *(
            _label("x", count(tick), left=100 * frame.x(tick) / BOX)
            for tick in _round_values(frame.left, frame.right, _round_step(frame.left, frame.right))
        ),
    ]
    words = "; ".join(f"{line.name}: {spell(line.points[-1][1])} at step {count(line.points[-1][0])}" for line in known)
    plot = tag("div", _svg(shapes, f"{title}. At the end {words}."), *labels, class_="plot")
    return _figure(title, _legend(known, spell, best_step), plot)


def bar_rows(rows: Sequence[tuple[str, float, str]], *, largest: float) -> Html:
    """Draw horizontal bars, each with its name and its value in words; `largest` fills the row."""
    drawn = []
    for name, value, words in rows:
        width = BOX * min(1.0, max(0.0, value / largest)) if largest > 0 and math.isfinite(value) else 0.0
        bar = tag("rect", x=0, y=0, width=round(width, 1), height=BOX, class_="bar")
        track = tag("rect", x=0, y=0, width=BOX, height=BOX, class_="track")
        cells = [
            tag("th", name, scope="row"),
            tag("td", _svg([track, bar], f"{name}: {words}"), class_="bars"),
            tag("td", words, class_="number"),
        ]
        drawn.append(tag("tr", *cells))
    return tag("table", *drawn, class_="rows")


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> tuple[Point, ...]:
    """Return at most `most` points: the means of neighbours, which show the course without the noise."""
    known = _finite(points)
    parts = min(len(known), most)
    groups = [known[part * len(known) // parts : (part + 1) * len(known) // parts] for part in range(parts)]
    return tuple((near[-1][0], math.fsum(y for _, y in near) / len(near)) for near in groups)


def _finite(points: Sequence[Point]) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in points if math.isfinite(x) and math.isfinite(y))


def _frame(lines: Sequence[Line], *, from_zero: bool, last_step: int) -> tuple[_Frame, list[float]]:
    xs = [x for line in lines for x, _ in line.points]
    ys = sorted(y for line in lines for _, y in line.points)
    # One update that went wild must not press the rest of the curve flat: it is drawn at the edge.
    high = ys[min(len(ys) - 1, math.ceil(0.995 * len(ys)))]
    low = 0.0 if from_zero else ys[0]
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):  # one value: give it room
        high = low + (abs(low) if abs(low) > 1e-12 else 1.0)
    step = _round_step(low, high)
    bottom, top = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
    left, right = min(0.0, *xs), max(last_step, *xs)
    return _Frame(left, right if right > left else left + 1, bottom, top), _round_values(bottom, top, step)


def _round_step(low: float, high: float) -> float:
    """Return 1, 2 or 5 times a power of ten that cuts the way from low to high into 2 to 4 parts."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _round_values(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _grid(frame: _Frame, ticks: Sequence[float]) -> Html:
    return join(_stroke([(frame.left, tick), (frame.right, tick)], frame, class_="grid") for tick in ticks)


def _curve(line: Line, frame: _Frame, spell: Callable[[float], str]) -> list[Html]:
    shapes = [_stroke(line.points, frame, class_=f"line {line.colour}")]
    if line.dots or len(line.points) == 1:
        for x, y in line.points:  # a line of no length with round ends: a dot that stretching does not flatten
            name = tag("title", f"{line.name} {spell(y)} at step {count(x)}")
            shapes.append(_stroke([(x, y), (x, y)], frame, class_=f"dot {line.colour}", inside=name))
    return shapes


def _stroke(points: Sequence[Point], frame: _Frame, *, class_: str, inside: str = "") -> Html:
    path = "M" + "L".join(f"{frame.x(x):g} {frame.y(y):g}" for x, y in points)
    return tag("path", inside, d=path, class_=class_)


def _svg(shapes: Sequence[Html], words: str) -> Html:
    box = f"0 0 {BOX:g} {BOX:g}"
    return tag("svg", *shapes, viewBox=box, preserveAspectRatio="none", role="img", aria_label=words)


def _short(words: str) -> str:
    """Leave out a zero after the point: "40.0" and "5.0e-4" on an axis are 40 and 5e-4."""
    return words.replace(".0e", "e").removesuffix(".0")


def _label(axis: str, words: str, **place: float) -> Html:
    (side, share), *_ = place.items()
    return tag("span", words, class_=axis, style=f"{side}:{share:.2f}%", aria_hidden="true")


def _legend(lines: Sequence[Line], spell: Callable[[float], str], best_step: int | None) -> Html:
    entries = [
        tag("span", tag("i", class_=line.colour), f"{line.name} ", tag("b", spell(line.points[-1][1])))
        for line in lines
    ]
    if best_step is not None:
        entries.append(tag("span", tag("i", class_="best"), f"best, step {count(best_step)}"))
    return tag("div", *entries, class_="legend")


def _figure(title: str, legend: Html, body: Html) -> Html:
    return tag("figure", tag("figcaption", tag("h3", title), legend), body, class_="panel")
