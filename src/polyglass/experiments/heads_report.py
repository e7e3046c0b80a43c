"""The finished trials of `heads` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Sequence
from math import exp

from polyglass.experiments.figures import Axis, Figure, LineChart, Point, Series, Table
from polyglass.experiments.heads_off_report import OffReport, Shown
from polyglass.experiments.heads_trials import COUNT, LOSS, OFF, PRODUCTS, TRAINING_LOSS
from polyglass.experiments.heads_verdict import Counted, judge
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.short_text import SMALL
from polyglass.experiments.text_scores import INTERVAL, score_points
from polyglass.experiments.window_trials import BLEU, CHRF, PARAMETERS, SECONDS

SEEDS = "95 % interval of the mean over the seeds (Student's t)"


class Report:
    """Everything that the page of `heads` says. heads: the numbers that are tried."""

    def __init__(self, results: Results, heads: Sequence[int], shown: Sequence[Shown], text: str) -> None:
        self._results, self._heads, self._shown, self._text = results, heads, shown, text
        self._counted = list(self._all_counted())
        self._off = [OffReport(results, one) for one in shown]

    def _all_counted(self) -> Iterator[Counted]:
        for heads in self._heads:
            losses = self._results.values(COUNT, str(heads), LOSS).get(0)
            if losses:
                parameters, products = (self._first(heads, what) for what in (PARAMETERS, PRODUCTS))
                yield Counted(heads, losses, round(parameters), round(products))

    def _first(self, heads: int, what: str) -> float:
        return self._results.values(COUNT, str(heads), what)[0][0]

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts; the second rests on the user's own model where there is one."""
        return judge(self._counted, self._off[-1].rises() if self._off else ())

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page that have something to show."""
        found = [self._count_section()] if any(one.part == OFF for one in self._shown) else []
        return (*found, *(section for one in self._off for section in one.sections()))

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            "Models differ in the number of heads alone: d_model is held, and each head is d_model / heads wide. All "
            "have the same data, the same order of batches and the same number of updates for a seed. Loss is plain "
            "cross-entropy on held-out pairs, in nats per subword, without label smoothing; perplexity is its "
            "exponential. Translations are greedy.",
            "A head is switched off while the model computes: what it found is replaced by zeros, in the search as in "
            "reading, and no weight is touched. The model is not trained again without it. Held-out pairs are halved: "
            "one half says how much each head matters, the other is translated with many heads off.",
            "Two well-known studies did this with large models. Michel et al. 2019 (Are sixteen heads really better "
            "than one?) found that most heads can be left out one at a time without a loss that can be told from "
            "chance, and 20 to 40 % of all heads together; Voita et al. 2019 (Analyzing multi-head self-attention) "
            "found a few heads with a task of their own that do the heavy lifting, and "
            "pruned most others, with training going on.",
        )

    def _count_section(self) -> Section:
        words = (
            f"A small Transformer trained on {self._text}, with 1 to {max(self._heads)} heads. More heads means "
            "narrower ones: the table shows that parameters and multiplications are the same for all.",
        )
        figures: tuple[Figure, ...] = (self._scores(), self._losses(), self._curves(), self._cost())
        return Section("How many heads?", words, figures)

    def _scores(self) -> LineChart:
        series = []
        for name in (BLEU, CHRF):
            found = [(heads, score_points(self._results, COUNT, str(heads), name)) for heads in self._heads]
            points = [Point(heads, some[0].y, some[0].low, some[0].high) for heads, some in found if some]
            series.append(Series(name, tuple(points)))
        words = ", ".join(f"{point.y:.1f} with {point.x:.0f}" for point in series[0].points)
        return LineChart(
            "Score by number of heads",
            f"BLEU: {words or 'not measured yet'}.",
            self._heads_axis(),
            Axis("score of held-out translations", "score"),
            tuple(series),
            interval=INTERVAL,
        )

    def _losses(self) -> LineChart:
        points = []
        for one in self._counted:
            centre, low, high = mean_interval(one.losses)
            points.append(Point(one.heads, exp(centre), _exp(low), _exp(high)))
        words = ", ".join(f"{point.y:.2f} with {point.x:.0f}" for point in points)
        return LineChart(
            "Held-out perplexity by number of heads",
            f"Lower is better: {words or 'not measured yet'}.",
            self._heads_axis(),
            Axis("perplexity per subword"),
            (Series("held-out", tuple(points)),),
            interval=SEEDS if self._results.repeats(COUNT) > 1 else "",
        )

    def _curves(self) -> LineChart:
        series = []
        for heads in self._heads:
            curve = self._results.values(COUNT, str(heads), TRAINING_LOSS)
            points = tuple(Point(step, sum(ys) / len(ys)) for step, ys in curve.items())
            series.append(Series(f"{heads} head{'s' if heads > 1 else ''}", points))
        ends = ", ".join(f"{line.name} {line.points[-1].y:.2f}" for line in series if line.points)
        return LineChart(
            "Loss while training",
            f"At the end: {ends or 'not measured yet'}.",
            Axis("updates"),
            Axis("smoothed loss in nats per subword"),
            tuple(series),
        )

    def _cost(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for one in self._counted:
            seconds = self._results.values(COUNT, str(one.heads), SECONDS)[0]
            width = int(str(SMALL["model.d_model"])) / one.heads
            rows.append((f"{one.heads}", width, one.parameters, one.products, sum(seconds) / len(seconds)))
        return Table("The same cost", ("heads", "d_k of each", PARAMETERS, PRODUCTS, "training seconds"), tuple(rows))

    def _heads_axis(self) -> Axis:
        return Axis("heads in each attention", scale="log", ticks=tuple(map(float, self._heads)))


def _exp(value: float | None) -> float | None:
    return None if value is None else exp(value)
