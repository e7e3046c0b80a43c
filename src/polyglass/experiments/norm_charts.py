"""The charts and tables of `norm`."""

from collections.abc import Sequence

from polyglass.experiments.axes import spell
from polyglass.experiments.figures import Axis, HeatTable, LineChart, Mark, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.norm_trials import (
    BOUND,
    DIVERGED,
    END,
    FIRST_GRADIENT,
    HELD_OUT,
    HELD_OUT_BATCH,
    LOSS,
    STABLE,
    Effort,
    Variant,
)
from polyglass.experiments.norm_verdict import CAP, Tried, spell_rate
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import INTERVAL, score_points
from polyglass.experiments.window_trials import BLEU, CHRF, SECONDS

NO_BREAK = "\u00a0"
SEEDS = "95 % interval of the mean over the seeds (Student's t)"


class Charts:
    """The figures of the finished trials."""

    def __init__(self, results: Results, variants: Sequence[Variant], effort: Effort) -> None:
        self._results, self._variants, self._effort = results, variants, effort

    def curves(self, title: str, variants: Sequence[Variant]) -> LineChart:
        """Draw the losses of whole trainings."""
        series, ends = [], []
        for variant in self._variants:  # each keeps its place, and so its colour
            curve = self._results.values("train", variant.name, LOSS) if variant in variants else {}
            points = [Point(x, *mean_interval(ys, low=0.0, high=CAP)) for x, ys in curve.items()]
            series.append(Series(variant.label, tuple(points)))
            if points:
                ends.append(f"{variant.label} {points[-1].y:.2f}")
        return LineChart(
            title,
            f"Loss at the end: {'; '.join(ends) or 'not measured yet'}.",
            Axis("update"),
            Axis("loss of training, nats per token"),
            tuple(series),
            interval=SEEDS if self._results.repeats("train") > 1 else "",
        )

    def ends(self, title: str, variants: Sequence[Variant]) -> LineChart:
        """Draw where short runs ended, by learning rate."""
        series, best = [], []
        for variant in self._variants:
            curve = self._results.values("rates", variant.name, END) if variant in variants else {}
            points = [Point(x, *mean_interval(ys, low=0.0, high=CAP)) for x, ys in curve.items()]
            series.append(Series(variant.label, tuple(points)))
            if points:
                lowest = min(points, key=lambda point: point.y)
                best.append(f"{variant.label} {lowest.y:.2f} at {lowest.x:g}")
        bound = [self._results.values("rates", variant.name, BOUND).get(0, [None])[0] for variant in variants]
        known = f" Knowing word counts alone gives {bound[0]:.2f}." if bound and bound[0] is not None else ""
        return LineChart(
            title,
            f"Lowest: {'; '.join(best) or 'not measured yet'}.{known}",
            Axis("learning rate", scale="log", ticks=self._effort.rates),
            Axis("loss at the end, nats per token"),
            tuple(series),
            (Mark(self._effort.rate, "rate of the trainings"),),
            SEEDS if self._results.repeats("rates") > 1 else "",
        )

    def stable(self) -> HeatTable:
        """Return how many runs are stable, by norm and rate."""
        rows = []
        for variant in self._variants:
            found = self._results.values("rates", variant.name, STABLE)
            means = [sum(found[rate]) / len(found[rate]) if rate in found else None for rate in self._effort.rates]
            rows.append(tuple(means))
        return HeatTable(
            "Share of runs that are stable",
            "By norm and learning rate, over the seeds.",
            "norm",
            tuple(map(_row, self._variants)),
            tuple(f"{rate:g}" for rate in self._effort.rates),
            tuple(rows),
            "share",
        )

    def highest(self, tried: Sequence[Tried]) -> Table:
        """Return the largest stable rate of each norm."""
        rows: list[tuple[str | float | None, ...]] = []
        for variant, one in zip(self._variants, tried, strict=True):
            if one.stable:
                rows.append((_row(variant), spell_rate(one.highest), spell(one.share_stable, "share")))
        columns = ("norm", "largest stable rate (median of the seeds)", "stable runs")
        return Table("Largest stable learning rate", columns, tuple(rows))

    def scores(self) -> Table:
        """Return the scores of whole trainings, with their intervals."""
        rows: list[tuple[str | float | None, ...]] = []
        for variant in self._measured():
            diverged = self._results.values("train", variant.name, DIVERGED).get(0, [])
            cells = (self._spelt(variant, CHRF), self._spelt(variant, BLEU))
            rows.append((_row(variant), *cells, f"{sum(diverged):.0f} of {len(diverged)}"))
        return Table(f"Held-out sentences ({INTERVAL})", ("norm", CHRF, BLEU, "diverged"), tuple(rows))

    def losses(self) -> Table:
        """Return the held-out losses of whole trainings, and what they began with and cost."""
        rows: list[tuple[str | float | None, ...]] = []
        for variant in self._measured():
            cells = []
            for what, digits in ((HELD_OUT, 2), (HELD_OUT_BATCH, 2), (FIRST_GRADIENT, 1), (SECONDS, 0)):
                values = self._results.values("train", variant.name, what).get(0)
                cells.append(f"{sum(values) / len(values):.{digits}f}" if values else "-")
            rows.append((_row(variant), *cells))
        columns = ("norm", "running statistics", "those of the batch", "first gradient", SECONDS)
        return Table("Held-out loss, nats per token", columns, tuple(rows))

    def _measured(self) -> list[Variant]:
        return [variant for variant in self._variants if self._results.of("train", variant.name)]

    def _spelt(self, variant: Variant, name: str) -> str:
        points = score_points(self._results, "train", variant.name, name)
        if not points:
            return "-"
        point = points[0]
        ends = "" if point.low is None or point.high is None else f" ({point.low:.1f} to {point.high:.1f})"
        return f"{point.y:.1f}{ends}".replace(" ", NO_BREAK)


def _row(variant: Variant) -> str:
    """Return the name of a variant for a narrow column."""
    return variant.label.replace(", p", f",{NO_BREAK}p").replace("no ", f"no{NO_BREAK}")
