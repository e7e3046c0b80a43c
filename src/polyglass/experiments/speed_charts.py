"""The charts and tables of `speed`."""

from collections.abc import Mapping, Sequence

from polyglass.config import TransformerConfig
from polyglass.experiments.axes import spell
from polyglass.experiments.families import Family
from polyglass.experiments.figures import Axis, Bar, BarChart, LineChart, Point, Series, Table
from polyglass.experiments.flops import Shape, attention_flops, forward_flops
from polyglass.experiments.intervals import growth, median_interval
from polyglass.experiments.speed_cells import Model
from polyglass.experiments.speed_found import Cells, Found, Plan
from polyglass.experiments.speed_verdict import Gain

MEDIAN = "95 % interval of the median (order statistics; all values where there are fewer than six)"
TOKENS = "tokens in source and target each"
FIT_FROM = 3  # the exponent of attention is fitted to the longest three lengths, where nothing else counts
SHARE_LENGTHS = (16, 64, 256, 1024, 4096)


def speed_chart(title: str, cells: Mapping[str, Cells], *, across: str) -> LineChart:
    """Draw tokens a second. cells: what people call a family -> x -> values."""
    series, words = [], []
    for label, values in cells.items():
        points = tuple(Point(x, *median_interval(ys)) for x, ys in values.items())
        series.append(Series(label, points))
        if points:
            ends = [spell(point.y, "number") for point in (points[0], points[-1])]
            words.append(f"{label} {ends[0]} and {ends[-1]}")
    xs = sorted({point.x for line in series for point in line.points})
    span = f"at {xs[0]:,.0f} and at {xs[-1]:,.0f}" if xs else ""
    return LineChart(
        title,
        f"Target tokens a second {span}: {'; '.join(words) or 'not measured yet'}.",
        Axis(across, scale="log", ticks=tuple(xs)),
        Axis("target tokens a second", scale="log"),
        tuple(series),
        interval=MEDIAN,
    )


def steps_chart(found: Found, families: Sequence[Family]) -> LineChart:
    """Draw how many matrix products must wait for each other."""
    series, words = [], []
    for family in families:
        steps = found.steps(family.name)
        series.append(Series(family.label, tuple(Point(x, y) for x, y in steps.items())))
        if len(steps) > 1:
            words.append(f"{family.label} {growth(list(steps), list(steps.values())):.2f}")
    xs = sorted({point.x for line in series for point in line.points})
    return LineChart(
        "Matrix products one after another, in one forward pass",
        f"They grow with the length to the power of: {', '.join(words) or 'not measured yet'}.",
        Axis(TOKENS, scale="log", ticks=tuple(xs)),
        Axis("matrix products, counted by the profiler", scale="log"),
        tuple(series),
    )


def gain_chart(gain: Gain, families: Sequence[Family]) -> BarChart:
    """Draw how much faster training gets with more parallel hardware."""
    bars = tuple(
        Bar(family.label, gain.times(family.name), *gain.ends(family.name))
        for family in families
        if family.name in gain.slow and family.name in gain.fast
    )
    words = ", ".join(f"{bar.name} {bar.value:.2f}" for bar in bars if bar.value is not None)
    return BarChart(
        "What parallel hardware wins",
        f"{gain.words}, how many times faster is training? {words}.",
        Axis("times faster", low=0.0),
        bars,
        "as far as both medians can be apart (95 %)",
    )


def attention_chart(found: Found, plan: Plan, device: str) -> LineChart:
    """Draw the time of attention alone, with the exponent of its growth."""
    cells = found.cells("attention", device, "attention")
    points = tuple(Point(x, *median_interval(ys)) for x, ys in cells.items())
    fitted = points[-FIT_FROM:]
    words = "Not measured yet."
    if len(fitted) > 1:
        exponent = growth([point.x for point in fitted], [point.y for point in fitted])
        words = (
            f"From {fitted[0].x:,.0f} to {fitted[-1].x:,.0f} tokens the time grows with the length to the power of "
            f"{exponent:.2f}; the number of products grows with the power of 2."
        )
    return LineChart(
        f"Attention alone ({plan.devices[device]})",
        words,
        Axis("tokens", scale="log", ticks=tuple(cells)),
        Axis("time of one forward pass", "seconds", "log"),
        (Series("attention", points),),
        interval=MEDIAN,
    )


def attention_share(models: Sequence[Model]) -> Table:
    """Return how large a part of a Transformer's operations is attention, by formula."""
    rows: list[tuple[str | float | None, ...]] = []
    for model in [model for model in models if model.family.heads][:1]:
        for length in SHARE_LENGTHS:
            config, shape = model.config(longest=length).model, Shape(1, length, length)
            assert isinstance(config, TransformerConfig)
            whole = forward_flops(config, shape, vocabulary=model.vocabulary)
            rows.append((f"{length:,} tokens", attention_flops(config, shape) / whole))
    return Table(
        "Attention's share of the operations of a forward pass", ("length", "share"), tuple(rows), unit="share"
    )


def sizes_table(plan: Plan) -> Table:
    """Return how large the models are."""
    rows: list[tuple[str | float | None, ...]] = []
    for equal, models in (("parameters", plan.parameters), ("operations", plan.operations)):
        for model in models:
            flops = model.flops_per_token(64)
            rows.append((equal, model.family.label, float(model.width), float(model.parameters()), flops))
    columns = ("equal", "model", "width", "parameters", "operations for a token, forward")
    return Table("Sizes", columns, tuple(rows))
