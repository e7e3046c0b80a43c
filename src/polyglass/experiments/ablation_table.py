"""Losses and scores of the rows of table 3 in; what each row changes, and whether it does so in the paper, out.

A row is compared with the base of the same seed: same order of batches, same held-out pairs. What is compared is the
logarithm of perplexity, so that 0.05 is 5 % more, whatever the perplexity: the paper's numbers and ours are of other
data, and only such shares can be laid beside each other.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Literal

from polyglass.experiments import ablation_rows as rows
from polyglass.experiments.ablation_rows import PAPER_BASE, Paper, Row

SAME = 0.03  # a change of perplexity below it is called none

Direction = Literal["worse", "better", "about equal", "unclear"]


@dataclass(frozen=True)
class Found:
    """What a row gave, by seed. losses, seen: in nats per token, on held-out pairs and on training pairs."""

    losses: Mapping[int, float]
    seen: Mapping[int, float]
    bleu: Mapping[int, float]
    parameters: int

    @property
    def gap(self) -> float:
        """How much more is lost on held-out pairs than on training pairs, in the mean."""
        return mean(self.losses.values()) - mean(self.seen.values())


class Table:
    """All rows that are measured, each beside the base."""

    def __init__(self, found: Mapping[str, Found]) -> None:
        self.found = found

    def changes(self, row: Row, of: Row = rows.BASE) -> list[float]:
        """Return how much the logarithm of perplexity is above that of another row, for each seed of both."""
        return self._differences(row, of, lambda one: one.losses)

    def bleu_changes(self, row: Row, of: Row = rows.BASE) -> list[float]:
        """Return how much BLEU is above that of another row, for each seed of both."""
        return self._differences(row, of, lambda one: one.bleu)

    def _differences(self, row: Row, of: Row, what: Callable[[Found], Mapping[int, float]]) -> list[float]:
        if row.name not in self.found or of.name not in self.found:
            return []
        mine, theirs = what(self.found[row.name]), what(self.found[of.name])
        return [mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())]

    def direction(self, row: Row) -> Direction | None:
        """Say what a row does to perplexity; None if it is not measured."""
        changes = self.changes(row)
        return direction(changes) if changes else None

    def agrees(self, row: Row) -> str:
        """Say in a word whether a row goes where the paper's goes."""
        ours = self.direction(row)
        if row.paper is None or ours is None:
            return "-"
        return "seeds disagree" if ours == "unclear" else "yes" if ours == paper_direction(row.paper) else "no"


def direction(changes: Sequence[float]) -> Direction:
    """Name a change of log perplexity: small ones are none; of several seeds, each must have the same sign."""
    centre = mean(changes)
    if abs(centre) < SAME:
        return "about equal"
    if any(change * centre <= 0 for change in changes):
        return "unclear"
    return "worse" if centre > 0 else "better"


def paper_change(paper: Paper) -> float:
    """Return the change of log perplexity that the paper has."""
    return math.log(paper.perplexity / PAPER_BASE.perplexity)


def paper_direction(paper: Paper) -> Direction:
    """Return what the paper's row does, by the same measure."""
    return direction([paper_change(paper)])
