"""The charts and tables of `position`."""

from collections.abc import Sequence

from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, LineChart, Mark, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.position_text import Group
from polyglass.experiments.position_trials import (
    CUT,
    DECODER,
    ENCODER,
    LOSS,
    PLACE_ACCURACY,
    SAME,
    SHUFFLED,
    TABLE,
    Kind,
)
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import INTERVAL, score_points
from polyglass.experiments.window_trials import BLEU, CHRF, PARAMETERS, SECONDS, STEPS

NO_BREAK = "\u00a0"
PART = "text"
LEARNED = "learned"
SEEDS = "95 % interval of the mean over the seeds (Student's t)"


class Charts:
    """The figures of the finished trials. longest: tokens of the longest training row."""

    def __init__(self, results: Results, kinds: Sequence[Kind], groups: Sequence[Group], longest: int) -> None:
        self._results, self._kinds, self._groups, self._longest = results, kinds, groups, longest

    def mean(self, kind: Kind, what: str, x: float = 0) -> float | None:
        """Return the mean over the seeds of one number; None if it was not measured."""
        values = self._results.values(PART, kind.name, what).get(x)
        return None if not values else mean_interval(values)[0]

    def scores(self, name: str) -> LineChart:
        """Draw a score by length."""
        series = [Series(kind.label, score_points(self._results, PART, kind.name, name)) for kind in self._kinds]
        series.append(Series("learned, table ends", score_points(self._results, PART, LEARNED, TABLE + name)))
        ends = [f"{line.name} {line.points[0].y:.1f} and {line.points[-1].y:.1f}" for line in series if line.points]
        return LineChart(
            f"{name} against length",
            f"Single sentences and the longest: {'; '.join(ends) or 'not measured yet'}.",
            Axis("tokens in the source, on average"),
            Axis(name, "score", low=0.0),
            tuple(series),
            (Mark(self._longest, "longest in training"),),
            INTERVAL,
        )

    def places(self) -> LineChart:
        """Draw how often the right token is named, by place in long targets."""
        series, ends = [], []
        for kind in self._kinds:
            curve = self._results.values(PART, kind.name, PLACE_ACCURACY)
            points = [Point(x, *mean_interval(ys, low=0.0, high=1.0)) for x, ys in curve.items()]
            series.append(Series(kind.label, tuple(points)))
            inside = [point.y for point in points if point.x <= self._longest]
            if points and inside:
                ends.append(f"{kind.label} {inside[-1]:.0%} and {points[-1].y:.0%}")
        return LineChart(
            "Long sentences: right by place in the target",
            f"At the last place that training showed, and at the farthest: {'; '.join(ends) or 'not measured yet'}.",
            Axis("place in the target"),
            Axis("share of tokens named rightly", "share", low=0.0, high=1.0),
            tuple(series),
            (Mark(self._longest, "longest in training"),),
            SEEDS if self._results.repeats(PART) > 1 else "",
        )

    def table(self) -> Table:
        """Return both scores by length."""
        rows: list[tuple[str | float | None, ...]] = []
        for kind in self._measured():
            chrf = [self.mean(kind, CHRF, group.tokens) for group in self._groups]
            bleu = [self.mean(kind, BLEU, group.tokens) for group in self._groups]
            rows.append((kind.label, *(_two(one, other) for one, other in zip(chrf, bleu, strict=True))))
        names = [f"{group.joined} joined, {group.tokens:.0f} tokens" for group in self._groups]
        return Table("chrF / BLEU by length", ("positions", *names), tuple(rows))

    def cost(self) -> Table:
        """Return what each training cost."""
        rows: list[tuple[str | float | None, ...]] = [
            (kind.label, *(self.mean(kind, what) for what in (PARAMETERS, STEPS, SECONDS))) for kind in self._measured()
        ]
        return Table("Trainings", ("positions", PARAMETERS, STEPS, SECONDS), tuple(rows))

    def _measured(self) -> list[Kind]:
        return [kind for kind in self._kinds if self._results.of(PART, kind.name)]

    def cuts(self) -> list[Figure]:
        """Return what a table of positions that ends costs; nothing while it was not measured."""
        kind = Kind(LEARNED, LEARNED)
        cuts = self._results.values(PART, LEARNED, CUT)
        if not cuts:
            return []
        rows: list[tuple[str | float | None, ...]] = []
        for group in self._groups:
            scores = [self.mean(kind, what, group.tokens) for what in (CHRF, TABLE + CHRF)]
            cut = self.mean(kind, CUT, group.tokens)
            cells = ["-" if one is None else f"{one:.1f}" for one in scores]
            rows.append((f"{group.joined} joined", *cells, "-" if cut is None else f"{cut:.0%}"))
        columns = ("sentences", "chrF, far rows untrained", "chrF, table ends", "sources that are cut")
        return [Table(f"Learned positions with a table of {self._longest} places", columns, tuple(rows))]

    def encoder(self) -> BarChart:
        """Draw how much a shuffled source changes the encoder."""
        changes = [(kind.label, self.mean(kind, ENCODER)) for kind in self._kinds]
        words = ", ".join(f"{label} {change:.1%}" for label, change in changes if change is not None)
        return BarChart(
            "How much the encoder's vectors change",
            f"When the source is shuffled: {words or 'not measured yet'}.",
            Axis("relative change", "share", low=0.0),
            tuple(Bar(label, change) for label, change in changes),
        )

    def shuffles(self) -> Table:
        """Return scores and losses of single sentences in order and shuffled."""
        rows: list[tuple[str | float | None, ...]] = []
        for kind in self._measured():
            scores = [self.mean(kind, CHRF, self._groups[0].tokens), self.mean(kind, SHUFFLED + CHRF)]
            losses = [self.mean(kind, LOSS), self.mean(kind, SHUFFLED + LOSS)]
            same = self.mean(kind, SAME)
            cells = [*(_spelt(score, 1) for score in scores), *(_spelt(loss, 2) for loss in losses)]
            rows.append((kind.label, *cells, "-" if same is None else f"{same:.0%}"))
        columns = ("positions", CHRF, "shuffled", "loss", "shuffled", "same translation")
        return Table("Single sentences, in order and shuffled", columns, tuple(rows))

    def decoder(self) -> LineChart:
        """Draw how much a shuffled prefix changes the decoder, by layer."""
        series, words = [], []
        for kind in self._kinds:
            curve = self._results.values(PART, kind.name, DECODER)
            points = [Point(layer, *mean_interval(ys, low=0.0)) for layer, ys in curve.items()]
            series.append(Series(kind.label, tuple(points)))
            if points:
                words.append(f"{kind.label} {points[0].y:.1%} and {points[-1].y:.1%}")
        layers = sorted({point.x for line in series for point in line.points})
        return LineChart(
            "How much the last target word's vector changes",
            "When the words before it are shuffled, after the first decoder layer and the last: "
            f"{'; '.join(words) or 'not measured yet'}.",
            Axis("decoder layer", ticks=tuple(layers)),
            Axis("relative change", "share", low=0.0),
            tuple(series),
            interval=SEEDS if self._results.repeats(PART) > 1 else "",
        )


def _two(one: float | None, other: float | None) -> str:
    return "-" if one is None or other is None else f"{one:.1f}{NO_BREAK}/{NO_BREAK}{other:.1f}"


def _spelt(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
