"""Requests of a page about runs and vectors in, replies out. No HTTP here, and no drawing."""

from dataclasses import asdict
from typing import Any

import torch

from polyglass.explorer.ask import (
    MapRequest,
    NeighboursRequest,
    RunRequest,
    Side,
    ThumbnailsRequest,
    VocabularyRequest,
)
from polyglass.explorer.capture import Check, Run
from polyglass.explorer.compare import baseline_view
from polyglass.explorer.heads import badges, images
from polyglass.explorer.look import Explorer
from polyglass.explorer.numbers import whole_tensors
from polyglass.explorer.pieces import is_delimiter, kind
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject
from polyglass.explorer.vectors import (
    RARE,
    chosen_for_map,
    find_piece,
    neighbours,
    plane,
    search_pieces,
    table,
    table_name,
)
from polyglass.explorer.view import piece_view, run_view

Reply = dict[str, Any]


def run_reply(explorer: Explorer, asked: RunRequest, check: Check) -> Reply:
    """Return the reply to /api/run: the run, and beside it the one without edits if it has some."""
    run = explorer.run(asked, check)
    plain = explorer.baseline(run, check)
    return run_view(run) | {"baseline": None if plain is None else baseline_view(run, plain, check)}


@torch.inference_mode()
def thumbnails_reply(run: Run, asked: ThumbnailsRequest, check: Check) -> Reply:
    """Return a small picture and badges of every head of one kind of attention."""
    attentions = [one for one in run.subject.attentions if one.kind == asked.kind]
    if not attentions:
        raise RefusedError("does_not_fit", "kind: this model has no attention of that kind.")
    paths = [f"{one.path}.weights" for one in attentions]
    weights = {path: tensor.cpu() for path, tensor in whole_tensors(run, paths, check).items()}
    # The one attention of a recurrent model would be compared with itself.
    path_of_reference = run.subject.bundle.model.alignment_path if len(attentions) > 1 else None
    reference = weights[path_of_reference].mean(dim=0) if path_of_reference in weights else None
    delimiters = torch.tensor(_delimiters(run, "target" if asked.kind == "decoder" else "source"))
    layers = []
    for one, path in zip(attentions, paths, strict=True):
        pictures, size = images(weights[path])
        described = badges(weights[path], delimiters=delimiters, cross=asked.kind == "cross", reference=reference)
        heads = [
            {"head": head, "image": picture, "badges": asdict(badge), "label": badge.label}
            for head, (picture, badge) in enumerate(zip(pictures, described, strict=True))
        ]
        layers.append({"layer": one.layer, "path": one.path, "heads": heads})
    _, rows, columns = weights[paths[0]].shape
    return {
        "kind": asked.kind,
        "rows": rows,
        "cols": columns,
        "size": list(size),
        "pooled": (rows, columns) != size,
        "layers": layers,
    }


def _delimiters(run: Run, side: Side) -> list[bool]:
    """Say which keys are special symbols or marks; on the target side the keys are what the decoder read."""
    ids = run.subject.bundle.model.ids
    tokens = run.source if side == "source" else (ids.bos, *run.hypothesis.ids[:-1])
    pieces = run.subject.pieces(side, tokens)
    return [is_delimiter(piece, kind(token, piece, ids)) for token, piece in zip(tokens, pieces, strict=True)]


def neighbours_reply(explorer: Explorer, asked: NeighboursRequest, check: Check) -> Reply:
    """Return the pieces whose vectors point most nearly the same way as one piece's."""
    subject, side = explorer.subject(asked.model), asked.side
    token = find_piece(subject, side, asked.piece) if asked.piece is not None else asked.id
    if token is None or token >= subject.size(side):
        raise RefusedError("bad_request", f"id: this vocabulary ends at {subject.size(side) - 1}.")
    found = neighbours(subject, side, token, count=asked.count)
    count = subject.count(side, token)
    return {
        "side": side,
        "table": table_name(subject, side),
        **_counted(subject, side, token),
        "norm": float(table(subject, side)[token].norm()),
        "neighbours": [_counted(subject, side, one.id) | {"cosine": one.cosine} for one in found],
        "shown": [len(found), subject.size(side) - 4],
        "rare": count is not None and count < RARE,
    }


def map_reply(explorer: Explorer, asked: MapRequest, check: Check) -> Reply:
    """Return some vectors on a plane, and how much of their variance the plane shows."""
    subject, side = explorer.subject(asked.model), asked.side
    ids = chosen_for_map(subject, side, asked.ids, frequent=asked.frequent)
    if len(ids) < 3:
        raise RefusedError("bad_request", "ids: a map needs at least three pieces.", key="small_map")
    found, wanted = plane(subject, side, ids), set(asked.ids)
    return {
        "side": side,
        "points": [
            _counted(subject, side, token) | {"x": float(x), "y": float(y), "asked": token in wanted}
            for token, (x, y) in zip(found.ids, found.places, strict=True)
        ],
        "variance": list(found.variance),
        "shown": [len(ids), subject.size(side)],
        "by": "frequency" if subject.counts else "id",
    }


def vocabulary_reply(explorer: Explorer, asked: VocabularyRequest, check: Check) -> Reply:
    """Return the pieces that match a query."""
    subject, side = explorer.subject(asked.model), asked.side
    ids, matching = search_pieces(subject, side, asked.query, offset=asked.offset)
    return {
        "side": side,
        "query": asked.query,
        "matches": [_counted(subject, side, token) for token in ids],
        "shown": [len(ids), matching],
        "offset": asked.offset,
    }


def _counted(subject: Subject, side: Side, token: int) -> Reply:
    return {**piece_view(subject, side, token), "count": subject.count(side, token)}
