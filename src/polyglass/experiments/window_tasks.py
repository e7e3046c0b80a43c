"""Two tasks that need nothing but memory, made on the spot: a word to carry far, and a sequence to say again.

recall  one letter among digits, `distance` digits before the end of the source; the target is the letter. A model that
        reads from left to right must carry four bits over `distance` steps (Hochreiter and Schmidhuber 1997, §5).
copy    a sequence of random letters; the target is the same sequence. Between a letter and its copy lie as many words
        as the sequence has, and all of them must be kept (Jelassi et al. 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from polyglass.data.batch import collate
from polyglass.experiments.trial import Lesson, lesson_of
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds

LETTERS, DIGITS = 16, 8
CHANCE = 1 / LETTERS
BEFORE = 4  # up to so many digits stand before the letter, so that its place in the source tells nothing
ROWS = 64  # scored together
FIRST = 4  # the first id that is no special symbol

Pair = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Task:
    """One of the tasks. longest: in training. tested: the distances or lengths that are scored."""

    name: Literal["recall", "copy"]
    longest: int
    tested: tuple[int, ...]

    @property
    def within(self) -> tuple[int, ...]:
        """The tested distances that training had."""
        return tuple(distance for distance in self.tested if distance <= self.longest)

    def pair(self, random: np.random.Generator, distance: int) -> Pair:
        """Draw one pair."""
        if self.name == "copy":
            letters = _letters(random, distance)
            return letters, letters
        letter, before = _letters(random, 1), int(random.integers(BEFORE))
        return [*_digits(random, before), *letter, *_digits(random, distance)], letter

    def lesson(self, count: int, *, seed: int) -> Lesson:
        """Draw `count` training pairs with distances up to the longest.

        copy: each length is as likely. recall: short distances more often (evenly in the logarithm), because a letter
        that is learned to be kept for one step is learned more easily for two.
        """
        random = np.random.default_rng([seed, self.longest])
        if self.name == "copy":
            distances = random.integers(1, self.longest + 1, count)
        else:
            distances = np.exp(random.uniform(0, np.log(self.longest + 1), count)).astype(int)
        pairs = [self.pair(random, int(distance)) for distance in distances]
        size = FIRST + LETTERS + DIGITS
        return lesson_of(
            [source for source, _ in pairs], [target for _, target in pairs], sizes=(size, size), ids=SpecialIds()
        )

    def accuracy(self, model: Seq2Seq, distance: int, *, count: int) -> float:
        """Return the share of target letters that the model names rightly at one distance.

        The letters before the one that is asked for are given (teacher forcing), so that one mistake does not bring the
        next. The test pairs are the same for every model, and drawn by another seed than any training.
        """
        random = np.random.default_rng([2**31, distance])
        pairs = [self.pair(random, distance) for _ in range(count)]
        right = total = 0
        for first in range(0, count, ROWS):
            found, of = _right(model, pairs[first : first + ROWS])
            right, total = right + found, total + of
        return right / total


@torch.inference_mode()
def _right(model: Seq2Seq, pairs: Sequence[Pair]) -> tuple[int, int]:
    """Count the target letters that are the likeliest word, and all of them; eos does not count."""
    batch = collate([pair[0] for pair in pairs], [pair[1] for pair in pairs], model.ids, range(len(pairs)))
    batch = batch.to(model.device)
    named = model(batch.source, batch.target_in).argmax(dim=-1)
    asked = (batch.target_out != model.ids.eos) & (batch.target_out != model.ids.pad)
    return int(((named == batch.target_out) & asked).sum()), int(asked.sum())


def _letters(random: np.random.Generator, count: int) -> list[int]:
    return [FIRST + int(letter) for letter in random.integers(LETTERS, size=count)]


def _digits(random: np.random.Generator, count: int) -> list[int]:
    return [FIRST + LETTERS + int(digit) for digit in random.integers(DIGITS, size=count)]
