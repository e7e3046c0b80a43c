"""Outputs and references in, scores out: BLEU and chrF with sacreBLEU's signature and a confidence interval.

Three BLEUs are told apart, because they differ by a point or more on the same outputs:
"bleu"            cased, on text as people write it, sacreBLEU's tokeniser 13a: what papers report since 2018;
"bleu_lc"         the same, lower-cased: stands in for lower-cased tokenised BLEU of text that was not tokenised;
"bleu_lc_spaces"  lower-cased, split at spaces: `multi-bleu.perl -lc` of older papers, only for tokenised text.
Sources: Papineni et al. 2002 (BLEU), Popovic 2015 (chrF), Post 2018 (signature), Koehn 2004 (bootstrap).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from polyglass.errors import DataError
from polyglass.evaluation.sentence_counts import (
    SentenceCounts,
    bootstrap_scores,
    check_pairs,
    count_sentences,
    interval,
)
from polyglass.evaluation.words import splitter_for, tokenised_share, tokenizer_for, unit_of

__all__ = ["Bucket", "Metric", "Scores", "corpus_scores", "count_all", "length_buckets", "quick_scores", "summarise"]

Counted = Mapping[str, SentenceCounts]

SEED = 12345  # sacreBLEU's own
RESAMPLES = 1000  # sacreBLEU's own
_ALWAYS = ("chrf", "bleu", "bleu_lc")
_FEW_SENTENCES = 100
_WORD_EDGES = (0, 5, 10, 15, 20, 30, 50)  # longest source of each length bucket; the last bucket is open
_CHARACTER_EDGES = (0, 10, 20, 30, 40, 60, 100)


@dataclass(frozen=True)
class Metric:
    """One score of one corpus, with the recipe that makes it comparable.

    low, high: the middle 95 % of the bootstrap samples (None if none were drawn); mean: their mean.
    sacreBLEU prints the same interval as "mean ± (high - low) / 2".
    """

    name: str
    label: str
    value: float
    signature: str
    low: float | None
    high: float | None
    mean: float | None
    higher_is_better: bool


@dataclass(frozen=True)
class Scores:
    """All metrics of one corpus. notes: sentences about what the numbers can and cannot be compared with."""

    metrics: tuple[Metric, ...]
    sentences: int
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> Metric:
        """The metric called `name` ("bleu"); KeyError if it was not asked for."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)


@dataclass(frozen=True)
class Bucket:
    """The scores of the sentences whose source is `shortest` to `longest` units long (None: no upper end).

    length_ratio: units in the outputs divided by units in the references.
    """

    shortest: int
    longest: int | None
    unit: str
    sentences: int
    chrf: float
    bleu: float
    length_ratio: float


def corpus_scores(
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    metrics: Sequence[str] | None = None,
    tokenizer: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Scores:
    """Score outputs against references; `metrics` are names of `sentence_counts.RECIPES`.

    None for `metrics` means chrF and the BLEUs that fit the text; None for `tokenizer` chooses by script.
    Raises DataError for lists of different or zero length, ConfigError for unknown metrics.
    """
    counted = count_all(outputs, references, metrics=metrics, tokenizer=tokenizer)
    return summarise(counted, references, resamples=resamples, seed=seed)


def count_all(
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    metrics: Sequence[str] | None = None,
    tokenizer: str | None = None,
) -> Counted:
    """Count once what `summarise`, `length_buckets` and `significance.compare` compute from. See `corpus_scores`."""
    check_pairs(outputs, references)
    if metrics is None:
        metrics = (*_ALWAYS, "bleu_lc_spaces") if tokenised_share(references) > 0.5 else _ALWAYS
    tokenizer = tokenizer or tokenizer_for(references)
    return {name: count_sentences(name, outputs, references, tokenizer=tokenizer) for name in dict.fromkeys(metrics)}


def summarise(counted: Counted, references: Sequence[str], *, resamples: int = RESAMPLES, seed: int = SEED) -> Scores:
    """The scores of what was counted, with bootstrap intervals; `resamples` 0 draws none."""
    metrics = tuple(_metric(counts, resamples, seed) for counts in counted.values())
    return Scores(metrics, len(references), tuple(_notes(references)))


def quick_scores(outputs: Sequence[str], references: Sequence[str]) -> tuple[float, float, str]:
    """BLEU, chrF2 and BLEU's signature, without intervals: for validation while training."""
    counted = count_all(outputs, references, metrics=("bleu", "chrf"))
    return counted["bleu"].score(), counted["chrf"].score(), counted["bleu"].signature()


def length_buckets(
    sources: Sequence[str], outputs: Sequence[str], references: Sequence[str], *, counted: Counted | None = None
) -> tuple[Bucket, ...]:
    """Scores by length of the source; empty buckets are left out, and the rest add up to the corpus.

    Lengths are words, or characters where the source is written without spaces.
    """
    if len(sources) != len(outputs):
        raise DataError(
            f"Each output needs its source, but there are {len(outputs):,} outputs and {len(sources):,} sources. "
            "Give the source lines that these outputs translate."
        )
    counted = counted or count_all(outputs, references, metrics=("chrf", "bleu"))
    unit, split_source, split_target = unit_of(sources), splitter_for(sources), splitter_for(references)
    edges = _CHARACTER_EDGES if unit == "characters" else _WORD_EDGES
    places = np.searchsorted(edges, [len(split_source(source)) for source in sources])
    buckets = []
    for place in np.unique(places).tolist():
        rows = np.flatnonzero(places == place)
        output_units = sum(len(split_target(outputs[row])) for row in rows.tolist())
        reference_units = sum(len(split_target(references[row])) for row in rows.tolist())
        bucket = Bucket(
            shortest=edges[place - 1] + 1 if place else 0,
            longest=edges[place] if place < len(edges) else None,
            unit=unit,
            sentences=len(rows),
            chrf=counted["chrf"].score(rows),
            bleu=counted["bleu"].score(rows),
            length_ratio=output_units / max(1, reference_units),
        )
        buckets.append(bucket)
    return tuple(buckets)


def _metric(counts: SentenceCounts, resamples: int, seed: int) -> Metric:
    """One metric, with its interval if resamples are wanted."""
    low = high = mean = None
    signature = counts.signature()
    if resamples > 0:
        drawn = bootstrap_scores(counts, resamples=resamples, seed=seed)
        (low, high), mean = interval(drawn), drawn.mean().item()
        signature = counts.signature(bs=resamples, seed=seed)
    recipe = counts.recipe
    return Metric(
        counts.name, recipe.label, counts.score(), signature, low, high, mean, higher_is_better=recipe.higher_is_better
    )


def _notes(references: Sequence[str]) -> list[str]:
    """What a person must know before comparing these scores with others."""
    notes = []
    if (share := tokenised_share(references)) > 0.5:
        notes.append(
            f'The references look tokenised ({share:.0%} end in " ." or the like). Compare with older papers by "BLEU '
            'lower-cased, split at spaces"; the other BLEUs are meant for text as people write it.'
        )
    if len(references) < _FEW_SENTENCES:
        notes.append(f"Only {len(references):,} sentences were scored; scores of so few say little.")
    return notes
