"""Scores and changes of vectors in, verdicts on claims about positions out. Rules before figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from polyglass.experiments.experiment import POSITION
from polyglass.experiments.intervals import Interval
from polyglass.experiments.norm_verdict import wholly_below
from polyglass.experiments.outcome import Finding, Verdict

BLIND = 0.001
"""A relative change of vectors below this is rounding: the model does not see the order."""
SEES = 0.01
GOES_ON = 0.9
NAMES = ("sinusoidal", "learned", "rotary")
NONE = "none"
PAPER = "Vaswani et al. 2017 found"


@dataclass(frozen=True)
class Ordered:
    """What one kind of positions did.

    single, inside: chrF with its interval of single sentences, and of the longest test sentences within the trained
    lengths. beyond: chrF of the longest beyond (None: the corpus has none). encoder: relative change of the
    encoder's vectors when the source is shuffled; decoder: the same of the last word's vector after each decoder
    layer when the words before it are shuffled.
    """

    name: str
    single: Interval
    inside: Interval
    beyond: float | None
    encoder: float
    decoder: Mapping[float, float]

    @property
    def kept(self) -> float | None:
        """The share of the score that is left at the longest sentences; None where there are none."""
        return None if self.beyond is None else self.beyond / max(self.inside[0], 1e-9)


def judge(found: Sequence[Ordered]) -> tuple[Finding, ...]:
    """Return the finding on each claim; a claim whose trials are not finished is not decided yet."""
    known = {one.name: one for one in found}
    return _combined(known), _with_context(known), _infinite(known), _alike(known)


def _combined(known: Mapping[str, Ordered]) -> Finding:
    rule = (
        "Single held-out sentences: is the chrF interval of the model without positions wholly below that of the model "
        "with sinusoidal, with learned, with rotary positions? Below all three: confirmed. Below one or two: confirmed "
        "with a condition. Below none: not confirmed here."
    )
    kinds, none = [known[name] for name in NAMES if name in known], known.get(NONE)
    if none is None or len(kinds) < len(NAMES):
        return _open(0, rule)
    better = [one.name for one in kinds if wholly_below(none.single, one.single)]
    verdict: Verdict = "confirmed with a condition"
    if len(better) in (0, len(NAMES)):
        verdict = "confirmed" if better else "not confirmed here"
    scores = ", ".join(f"{one.name} {one.single[0]:.1f}" for one in kinds)
    words = f"chrF of single sentences: {scores}, without positions {none.single[0]:.1f}."
    if verdict == "confirmed with a condition":
        words += f" Only {' and '.join(better)} positions are better than none beyond chance."
    elif verdict == "not confirmed here":
        words += " A model without positions does not fall behind: what the decoder knows of order is enough here."
    return Finding(POSITION.claims[0], verdict, words, rule)


def _with_context(known: Mapping[str, Ordered]) -> Finding:
    rule = (
        f"The source is shuffled. Without positions, do the encoder's vectors stay the same (change below {BLIND:.1%})"
        f", and with each kind of positions do they change (by {SEES:.0%} or more)? If not: not confirmed here. If so, "
        "the words before the last target word are shuffled: does the decoder's last layer stay the same without "
        "positions? If it does, order comes from positions alone: confirmed. If it changes, the mask tells order, too: "
        "confirmed with a condition."
    )
    kinds, none = [known[name] for name in NAMES if name in known], known.get(NONE)
    if none is None or len(kinds) < len(NAMES) or not none.decoder:
        return _open(1, rule)
    changes = ", ".join(f"{one.name} {one.encoder:.0%}" for one in kinds)
    layers = ", ".join(f"{change:.1%} after layer {layer:.0f}" for layer, change in none.decoder.items())
    words = (
        f"Change of the encoder's vectors when the source is shuffled: {changes}, without positions "
        f"{none.encoder:.4%}. The decoder without positions, words before the last one shuffled: {layers}."
    )
    if none.encoder >= BLIND or any(one.encoder < SEES for one in kinds):
        return Finding(POSITION.claims[1], "not confirmed here", words, rule)
    if none.decoder[max(none.decoder)] < BLIND:
        return Finding(POSITION.claims[1], "confirmed", f"{words} Without positions nothing knows order.", rule)
    words += (
        " The condition: the encoder needs positions to know order; the decoder has its mask, which lets each word see "
        "one word more than the last, and from the second layer on that tells order."
    )
    return Finding(POSITION.claims[1], "confirmed with a condition", words, rule)


def _infinite(known: Mapping[str, Ordered]) -> Finding:
    rule = (
        "The longest test sentences, all longer than any in training: does a model with positions keep "
        f"{GOES_ON:.0%} or more of its chrF on the longest within the trained lengths? With each of the three kinds: "
        "confirmed. With one or two: confirmed with a condition. With none: not confirmed here."
    )
    kinds = [known[name] for name in NAMES if name in known]
    if len(kinds) < len(NAMES) or any(one.kept is None for one in kinds):
        return _open(2, rule)
    far = [one.name for one in kinds if one.kept is not None and one.kept >= GOES_ON]
    verdict: Verdict = "confirmed with a condition"
    if len(far) in (0, len(NAMES)):
        verdict = "confirmed" if far else "not confirmed here"
    shown = [*kinds, known[NONE]] if NONE in known else kinds
    words = "chrF within the trained lengths, and far beyond: " + "; ".join(
        f"{'no positions' if one.name == NONE else one.name} {one.inside[0]:.1f} and {one.beyond:.1f}"
        for one in shown
        if one.beyond is not None
    )
    words += ". Past a table of learned positions there is nothing to read: the model refuses, and the translator cuts."
    if verdict == "confirmed with a condition":
        words += f" Only {' and '.join(far)} positions go on."
    return Finding(POSITION.claims[2], verdict, words, rule)


def _alike(known: Mapping[str, Ordered]) -> Finding:
    rule = (
        "Single sentences, and the longest within the trained lengths: do the chrF intervals of learned and sinusoidal "
        "positions touch? At both lengths: confirmed. At one: confirmed with a condition. At none: not confirmed here."
    )
    learned, sinusoidal = known.get("learned"), known.get("sinusoidal")
    if learned is None or sinusoidal is None:
        return replace(_open(3, rule), whose=PAPER)
    pairs = ((learned.single, sinusoidal.single), (learned.inside, sinusoidal.inside))
    alike = sum(not wholly_below(one, other) and not wholly_below(other, one) for one, other in pairs)
    verdicts: tuple[Verdict, ...] = ("not confirmed here", "confirmed with a condition", "confirmed")
    words = (
        f"chrF of learned and sinusoidal positions: {learned.single[0]:.1f} and {sinusoidal.single[0]:.1f} on single "
        f"sentences, {learned.inside[0]:.1f} and {sinusoidal.inside[0]:.1f} on the longest within the trained lengths."
    )
    return Finding(POSITION.claims[3], verdicts[alike], words, rule, whose=PAPER)


def _open(claim: int, rule: str) -> Finding:
    return Finding(POSITION.claims[claim], "not decided yet", "The trials for it are not finished.", rule)
