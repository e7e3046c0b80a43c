"""A run under edits and the same run without them in, the difference in figures out."""

import math
from typing import Any

from polyglass.decoding.hypothesis import Hypothesis
from polyglass.explorer.capture import Check, Run, recorded
from polyglass.explorer.pieces import label
from polyglass.explorer.view import likelihood, target_view


def baseline_view(edited: Run, plain: Run, check: Check) -> dict[str, Any]:
    """Return what the edits changed: the unedited output under the edited model, and the other way round."""
    under_edit = scored_by(edited, plain.hypothesis, check)
    unedited = scored_by(plain, edited.hypothesis, check)
    before, after = plain.hypothesis, under_edit
    per_token = [b - a for a, b in zip(before.token_log_probs, after.token_log_probs, strict=True)]
    largest = max(range(len(per_token)), key=lambda place: abs(per_token[place]))
    difference = after.log_prob - before.log_prob
    piece = plain.subject.pieces("target", before.ids[largest : largest + 1])[0]
    same = edited.hypothesis.ids == before.ids
    return {
        "run": plain.id,
        "target": target_view(plain),
        "under_edit": likelihood(under_edit),
        "edited_unedited": likelihood(unedited),
        "difference": {
            "log_prob": difference,
            "per_token": per_token,
            "factor": _exp(difference),
            "same_output": same,
            "changed_positions": changed_positions(before.ids, edited.hypothesis.ids),
            "largest": {
                "position": largest,
                "piece": piece,
                "label": label(piece),
                "from": math.exp(before.token_log_probs[largest]),
                "to": math.exp(after.token_log_probs[largest]),
            },
        },
    }


def scored_by(run: Run, hypothesis: Hypothesis, check: Check) -> Hypothesis:
    """Return a hypothesis with the log-probabilities that the model of `run` gives it, for the source of `run`."""
    if hypothesis.ids == run.hypothesis.ids:
        return run.hypothesis
    return recorded(run, (hypothesis.ids,), check, keep_bytes=0).hypothesis


def changed_positions(before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Return the places of `after` where another piece stands than in `before`, or none."""
    return [place for place, token in enumerate(after) if place >= len(before) or before[place] != token]


def _exp(number: float) -> float:
    """Return e to the power of a number, or the largest number where that has none."""
    return math.exp(min(number, 700.0))
