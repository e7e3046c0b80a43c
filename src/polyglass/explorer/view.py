"""A run in, the words and numbers of its page out, as JSON. Tensors go another way, see `wire.py`."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from polyglass.decoding.hypothesis import Hypothesis
from polyglass.explorer.ask import Side
from polyglass.explorer.capture import Run
from polyglass.explorer.grown import tree_view
from polyglass.explorer.pieces import characters, kind, label, words
from polyglass.explorer.steps import Steps
from polyglass.explorer.subject import Subject

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Record: TypeAlias = dict[str, JSON]


def finite(number: float) -> float | None:
    """JSON has no infinity."""
    return number if math.isfinite(number) else None


def run_view(run: Run) -> Record:
    """Return the reply to /api/run, without the comparison that edits bring."""
    request, steps = run.request, run.steps[0]
    return {
        "run": run.id,
        "model": run.subject.id,
        "text": request.text,
        "beam_size": request.beam_size or 1,
        "length_penalty": run.subject.bundle.config.decode.length_penalty,
        "edits": [edit.model_dump() for edit in request.edits],
        "temperature": run.plan.temperature,
        "source": source_view(run),
        "target": target_view(run),
        "steps": steps_view(run.subject, steps),
        "tree": tree_view(run),
        "shown": {
            "source": [len(run.source)] * 2,
            "target": [len(run.hypothesis.ids)] * 2,
            "tree_nodes": [len(run.nodes)] * 2,
            "top": [steps.ids.shape[1], run.subject.size("target")],
        },
        "tensors": [{"path": path, "shape": list(own_shape(shape))} for path, shape in run.shapes.items()],
        "baseline": None,
    }


def own_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape for one sentence. A table of positions has no batch axis."""
    return shape if len(shape) < 3 else shape[1:]


def source_view(run: Run, sentence: int = 0) -> Record:
    """Return what the model read."""
    bundle = run.subject.bundle
    ids = run.sources[sentence]
    return {
        "text": run.request.text if run.order is None else bundle.subwords.decode_source(ids),
        "lang": bundle.source_lang,
        **side_view(run.subject, "source", ids),
        "order": None if run.order is None else list(run.order),
    }


def target_view(run: Run, sentence: int = 0) -> Record:
    """Return what the model wrote, or was given."""
    subject, hypothesis = run.subject, run.hypotheses[sentence]
    subwords = subject.bundle.subwords
    inputs = (subwords.ids.bos, *hypothesis.ids[:-1])
    pieces = subject.pieces("target", inputs)
    return {
        "text": subwords.decode_target(hypothesis.ids).replace("\n", " "),
        "lang": subject.bundle.target_lang,
        "origin": run.origin,
        "forced": run.forced,
        **side_view(subject, "target", hypothesis.ids),
        "inputs": {"pieces": pieces, "labels": list(map(label, pieces)), "ids": list(inputs)},
        **likelihood(hypothesis),
        "score": finite(hypothesis.score),
        "finish_reason": hypothesis.finish_reason,
    }


def likelihood(hypothesis: Hypothesis) -> Record:
    """Return how likely an output is, as a whole and piece by piece."""
    return {
        "log_probs": [finite(number) for number in hypothesis.token_log_probs],
        "log_prob": finite(hypothesis.log_prob),
        "probability": math.exp(hypothesis.log_prob),
    }


def side_view(subject: Subject, side: Side, ids: Sequence[int]) -> Record:
    """Return what there is to say about a row of pieces."""
    special = subject.bundle.subwords.ids
    pieces = subject.pieces(side, ids)
    kinds = [kind(token, piece, special) for token, piece in zip(ids, pieces, strict=True)]
    spans = words(pieces, kinds)
    return {
        "pieces": pieces,
        "ids": list(ids),
        "labels": list(map(label, pieces)),
        "kinds": list(kinds),
        "words": [list(span) for span in spans],
        "word_texts": word_texts(subject, side, ids),
        "characters": [[one.start, one.end, one.text] for one in characters(pieces, kinds)],
        "counts": [subject.count(side, token) for token in ids] if subject.counts else None,
        "merges": [
            subject.merges(side, piece) if kind == "text" else None for piece, kind in zip(pieces, kinds, strict=True)
        ],
    }


def word_texts(subject: Subject, side: Side, ids: Sequence[int]) -> list[str]:
    """Return each word as people read it; bytes are put together to characters."""
    special, subwords = subject.bundle.subwords.ids, subject.bundle.subwords
    pieces = subject.pieces(side, ids)
    kinds = [kind(token, piece, special) for token, piece in zip(ids, pieces, strict=True)]
    decode = subwords.decode_source if side == "source" else subwords.decode_target
    return [
        label(pieces[start]) if kinds[start] == "special" else decode(ids[start:end]) or label(pieces[start])
        for start, end in words(pieces, kinds)
    ]


def piece_view(subject: Subject, side: Side, token: int) -> Record:
    """Return one piece: id, piece, label."""
    piece = subject.pieces(side, [token])[0]
    return {"id": token, "piece": piece, "label": label(piece)}


def steps_view(subject: Subject, steps: Steps) -> list[Record]:
    """Return each choice with the words that stood beside it."""
    log_sum, tempered = steps.log_sum_exp, steps.tempered_log_sum_exp
    listed = (
        steps.logits - log_sum[:, None],
        steps.logits / steps.temperature - tempered[:, None],
        steps.logits,
    )
    columns = [column.tolist() for column in listed]
    found: list[Record] = []
    for place, tokens in enumerate(steps.ids.tolist()):
        top = [
            piece_view(subject, "target", token) | _odds(*(column[place][rank] for column in columns))
            for rank, token in enumerate(tokens)
        ]
        logit = float(steps.chosen_logit[place])
        odds = _odds(logit - float(log_sum[place]), logit / steps.temperature - float(tempered[place]), logit)
        chosen = piece_view(subject, "target", int(steps.chosen[place])) | odds
        found.append(
            {
                "position": place,
                "chosen": chosen | {"rank": int(steps.rank[place])},
                "top": top,
                "rest": max(0.0, 1.0 - math.fsum(math.exp(number) for number in columns[0][place])),
                "entropy": float(steps.entropy[place]),
                "log_sum_exp": float(log_sum[place]),
            }
        )
    return found


def odds(log_prob: float) -> Record:
    """Return a probability in both forms."""
    return {"prob": math.exp(log_prob), "log_prob": finite(log_prob)}


def _odds(log_prob: float, tempered: float, logit: float) -> Record:
    return {**odds(log_prob), "tempered": math.exp(tempered), "logit": finite(logit)}
