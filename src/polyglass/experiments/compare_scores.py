"""Outputs of many runs for one test set in; out: scores with their spread, and which differences are more than chance.

Two kinds of luck move a score: which sentences are in the test set, and which seed a run began with. The intervals and
p-values of evaluation/ answer for the sentences. For the seeds there are too few values to compute with, so they are
shown one by one, and a difference is called sure only if no seed of the better model is below one of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import fmean, stdev

import numpy as np

from polyglass.data.pair import Pair
from polyglass.evaluation.diagnose import Diagnosis, diagnose
from polyglass.evaluation.score import RESAMPLES, SEED, Counted, Metric, count_all, length_buckets, summarise
from polyglass.evaluation.sentence_counts import Floats, Rows, SentenceCounts, bootstrap_scores, interval
from polyglass.evaluation.significance import LEVEL, TRIALS, Comparison, compare
from polyglass.evaluation.words import splitter_for, tokenizer_for
from polyglass.experiments.compare_record import Ground, LengthRecord, PairRecord, Spread

METRICS = ("bleu", "chrf")  # those that lengths and pairs are judged by
LENGTH_RESAMPLES = 200
DRAWN = TRIALS  # of each test: a correction for many pairs needs small p-values to begin with


class OverSeeds(SentenceCounts):
    """The counts of several seeds side by side; the score of a sum is the mean of the seeds' scores.

    A sentence that is drawn, or swapped between two systems, is so for all seeds at once: they are no new sentences.
    """

    def __init__(self, runs: Sequence[SentenceCounts]) -> None:
        super().__init__(runs[0].name, runs[0]._metric, np.concatenate([run.counts for run in runs], axis=1))
        self._runs = tuple(runs)

    def only(self, rows: Rows) -> "OverSeeds":
        """Return the counts of some sentences."""
        return OverSeeds([SentenceCounts(run.name, run._metric, run.counts[rows]) for run in self._runs])

    def scores_of_sums(self, sums: Floats) -> Floats:
        """The mean over seeds for each row: [n, seeds * numbers] -> [n]."""
        parts = np.split(sums, len(self._runs), axis=1)
        means: Floats = np.mean([super(OverSeeds, self).scores_of_sums(part) for part in parts], axis=0)
        return means


@dataclass(frozen=True)
class Scored:
    """The outputs of one run, counted once."""

    seed: int
    outputs: tuple[str, ...]
    counted: Counted
    metrics: tuple[Metric, ...]


class TestSet:
    """The sentences that all runs translate, with what is computed of them once."""

    __test__ = False  # pytest takes the name for a test

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = tuple(pairs)
        self.sources = [pair.source for pair in pairs]
        self.references = [pair.target for pair in pairs]

    @cached_property
    def tokenizer(self) -> str:
        """sacreBLEU's word tokeniser for the references."""
        return tokenizer_for(self.references)

    def score(self, seed: int, outputs: Sequence[str]) -> Scored:
        """Count and score the outputs of one run."""
        counted = count_all(outputs, self.references, tokenizer=self.tokenizer)
        return Scored(seed, tuple(outputs), counted, summarise(counted, self.references).metrics)

    def diagnose(self, scored: Scored, finish_reasons: Sequence[str]) -> Diagnosis:
        """Say what is wrong with the outputs of a run."""
        return diagnose(
            self.sources,
            scored.outputs,
            self.references,
            finish_reasons=finish_reasons,
            bleu=scored.counted["bleu"].score(),
            line_numbers=[pair.line for pair in self.pairs],
        )

    def lengths(self, runs: Sequence[Scored]) -> tuple[LengthRecord, ...]:
        """Score the sentences of each length by themselves, as the mean over runs."""
        split = splitter_for(self.sources)
        units = np.array([len(split(source)) for source in self.sources])
        over = {name: OverSeeds([run.counted[name] for run in runs]) for name in METRICS}
        found = []
        for bucket in length_buckets(self.sources, runs[0].outputs, self.references, counted=over):
            rows = np.flatnonzero((units >= bucket.shortest) & (units <= (bucket.longest or units.max())))
            drawn = {
                name: bootstrap_scores(counts.only(rows), resamples=LENGTH_RESAMPLES, seed=SEED)
                for name, counts in over.items()
            }
            ends = {name: interval(scores) for name, scores in drawn.items()}
            found.append(
                LengthRecord(
                    shortest=bucket.shortest,
                    longest=bucket.longest,
                    unit=bucket.unit,
                    mean_length=float(units[rows].mean()),
                    sentences=bucket.sentences,
                    bleu=bucket.bleu,
                    bleu_low=ends["bleu"][0],
                    bleu_high=ends["bleu"][1],
                    chrf=bucket.chrf,
                    chrf_low=ends["chrf"][0],
                    chrf_high=ends["chrf"][1],
                )
            )
        return tuple(found)


