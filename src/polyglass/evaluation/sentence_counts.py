"""Outputs and references in, one row of counts per sentence out, from which every score is a sum away.

BLEU, chrF and TER of a corpus are functions of sums of per-sentence counts (matched n-grams, lengths, edits). So each
sentence is tokenised and counted once, by sacreBLEU's own code (Post 2018), and scores of the corpus, of a length
bucket, of one sentence and of a thousand bootstrap samples are computed from sums over rows of one matrix.

This is the only file that touches sacreBLEU's underscored methods (its own significance test uses them in the same
way). sacreBLEU's bootstrap would hold resamples x sentences x counts numbers at once (7 GB for 100,000 sentences);
`bootstrap_weights` draws the same samples piece by piece, and a test holds both equal.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sacrebleu.utils
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS

from polyglass.errors import ConfigError, DataError
from polyglass.evaluation.words import tokenizer_for

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_SENTENCES_AT_ONCE = 1000  # whose n-grams are held in memory
_NUMBERS_AT_ONCE = 4_000_000  # entries of the sample matrix held in memory: 32 MB


@dataclass(frozen=True)
class Recipe:
    """One way of scoring: what a person calls it, how sacreBLEU is set up for it, and which direction is good."""

    label: str
    build: Callable[[str], Any]  # takes the word tokeniser, returns a sacreBLEU metric
    higher_is_better: bool = True


# `force` silences a warning that evaluation words itself (see score.py); it changes no number and no signature.
RECIPES: Mapping[str, Recipe] = {
    "chrf": Recipe("chrF2", lambda tokenizer: CHRF()),
    "bleu": Recipe("BLEU", lambda tokenizer: BLEU(tokenize=tokenizer, force=True)),
    "bleu_lc": Recipe("BLEU lower-cased", lambda tokenizer: BLEU(tokenize=tokenizer, lowercase=True, force=True)),
    "bleu_lc_intl": Recipe(
        "BLEU lower-cased, intl", lambda tokenizer: BLEU(tokenize="intl", lowercase=True, force=True)
    ),
    # multi-bleu.perl -lc: splits at spaces, does not smooth.
    "bleu_lc_spaces": Recipe(
        "BLEU lower-cased, split at spaces",
        lambda tokenizer: BLEU(tokenize="none", lowercase=True, smooth_method="none", force=True),
    ),
    "spbleu": Recipe("spBLEU", lambda tokenizer: BLEU(tokenize=_flores_tokenizer(), force=True)),
    "ter": Recipe("TER", lambda tokenizer: TER(), higher_is_better=False),
}


class SentenceCounts:
    """What sacreBLEU counted in each sentence for one recipe.

    counts: [sentences, numbers], what they mean is the metric's affair; only their sums are used.
    """

    def __init__(self, name: str, metric: Any, counts: Floats) -> None:
        self.name = name
        self.recipe = RECIPES[name]
        self.counts = counts
        self._metric = metric

    def score(self, rows: Rows | None = None) -> float:
        """The score of the whole corpus, or of these rows of it taken together."""
        counted = self.counts if rows is None else self.counts[rows]
        return float(self.scores_of_sums(counted.sum(axis=0)[None])[0])

    def sentence_scores(self) -> Floats:
        """The score of each sentence alone: [sentences]. Meaningful for chrF and TER; BLEU needs a corpus."""
        return self.scores_of_sums(self.counts)

    def scores_of_sums(self, sums: Floats) -> Floats:
        """The score of each row of summed counts: [n, numbers] -> [n]."""
        return np.array([self._metric._compute_score_from_stats(row).score for row in sums.tolist()], dtype=np.float64)

    def signature(self, **trials: int) -> str:
        """sacreBLEU's recipe in its own notation; `bs`, `ar` and `seed` name what was drawn at random."""
        signature = self._metric.get_signature()
        for key, value in trials.items():
            signature.update(key, value)
        return str(signature)


def count_sentences(
    name: str, outputs: Sequence[str], references: Sequence[str], *, tokenizer: str | None = None
) -> SentenceCounts:
    """Count for the recipe `name`, with sacreBLEU's word tokeniser of that name (None: by the references' script).

    Raises DataError if there is nothing to score or the two lists differ in length, ConfigError for an unknown recipe.
    """
    check_pairs(outputs, references)
    check_metrics([name])
    metric = RECIPES[name].build(tokenizer or tokenizer_for(references))
    # In pieces, because sacreBLEU keeps the n-grams of all references it is given at once: 3 GB for 100,000 sentences.
    pieces = [slice(start, start + _SENTENCES_AT_ONCE) for start in range(0, len(outputs), _SENTENCES_AT_ONCE)]
    counts = [row for piece in pieces for row in metric._extract_corpus_statistics(outputs[piece], [references[piece]])]
    return SentenceCounts(name, metric, np.array(counts, dtype=np.float64))


def check_metrics(names: Sequence[str]) -> None:
    """Raise ConfigError for a recipe that is unknown, or that lacks a file on this machine."""
    for name in names:
        if name not in RECIPES:
            raise ConfigError(f"There is no metric '{name}'. Choose from {', '.join(RECIPES)}.")
        if name == "spbleu":
            _flores_tokenizer()


def check_pairs(outputs: Sequence[str], references: Sequence[str]) -> None:
    """Raise DataError unless there is one reference for each output, and at least one of them."""
    if len(outputs) != len(references):
        raise DataError(
            f"Each output needs one reference, but there are {len(outputs):,} outputs and {len(references):,} "
            "references. Score the outputs of exactly these source lines."
        )
    if not outputs:
        raise DataError("There is nothing to score: 0 outputs and 0 references. Give at least one sentence pair.")


def bootstrap_weights(sentences: int, *, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each sentence stands in each bootstrap sample, in pieces [some resamples, sentences].

    The samples are those that sacreBLEU draws for the same seed, so its signature "bs:1000|seed:12345" is true.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, _NUMBERS_AT_ONCE // sentences)
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        drawn = generator.choice(sentences, size=(size, sentences), replace=True)
        places = drawn + sentences * np.arange(size)[:, None]
        yield np.bincount(places.ravel(), minlength=size * sentences).reshape(size, sentences).astype(np.float64)


def bootstrap_scores(counts: SentenceCounts, *, resamples: int, seed: int) -> Floats:
    """The score of each bootstrap sample of the sentences: [resamples]."""
    weights = bootstrap_weights(len(counts.counts), resamples=resamples, seed=seed)
    return np.concatenate([counts.scores_of_sums(piece @ counts.counts) for piece in weights])


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of `values`, by the same two order statistics that sacreBLEU uses."""
    ordered = np.sort(values)
    cut = len(ordered) // 40
    return ordered[cut].item(), ordered[len(ordered) - cut - 1].item()


def _flores_tokenizer() -> str:
    """The FLORES tokeniser whose model is on disk. sacreBLEU would fetch a missing one from the network: never."""
    folder = Path(sacrebleu.utils.SACREBLEU_DIR) / "models"
    for name in ("flores200", "flores101"):
        if (folder / Path(SPM_MODELS[name]["url"]).name).is_file():
            return name
    url = SPM_MODELS["flores200"]["url"]
    raise ConfigError(
        f"spBLEU needs the FLORES-200 SentencePiece model at {folder / Path(url).name}, but there is no such file, and "
        f"polyglass does not use the network to score. Put {url} there under that name, or leave spbleu out."
    )
