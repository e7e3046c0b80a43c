"""The finished trials of `position` in; findings, charts and words of its page out."""

from collections.abc import Iterator, Sequence

from polyglass.experiments.intervals import mean_interval
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.position_charts import PART, Charts
from polyglass.experiments.position_text import Group
from polyglass.experiments.position_trials import DECODER, ENCODER, Kind
from polyglass.experiments.position_verdict import Ordered, judge
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import score_points
from polyglass.experiments.window_trials import BLEU, CHRF


class Report:
    """Everything that the page of `position` says. longest: tokens of the longest training row."""

    def __init__(
        self, results: Results, kinds: Sequence[Kind], groups: Sequence[Group], longest: int, text: str
    ) -> None:
        self._results, self._kinds, self._longest, self._text = results, kinds, longest, text
        self._charts = Charts(results, kinds, groups, longest)

    def findings(self) -> tuple[Finding, ...]:
        """Return the verdicts."""
        return judge(list(self._ordered()))

    def _ordered(self) -> Iterator[Ordered]:
        for kind in self._kinds:
            scores = score_points(self._results, PART, kind.name, CHRF)
            encoder = self._charts.mean(kind, ENCODER)
            if not scores or encoder is None:
                continue
            inside = [(point.y, point.low, point.high) for point in scores if point.x <= self._longest]
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
                (
                    self._charts.scores(CHRF),
                    self._charts.scores(BLEU),
                    self._charts.places(),
                    self._charts.table(),
                    *self._charts.cuts(),
                ),
            ),
            Section(
                "The source out of order",
                (
                    "The tokens of single source sentences are put into a random order. Attention is a sum over all "
                    "words, so an encoder without positions gives each word the same vector wherever it stands, and "
                    "the translation stays as it was: the source is a bag of words. With positions the vectors change, "
                    "and the model tries to translate what the new order says.",
                ),
                (self._charts.encoder(), self._charts.shuffles()),
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
                (self._charts.decoder(),),
            ),
            Section("What it cost", (), (self._charts.cost(),)),
        )

    def method(self) -> tuple[str, ...]:
        """Return how it was measured, in words."""
        return (
            "All models have the same layers, seeds, batches and learning rate; only what tells them positions "
            "differs, and the table of learned ones is extra parameters. Translations are greedy. Lengths are in "
            "subword tokens, the end of the sentence included.",
            "Changes of vectors are relative: the length of the difference by the length of the vector (for the "
            "encoder: of all vectors of a sentence), with each vector compared to that of the same token before. The "
            "accuracy by place counts how often the right token is the likeliest one when those before are given, in "
            "the sentences beyond the trained lengths alone. It can be low at early places, too, for the source is "
            "longer than any that the model has read.",
            "Sentences that are joined say nothing about dependencies across long distances: each part can be "
            "translated by itself, if a model knows where it stands.",
        )