def spread(name: str, runs: Sequence[Scored]) -> Spread:
    """Return one metric over the seeds of a contestant."""
    values = [run.counted[name].score() for run in runs]
    over = OverSeeds([run.counted[name] for run in runs])
    low, high = interval(bootstrap_scores(over, resamples=RESAMPLES, seed=SEED))
    return Spread(
        name=name,
        label=over.recipe.label,
        mean=fmean(values),
        low=low,
        high=high,
        smallest=min(values),
        largest=max(values),
        deviation=stdev(values) if len(values) > 1 else None,
        seeds=tuple(run.seed for run in runs),
        signature=over.signature(bs=RESAMPLES, seed=SEED),
    )


@dataclass(frozen=True)
class Tested:
    """Two contestants compared by one metric over the seeds that both have."""

    a: str
    b: str
    comparison: Comparison
    seeds: tuple[int, ...]
    separate: bool

    @property
    def p_value(self) -> float:
        """The larger one of both tests."""
        return max(self.comparison.p_value, self.comparison.p_bootstrap)


class PairTests:
    """Tests pairs of contestants, and remembers what it has tested: a test takes a second."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, tuple[int, ...]], Tested] = {}

    def all(self, runs: dict[str, tuple[Scored, ...]]) -> tuple[PairRecord, ...]:
        """Compare every contestant with every other one, as far as they have seeds in common."""
        records: list[PairRecord] = []
        for metric in METRICS:
            tested = [
                self._test(metric, (a, b), (runs[a], runs[b]))
                for a, b in combinations(runs, 2)
                if _common(runs[a], runs[b])
            ]
            adjusted = holm([one.p_value for one in tested])
            records += [_record(one, p_holm) for one, p_holm in zip(tested, adjusted, strict=True)]
        return tuple(records)

    def _test(self, metric: str, names: tuple[str, str], both: tuple[Sequence[Scored], Sequence[Scored]]) -> Tested:
        seeds = _common(*both)
        key = (metric, *names, seeds)
        if key not in self._known:
            a, b = ([run.counted[metric] for run in runs if run.seed in seeds] for runs in both)
            comparison = compare(OverSeeds(a), OverSeeds(b), trials=DRAWN, resamples=DRAWN)
            scores_a, scores_b = [one.score() for one in a], [one.score() for one in b]
            separate = max(scores_a) < min(scores_b) or max(scores_b) < min(scores_a)
            self._known[key] = Tested(*names, comparison, seeds, separate)
        return self._known[key]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values after Holm's (1979) step-down correction for their number."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _common(a: Sequence[Scored], b: Sequence[Scored]) -> tuple[int, ...]:
    seeds = {run.seed for run in b}
    return tuple(run.seed for run in a if run.seed in seeds)


def _record(tested: Tested, p_holm: float) -> PairRecord:
    comparison = tested.comparison
    ground = _ground(tested, p_holm)
    return PairRecord(
        a=tested.a,
        b=tested.b,
        metric=comparison.metric,
        label=comparison.label,
        delta=comparison.delta,
        low=comparison.low,
        high=comparison.high,
        p_value=tested.p_value,
        p_holm=p_holm,
        seeds=tested.seeds,
        separate=tested.separate,
        ground=ground,
        words=_words(tested, p_holm, ground),
        signature=comparison.signature,
    )


def _ground(tested: Tested, p_holm: float) -> Ground:
    if abs(tested.comparison.delta) < 1e-9:
        return "same"
    if p_holm >= LEVEL:
        return "chance"
    if len(tested.seeds) == 1:
        return "one seed"
    return "unlike" if tested.separate else "seeds overlap"


def _words(tested: Tested, p_holm: float, ground: Ground) -> str:
    comparison = tested.comparison
    ahead, behind = (tested.b, tested.a) if comparison.delta > 0 else (tested.a, tested.b)
    size = f"{abs(comparison.delta):.1f} {comparison.label}"
    chance = "p < 0.001" if p_holm < 0.001 else f"p = {p_holm:.3f}" if p_holm < 0.1 else f"p = {p_holm:.2f}"
    match ground:
        case "same":
            return f"{ahead} and {behind} have the same {comparison.label}."
        case "chance":
            return f"{ahead} is ahead of {behind} by {size}, but that may well be chance ({chance})."
        case "one seed":
            return (
                f"{ahead} is better than {behind} by {size} on these sentences ({chance}); with one seed each, the "
                "luck of the first weights is not ruled out."
            )
        case "seeds overlap":
            return (
                f"{ahead} is ahead of {behind} by {size} ({chance} for the sentences), but a seed of {behind} is as "
                f"good as one of {ahead}: it may be the luck of the seeds."
            )
        case "unlike":
            return (
                f"{ahead} is better than {behind} by {size}; the difference is unlikely to be chance ({chance}, and "
                f"each seed of {ahead} is above each of {behind})."
            )
