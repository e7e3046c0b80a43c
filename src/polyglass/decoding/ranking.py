"""Token ids and their log-probabilities in, ranked hypotheses out: what every kind of search returns."""

import math
from collections.abc import Iterable, Sequence

from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.length import length_penalty

FAILED = Hypothesis(ids=(), token_log_probs=(), log_prob=-math.inf, score=-math.inf, finish_reason="length")
"""The answer for a sentence whose logits were not numbers: the only hypothesis without ids. Its neighbours go on."""


def scored(tokens: Sequence[int], token_log_probs: Sequence[float], *, alpha: float, eos: int) -> Hypothesis:
    """Make the hypothesis of these tokens: sum their log-probabilities and divide by the length penalty.

    A log-probability that is not a number counts as minus infinity, so that ranking stays an order.
    """
    numbers = tuple(-math.inf if math.isnan(number) else number for number in token_log_probs)
    log_prob = math.fsum(numbers)
    return Hypothesis(
        ids=tuple(tokens),
        token_log_probs=numbers,
        log_prob=log_prob,
        score=log_prob / length_penalty(len(tokens), alpha),
        finish_reason="end" if tokens and tokens[-1] == eos else "length",
    )


def best_first(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Sort by score, but every finished hypothesis comes before those that were cut at the length limit.

    A cut output is never a whole sentence, and a loop ("the the the") has an excellent score per token.
    """
    return sorted(hypotheses, key=lambda one: (one.finish_reason != "end", -one.score))
