"""What `ablation` says about the root in the scores: how sharp the softmax is without it, and what that does."""

from math import exp
from statistics import mean

from polyglass.experiments import ablation_rows as rows
from polyglass.experiments.ablation_root import Sharpness
from polyglass.experiments.ablation_table import Table
from polyglass.experiments.ablation_trials import (
    ENTROPY,
    GRADIENT,
    KEY_SIZES,
    LARGEST,
    ROOT,
    ROW,
    VARIANCE,
    WITH,
    WITHOUT,
)
from polyglass.experiments.axes import spell
from polyglass.experiments.figures import Axis, Figure, LineChart, Point, Series
from polyglass.experiments.figures import Table as Figures
from polyglass.experiments.heads_trials import TRAINING_LOSS
from polyglass.experiments.outcome import Section
from polyglass.experiments.results import Results
from polyglass.experiments.short_text import SMALL

TRAINED = (rows.BASE, rows.NO_ROOT, rows.ONE_HEAD, rows.ONE_HEAD_NO_ROOT)


def measured_sharpness(results: Results, d_k: float) -> tuple[Sharpness, Sharpness] | None:
    """Return how sharp rows are at one width, with the root and without; None while it is not measured."""
    known = {
        (what, name): results.values(ROOT, ROOT, f"{what}, {name}").get(d_k, [])
        for what in (VARIANCE, ENTROPY, LARGEST, GRADIENT)
        for name in (WITH, WITHOUT)
    }
    if not all(known.values()):
        return None
    scaled, plain = (
        Sharpness(*(known[what, name][0] for what in (VARIANCE, ENTROPY, LARGEST, GRADIENT)))
        for name in (WITH, WITHOUT)
    )
    return scaled, plain


class RootReport:
    """The part of the page about the root."""

    def __init__(self, results: Results, table: Table) -> None:
        self._results, self._table = results, table

    def sections(self) -> tuple[Section, ...]:
        """Return it, or nothing while nothing is measured."""
        figures: list[Figure] = []
        if self._results.of(ROOT):
            figures += [self._sharpness(ENTROPY), self._sharpness(GRADIENT)]
        if any(row.name in self._table.found for row in TRAINED):
            figures += [self._curves(), self._trained()]
        words = (
            "If the parts of a query and of a key are independent, with variance 1, their product has variance d_k. "
            "The root brings it back to 1. Without it the softmax of a wide head is close to choosing one key, and the "
            "gradient p (1 - p) that comes back through it is close to nothing (Vaswani et al. 2017, §3.2.1, footnote "
            "4). The first two charts show this for random vectors and 32 keys, through the attention of this library.",
            "Then models are trained without the root: the base, whose heads are narrow, and one with a single head "
            "of all of d_model.",
        )
        return (Section("Does the root matter?", words, tuple(figures)),) if figures else ()

    def _sharpness(self, what: str) -> LineChart:
        series = []
        for name in (WITH, WITHOUT):
            curve = self._results.values(ROOT, ROOT, f"{what}, {name}")
            series.append(Series(name, tuple(Point(d_k, mean(ys)) for d_k, ys in curve.items())))
        at = float(str(SMALL["model.d_model"]))
        ends = ", ".join(
            f"{line.name} {spell(point.y, 'share')}" for line in series for point in line.points if point.x == at
        )
        words = {
            ENTROPY: ("Entropy of softmax rows", "entropy, as a share of the largest"),
            GRADIENT: ("Gradient through the softmax", "mean of p (1 - p)"),
        }
        title, axis = words[what]
        return LineChart(
            title,
            f"At d_k {at:.0f}: {ends}.",
            Axis("d_k", scale="log", ticks=tuple(map(float, KEY_SIZES))),
            Axis(axis, "share", low=0.0),
            tuple(series),
        )

    def _curves(self) -> LineChart:
        series = []
        for row in TRAINED:
            curve = self._results.values(ROW, row.name, TRAINING_LOSS)
            series.append(Series(row.label, tuple(Point(step, mean(ys)) for step, ys in curve.items())))
        ends = ", ".join(f"{line.name} {line.points[-1].y:.2f}" for line in series if line.points)
        return LineChart(
            "Loss while training",
            f"At the end: {ends}.",
            Axis("updates"),
            Axis("smoothed loss in nats per subword"),
            tuple(series),
        )

    def _trained(self) -> Figures:
        cells: list[tuple[str | float | None, ...]] = []
        for row in TRAINED:
            heads = int(str({**SMALL, **row.options}["model.num_heads"]))
            found = self._table.found.get(row.name)
            width = int(str(SMALL["model.d_model"])) // heads
            loss = None if found is None else f"{exp(mean(found.losses.values())):.2f}"
            bleu = None if found is None else f"{mean(found.bleu.values()):.1f}"
            cells.append((row.label, width, loss, bleu))
        return Figures("Trained with the root and without", ("model", "d_k", "perplexity", "BLEU"), tuple(cells))
