"""Records in, HTML out: charts as SVG without scripts that fill any width, each with its numbers as a table.

Lines differ in colour, dash and marker, so that no colour has to be told from another. The frame of a chart is
stretched to the room there is; markers and words keep their shape because they stand outside what is stretched.
"""

from collections.abc import Sequence

from polyglass.experiments.axes import BOX, Scale, fit, spell, spell_tick
from polyglass.experiments.figures import Bar, BarChart, Figure, HeatTable, LineChart, Point, Series, Table, Unit
from polyglass.training.markup import Html, join, tag

__all__ = ["draw", "spell"]

COLOURS = 6
MARKERS = (  # paths around 0 0: circle, square, triangle, diamond, triangle upside down, cross
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    "M-3.7 -3.7h7.4v7.4h-7.4z",
    "M0 -4.8L4.6 3.4H-4.6z",
    "M0 -5.2L5.2 0L0 5.2L-5.2 0z",
    "M0 4.8L4.6 -3.4H-4.6z",
    "M-4.4 -2h2.4v-2.4h4v2.4h2.4v4h-2.4v2.4h-4v-2.4h-2.4z",
)
DASHES = (None, "7 4", "2 4", "10 4 2 4", "4 3", "12 5")  # in screen pixels
MOST_MARKERS = 16
FEW_TICKS = 5


def draw(figure: Figure) -> Html:
    """Return a chart or table as one element, with its summary and its numbers."""
    match figure:
        case LineChart():
            return _line_chart(figure)
        case BarChart():
            return _bar_chart(figure)
        case HeatTable():
            return _heat_table(figure)
        case Table():
            return _plain_table(figure)


def number(value: float | None, unit: Unit) -> Html:
    """Return a value as people read it, with the exact one beside it for machines."""
    return tag("span", "-", class_="quiet") if value is None else tag("data", spell(value, unit), value=repr(value))


def _line_chart(chart: LineChart) -> Html:
    series = [(index, line) for index, line in enumerate(chart.series) if line.points]  # a place keeps its colour
    if not series:
        return _frame(chart.title, chart.summary, [tag("p", "Nothing was measured yet.", class_="quiet")])
    points = [point for _, line in series for point in line.points]
    x = fit(chart.x, [point.x for point in points] + [mark.x for mark in chart.marks], round_ends=False)
    ends = [end for point in points for end in (point.y, point.low, point.high) if end is not None]
    y = fit(chart.y, ends, round_ends=True)
    stretched = [_path([(0, BOX - y.place(tick)), (BOX, BOX - y.place(tick))], class_="grid") for tick in y.ticks()]
    stretched += [_path([(x.place(m.x), 0), (x.place(m.x), BOX)], class_="limit") for m in chart.marks]
    stretched += [_band(line, x, y, index) for index, line in series]
    stretched += [_line(line, x, y, index) for index, line in series]
    canvas = [tag("svg", *stretched, viewBox=f"0 0 {BOX:g} {BOX:g}", preserveAspectRatio="none")]
    canvas += [_marker(line, point, chart, (x, y), i) for i, line in series for point in _marked(line)]
    picture = tag("svg", *canvas, role="img", aria_label=f"{chart.title}. {chart.summary}")
    plot = tag("div", picture, *_labels(chart, x, y), class_="plot")
    return _frame(
        chart.title,
        chart.summary,
        [_legend(series), _axis_words(chart), plot, _numbers(chart, [line for _, line in series])],
    )


def _band(line: Series, x: Scale, y: Scale, index: int) -> Html:
    """Return the area between the ends of the intervals."""
    inside = [(point.x, point.low, point.high) for point in line.points if None not in (point.low, point.high)]
    if len(inside) < 2:
        return Html("")
    upper = [(x.place(at), BOX - y.place(high)) for at, _, high in inside if high is not None]
    lower = [(x.place(at), BOX - y.place(low)) for at, low, _ in inside if low is not None]
    return _path([*upper, *reversed(lower)], class_=f"band s{index % COLOURS}")


def _line(line: Series, x: Scale, y: Scale, index: int) -> Html:
    places = [(x.place(point.x), BOX - y.place(point.y)) for point in line.points]
    return _path(places, class_=f"line s{index % COLOURS}", dash=_dash(index))


