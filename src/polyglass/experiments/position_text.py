"""Sentences in; training rows of bounded length, test rows within it and beyond it, and rows in another order out.

Beyond the trained lengths means: every row has more subwords than the longest that any training pair had. So no model
has seen the places in it, whatever tells it them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyglass.data.subwords import Subwords
from polyglass.experiments.trial import Lesson, lesson_of
from polyglass.experiments.window_text import Text, joined, mixed_lengths

TRAINED_JOINED = 2
JOINED = (1, 2, 3, 4, 6)
ENOUGH = 0.9  # share of the joined training pairs that are not too long
LONGEST = 256  # tokens in training, at most, whatever the corpus
MAX_POSITIONS = 1024


@dataclass(frozen=True)
class Group:
    """Test pairs of about one length. joined: how many sentences are in one. Rows are token ids, specials left out."""

    joined: int
    texts: tuple[Text, ...]
    sources: tuple[tuple[int, ...], ...]
    targets: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> float:
        """The mean number of source tokens, eos included."""
        return 1 + sum(map(len, self.sources)) / len(self.sources)

    @property
    def references(self) -> list[str]:
        """What the translations should be."""
        return [target for _, target in self.texts]


def longest_trained(pairs: Sequence[Text], subwords: Subwords) -> int:
    """Return the length in tokens (eos included) that no training row passes: most pairs of two sentences have it."""
    rows = joined(pairs[:4000], TRAINED_JOINED)
    sources = subwords.encode_source([source for source, _ in rows])
    targets = subwords.encode_target([target for _, target in rows])
    lengths = [1 + max(len(source), len(target)) for source, target in zip(sources, targets, strict=True)]
    return min(LONGEST, int(np.quantile(lengths, ENOUGH)))


def bounded_lesson(pairs: Sequence[Text], subwords: Subwords, *, longest: int, seed: int) -> Lesson:
    """Return single sentences and pairs of two, as many words of each; what is longer than `longest` is left out."""
    texts = mixed_lengths(pairs, seed=seed, most=TRAINED_JOINED)
    sources = subwords.encode_source([source for source, _ in texts])
    targets = subwords.encode_target([target for _, target in texts])
    kept = [
        (source, target)
        for source, target in zip(sources, targets, strict=True)
        if 1 + max(len(source), len(target)) <= longest
    ]
    return lesson_of(
        [source for source, _ in kept],
        [target for _, target in kept],
        sizes=(subwords.source_size, subwords.target_size),
        ids=subwords.ids,
    )


def test_groups(pairs: Sequence[Text], subwords: Subwords, *, longest: int, sentences: int) -> list[Group]:
    """Return the test pairs by length: joined by up to two within `longest`, joined by more beyond it.

    Groups for which the corpus has no sentences are left out.
    """
    groups = []
    for count in JOINED:
        texts = joined(pairs, count)
        sources = subwords.encode_source([source for source, _ in texts])
        targets = subwords.encode_target([target for _, target in texts])
        kept = [
            number
            for number, (source, target) in enumerate(zip(sources, targets, strict=True))
            if _belongs(1 + len(source), 1 + len(target), is_inside=count <= TRAINED_JOINED, longest=longest)
        ][:sentences]
        if kept:
            groups.append(
                Group(
                    count,
                    tuple(texts[number] for number in kept),
                    tuple(tuple(sources[number]) for number in kept),
                    tuple(tuple(targets[number]) for number in kept),
                )
            )
    return groups


def shuffled(row: Sequence[int], random: np.random.Generator) -> tuple[list[int], list[int]]:
    """Return a row in a random order, and that order: place i has what stood at order[i].

    Rows of two or more different tokens are never returned as they were.
    """
    while True:
        order = random.permutation(len(row)).tolist()
        mixed = [row[place] for place in order]
        if mixed != list(row) or len(set(row)) < 2:
            return mixed, order


def _belongs(source: int, target: int, *, is_inside: bool, longest: int) -> bool:
    if is_inside:
        return max(source, target) <= longest
    return min(source, target) > longest and max(source, target) < MAX_POSITIONS
