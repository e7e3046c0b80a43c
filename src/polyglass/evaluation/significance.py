"""Two systems' outputs for the same sentences in; out: is the difference between their scores more than chance?

Two tests, both on the per-sentence counts of sacreBLEU:
paired approximate randomisation (Noreen 1989; Riezler and Maxwell 2005) gives the p-value: swap the two systems'
outputs at random in each sentence, and see how often the difference comes out at least as large as the real one;
paired bootstrap resampling (Koehn 2004) gives the interval: draw sentences with replacement, and see how the
difference spreads and how often B wins.

sacreBLEU's `PairedTest` counts only differences *larger* than the real one, so that a system compared with itself
gets p = 0.001 and two systems that differ in one sentence p = 0.0001. Here ties count, as the tests are defined, and
identical systems get p = 1; where there are no ties both agree (a test says so).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from polyglass.errors import DataError
from polyglass.evaluation.sentence_counts import (
    Floats,
    SentenceCounts,
    bootstrap_weights,
    count_sentences,
    interval,
)

__all__ = ["Comparison", "compare", "compare_outputs"]

TRIALS = 10_000  # sacreBLEU's own for randomisation
RESAMPLES = 1000  # sacreBLEU's own for the bootstrap
SEED = 12345  # sacreBLEU's own
LEVEL = 0.05  # both p-values below it: called unlikely to be chance
_TIE = 1e-9  # two differences closer than rounding errors are the same
_NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Comparison:
    """System B against system A by one metric.

    delta: B's score minus A's. low, high: the middle 95 % of the bootstrap samples of delta.
    p_value: chance of a difference at least this large, in either direction, if the two systems were alike
    (randomisation); p_bootstrap: the same from the bootstrap samples moved to a mean of zero.
    wins: share of the bootstrap samples in which B scores better, ties counting half.
    """

    metric: str
    label: str
    a: float
    b: float
    delta: float
    low: float
    high: float
    p_value: float
    p_bootstrap: float
    wins: float
    higher_is_better: bool
    signature: str

    def verdict(self, name_a: str = "A", name_b: str = "B") -> str:
        """The result in one sentence; a difference is only claimed where both tests see it."""
        size = abs(self.delta)
        if size < _TIE:
            return f"{name_a} and {name_b} have the same {self.label}."
        ahead = name_b if (self.delta > 0) == self.higher_is_better else name_a
        sure = [p < LEVEL for p in (self.p_value, self.p_bootstrap)]
        if all(sure):
            chance = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
            return f"{ahead} is better by {size:.1f} {self.label}; the difference is unlikely to be chance ({chance})."
        if any(sure):
            tests = f"randomisation p = {self.p_value:.3f}, bootstrap p = {self.p_bootstrap:.3f}"
            return f"{ahead} is ahead by {size:.1f} {self.label}, at the edge of what chance can do ({tests})."
        return f"{ahead} is ahead by {size:.1f} {self.label}, but that may well be chance (p = {self.p_value:.2f})."


def compare_outputs(
    outputs_a: Sequence[str],
    outputs_b: Sequence[str],
    references: Sequence[str],
    *,
    metric: str = "bleu",
    tokenizer: str | None = None,
    seed: int = SEED,
) -> Comparison:
    """Test whether outputs_b differ from outputs_a by more than chance. Raises DataError if lengths differ."""
    counts_a = count_sentences(metric, outputs_a, references, tokenizer=tokenizer)
    counts_b = count_sentences(metric, outputs_b, references, tokenizer=tokenizer)
    return compare(counts_a, counts_b, seed=seed)


def compare(
    counts_a: SentenceCounts,
    counts_b: SentenceCounts,
    *,
    trials: int = TRIALS,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Test two systems that were counted by one recipe against the same references. Same seed, same result."""
    if counts_a.signature() != counts_b.signature() or counts_a.counts.shape != counts_b.counts.shape:
        raise DataError(
            "Two systems can only be compared by one metric on the same sentences, but A has "
            f"{len(counts_a.counts):,} sentences by {counts_a.signature()} and B has {len(counts_b.counts):,} by "
            f"{counts_b.signature()}. Score both with the same metric, tokeniser and references."
        )
    a, b = counts_a.score(), counts_b.score()
    delta = b - a
    drawn = _resampled_deltas(counts_a, counts_b, resamples, seed)
    low, high = interval(drawn)
    better = drawn if counts_a.recipe.higher_is_better else -drawn
    return Comparison(
        metric=counts_a.name,
        label=counts_a.recipe.label,
        a=a,
        b=b,
        delta=delta,
        low=low,
        high=high,
        p_value=_p_value(_swapped_deltas(counts_a, counts_b, trials, seed), delta),
        p_bootstrap=_p_value(drawn - drawn.mean(), delta),
        wins=float(np.mean((better > _TIE) + 0.5 * (np.abs(better) <= _TIE))),
        higher_is_better=counts_a.recipe.higher_is_better,
        signature=counts_a.signature(ar=trials, bs=resamples, seed=seed),
    )


def _p_value(by_chance: Floats, delta: float) -> float:
    """Share of the chance differences at least as large as the real one; the real one counts as one of them."""
    as_large = int(np.sum(np.abs(by_chance) >= abs(delta) - _TIE))
    return (as_large + 1) / (len(by_chance) + 1)


def _resampled_deltas(counts_a: SentenceCounts, counts_b: SentenceCounts, resamples: int, seed: int) -> Floats:
    """B's score minus A's on each bootstrap sample of sentences, the same sample for both: [resamples]."""
    deltas = [
        counts_b.scores_of_sums(weights @ counts_b.counts) - counts_a.scores_of_sums(weights @ counts_a.counts)
        for weights in bootstrap_weights(len(counts_a.counts), resamples=resamples, seed=seed)
    ]
    return np.concatenate(deltas)


def _swapped_deltas(counts_a: SentenceCounts, counts_b: SentenceCounts, trials: int, seed: int) -> Floats:
    """B's score minus A's after swapping the two in a random half of the sentences: [trials]."""
    both = counts_a.counts.sum(axis=0) + counts_b.counts.sum(axis=0)
    moved = counts_b.counts - counts_a.counts
    deltas = []
    for swapped in _coin_flips(len(moved), trials, seed):
        sums_a = counts_a.counts.sum(axis=0) + swapped @ moved
        deltas.append(counts_a.scores_of_sums(both - sums_a) - counts_a.scores_of_sums(sums_a))
    return np.concatenate(deltas)


def _coin_flips(sentences: int, trials: int, seed: int) -> Iterator[Floats]:
    """0 or 1 for each sentence of each trial, in pieces [some trials, sentences]."""
    generator = np.random.default_rng(seed)
    at_once = max(1, _NUMBERS_AT_ONCE // sentences)
    for start in range(0, trials, at_once):
        size = min(at_once, trials - start)
        yield generator.integers(2, size=(size, sentences), dtype=np.uint8).astype(np.float64)
