"""What a search returns, and the record of how it got there."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Hypothesis:
    """One candidate output of one source sentence.

    ids: target tokens without bos; the last one is eos exactly if `finish_reason` is "end".
    token_log_probs: natural log of the model's probability of each of `ids`; same length.
    log_prob: their sum. score: log_prob / length_penalty(len(ids), alpha), what n-best lists are sorted by.
    """

    ids: tuple[int, ...]
    token_log_probs: tuple[float, ...]
    log_prob: float
    score: float
    finish_reason: Literal["end", "length"]


@dataclass(frozen=True)
class BeamNode:
    """One token that a beam search looked at in one step.

    parent: index of the node before it in `SearchTrace.nodes`, -1 at the start. finished: it ended an output.
    kept: it stayed in the beam, or ended an output; the others were among the best 2 * beam_size, but not good enough.
    """

    sentence: int
    step: int
    parent: int
    token: int
    token_log_prob: float
    log_prob: float
    finished: bool
    kept: bool


@dataclass
class SearchTrace:
    """The beam tree of a search; filled only when handed to the search (the explorer draws it)."""

    nodes: list[BeamNode] = field(default_factory=list)
