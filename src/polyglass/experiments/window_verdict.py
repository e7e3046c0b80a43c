"""Accuracy by distance in, verdicts on the notes' three claims about the reference window out. Rules before figures.

Half-life: the distance at which accuracy has fallen halfway from 1 to chance. A model whose accuracy never falls so low
has none within what was tested.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from polyglass.experiments.experiment import WINDOW
from polyglass.experiments.families import Family
from polyglass.experiments.outcome import Finding, Verdict
from polyglass.experiments.window_tasks import CHANCE, Task

FLAT = 0.95
HALFWAY = (1 + CHANCE) / 2

Curve = Mapping[float, Sequence[float]]
"""Distance -> accuracy of each seed."""


@dataclass(frozen=True)
class Recalled:
    """What one family did in one task."""

    task: Task
    family: Family
    curve: Curve

    def mean(self, distance: float) -> float:
        """Return the mean accuracy of all seeds at one distance."""
        return sum(self.curve[distance]) / len(self.curve[distance])

    @property
    def half_lives(self) -> list[float]:
        """The half-life of each seed; infinity where accuracy never fell halfway."""
        seeds = min(map(len, self.curve.values()))
        return [half_life([(x, ys[seed]) for x, ys in self.curve.items()]) for seed in range(seeds)]

    @property
    def is_lost_in_training_range(self) -> bool:
        """Whether the typical seed falls halfway within the distances that training had."""
        return median(self.half_lives) <= self.task.longest

    @property
    def is_flat_within(self) -> bool:
        """Whether accuracy stays at FLAT or above at every distance that training had."""
        return all(self.mean(distance) >= FLAT for distance in self.curve if distance <= self.task.longest)

    @property
    def is_flat_beyond(self) -> bool:
        """Whether it does so at every distance that was tested."""
        return all(self.mean(distance) >= FLAT for distance in self.curve)


def half_life(curve: Sequence[tuple[float, float]]) -> float:
    """Return the first distance at which accuracy falls below HALFWAY, between points even in the logarithm.

    curve: (distance, accuracy) by distance. Infinity if it never does.
    """
    before: tuple[float, float] | None = None
    for distance, accuracy in curve:
        if accuracy < HALFWAY:
            if before is None:
                return distance
            share = (before[1] - HALFWAY) / (before[1] - accuracy)
            return math.exp(math.log(before[0]) + share * (math.log(distance) - math.log(before[0])))
        before = (distance, accuracy)
    return math.inf


def spell_half_life(found: Recalled) -> str:
    """Write the median half-life of the seeds in words."""
    middle = median(found.half_lives)
    if math.isfinite(middle):
        return f"{middle:.0f} words" if middle >= 1.5 else "1 word"
    return f"more than {max(found.task.tested)} words"


def judge(recalled: Sequence[Recalled]) -> tuple[Finding, ...]:
    """Return the finding on each claim; a claim whose trials are not finished is not decided yet."""
    known: dict[tuple[str, str], Recalled] = {(one.task.name, one.family.name): one for one in recalled}
    attending = [one for one in recalled if one.family.attends]
    return _small(known, attending), _bigger(known), _infinite(attending)


def _small(known: Mapping[tuple[str, str], Recalled], attending: Sequence[Recalled]) -> Finding:
    rule = (
        "In each of the two tasks: does the RNN fall halfway from 1 to chance within the distances that training had, "
        "while some model with attention does not? In both: confirmed. In one: confirmed with a condition. In none: "
        "not confirmed here."
    )
    copy, recall = known.get(("copy", "rnn")), known.get(("recall", "rnn"))
    if copy is None or recall is None or {one.task.name for one in attending} != {"copy", "recall"}:
        return _open(0, rule)
    lost = [one for one in (copy, recall) if one.is_lost_in_training_range and _somebody_keeps(attending, one.task)]
    verdicts: tuple[Verdict, ...] = ("not confirmed here", "confirmed with a condition", "confirmed")
    words = (
        f"Half-life of what the RNN knows: {spell_half_life(copy)} when a whole sequence must be kept, "
        f"{spell_half_life(recall)} when one letter must be."
    )
    if lost == [copy]:
        words += (
            " So its window is small for much, and not for little: as far back as it was trained, it still names one "
            f"letter rightly in {recall.mean(recall.task.longest):.0%} of the cases."
        )
    elif lost == [recall]:
        words += " The sequence it keeps as far as it was trained; the single letter it loses."
    return Finding(WINDOW.claims[0], verdicts[len(lost)], words, rule)


def _bigger(known: Mapping[tuple[str, str], Recalled]) -> Finding:
    rule = (
        "Bigger: in copying, every seed of the LSTM (without attention) has a longer half-life than every seed of the "
        "RNN. Limited: the LSTM falls halfway within the distances that training had, in either task. Both: confirmed. "
        "One: confirmed with a condition. None: not confirmed here."
    )
    rnn, lstm, recall = known.get(("copy", "rnn")), known.get(("copy", "lstm")), known.get(("recall", "lstm"))
    if rnn is None or lstm is None or recall is None:
        return _open(1, rule)
    bigger = min(lstm.half_lives) > max(rnn.half_lives)
    limited = [one for one in (lstm, recall) if one.is_lost_in_training_range]
    verdict: Verdict = "not confirmed here"
    if bigger or limited:
        verdict = "confirmed" if bigger and limited else "confirmed with a condition"
    words = (
        f"Half-life in copying: LSTM {spell_half_life(lstm)}, RNN {spell_half_life(rnn)}. Of one letter alone in the "
        f"LSTM: {spell_half_life(recall)}."
    )
    if not bigger:
        words += " Not every seed of the LSTM reaches further than every seed of the RNN."
    if not limited:
        words += " No limit showed within the distances that training had."
    return Finding(WINDOW.claims[1], verdict, words, rule)


def _infinite(attending: Sequence[Recalled]) -> Finding:
    rule = (
        f"Every model with attention, in both tasks: is accuracy {FLAT:.0%} or more at every distance that training "
        "had? If so, and at every longer distance tested, too: confirmed. If so, but not beyond: confirmed with a "
        "condition. If only some models or tasks hold within training: confirmed with a condition, too. If none: not "
        "confirmed here."
    )
    if {one.task.name for one in attending} != {"copy", "recall"}:
        return _open(2, rule)
    within = [one for one in attending if one.is_flat_within]
    beyond = [one for one in attending if one.is_flat_beyond]
    verdict: Verdict = "confirmed with a condition" if within else "not confirmed here"
    if len(beyond) == len(attending):
        verdict = "confirmed"
    parts = []
    for one in attending:
        far, farthest = max(one.task.within), max(one.task.tested)
        parts.append(
            f"{one.family.label}, {one.task.name}: {one.mean(far):.0%} right at {far}, the longest in training, "
            f"{one.mean(farthest):.0%} at {farthest}"
        )
    words = "; ".join(parts) + "."
    if len(within) == len(attending) and len(beyond) < len(attending):
        words += " The window is as wide as what training showed; beyond it, not every model goes on."
    return Finding(WINDOW.claims[2], verdict, words, rule)


def _somebody_keeps(attending: Sequence[Recalled], task: Task) -> bool:
    return any(one.task == task and not one.is_lost_in_training_range for one in attending)


def _open(claim: int, rule: str) -> Finding:
    return Finding(WINDOW.claims[claim], "not decided yet", "The trials for it are not finished.", rule)
