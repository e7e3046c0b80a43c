"""The rows of table 3 in, verdicts on what the paper says about each part out. Rules before figures."""

from collections.abc import Sequence
from math import expm1
from statistics import mean

from polyglass.experiments import ablation_rows as rows
from polyglass.experiments.ablation_root import Sharpness
from polyglass.experiments.ablation_rows import Row
from polyglass.experiments.ablation_table import SAME, Table
from polyglass.experiments.experiment import ABLATION
from polyglass.experiments.outcome import Finding, Verdict

NEARLY = 2 * SAME
BLEU_SAME = 0.5
HALF = 0.5
PAPER, NOTES = "The paper says", "The notes say"
MEASURE = (
    f"Worse and better mean: perplexity on held-out pairs is at least {SAME:.0%} above or below the base of the same "
    "seed in the mean, with the same sign for every seed. "
)


def judge(table: Table, saturation: tuple[Sharpness, Sharpness] | None) -> tuple[Finding, ...]:
    """Return the finding on each claim. saturation: of random vectors as wide as one head, with root and without."""
    return (
        _heads(table),
        _keys(table),
        _size(table),
        _dropout(table),
        _smoothing(table),
        _positions(table),
        _root(table, saturation),
    )


def _heads(table: Table) -> Finding:
    rule = (
        f"{MEASURE}Is one head worse than the base? Is the largest number of heads worse, too? Both: confirmed. One "
        "head only: confirmed with a condition. Else: not confirmed here."
    )
    if missing(table, rows.ONE_HEAD, rows.MANY_HEADS):
        return _open(0, rule)
    one, many = (table.direction(row) == "worse" for row in (rows.ONE_HEAD, rows.MANY_HEADS))
    words = _sentence(table, rows.ONE_HEAD, rows.MANY_HEADS)
    return Finding(ABLATION.claims[0], _graded(one and many, one), words, rule, PAPER)


def _keys(table: Table) -> Finding:
    rule = (
        f"{MEASURE}Are a quarter of d_k and half of it worse? Both: confirmed. One of them: confirmed with a "
        "condition. None: not confirmed here."
    )
    if missing(table, rows.QUARTER_KEYS, rows.HALF_KEYS):
        return _open(1, rule)
    worse = [table.direction(row) == "worse" for row in (rows.QUARTER_KEYS, rows.HALF_KEYS)]
    words = _sentence(table, rows.QUARTER_KEYS, rows.HALF_KEYS)
    return Finding(ABLATION.claims[1], _graded(all(worse), any(worse)), words, rule, PAPER)


def _size(table: Table) -> Finding:
    rule = (
        f"{MEASURE}Three smaller models (layers, width, d_ff) should be worse, three bigger ones better. All six: "
        "confirmed. At least three: confirmed with a condition. Fewer: not confirmed here."
    )
    if missing(table, *rows.SMALLER, *rows.BIGGER):
        return _open(2, rule)
    worse = [row for row in rows.SMALLER if table.direction(row) == "worse"]
    better = [row for row in rows.BIGGER if table.direction(row) == "better"]
    count = len(worse) + len(better)
    words = f"{len(worse)} of 3 smaller models are worse, {len(better)} of 3 bigger ones better. " + _sentence(
        table, *rows.SMALLER, *rows.BIGGER
    )
    if not better:
        words += " Where data are few and trainings short, what is added in size has no time to be of use."
    return Finding(ABLATION.claims[2], _graded(count == 6, count >= 3), words, rule, PAPER)


def _dropout(table: Table) -> Finding:
    rule = (
        f"{MEASURE}Is the base without dropout worse? Confirmed. If it is not, but the gap between training pairs and "
        f"held-out pairs is larger without dropout by {SAME} nats per token: it fits more, but does not pay for it "
        "yet; confirmed with a condition. Else: not confirmed here."
    )
    if missing(table, rows.NO_DROPOUT):
        return _open(3, rule)
    gap, base_gap = (table.found[row.name].gap for row in (rows.NO_DROPOUT, rows.BASE))
    is_worse = table.direction(rows.NO_DROPOUT) == "worse"
    words = (
        f"{_sentence(table, rows.NO_DROPOUT, rows.MORE_DROPOUT)} Loss on held-out pairs less loss on training pairs: "
        f"{base_gap:.2f} nats with dropout, {gap:.2f} without."
    )
    if not is_worse:
        words += (
            " At this budget there is too little training to over-fit as much as dropout costs; more updates on the "
            "same text turn it round."
        )
    return Finding(ABLATION.claims[3], _graded(is_worse, gap - base_gap >= SAME), words, rule, PAPER)


