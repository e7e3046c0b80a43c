"""A corpus in; sentences joined into long ones out, to train on and to be scored on, by length.

Captions and phrases are short: of the 1,000 test sentences of Multi30k only two have more than 30 words. Two, three and
four neighbours joined make long sentences whose parts the model can translate. That a fixed vector does not hold a long
sentence was first shown by Cho et al. 2014 (figure 4) and Bahdanau et al. 2015 (figure 2).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from polyglass.config import DataConfig
from polyglass.data.corpus import filter_pairs, held_out_sources, open_corpus
from polyglass.data.demo_grammar import generate_pairs
from polyglass.data.filters import FilterReport
from polyglass.data.subwords import Subwords
from polyglass.errors import DataError
from polyglass.experiments.trial import Lesson, lesson_of

MOST_JOINED = 4
MOST_PAIRS = 50_000  # more is not read in the minutes that a trial has
HELD_OUT = 400  # of a corpus that comes without a test set
FEWEST_PAIRS = 200
DEMO_PAIRS, DEMO_SEED = 20_000, 1
VOCABULARY = 1_000

Text = tuple[str, str]


@dataclass(frozen=True)
class TextCorpus:
    """Pairs of sentences. name: for people. digest: of every character of it."""

    name: str
    train: tuple[Text, ...]
    test: tuple[Text, ...]

    @property
    def digest(self) -> str:
        """Return what tells this corpus from any other."""
        lines = (f"{source}\t{target}\n" for side in (self.train, self.test) for source, target in side)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_texts(files: Sequence[Path], test: Sequence[Path], *, most: int = MOST_PAIRS) -> TextCorpus:
    """Read the first `most` pairs of a corpus of the user's, or make demo sentences where none is named.

    Without a test set the last pairs are held out. Raises DataError if too few pairs are left.
    """
    tests = [_one_line(pair.source, pair.target) for pair in open_corpus(test)] if test else []
    tests = [pair for pair in tests if all(side.strip() for side in pair)]
    if not files and test:
        return TextCorpus(f"{len(tests):,} of {test[0].name}", (), tuple(tests))
    if not files:
        count = min(DEMO_PAIRS, most)
        drawn = generate_pairs(count + HELD_OUT, seed=DEMO_SEED, max_depth=1, max_words=9)
        made = [(pair.source, pair.target) for pair in drawn]
        name = f"{count:,} pairs of the demo generator, seed {DEMO_SEED}"
        return TextCorpus(name, tuple(made[HELD_OUT:]), tuple(made[:HELD_OUT]))
    held_out = held_out_sources(open_corpus(test)) if test else frozenset()
    kept = filter_pairs(open_corpus(files), DataConfig(), FilterReport(), held_out=held_out)
    pairs = [_one_line(pair.source, pair.target) for pair in islice(kept, most)]
    if not test:
        pairs, tests = pairs[:-HELD_OUT], pairs[-HELD_OUT:]
    if len(pairs) < FEWEST_PAIRS or len(tests) < MOST_JOINED:
        raise DataError(
            f"{files[0]} must have at least {FEWEST_PAIRS + (0 if test else HELD_OUT):,} pairs that can be trained on, "
            f"but {len(pairs) + (0 if test else len(tests)):,} are left. Give more text."
        )
    return TextCorpus(f"{len(pairs):,} pairs of {files[0].name}", tuple(pairs), tuple(tests))


def joined(pairs: Sequence[Text], count: int) -> list[Text]:
    """Join each `count` neighbours into one pair; what is left at the end is left out."""
    groups = [pairs[first : first + count] for first in range(0, len(pairs) - count + 1, count)]
    return [(" ".join(source for source, _ in group), " ".join(target for _, target in group)) for group in groups]


def mixed_lengths(pairs: Sequence[Text], *, seed: int, most: int = MOST_JOINED) -> list[Text]:
    """Return training pairs of which one, two ... up to `most` sentences are joined, as many words of each."""
    order = np.random.default_rng(seed).permutation(len(pairs)).tolist()
    shuffled = [pairs[place] for place in order]
    share = len(shuffled) // most
    parts = [shuffled[share * place : share * (place + 1)] for place in range(most)]
    return [pair for count, part in enumerate(parts, start=1) for pair in joined(part, count)]


def learn_subwords(corpus: TextCorpus, *, size: int = VOCABULARY) -> Subwords:
    """Learn one vocabulary for both sides of the training text."""
    return Subwords.train(lambda: corpus.train, DataConfig(), size=size)


def text_lesson(pairs: Sequence[Text], subwords: Subwords) -> Lesson:
    """Cut pairs into subwords."""
    return lesson_of(
        subwords.encode_source([source for source, _ in pairs]),
        subwords.encode_target([target for _, target in pairs]),
        sizes=(subwords.source_size, subwords.target_size),
        ids=subwords.ids,
    )


def mean_words(texts: Sequence[str]) -> float:
    """Return the mean number of words between spaces (characters where a text has no spaces)."""
    return sum(len(text.split()) if " " in text.strip() else len(text) for text in texts) / len(texts)


def _one_line(source: str, target: str) -> Text:
    return " ".join(source.split()), " ".join(target.split())
