"""Replies about causes: why a word was written, and what a recurrent encoder still holds at the end."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from polyglass.explorer.ask import RunOnly, WhyRequest
from polyglass.explorer.capture import Check, Run, word_spans
from polyglass.explorer.held import held
from polyglass.explorer.pieces import Span
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.view import odds, piece_view, side_view
from polyglass.explorer.why import Numbers, by_word, rank_correlation, reasons

Reply = dict[str, Any]
_AGREES = 0.5  # Spearman's correlation from which two orders count as alike


def why_reply(run: Run, asked: WhyRequest, check: Check) -> Reply:
    """Return three reasons for one output word, and how far they agree."""
    if asked.position >= len(run.hypothesis.ids):
        raise RefusedError("bad_request", f"position: the output has the positions 0 to {len(run.hypothesis.ids) - 1}.")
    spans = word_spans(run.subject, run.source)
    found = reasons(run, asked.position, spans, check)
    columns: dict[str, Numbers | None] = {
        "attention": None if found.attention is None else list(by_word(found.attention, spans)),
        "input_x_gradient": list(by_word(found.gradient, spans)),
        "leave_one_out": found.left_out,
    }
    shown = side_view(run.subject, "source", run.source)
    return {
        "position": asked.position,
        "target": piece_view(run.subject, "target", run.hypothesis.ids[asked.position]) | odds(found.log_prob),
        **{name: shown[name] for name in ("pieces", "labels", "words", "word_texts")},
        "attention": found.attention,
        "attention_path": run.subject.bundle.model.alignment_path,
        "input_x_gradient": found.gradient,
        "leave_one_out": spread(found.left_out, spans),
        "by_word": columns,
        "shown": {"leave_one_out": [sum(one is not None for one in found.left_out), len(spans) - 1]},
        **agreement(columns),
    }


def spread(numbers: Numbers, spans: Sequence[Span]) -> Numbers:
    """Give each piece its word's number."""
    return [number for number, (start, end) in zip(numbers, spans, strict=True) for _ in range(start, end)]


def agreement(columns: dict[str, Numbers | None]) -> Reply:
    """Compare the three reasons over the words of the source without eos.

    They agree if all point at the same word, disagree if two of them order the words unlike each other.
    """
    inner = {name: None if column is None else column[:-1] for name, column in columns.items()}
    attention, gradient, left_out = inner.values()
    pairs = {
        "attention_gradient": _correlation(attention, gradient),
        "attention_leave_one_out": _correlation(attention, left_out),
        "gradient_leave_one_out": _correlation(gradient, left_out),
    }
    top = {name: _largest(column) for name, column in inner.items()}
    known = {name: place for name, place in top.items() if place is not None}
    same = len(set(known.values())) == 1
    lowest = min((value for value in pairs.values() if value is not None), default=None)
    verdict = "unknown" if lowest is None else "agree" if same and lowest >= _AGREES else "disagree"
    if same and verdict == "disagree":
        verdict = "partly"
    return {
        "agreement": pairs,
        "top": top,
        "same_top": same,
        "verdict": verdict,
    }


def _correlation(left: Numbers | None, right: Numbers | None) -> float | None:
    return None if left is None or right is None else rank_correlation(left, right)


def _largest(column: Numbers | None) -> int | None:
    known = [(abs(number), -place) for place, number in enumerate(column or ()) if number is not None]
    return -max(known)[1] if known else None


def held_reply(run: Run, asked: RunOnly, check: Check) -> Reply:
    """Return what the last state of a recurrent encoder still holds of each word."""
    spans = word_spans(run.subject, run.source)
    found = held(run, spans, check)
    return {
        **{
            name: value
            for name, value in side_view(run.subject, "source", run.source).items()
            if name in ("pieces", "labels", "words", "word_texts")
        },
        "directions": [asdict(direction) for direction in found.directions],
        "leave_one_out": spread(found.left_out, spans),
        "by_word": {"leave_one_out": found.left_out},
        "exact": found.exact,
    }
