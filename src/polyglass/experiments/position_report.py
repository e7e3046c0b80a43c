"""The finished trials of `position` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Sequence

from polyglass.experiments.figures import Axis, Bar, BarChart, Figure, LineChart, Mark, Point, Series, Table
from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
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
from polyglass.experiments.position_verdict import Ordered, judge
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import INTERVAL, score_points
from polyglass.experiments.window_trials import BLEU, CHRF, PARAMETERS, SECONDS

PART = "text"
LEARNED = "learned"
SEEDS = "95 % interval of the mean over the seeds (Student's t)"


class Report:
    """Everything that the page of `position` says. longest: tokens of the longest training row."""

    def __init__(
        self, results: Results, kinds: Sequence[Kind], groups: Sequence[Group], longest: int, text: str
    ) -> None:
        self._results, self._kinds, self._groups = results, kinds, groups
        self._longest, self._text = longest, text

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts."""
        return judge(list(self._ordered()))

    def _ordered(self) -> Iterator[Ordered]:
        for kind in self._kinds:
            scores = score_points(self._results, PART, kind.name, CHRF)
            encoder = self._mean(kind, ENCODER)
            if not scores or encoder is None:
                continue
            inside = [point.y for point in scores if point.x <= self._longest]
            beyond = [point.y for point in scores if point.x > self._longest]
            changes = self._results.values(PART, kind.name, DECODER)
            yield Ordered(
                kind.name,
                (scores[0].y, scores[0].low, scores[0].high),
                inside[-1],
                beyond[-1] if beyond else None,
                encoder,
                {layer: mean_interval(ys)[0] for layer, ys in changes.items()},
            )

    def _mean(self, kind: Kind, what: str, x: float = 0) -> float | None:
        values = self._results.values(PART, kind.name, what).get(x)
        return None if not values else mean_interval(values)[0]

    def sections(self) -> tuple[Section, ...]:
        """Return the parts of the page."""
        return (
            Section(
                "Within the trained lengths, and beyond",
                (
                    f"The same small Transformer with four kinds of positions, trained on {self._text}, single and "
                    f"joined by two, at most {self._longest} tokens. The test sentences on the right of the dotted "
                    "line are joined by three and more, and each is longer than any in training. Their parts are no "
                    "harder than single sentences: what is new to the models is where they stand.",
                    "Learned positions are shown twice. With a table that has rows for far places, those rows have "
                    "never been trained. With one that ends where training did, there is no row to read: the model "
                    "refuses a longer sentence, and the translator gives it the beginning only and says so.",
                    "Vaswani et al. 2017 (table 3, row E) found the same quality with learned and with sinusoidal "
                    "positions, 25.7 and 25.8 BLEU, at trained lengths, and hoped that sinusoids go on beyond them.",
                ),
                (self._scores(CHRF), self._scores(BLEU), self._places(), self._table(), *self._cuts()),
            ),
            Section(
                "The source out of order",
                (
                    "The tokens of single source sentences are put into a random order. Attention is a sum over all "
                    "words, so an encoder without positions gives each word the same vector wherever it stands, and "
                    "the translation stays as it was: the source is a bag of words. With positions the vectors change, "
                    "and the model tries to translate what the new order says.",
                ),
                (self._encoder(), self._shuffles()),
            ),
            Section(
                "The decoder knows order without positions",
                (
                    "Each target word sees one word more than the word before it. In the first layer that is still a "
                    "set: shuffle the words before the last one, and the last word's vector stays the same. But the "
                    "vectors that the second layer sees have themselves seen sets of different size, and there order "
                    "shows (Haviv et al. 2022). This is why a model without positions can write words in order at all, "
                    "though it cannot read them in order.",
                ),
                (self._decoder(),),
            ),
        )

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            "All models have the same size, seeds, batches and learning rate; only `model.positions` differs. "
            "Translations are greedy. Lengths are in subword tokens, the end of the sentence included.",
            "Changes of vectors are relative: the length of the difference by the length of the vector (for the "
            "encoder: of all vectors of a sentence), with each vector compared to that of the same token before. The "
            f"accuracy by place counts how often the right token is the likeliest one when those before are given, in "
            "the sentences beyond the trained lengths alone.",
            "Sentences that are joined say nothing about dependencies across long distances: each part can be "
            "translated by itself, if a model knows where it stands.",
        )

    def _scores(self, name: str) -> LineChart:
        series = [
            Series(kind.label, score_points(self._results, PART, kind.name, name)) for kind in self._kinds
        ]
        series.append(Series("learned, table ends", score_points(self._results, PART, LEARNED, TABLE + name)))
        ends = [
            f"{line.name} {line.points[0].y:.1f} and {line.points[-1].y:.1f}" for line in series if line.points
        ]
        return LineChart(
            f"{name} against length",
            f"Single sentences and the longest: {'; '.join(ends) or 'not measured yet'}.",
            Axis("tokens in the source, on average"),
            Axis(name, "score", low=0.0),
            tuple(series),
            (Mark(self._longest, "longest in training"),),
            INTERVAL,
        )

    def _places(self) -> LineChart:
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

    def _table(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for kind in self._kinds:
            if self._results.of(PART, kind.name):
                known = [self._mean(kind, CHRF, group.tokens) for group in self._groups]
                bleu = [self._mean(kind, BLEU, group.tokens) for group in self._groups]
                cost = [self._mean(kind, what) for what in (PARAMETERS, SECONDS)]
                cells = [_two(one, other) for one, other in zip(known, bleu, strict=True)]
                rows.append((kind.label, *cells, *("-" if one is None else f"{one:,.0f}" for one in cost)))
        names = [f"{group.joined} joined, {group.tokens:.0f} tokens" for group in self._groups]
        return Table("chrF / BLEU by length", ("positions", *names, PARAMETERS, SECONDS), tuple(rows))

    def _cuts(self) -> list[Figure]:
        kind = Kind(LEARNED, LEARNED)
        cuts = self._results.values(PART, LEARNED, CUT)
        if not cuts:
            return []
        rows: list[tuple[str | float | None, ...]] = []
        for group in self._groups:
            scores = [self._mean(kind, what, group.tokens) for what in (CHRF, TABLE + CHRF)]
            cut = self._mean(kind, CUT, group.tokens)
            cells = ["-" if one is None else f"{one:.1f}" for one in scores]
            rows.append((f"{group.joined} joined", *cells, "-" if cut is None else f"{cut:.0%}"))
        columns = ("sentences", "chrF, far rows untrained", "chrF, table ends", "sources that are cut")
        return [Table(f"Learned positions with a table of {self._longest} places", columns, tuple(rows))]

    def _encoder(self) -> BarChart:
        changes = [(kind.label, self._mean(kind, ENCODER)) for kind in self._kinds]
        words = ", ".join(f"{label} {change:.1%}" for label, change in changes if change is not None)
        return BarChart(
            "How much the encoder's vectors change",
            f"When the source is shuffled: {words or 'not measured yet'}.",
            Axis("relative change", "share", low=0.0),
            tuple(Bar(label, change) for label, change in changes),
        )

    def _shuffles(self) -> Table:
        rows: list[tuple[str | float | None, ...]] = []
        for kind in self._kinds:
            if not self._results.of(PART, kind.name) or not self._groups:
                continue
            first = self._groups[0].tokens
            scores = [self._mean(kind, CHRF, first), self._mean(kind, SHUFFLED + CHRF)]
            bleu = [self._mean(kind, BLEU, first), self._mean(kind, SHUFFLED + BLEU)]
            cells = [_two(one, other) for one, other in zip(scores, bleu, strict=True)]
            losses = [self._mean(kind, what) for what in (LOSS, SHUFFLED + LOSS)]
            same = self._mean(kind, SAME)
            rows.append(
                (
                    kind.label,
                    *cells,
                    *("-" if one is None else f"{one:.2f}" for one in losses),
                    "-" if same is None else f"{same:.0%}",
                )
            )
        columns = (
            "positions",
            "chrF / BLEU",
            "the same, source shuffled",
            "held-out loss",
            "the same, source shuffled",
            "translations that stay the same",
        )
        return Table("Single sentences, in order and shuffled", columns, tuple(rows))

    def _decoder(self) -> LineChart:
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
    return "-" if one is None or other is None else f"{one:.1f} / {other:.1f}"