def _smoothing(table: Table) -> Finding:
    rule = (
        f"{MEASURE}Is perplexity, measured without smoothing, better for the model that was trained without it? And is "
        f"the BLEU of the base at least that of this model, less {BLEU_SAME}, in the mean? Both: confirmed. One: "
        "confirmed with a condition. None: not confirmed here."
    )
    if missing(table, rows.NO_SMOOTHING):
        return _open(4, rule)
    hurts = table.direction(rows.NO_SMOOTHING) == "better"
    keeps = -mean(table.bleu_changes(rows.NO_SMOOTHING)) >= -BLEU_SAME
    words = _sentence(table, rows.NO_SMOOTHING, rows.MORE_SMOOTHING)
    return Finding(ABLATION.claims[4], _graded(hurts and keeps, hurts or keeps), words, rule, PAPER)


def _positions(table: Table) -> Finding:
    rule = (
        f"Is the perplexity with learned positions within {SAME:.0%} of the base in the mean? Confirmed. Within "
        f"{NEARLY:.0%}, or farther with seeds that do not agree on the side: confirmed with a condition. Else: not "
        "confirmed here."
    )
    if missing(table, rows.LEARNED):
        return _open(5, rule)
    where = table.direction(rows.LEARNED)
    nearly = abs(mean(table.changes(rows.LEARNED))) < NEARLY or where == "unclear"
    words = (
        f"{_sentence(table, rows.LEARNED)} Held-out pairs are as long as those in training; what happens beyond is the "
        "experiment `position`."
    )
    return Finding(ABLATION.claims[5], _graded(where == "about equal", nearly), words, rule, PAPER)


def _root(table: Table, saturation: tuple[Sharpness, Sharpness] | None) -> Finding:
    rule = (
        "For random queries and keys as wide as one head that has all of d_model: does the gradient that the softmax "
        f"hands back fall below {HALF:.0%} without the root? And is a model with one head worse without the root: is "
        f"its perplexity at least {SAME:.0%} above that with the root, with every seed? Both: confirmed. One: "
        "confirmed with a condition. None: not confirmed here."
    )
    changes = table.changes(rows.ONE_HEAD_NO_ROOT, rows.ONE_HEAD)
    if saturation is None or not changes:
        return _open(6, rule)
    scaled, plain = saturation
    fades = plain.gradient < HALF * scaled.gradient
    hurts = mean(changes) >= SAME and min(changes) > 0
    words = (
        f"Without the root the variance of scores is {plain.variance:.0f} instead of {scaled.variance:.1f}, the "
        f"largest of 32 weights {plain.largest:.2f} instead of {scaled.largest:.2f}, and the gradient "
        f"{plain.gradient / scaled.gradient:.0%} of that with the root. Training without it changes the perplexity of "
        f"one wide head by {_percent(changes)}"
    )
    narrow = table.changes(rows.NO_ROOT)
    words += f", of the base's narrower heads by {_percent(narrow)}." if narrow else "."
    if not hurts:
        words += (
            " Fresh matrices give scores far smaller than those of the footnote's random vectors, and training can "
            "keep them small: at this width that makes up for the root."
        )
    return Finding(ABLATION.claims[6], _graded(fades and hurts, fades or hurts), words, rule, NOTES)


def missing(table: Table, *wanted: Row) -> bool:
    """Whether the base or one of these rows is not measured yet."""
    return any(not table.changes(row) for row in (rows.BASE, *wanted))


def _sentence(table: Table, *some: Row) -> str:
    """Say the changes of several rows, those that are measured."""
    parts = []
    for row in some:
        changes, scores = table.changes(row), table.bleu_changes(row)
        if changes:
            parts.append(f"{row.label} {_percent(changes)} ({mean(scores):+.1f} BLEU)")
    seeds = sorted({len(changes) for row in some if (changes := table.changes(row))})
    counted = "one seed" if seeds == [1] else f"the mean of {' or '.join(map(str, seeds))} seeds"
    return f"Perplexity against the base, {counted}: {', '.join(parts)}."


def _percent(changes: Sequence[float]) -> str:
    return f"{expm1(mean(changes)):+.1%}"


def _graded(whole: bool, part: bool) -> Verdict:
    return "confirmed" if whole else "confirmed with a condition" if part else "not confirmed here"


def _open(claim: int, rule: str) -> Finding:
    whose = NOTES if claim == len(ABLATION.claims) - 1 else PAPER
    return Finding(ABLATION.claims[claim], "not decided yet", "The trials for it are not finished.", rule, whose)
