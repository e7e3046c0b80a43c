"""The finished trials of `norm` in; findings, charts and words of its page out."""

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
from polyglass.experiments.norm_verdict import CAP, Tried, judge, spell_rate
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import INTERVAL, score_points
from polyglass.experiments.window_trials import BLEU, CHRF, SECONDS

SEEDS = "95 % interval of the mean over the seeds (Student's t)"


class Report:
    """Everything that the page of `norm` says."""

    def __init__(self, results: Results, variants: Sequence[Variant], effort: Effort, text: str) -> None:
        self._results, self._variants, self._effort, self._text = results, variants, effort, text
        self._tried = [self._of(variant) for variant in variants]

    def _of(self, variant: Variant) -> Tried:
        scores = score_points(self._results, "train", variant.name, CHRF)
        return Tried(
            variant.name,
            self._results.values("rates", variant.name, STABLE),
            (scores[0].y, scores[0].low, scores[0].high) if scores else None,
            self._results.values("train", variant.name, HELD_OUT).get(0, []),
        )

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts."""
        return judge(self._tried)

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page."""
        warm = [variant for variant in self._variants if variant.warm_up]
        layers = [variant for variant in self._variants if variant.norm == "layer"]
        return (
            Section(
                "What is learned",
                (
                    f"A Transformer of {self._effort.layers} + {self._effort.layers} layers on {self._text}, with the "
                    "same seeds, the same batches and the same learning rate for all. Post normalises after the "
                    "residual sum, as the paper does; pre normalises before each sub-layer.",
                    "The loss of training says little about batch norm: there, a word is normalised with its batch, "
                    "words to come included. So the table has the held-out loss twice: with the running statistics "
                    "that translating uses, and with those of the test batch, as training would count it. Layer and "
                    "RMS norm know no batch, so that both are the same.",
                ),
                (self._curves("Loss while training", warm), self._scores()),
            ),
            Section(
                "How high may the rate be?",
                (
                    f"Short runs of {self._effort.rate_steps} updates, each at a rate that is held to the end. A run "
                    "is stable if every loss is finite and the last tenth of the updates has a lower mean loss than "
                    "knowing only how often each word occurs (the dotted line is the rate of the trainings above).",
                ),
                (self._ends("Loss at the end of a short run", warm), self._stable(), self._highest()),
            ),
            Section(
                "With warm-up, and without",
                (
                    "Xiong et al. 2020 found that a Transformer with norm after each sub-layer learns next to nothing "
                    "without a warm-up (BLEU 8.45 instead of 34 on IWSLT14 German to English, 6 + 6 layers), because "
                    "its gradients near the output are large at the start, and that one with norm before needs none. "
                    "Here are both with layer norm; the warm-up is a tenth of the run.",
                ),
                (
                    self._curves("Loss with warm-up and without", layers),
                    self._ends("Loss at the end, with warm-up and without", layers),
                ),
            ),
        )

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            "Every model is trained with the library's own loop. Gradients are not shortened, so that nothing but the "
            "norm keeps them small; nothing is silenced by dropout; the last weights translate, not their average. "
            "One kind of norm stands at all places of a model, so batch norm is in the decoder, too, where a word sees "
            "the statistics of words to come while it learns, and does not when it translates.",
            f"Losses are nats per target token. One above {CAP:.0f}, and that of a run whose gradients stopped being "
            f"finite, is drawn and counted as {CAP:.0f}; the scores of such a run are 0. Translations are greedy.",
            "The common rate is the one that the other experiments train with, not the best one for each norm; the "
            "second part shows what that means for each.",
        )

    def _curves(self, title: str, variants: Sequence[Variant]) -> LineChart:
        series, ends = [], []
        for variant in variants:
            curve = self._results.values("train", variant.name, LOSS)
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

    def _ends(self, title: str, variants: Sequence[Variant]) -> LineChart:
        series, best = [], []
        for variant in variants:
            curve = self._results.values("rates", variant.name, END)
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

    def _stable(self) -> HeatTable:
        rows = []
        for variant in self._variants:
            found = self._results.values("rates", variant.name, STABLE)
            means = [sum(found[rate]) / len(found[rate]) if rate in found else None for rate in self._effort.rates]
            rows.append(tuple(means))
        return HeatTable(
            "Share of runs that are stable",
            "By norm and learning rate, over the seeds.",
            "norm",
            tuple(variant.label for variant in self._variants),
            tuple(f"{rate:g}" for rate in self._effort.rates),
            tuple(rows),
            "share",
        )

    def _highest(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for variant, tried in zip(self._variants, self._tried, strict=True):
            if tried.stable:
                rows.append((variant.label, spell_rate(tried.highest), spell(tried.share_stable, "share")))
        columns = ("norm", "largest stable rate (median of the seeds)", "stable runs")
        return Table("Largest stable learning rate", columns, tuple(rows))

    def _scores(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for variant in self._variants:
            if not self._results.of("train", variant.name):
                continue
            cells = [self._spelt(variant, name) for name in (CHRF, BLEU)]
            for what, unit in ((HELD_OUT, 2), (HELD_OUT_BATCH, 2), (FIRST_GRADIENT, 1), (SECONDS, 0)):
                values = self._results.values("train", variant.name, what).get(0)
                cells.append(f"{sum(values) / len(values):.{unit}f}" if values else "-")
            diverged = self._results.values("train", variant.name, DIVERGED).get(0, [])
            rows.append((variant.label, *cells, f"{sum(diverged):.0f} of {len(diverged)}"))
        columns = (
            "norm",
            "chrF",
            "BLEU",
            "held-out loss",
            "the same, statistics of the batch",
            "first gradient",
            "seconds",
            "diverged",
        )
        return Table(f"Held-out sentences ({INTERVAL})", columns, tuple(rows))

    def _spelt(self, variant: Variant, name: str) -> str:
        points = score_points(self._results, "train", variant.name, name)
        if not points:
            return "-"
        point = points[0]
        ends = "" if point.low is None or point.high is None else f" ({point.low:.1f} to {point.high:.1f})"
        return f"{point.y:.1f}{ends}"
