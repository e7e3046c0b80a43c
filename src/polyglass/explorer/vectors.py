"""The embedding tables of a model: which pieces point the same way, a map on a plane, and a search for pieces.

Vectors are near where words occur in like company (Harris 1954); those of rare pieces are mostly chance.
Letters: V vocabulary, N chosen pieces, D d_model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from polyglass.explorer.ask import Side
from polyglass.explorer.pieces import SPACE, label
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject

RARE = 10  # times in the training data, below which a vector says little
MATCHES = 50


@dataclass(frozen=True)
class Neighbour:
    """A piece, and the cosine of the angle to the piece that was asked about."""

    id: int
    cosine: float


@dataclass(frozen=True)
class Plane:
    """Places of pieces on a plane. variance: the share of all variance that lies along each of the two axes."""

    ids: tuple[int, ...]
    places: NDArray[np.float64]
    variance: tuple[float, float]


def table(subject: Subject, side: Side) -> Float[Tensor, "V D"]:
    """Return the embedding table of a side; with three-way tying both sides have the same."""
    return subject.weights[f"{side}_embedding.weight"]


def table_name(subject: Subject, side: Side) -> str:
    """Say whether the table serves both languages."""
    tables = [subject.weights[f"{one}_embedding.weight"] for one in ("source", "target")]
    same = tables[0].data_ptr() == tables[1].data_ptr()
    return "shared" if same else side


def neighbours(subject: Subject, side: Side, token: int, *, count: int) -> list[Neighbour]:
    """Return the pieces whose vectors point most nearly the same way; special symbols are left out."""
    vectors = torch.nn.functional.normalize(table(subject, side).float(), dim=-1)
    cosine = vectors @ vectors[token]
    ids = subject.bundle.subwords.ids
    cosine[[ids.pad, ids.bos, ids.eos, ids.unk, token]] = -torch.inf
    best = cosine.topk(min(count, len(cosine) - 5))
    return [Neighbour(int(one), float(value)) for value, one in zip(*best, strict=True) if value > -torch.inf]


def plane(subject: Subject, side: Side, ids: Sequence[int]) -> Plane:
    """Lay the vectors of these pieces on the plane along which they differ most (principal components)."""
    vectors = table(subject, side)[torch.tensor(ids, device=table(subject, side).device)].double().cpu().numpy()
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    # A component may point either way; let the largest number be positive, so that the same pieces give the same map.
    places = left[:, :2] * sizes[:2]
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    signs = np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])
    shares = np.pad(sizes**2 / max(float((sizes**2).sum()), 1e-300), (0, 2))
    return Plane(tuple(ids), places * np.where(signs == 0, 1, signs), (float(shares[0]), float(shares[1])))


def chosen_for_map(subject: Subject, side: Side, asked: Sequence[int], *, frequent: int) -> list[int]:
    """Return the pieces to draw: those that were asked for, and the most frequent ones.

    Where counts are not known, the pieces that were learned first: BPE merges the most frequent pairs first.
    """
    size = subject.size(side)
    if any(token >= size for token in asked):
        raise RefusedError("bad_request", f"ids: this vocabulary ends at {size - 1}.")
    if subject.counts:
        counts = subject.counts[side == "target"]
        order = [int(one) for one in np.argsort(-counts, kind="stable")[: frequent + 8] if counts[one] > 0]
    else:
        order = list(range(size))
    ids = subject.bundle.subwords.ids
    special = {ids.pad, ids.bos, ids.eos, ids.unk}
    pieces = subject.pieces(side, order)
    plain = [one for one, piece in zip(order, pieces, strict=True) if one not in special and piece[:3] != "<0x"]
    return list(dict.fromkeys([*asked, *plain[:frequent]]))


def find_piece(subject: Subject, side: Side, piece: str) -> int:
    """Return the id of a piece. Raises RefusedError if the vocabulary has none of that spelling."""
    found = _vocabulary(subject, side).get(piece)
    if found is None:
        raise RefusedError("not_found", "piece: the vocabulary has no such piece. Search it to see what it has.")
    return found


def search_pieces(subject: Subject, side: Side, query: str, *, offset: int) -> tuple[list[int], int]:
    """Return the ids of pieces that match, from `offset` on, and how many match in all.

    Pieces that are the query come first, then those that begin with it, then those that hold it; letter case counts
    for nothing. An empty query matches everything, in the order of ids.
    """
    wanted = query.casefold().replace(" ", SPACE)
    ranked = []
    for piece, token in _vocabulary(subject, side).items():
        name = piece.casefold()
        if wanted in name:
            plain = label(name)
            rank = 0 if wanted in (name, plain) else 1 if name.startswith(wanted) or plain.startswith(wanted) else 2
            ranked.append((rank if wanted else 0, token))
    ranked.sort()
    return [token for _, token in ranked[offset : offset + MATCHES]], len(ranked)


def _vocabulary(subject: Subject, side: Side) -> dict[str, int]:
    size = subject.size(side)
    return dict(zip(subject.pieces(side, range(size)), range(size), strict=True))
