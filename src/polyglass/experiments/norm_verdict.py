"""Losses, stable rates and scores in, verdicts on three claims of the notes and one of a paper out. Rules first.

Stable: every loss of a short run is finite, and it ends clearly lower than the loss of somebody who knows only how
often each word occurs. A model whose rate is too high stays there, or just below: it never reads its input.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from polyglass.experiments.experiment import NORM
from polyglass.experiments.intervals import Interval
from polyglass.experiments.outcome import Finding, Verdict

CAP = 10.0
"""Nats. What ends higher, or not at all, counts as this: one number for every way to fail."""
CLEARLY = 0.95
PLACES = ("post", "pre")
XIONG = "Xiong et al. 2020 found"
STABLE_WORDS = (
    "A rate is stable in a run if every loss is finite and the mean loss of the last tenth of the updates is below "
    f"{CLEARLY:.0%} of what knowing only how often each word occurs gives"
)


@dataclass(frozen=True)
class Tried:
    """What one variant did. stable: rate -> 1.0 or 0.0 for each seed. chrf: its interval. held_out: loss by seed.

    An empty `stable` or `held_out`, or a chrf of None: those trials are not finished.
    """

    name: str
    stable: Mapping[float, Sequence[float]]
    chrf: Interval | None = None
    held_out: Sequence[float] = ()

    @property
    def highest(self) -> float:
        """The largest stable rate, in the median of the seeds; 0 where none is."""
        return median(largest_stable(self.stable))

    @property
    def share_stable(self) -> float:
        """The share of all runs that are stable."""
        runs = [value for values in self.stable.values() for value in values]
        return sum(runs) / len(runs)


def is_stable(losses: Sequence[float], *, planned: int, bound: float) -> bool:
    """Whether a run of `planned` updates got to its end with finite losses, and ended below `bound`."""
    if len(losses) < planned or not all(map(math.isfinite, losses)):
        return False
    tail = losses[-max(1, planned // 10) :]
    return sum(tail) / len(tail) < bound


def largest_stable(stable: Mapping[float, Sequence[float]]) -> list[float]:
    """Return the largest stable rate of each seed; 0 where none is."""
    seeds = min(map(len, stable.values()))
    return [max((rate for rate, values in stable.items() if values[seed]), default=0.0) for seed in range(seeds)]


def spell_rate(rate: float) -> str:
    """Write a learning rate, or that there is none."""
    return f"{rate:g}" if rate else "none"


def wholly_below(low: Interval, high: Interval) -> bool:
    """Whether one interval lies below another and does not touch it; without ends the centres decide."""
    top = low[0] if low[2] is None else low[2]
    bottom = high[0] if high[1] is None else high[1]
    return top < bottom


def judge(tried: Sequence[Tried]) -> tuple[Finding, ...]:
    """Return the finding on each claim; a claim whose trials are not finished is not decided yet."""
    known = {one.name: one for one in tried}
    return _after_every_layer(known), _larger_rates(known), _better_stability(known), _warm_up(known)


def _after_every_layer(known: Mapping[str, Tried]) -> Finding:
    rule = (
        "Layer norm, with warm-up: is the chrF interval of norm after each sub-layer (post) wholly below that of norm "
        "before it (pre)? If so: not confirmed here. If not, look at both without warm-up: is the largest stable rate "
        "of post (median of the seeds) lower than that of pre, or its chrF interval wholly below? If so: confirmed "
        f"with a condition, the warm-up. Else: confirmed. {STABLE_WORDS}."
    )
    names = ("layer-post", "layer-pre", "layer-post-cold", "layer-pre-cold")
    post, pre, post_cold, pre_cold = (known.get(name) for name in names)
    if not (post and pre and post_cold and pre_cold):
        return _open(0, rule)
    if not (post.chrf and pre.chrf and post_cold.chrf and pre_cold.chrf and post_cold.stable and pre_cold.stable):
        return _open(0, rule)
    words = (
        f"With warm-up: chrF {post.chrf[0]:.1f} after each sub-layer, {pre.chrf[0]:.1f} before. Without: "
        f"{post_cold.chrf[0]:.1f} and {pre_cold.chrf[0]:.1f}; largest stable rates without: "
        f"{spell_rate(post_cold.highest)} and {spell_rate(pre_cold.highest)}."
    )
    if wholly_below(post.chrf, pre.chrf):
        return Finding(NORM.claims[0], "not confirmed here", f"{words} Before is better here, even with warm-up.", rule)
    if post_cold.highest < pre_cold.highest or wholly_below(post_cold.chrf, pre_cold.chrf):
        words += " The condition is the warm-up: without it, norm after each sub-layer falls behind."
        return Finding(NORM.claims[0], "confirmed with a condition", words, rule)
    return Finding(NORM.claims[0], "confirmed", f"{words} It does not fall behind without warm-up, either.", rule)


def _larger_rates(known: Mapping[str, Tried]) -> Finding:
    rule = (
        "After each sub-layer, and before: is the largest stable rate of batch norm (median of the seeds) higher than "
        "that of layer norm? In both places: confirmed. In one: confirmed with a condition. In none: not confirmed "
        f"here. {STABLE_WORDS}."
    )
    pairs = [(place, known.get(f"batch-{place}"), known.get(f"layer-{place}")) for place in PLACES]
    found = [(place, batch, layer) for place, batch, layer in pairs if batch and layer]
    if len(found) < len(PLACES) or not all(batch.stable and layer.stable for _, batch, layer in found):
        return _open(1, rule)
    higher = [place for place, batch, layer in found if batch.highest > layer.highest]
    verdicts: tuple[Verdict, ...] = ("not confirmed here", "confirmed with a condition", "confirmed")
    parts = [
        f"norm {'after' if place == 'post' else 'before'} each sub-layer: batch {spell_rate(batch.highest)}, layer "
        f"{spell_rate(layer.highest)}"
        for place, batch, layer in found
    ]
    words = f"Largest stable rate, {'; '.join(parts)}."
    if len(higher) == 1:
        words += f" The condition is the place: only {'after' if higher[0] == 'post' else 'before'} each sub-layer."
    words += " That batch norm is the usual one does not hold for Transformers, where layer and RMS norm are."
    return Finding(NORM.claims[1], verdicts[len(higher)], words, rule)


def _better_stability(known: Mapping[str, Tried]) -> Finding:
    rule = (
        "Two questions, each at both places. Is layer norm stable in at least as large a share of all runs (rates "
        "times seeds) as batch norm? Is its held-out loss lower than that of batch norm with every seed? Both yes at "
        "both places: confirmed. One of them: confirmed with a condition. None: not confirmed here. "
        f"{STABLE_WORDS}. A run that diverged has a held-out loss of {CAP:.0f}."
    )
    pairs = [(known.get(f"layer-{place}"), known.get(f"batch-{place}")) for place in PLACES]
    found = [(layer, batch) for layer, batch in pairs if layer and batch]
    if len(found) < len(PLACES) or not all(one.stable and one.held_out for pair in found for one in pair):
        return _open(2, rule)
    steady = all(layer.share_stable >= batch.share_stable for layer, batch in found)
    lower = all(
        mine < other for layer, batch in found for mine, other in zip(layer.held_out, batch.held_out, strict=False)
    )
    verdicts: tuple[Verdict, ...] = ("not confirmed here", "confirmed with a condition", "confirmed")
    words = "; ".join(
        f"norm {'after' if place == 'post' else 'before'} each sub-layer: layer stable in {layer.share_stable:.0%} of "
        f"the runs, batch in {batch.share_stable:.0%}; held-out loss {_mean(layer.held_out):.2f} and "
        f"{_mean(batch.held_out):.2f}"
        for place, (layer, batch) in zip(PLACES, found, strict=True)
    )
    words = f"{words[:1].upper()}{words[1:]}."
    if steady != lower:
        words += " Layer norm is the steadier one in " + ("stable rates" if steady else "held-out loss") + " alone."
    words += (
        " The wording is turned round: layer norm looks at each token by itself, across its features; batch norm at "
        "each feature, across all tokens."
    )
    return Finding(NORM.claims[2], verdicts[steady + lower], words, rule)


def _warm_up(known: Mapping[str, Tried]) -> Finding:
    rule = (
        "Layer norm, whole trainings. After each sub-layer: is the chrF interval without warm-up wholly below that "
        "with warm-up? Before each sub-layer: is it not? Both: confirmed. One of them: confirmed with a condition. "
        "None: not confirmed here."
    )
    scores = [
        one.chrf if (one := known.get(f"layer-{place}{end}")) else None for place in PLACES for end in ("", "-cold")
    ]
    post, post_cold, pre, pre_cold = scores
    if not (post and post_cold and pre and pre_cold):
        return replace(_open(3, rule), whose=XIONG)
    needed, not_needed = wholly_below(post_cold, post), not wholly_below(pre_cold, pre)
    verdicts: tuple[Verdict, ...] = ("not confirmed here", "confirmed with a condition", "confirmed")
    words = (
        f"chrF with warm-up and without: {post[0]:.1f} and {post_cold[0]:.1f} with norm after each sub-layer, "
        f"{pre[0]:.1f} and {pre_cold[0]:.1f} with norm before."
    )
    if needed and not not_needed:
        words += " The condition: at this rate norm before each sub-layer is better with a warm-up, too."
    elif not_needed and not needed:
        words += " Neither needs it here."
    return Finding(NORM.claims[3], verdicts[needed + not_needed], words, rule, whose=XIONG)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _open(claim: int, rule: str) -> Finding:
    return Finding(NORM.claims[claim], "not decided yet", "The trials for it are not finished.", rule)
