"""Tokens a second in, verdicts on the notes' two claims about speed out. Rules before figures.

Of two models one is called slower only if the 95 % intervals of their medians do not touch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from polyglass.experiments.axes import spell
from polyglass.experiments.experiment import SPEED
from polyglass.experiments.families import Family
from polyglass.experiments.intervals import growth, median_interval
from polyglass.experiments.outcome import Finding, Verdict

GROWS, STAYS = 0.9, 0.1
RNN, LSTM, TRANSFORMER = "rnn", "lstm", "transformer"

Speeds = Mapping[str, Sequence[float]]
"""Family -> tokens a second of each repetition."""


@dataclass(frozen=True)
class Place:
    """What was measured on one device, training at equal parameters, at one length. device: in words."""

    device: str
    length: int
    speeds: Speeds


@dataclass(frozen=True)
class Gain:
    """How much faster training is with more parallel hardware: 2 CPU threads for 1, or a GPU for a CPU.

    slow, fast: tokens a second of each family with less and with more of it.
    """

    words: str
    slow: Speeds
    fast: Speeds

    def times(self, family: str) -> float:
        """Return how many times faster the family became, by the medians."""
        return median_interval(self.fast[family])[0] / median_interval(self.slow[family])[0]

    def ends(self, family: str) -> tuple[float, float]:
        """Return the least and the most that this can be, by the intervals of both medians."""
        slow, fast = interval(self.slow[family]), interval(self.fast[family])
        return fast[0] / slow[1], fast[1] / slow[0]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the interval of the median; one value is its own interval."""
    centre, low, high = median_interval(values)
    return (centre if low is None else low), (centre if high is None else high)


def is_slower(slow: Sequence[float], fast: Sequence[float]) -> bool:
    """Whether the first is slower for sure."""
    return interval(slow)[1] < interval(fast)[0]


def judge_slow(places: Sequence[Place]) -> Finding:
    """Judge that a plain RNN is slow and an LSTM slower."""
    rule = (
        "Training at equal parameters, at the greatest length measured, on each device: is the RNN slower than the "
        "Transformer, and is the LSTM slower than the RNN (95 % intervals of the medians apart)? Both on every device: "
        "confirmed. Neither on any: not confirmed here. Else: confirmed with a condition."
    )
    complete = [place for place in places if {RNN, LSTM, TRANSFORMER} <= place.speeds.keys()]
    if not complete:
        return Finding(SPEED.claims[0], "not decided yet", "The trials for it are not finished.", rule)
    answers, words = [], []
    for place in complete:
        slow = is_slower(place.speeds[RNN], place.speeds[TRANSFORMER])
        slower = is_slower(place.speeds[LSTM], place.speeds[RNN])
        answers += [slow, slower]
        rates = {name: spell(median_interval(place.speeds[name])[0], "number") for name in (RNN, LSTM, TRANSFORMER)}
        words.append(
            f"{place.device}, sequences of {place.length:,} tokens: RNN {rates[RNN]} target tokens a second, LSTM "
            f"{rates[LSTM]}, Transformer {rates[TRANSFORMER]}; the RNN is {'' if slow else 'not '}slower than the "
            f"Transformer, and the LSTM is {'' if slower else 'not '}slower than the RNN."
        )
    return Finding(SPEED.claims[0], _verdict(answers), " ".join(words), rule)


def judge_sequential(
    steps: Mapping[str, Mapping[float, float]], gains: Sequence[Gain], families: Sequence[Family]
) -> Finding:
    """Judge that going word by word makes no use of parallel hardware. steps: family -> length -> products in a row."""
    rule = (
        f"First, do the matrix products that must wait for each other grow with the length for every recurrent model "
        f"(exponent {GROWS} or more), and not for the Transformer ({STAYS} or less)? Second, does the Transformer gain "
        "more from parallel hardware (more CPU threads, or a GPU) than every recurrent model, intervals apart? Both, "
        "with every hardware measured: confirmed. Only the first, or not with every hardware: confirmed with a "
        "condition. Not the first: not confirmed here."
    )
    recurrent = [family for family in families if not family.heads]
    known = [family.name for family in families]
    if not all(len(steps.get(name, {})) > 1 for name in known):
        return Finding(SPEED.claims[1], "not decided yet", "The trials for it are not finished.", rule)
    exponents = {name: growth(list(steps[name]), list(steps[name].values())) for name in known}
    holds = exponents[TRANSFORMER] <= STAYS and all(exponents[family.name] >= GROWS for family in recurrent)
    longest = max(steps[TRANSFORMER])
    words = [
        f"Products one after another at {longest:,.0f} tokens: "
        + ", ".join(f"{family.label} {steps[family.name][longest]:,.0f}" for family in families)
        + f". They grow with the length to the power of {max(exponents[f.name] for f in recurrent):.2f} for recurrent "
        f"models and {exponents[TRANSFORMER]:.2f} for the Transformer."
    ]
    measured = [gain for gain in gains if {*known} <= gain.slow.keys() & gain.fast.keys()]
    more = [all(_gains_more(gain, family.name) for family in recurrent) for gain in measured]
    for gain in measured:
        told = ", ".join(f"{family.label} {gain.times(family.name):.2f} times" for family in families)
        words.append(f"{gain.words}: {told}.")
    if not measured:
        words.append("Parallel hardware was not measured: one CPU thread was used, and no GPU.")
    verdict: Verdict = "not confirmed here"
    if holds:
        verdict = "confirmed" if more and all(more) else "confirmed with a condition"
    return Finding(SPEED.claims[1], verdict, " ".join(words), rule)


def _gains_more(gain: Gain, recurrent: str) -> bool:
    return gain.ends(TRANSFORMER)[0] > gain.ends(recurrent)[1]


def _verdict(answers: Sequence[bool]) -> Verdict:
    if all(answers):
        return "confirmed"
    return "confirmed with a condition" if any(answers) else "not confirmed here"
