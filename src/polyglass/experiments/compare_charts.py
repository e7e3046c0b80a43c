"""Results in, figures out: scores, learning curves over time and over text read, scores by length, and what it costs.

A curve is the mean over the seeds of a contestant that have ended well; while none has, its present run. So a line
does not jump where a second seed is only half way.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from polyglass.experiments.compare_record import ContestantRecord, LengthRecord, Results, RunRecord
from polyglass.experiments.compare_runs import Judged, Moment
from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, LineChart, Point, Series, Unit

SEEDS = "from the lowest to the highest seed"
SENTENCES = "the 95 % interval for the choice of test sentences"
FEWEST = 10  # sentences in a group that is drawn
Look = Callable[[Judged | Moment], float]


def score_charts(results: Results) -> list[Figure]:
    """Return BLEU and chrF of each contestant."""
    return [_score_chart(results, "bleu", "BLEU"), _score_chart(results, "chrf", "chrF2")]


def _score_chart(results: Results, metric: str, label: str) -> BarChart:
    bars = []
    for one in results.contestants:
        spread = one.score(metric)
        bars.append(Bar(one.name, spread.mean, spread.low, spread.high) if spread else Bar(one.name, None))
    best = max(((bar.value, bar.name) for bar in bars if bar.value is not None), default=None)
    summary = f"{best[1]} has the highest {label}, {best[0]:.1f}." if best else "No run has been scored yet."
    return BarChart(
        title=f"{label} on the test set",
        summary=summary,
        axis=Axis(f"{label}, mean over seeds", "score", low=0.0),
        bars=tuple(bars),
        interval=SENTENCES,
    )


def curve_charts(results: Results) -> list[Figure]:
    """Return losses and chrF against training time and against target tokens."""
    time, text = Axis("training time", "seconds"), Axis("target tokens read", "number")
    seconds: Look = lambda at: at.seconds  # noqa: E731
    tokens: Look = lambda at: float(at.tokens)  # noqa: E731
    loss = Axis("nats for each target token", "number")
    judged, moments = (lambda run: run.validation), (lambda run: run.training)
    by_loss: Look = lambda at: at.loss  # noqa: E731
    by_chrf: Look = lambda at: getattr(at, "chrf", math.nan)  # noqa: E731
    return [
        _curves(results, ("Validation loss against time", time, loss), judged, seconds, by_loss),
        _curves(results, ("Validation loss against text read", text, loss), judged, tokens, by_loss),
        _curves(results, ("Validation chrF against time", time, Axis("chrF2", "score")), judged, seconds, by_chrf),
        _curves(results, ("Validation chrF against text read", text, Axis("chrF2", "score")), judged, tokens, by_chrf),
        _curves(results, ("Training loss against time", time, loss), moments, seconds, by_loss),
        _curves(results, ("Training loss against text read", text, loss), moments, tokens, by_loss),
    ]


def _curves(
    results: Results,
    frame: tuple[str, Axis, Axis],
    points: Callable[[RunRecord], Sequence[Judged | Moment]],
    x: Look,
    y: Look,
) -> LineChart:
    title, across, up = frame
    series = tuple(Series(one.name, _mean_points(shown_runs(one), points, x, y)) for one in results.contestants)
    ends = [(line.points[-1].y, line.name) for line in series if line.points]
    summary = "Nothing was measured yet."
    if ends:
        word = "lowest" if "loss" in title else "highest"
        value, name = min(ends) if word == "lowest" else max(ends)
        summary = (
            f"At its end {name} has the {word} value, {value:.3g}." if len(ends) > 1 else f"{name} ends at {value:.3g}."
        )
    return LineChart(title, summary, across, up, series, interval=SEEDS if _has_bands(series) else "")


def shown_runs(one: ContestantRecord) -> tuple[RunRecord, ...]:
    """Return the runs that a curve is drawn from."""
    return one.done or tuple(run for run in one.runs if run.steps)[:1]


def _mean_points(
    runs: Sequence[RunRecord], points: Callable[[RunRecord], Sequence[Judged | Moment]], x: Look, y: Look
) -> tuple[Point, ...]:
    """Return the mean of the runs at each step that all of them have, with the lowest and the highest."""
    by_step = [{at.step: at for at in points(run) if math.isfinite(y(at))} for run in runs]
    if not by_step:
        return ()
    common = sorted(set.intersection(*map(set, by_step)))
    found = []
    for step in common:
        here = [run[step] for run in by_step]
        values = [y(at) for at in here]
        ends = (min(values), max(values)) if len(values) > 1 else (None, None)
        found.append(Point(fmean(x(at) for at in here), fmean(values), *ends))
    return tuple(found)


def _has_bands(series: Iterable[Series]) -> bool:
    return any(point.low is not None for line in series for point in line.points)


def length_charts(results: Results) -> list[Figure]:
    """Return BLEU and chrF by the length of the source."""
    return [_length_chart(results, "bleu", "BLEU"), _length_chart(results, "chrf", "chrF2")]


def _length_chart(results: Results, metric: str, label: str) -> LineChart:
    def point(bucket: LengthRecord) -> Point:
        low, high = getattr(bucket, f"{metric}_low"), getattr(bucket, f"{metric}_high")
        return Point(bucket.mean_length, *_ordered(getattr(bucket, metric), low, high))

    series = tuple(Series(one.name, tuple(map(point, _large(one.lengths)))) for one in results.contestants)
    some = next((one.lengths for one in results.contestants if one.lengths), ())
    unit = some[0].unit if some else "words"
    summary = "No run has been scored yet."
    if shown := _large(some):
        counts = ", ".join(f"{bucket.sentences:,}" for bucket in shown)
        summary = f"Sentences in each group, from short to long: {counts}."
        if len(shown) < len(some):
            summary += f" Groups of fewer than {FEWEST} sentences are left out."
    return LineChart(
        title=f"{label} by length of the source",
        summary=summary,
        x=Axis(f"{unit} in the source, mean of a group", "number"),
        y=Axis(label, "score"),
        series=series,
        interval=SENTENCES,
    )


def _large(buckets: Sequence[LengthRecord]) -> list[LengthRecord]:
    return [bucket for bucket in buckets if bucket.sentences >= FEWEST]


def _ordered(value: float, low: float, high: float) -> tuple[float, float, float]:
    """Return a value and its interval; the score of few sentences may lie outside of what was drawn."""
    return value, min(low, value), max(high, value)


def cost_charts(results: Results) -> list[Figure]:
    """Return what each contestant takes: time, memory, size."""
    return [
        _cost(results, "Training speed", "target tokens a second, without padding", lambda run: run.tokens_per_second),
        _cost(
            results,
            "Waiting for one sentence",
            f"median time of a validation sentence translated by itself, on {results.device}",
            lambda run: None if run.latency_median_ms is None else run.latency_median_ms / 1000,
            unit="seconds",
        ),
        _cost(
            results,
            "Translating a whole file",
            f"test sentences a second, in batches, on {results.device}",
            lambda run: run.sentences_per_second,
        ),
        _cost(
            results,
            "Memory while training",
            "most megabytes of the whole process, Python and its libraries included",
            lambda run: None if run.memory_peak is None else run.memory_peak / 1e6,
        ),
    ]


def _cost(
    results: Results, title: str, label: str, measure: Callable[[RunRecord], float | None], *, unit: Unit = "number"
) -> BarChart:
    bars = []
    for one in results.contestants:
        values = [value for run in one.done if (value := measure(run)) is not None]
        ends = (min(values), max(values)) if len(values) > 1 else (None, None)
        bars.append(Bar(one.name, fmean(values), *ends) if values else Bar(one.name, None))
    return BarChart(title, "", Axis(label, unit, low=0.0), tuple(bars), interval=SEEDS if results.seeds > 1 else "")