def _marker(line: Series, point: Point, chart: LineChart, scales: tuple[Scale, Scale], index: int) -> Html:
    x, y = scales
    words = f"{line.name}, {spell(point.x, chart.x.unit)}: {_with_interval(point.y, point, chart.y.unit)}"
    shape = tag("path", tag("title", words), d=MARKERS[index % COLOURS], class_=f"marker s{index % COLOURS}")
    left, top = 100 * x.place(point.x) / BOX, 100 - 100 * y.place(point.y) / BOX
    return tag("svg", shape, x=f"{left:.2f}%", y=f"{top:.2f}%")


def _marked(line: Series) -> Sequence[Point]:
    every = -(-len(line.points) // MOST_MARKERS)
    return line.points[::every]


def _labels(chart: LineChart, x: Scale, y: Scale) -> list[Html]:
    """Return the words beside the axes and on the marks, placed in per cent of the frame."""
    labels = [
        tag("span", spell_tick(tick, chart.y.unit), class_="y", style=f"top:{100 - 100 * y.place(tick) / BOX:.2f}%")
        for tick in y.ticks()
    ]
    ticks = x.ticks()
    for place, tick in enumerate(ticks):
        # Counted from the end, every second label gives way where there is little room.
        spare = len(ticks) > FEW_TICKS and (len(ticks) - 1 - place) % 2
        labels.append(
            tag(
                "span",
                spell_tick(tick, chart.x.unit),
                class_="x spare" if spare else "x",
                style=f"left:{100 * x.place(tick) / BOX:.2f}%",
            )
        )
    for mark in chart.marks:
        left = 100 * x.place(mark.x) / BOX
        side = f"left:{left:.2f}%" if left < 50 else f"right:{100 - left:.2f}%"
        labels.append(tag("span", mark.words, class_="mark", style=side))
    return labels


def _axis_words(chart: LineChart) -> Html:
    scales = " (both axes are logarithmic)" if chart.x.scale == chart.y.scale == "log" else ""
    if not scales and "log" in (chart.x.scale, chart.y.scale):
        scales = f" ({'across' if chart.x.scale == 'log' else 'up'}: logarithmic)"
    bands = f" Shaded: {chart.interval}." if chart.interval else ""
    return tag("p", f"Up: {chart.y.label}. Across: {chart.x.label}{scales}.{bands}", class_="quiet small")


def _legend(series: Sequence[tuple[int, Series]]) -> Html:
    entries = []
    for index, line in series:
        colour = f"s{index % COLOURS}"
        stroke = _path([(0, 7), (34, 7)], class_=f"line {colour}", dash=_dash(index))
        shape = tag("path", d=MARKERS[index % COLOURS], class_=f"marker {colour}", transform="translate(17 7)")
        swatch = tag("svg", stroke, shape, viewBox="0 0 34 14", class_="swatch", aria_hidden="true")
        entries.append(tag("span", swatch, line.name))
    return tag("div", *entries, class_="legend")


def _numbers(chart: LineChart, series: Sequence[Series]) -> Html:
    """Return the table twin of a line chart: one row for each x, one column for each line."""
    xs = sorted({point.x for line in series for point in line.points})
    known = [{point.x: point for point in line.points} for line in series]
    head = tag("tr", tag("th", chart.x.label, scope="col"), *(_head(s.name) for s in series))
    rows = []
    for at in xs:
        cells = [_cell(points.get(at), chart.y.unit) for points in known]
        rows.append(tag("tr", tag("th", number(at, chart.x.unit), scope="row"), *cells))
    return _twin(tag("table", tag("caption", chart.y.label), tag("thead", head), tag("tbody", *rows)))


def _cell(point: Point | None, unit: Unit) -> Html:
    if point is None:
        return tag("td", number(None, unit), class_="number")
    return tag("td", number(point.y, unit), *_interval(point, unit), class_="number")


def _interval(value: Point | Bar, unit: Unit) -> list[Html]:
    if value.low is None or value.high is None:
        return []
    return [tag("small", " ", number(value.low, unit), " to ", number(value.high, unit))]


def _with_interval(value: float | None, ends: Point | Bar, unit: Unit) -> str:
    if value is None:
        return "not measured"
    if ends.low is None or ends.high is None:
        return spell(value, unit)
    return f"{spell(value, unit)} ({spell(ends.low, unit)} to {spell(ends.high, unit)})"


def _bar_chart(chart: BarChart) -> Html:
    ends = [end for bar in chart.bars for end in (bar.value, bar.high) if end is not None]
    scale = fit(chart.axis, [0.0, *ends], round_ends=False)
    rows = []
    for index, bar in enumerate(chart.bars):
        shapes = [tag("rect", x=0, y=0, width=BOX, height=BOX, class_="track")]
        if bar.value is not None:
            width = scale.place(bar.value)
            shapes.append(tag("rect", x=0, y=0, width=width, height=BOX, class_=f"bar s{index % COLOURS}"))
        if bar.low is not None and bar.high is not None:
            shapes.append(_path([(scale.place(bar.low), BOX / 2), (scale.place(bar.high), BOX / 2)], class_="whisker"))
        words = f"{bar.name}: {_with_interval(bar.value, bar, chart.axis.unit)}"
        box = f"0 0 {BOX:g} {BOX:g}"
        svg = tag("svg", *shapes, viewBox=box, preserveAspectRatio="none", role="img", aria_label=words)
        value = tag("td", number(bar.value, chart.axis.unit), *_interval(bar, chart.axis.unit), class_="number")
        rows.append(tag("tr", tag("th", bar.name, scope="row"), tag("td", svg, class_="bars"), value))
    whisker = f" The thin line is {chart.interval}." if chart.interval else ""
    words = tag("p", f"{chart.axis.label}.{whisker}", class_="quiet small")
    return _frame(chart.title, chart.summary, [words, tag("table", tag("tbody", *rows), class_="rows")])


def _heat_table(heat: HeatTable) -> Html:
    known = [value for row in heat.values for value in row if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    head = tag("tr", tag("th", heat.corner, scope="col"), *map(_head, heat.columns))
    rows = []
    for name, values in zip(heat.rows, heat.values, strict=True):
        cells = []
        for value in values:
            share = 0.0 if value is None or high == low else (value - low) / (high - low)
            shade = None if value is None else f"--heat:{100 * share:.0f}%"
            cells.append(tag("td", number(value, heat.unit), class_="number heat", style=shade))
        rows.append(tag("tr", tag("th", name, scope="row"), *cells))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="heat")
    return _frame(heat.title, heat.summary, [_scroll(table)])


def _plain_table(table: Table) -> Html:
    columns = list(zip(*table.rows, strict=True)) or [()] * len(table.columns)
    has_words = [any(isinstance(cell, str) for cell in column) for column in columns]
    names = zip(table.columns, has_words, strict=True)
    head = tag("tr", *(tag("th", name, scope="col") if words else _head(name) for name, words in names))
    rows = []
    for row in table.rows:
        first, *others = [tag("span", cell) if isinstance(cell, str) else number(cell, table.unit) for cell in row]
        cells = [
            tag("td", cell, class_=None if words else "number")
            for cell, words in zip(others, has_words[1:], strict=True)
        ]
        rows.append(tag("tr", tag("th", first, scope="row"), *cells))
    return _frame(table.title, "", [_scroll(tag("table", tag("thead", head), tag("tbody", *rows)))])


def _head(name: str) -> Html:
    """Return the head of a column of numbers."""
    return tag("th", name, scope="col", class_="number")


def _frame(title: str, summary: str, parts: Sequence[Html]) -> Html:
    words = tag("p", summary, class_="summary") if summary else Html("")
    return tag("figure", tag("figcaption", tag("h3", title)), words, *parts, class_="panel")


def _twin(table: Html) -> Html:
    return tag("details", tag("summary", "The numbers as a table"), _scroll(table))


def _scroll(table: Html) -> Html:
    return tag("div", table, class_="scroll", role="group", tabindex=0, aria_label="table")


def _dash(index: int) -> str | None:
    return DASHES[(index + index // COLOURS) % len(DASHES)]


def _path(places: Sequence[tuple[float, float]], *, class_: str, dash: str | None = None) -> Html:
    d = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    return tag("path", d=d, class_=class_, stroke_dasharray=dash)


def draw_all(figures: Sequence[Figure]) -> Html:
    """Return several figures, two in a row where there is room."""
    return tag("div", join(map(draw, figures)), class_="two")
