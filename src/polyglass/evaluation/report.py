"""Pairs and the outputs for their sources in, everything `polyglass evaluate` shows out, as one record."""

from collections.abc import Sequence
from dataclasses import dataclass

from polyglass.data.pair import Pair
from polyglass.evaluation.diagnose import Diagnosis, diagnose
from polyglass.evaluation.score import Bucket, Counted, Scores, count_all, length_buckets, summarise
from polyglass.evaluation.sentence_counts import check_pairs
from polyglass.evaluation.significance import Comparison, compare

__all__ = ["Example", "Report", "make_report"]

_COMPARED = ("chrf", "bleu")  # buckets and comparisons are always of these


@dataclass(frozen=True)
class Example:
    """One sentence with its own chrF2 (BLEU needs more than one sentence). line: where it stands in its file."""

    line: int
    source: str
    reference: str
    output: str
    chrf: float


@dataclass(frozen=True)
class Report:
    """What is known about a set of outputs. comparisons: against other outputs for the same sources, if given."""

    scores: Scores
    buckets: tuple[Bucket, ...]
    diagnosis: Diagnosis
    best: tuple[Example, ...]
    worst: tuple[Example, ...]
    comparisons: tuple[Comparison, ...]


def make_report(
    pairs: Sequence[Pair],
    outputs: Sequence[str],
    *,
    finish_reasons: Sequence[str] | None = None,
    against: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    examples: int = 0,
) -> Report:
    """Score and diagnose outputs against the targets of `pairs`.

    metrics: names of `sentence_counts.RECIPES`, None for the usual ones. against: outputs of another system, which
    the comparison calls A. examples: how many of the best and of the worst sentences to return.
    Raises DataError if there is not one output for each pair, ConfigError for unknown metrics.
    """
    sources, references = [pair.source for pair in pairs], [pair.target for pair in pairs]
    counted = _count(outputs, references, metrics)
    shown = {name: counts for name, counts in counted.items() if metrics is None or name in metrics}
    comparisons = []
    if against is not None:
        check_pairs(against, references)
        others = count_all(against, references, metrics=_COMPARED)
        comparisons = [compare(others[name], counted[name]) for name in _COMPARED]
    best, worst = _extremes(pairs, outputs, counted, examples)
    return Report(
        scores=summarise(shown, references),
        buckets=length_buckets(sources, outputs, references, counted=counted),
        diagnosis=diagnose(
            sources,
            outputs,
            references,
            finish_reasons=finish_reasons,
            bleu=counted["bleu"].score(),
            line_numbers=[pair.line for pair in pairs],
        ),
        best=best,
        worst=worst,
        comparisons=tuple(comparisons),
    )


def _count(outputs: Sequence[str], references: Sequence[str], metrics: Sequence[str] | None) -> Counted:
    """Count for the metrics asked for and for those that buckets and comparisons need."""
    if metrics is None:
        return count_all(outputs, references)
    return count_all(outputs, references, metrics=(*metrics, *_COMPARED))


def _extremes(
    pairs: Sequence[Pair], outputs: Sequence[str], counted: Counted, number: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """The sentences with the highest and with the lowest chrF2, each as an example; no sentence is in both."""
    scores = counted["chrf"].sentence_scores()
    order = scores.argsort(kind="stable").tolist()
    number = min(number, len(order) // 2)

    def example(row: int) -> Example:
        pair = pairs[row]
        return Example(pair.line, pair.source, pair.target, outputs[row], scores[row].item())

    return tuple(map(example, order[::-1][:number])), tuple(map(example, order[:number]))
