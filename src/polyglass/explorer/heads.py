"""Attention weights in, what tells heads apart at a glance out: a small picture and figures, computed and not guessed.

Letters: H heads, T queries, S keys.
"""

import base64
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

IMAGE = 32  # pixels of a side, at most
_CLEAR = 0.5  # share from which a head is called by what it does
_BROAD = 0.85  # share of the largest possible entropy


@dataclass(frozen=True)
class Badges:
    """What one head does, on average over its queries.

    entropy: in nats. entropy_share: of the largest possible entropy; queries that see one key only are left out.
    confidence: the largest weight. previous, same, next: weight on the key one place before the query, at it, after
    it (self-attention only). delimiter: weight on special symbols and marks. alignment: share of queries whose
    largest weight is where the reference has it (cross-attention only).
    """

    entropy: float
    entropy_share: float | None
    confidence: float
    previous: float | None
    same: float | None
    next: float | None
    delimiter: float
    alignment: float | None

    @property
    def label(self) -> str:
        """The plainest name for what the head does."""
        named = {
            "previous": self.previous,
            "same": self.same,
            "next": self.next,
            "delimiter": self.delimiter,
            "alignment": self.alignment,
        }
        name, share = max(((name, share or 0.0) for name, share in named.items()), key=lambda pair: pair[1])
        if share >= _CLEAR:
            return name
        return "broad" if (self.entropy_share or 0.0) >= _BROAD else "mixed"


def badges(
    weights: Float[Tensor, "H T S"],
    *,
    delimiters: Bool[Tensor, " S"],
    cross: bool,
    reference: Float[Tensor, "T S"] | None,
) -> list[Badges]:
    """Describe each head. delimiters: which keys are special symbols or marks. reference: see `Badges.alignment`."""
    weights = weights.double()
    entropy = torch.special.entr(weights).sum(dim=-1)  # [H, T]
    visible = (weights > 0).any(dim=0).sum(dim=-1)  # [T]: a masked weight is exactly 0 in every head
    wide = visible > 1
    share = entropy[:, wide] / visible[wide].double().log()
    agreement = None if reference is None else (weights.argmax(-1) == reference.argmax(-1)).double().mean(-1)
    return [
        Badges(
            entropy=float(entropy[head].mean()),
            entropy_share=float(share[head].mean()) if wide.any() else None,
            confidence=float(weights[head].amax(dim=-1).mean()),
            previous=None if cross else _diagonal(weights[head], -1),
            same=None if cross else _diagonal(weights[head], 0),
            next=None if cross else _diagonal(weights[head], 1),
            delimiter=float(weights[head][:, delimiters].sum(dim=-1).mean()),
            alignment=None if agreement is None else float(agreement[head]),
        )
        for head in range(len(weights))
    ]


def _diagonal(weights: Float[Tensor, "T S"], offset: int) -> float:
    """Return the mean weight on the key `offset` places after the query, over the queries that have such a key."""
    diagonal = weights.diagonal(offset)
    return float(diagonal.mean()) if len(diagonal) else 0.0


def images(weights: Float[Tensor, "H T S"]) -> tuple[list[str], tuple[int, int]]:
    """Return a picture of each head as base64 of one byte a cell, row by row, 255 for weight 1; and its size.

    A table with more than 32 rows or columns is pooled by the maximum: a mean would hide the spikes.
    """
    size = (min(IMAGE, weights.shape[1]), min(IMAGE, weights.shape[2]))
    small = adaptive_max_pool2d(weights.float()[None], size)[0]
    pixels = (small * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    return [base64.b64encode(image.tobytes()).decode("ascii") for image in pixels], size
