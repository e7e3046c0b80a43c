"""The finished trials of `norm` in; findings, charts and words of its page out."""

from collections.abc import Sequence

from polyglass.experiments.norm_charts import Charts
from polyglass.experiments.norm_trials import HELD_OUT, STABLE, Effort, Variant
from polyglass.experiments.norm_verdict import CAP, CLEARLY, Tried, judge
from polyglass.experiments.outcome import Finding, Section
from polyglass.experiments.results import Results
from polyglass.experiments.text_scores import score_points
from polyglass.experiments.window_trials import CHRF


class Report:
    """Everything that the page of `norm` says."""

    def __init__(self, results: Results, variants: Sequence[Variant], effort: Effort, text: str) -> None:
        self._results, self._variants, self._effort, self._text = results, variants, effort, text
        self._charts = Charts(results, variants, effort)
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
                    "words to come included. So a table has the held-out loss twice: with the running statistics "
                    "that translating uses, and with those of the test batch, as training would count it. Layer and "
                    "RMS norm know no batch, so that both are the same.",
                ),
                (self._charts.curves("Loss while training", warm), self._charts.scores(), self._charts.losses()),
            ),
            Section(
                "How high may the rate be?",
                (
                    f"Short runs of {self._effort.rate_steps} updates, each at a rate that is held to the end. A run "
                    "is stable if every loss is finite and the mean loss of the last tenth of the updates is below "
                    f"{CLEARLY:.0%} of what knowing only how often each word occurs gives. A rate that is too high "
                    "need not diverge: the model may stay at word counts for good. The dotted line is the rate of the "
                    "trainings above.",
                ),
                (
                    self._charts.ends("Loss at the end of a short run", warm),
                    self._charts.stable(),
                    self._charts.highest(self._tried),
                ),
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
                    self._charts.curves("Loss with warm-up and without", layers),
                    self._charts.ends("Loss at the end, with warm-up and without", layers),
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
