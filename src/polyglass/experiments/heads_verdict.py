"""Losses by number of heads and without a head in, verdicts on the notes' two claims about heads out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from polyglass.experiments.experiment import HEADS
from polyglass.experiments.outcome import Finding, Verdict

CLEAR = 0.03  # nats per token, about 3 % of perplexity: less is called the same
UNEQUAL, HARDLY = 5.0, 2.0  # how many times the middle head the heaviest tenth weighs


@dataclass(frozen=True)
class Counted:
    """What training with so many heads gave. losses: of each seed, held-out, in nats per token."""

    heads: int
    losses: Sequence[float]
    parameters: int
    products: int

    @property
    def loss(self) -> float:
        """The mean of the seeds."""
        return mean(self.losses)


def judge(counted: Sequence[Counted], rises: Sequence[float]) -> tuple[Finding, ...]:
    """Return the finding on each claim. rises: of the loss, in nats, without each head of one trained model."""
    return _separate({one.heads: one for one in counted}), _weighted(rises)


def best_of(counted: Sequence[Counted]) -> Counted:
    """Return the number of heads with the lowest loss."""
    return min(counted, key=lambda one: one.loss)


def _separate(known: Mapping[int, Counted]) -> Finding:
    rule = (
        "Is the cost the same: the same number of parameters and of multiplications for every number of heads, "
        f"counted? Is it worth it: is there a number of heads whose held-out loss is lower than that of one head with "
        f"every seed, by {CLEAR} nats per token or more in the mean? Both: confirmed. The cost only: confirmed with a "
        "condition. Else: not confirmed here."
    )
    several = [one for heads, one in known.items() if heads > 1]
    if 1 not in known or not several:
        return _open(0, rule)
    one, best = known[1], best_of(several)
    is_same = len({(each.parameters, each.products) for each in known.values()}) == 1
    is_better = one.loss - best.loss >= CLEAR and all(
        theirs < own for theirs, own in zip(best.losses, one.losses, strict=False)
    )
    verdict: Verdict = "not confirmed here"
    if is_same:
        verdict = "confirmed" if is_better else "confirmed with a condition"
    words = (
        f"With {', '.join(map(str, known))} heads: {one.parameters:,} parameters and {one.products:,} multiplications "
        "for a pair of 16 and 16 tokens, "
        f"{'the same for all' if is_same else 'but not the same for all'}. Held-out loss with one head "
        f"{one.loss:.3f}, with {best.heads} heads {best.loss:.3f} nats per token, {_seeds(one.losses)}."
    )
    if is_same and not is_better:
        words += " That they can be separated holds; that it helps did not show here."
    worst = max(several, key=lambda each: each.loss)
    if worst.loss - best.loss >= CLEAR:
        words += f" More is not always better: with {worst.heads} heads it is {worst.loss:.3f}."
    return Finding(HEADS.claims[0], verdict, words, rule)


def heaviest(rises: Sequence[float]) -> float:
    """Return the mean rise of the heaviest tenth of the heads, at least one."""
    count = max(1, round(len(rises) / 10))
    return mean(sorted(rises)[-count:])


def _weighted(rises: Sequence[float]) -> Finding:
    rule = (
        "A head that is switched off contributes exactly nothing to a sum; how much the loss then rises is its weight. "
        f"Do heads weigh unequally: does the heaviest tenth weigh at least {UNEQUAL:.0f} times as much as the middle "
        f"head? Confirmed. At least {HARDLY:.0f} times: confirmed with a condition. Else they weigh alike, as in a "
        "plain average: not confirmed here."
    )
    if not rises:
        return _open(1, rule)
    heavy, middle = heaviest(rises), max(median(rises), 0.0)
    verdict: Verdict = "not confirmed here"
    if heavy > 0 and heavy >= HARDLY * middle:
        verdict = "confirmed" if heavy >= UNEQUAL * middle else "confirmed with a condition"
    idle = sum(rise < CLEAR / 10 for rise in rises)
    words = (
        f"Without one head the loss rises by {heavy:.3f} nats per token for the heaviest tenth of {len(rises)} heads, "
        f"and by {median(rises):.4f} for the middle one. Without {idle} of the heads, one at a time, it rises by less "
        f"than {CLEAR / 10:.3f} or falls. Strictly it is a sum and no average: the weights are in the matrix W^Z, and "
        "they do not add up to one."
    )
    return Finding(HEADS.claims[1], verdict, words, rule)


def _seeds(values: Sequence[float]) -> str:
    return "one seed" if len(values) == 1 else f"the mean of {len(values)} seeds"


def _open(claim: int, rule: str) -> Finding:
    return Finding(HEADS.claims[claim], "not decided yet", "The trials for it are not finished.", rule)
