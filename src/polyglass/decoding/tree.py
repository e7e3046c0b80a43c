"""The beam tree, written down step by step while somebody looks."""

import math
from collections.abc import Iterator, Sequence

from jaxtyping import Bool
from torch import Tensor

from polyglass.decoding.candidates import Candidates
from polyglass.decoding.hypothesis import BeamNode, SearchTrace


class Tree:
    """Turns each step's candidates into nodes of a SearchTrace; knows the node of every live hypothesis."""

    def __init__(self, trace: SearchTrace) -> None:
        self._nodes = trace.nodes
        self._live: dict[int, list[int]] = {}  # sentence -> node of each live hypothesis, -1 before the first step

    def grow(
        self, sentences: Sequence[int], *, kept: Candidates, candidates: Candidates, ended: Bool[Tensor, "A C"]
    ) -> None:
        """Add the candidates that are `kept`, then those that `ended`, then the rest, of each of the `sentences`."""
        for sentence, growing, all_rows, ends in zip(
            sentences, _table(kept), _table(candidates), ended.tolist(), strict=True
        ):
            parents = self._live.get(sentence, [-1])
            self._live[sentence] = [self._add(sentence, parents, row) for row in growing]
            finished = [row for row, end in zip(all_rows, ends, strict=True) if end]
            for row in finished:
                self._add(sentence, parents, row, finished=True)
            for row in all_rows:
                if row not in growing and row not in finished:
                    self._add(sentence, parents, row, kept=False)

    def _add(
        self,
        sentence: int,
        parents: Sequence[int],
        candidate: tuple[float, int, int, float],
        *,
        finished: bool = False,
        kept: bool = True,
    ) -> int:
        log_prob, row, token, token_log_prob = candidate
        if log_prob == -math.inf:
            return -1
        parent = parents[row % len(parents)]
        step = self._nodes[parent].step + 1 if parent >= 0 else 0
        self._nodes.append(BeamNode(sentence, step, parent, token, token_log_prob, log_prob, finished, kept))
        return len(self._nodes) - 1


def _table(candidates: Candidates) -> Iterator[list[tuple[float, int, int, float]]]:
    """Yield, for each sentence, its candidates as (log_prob, row, token, token_log_prob)."""
    columns = (candidates.log_prob, candidates.row, candidates.token, candidates.token_log_prob)
    for sentence in zip(*(column.tolist() for column in columns), strict=True):
        yield list(zip(*sentence, strict=True))
