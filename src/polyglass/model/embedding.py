"""§3.4 Embeddings and §3.5 Positional encoding: what a word means, and where it stands."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from polyglass.errors import ShapeError
from polyglass.tap import Tap, no_tap


def sinusoids(
    length: int, d_model: int, *, first: int = 0, dtype: torch.dtype = torch.float32, device: torch.device | None = None
) -> Float[Tensor, "L D"]:
    """Return PE(pos, 2i) = sin(pos / 10000^(2i/d_model)) and PE(pos, 2i+1) = cos(the same) (§3.5).

    Rows are positions first .. first + length - 1. Wavelengths grow from 2 pi to 10000 * 2 pi, so PE(pos + k) is a
    fixed rotation of PE(pos). Computed in float64: in float32 the angle of a far position loses its digits.
    """
    position = torch.arange(first, first + length, dtype=torch.float64)[:, None]
    exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
    angle = position / 10000.0**exponent  # [L, D / 2]
    table = torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(-2)  # sin and cos interleaved, as in the formula
    return table[:, :d_model].to(device=device, dtype=dtype)


class TokenEmbedding(nn.Module):
    """Look up a vector for each token and multiply it by sqrt(d_model) (§3.4)."""

    def __init__(self, vocabulary_size: int, d_model: int) -> None:
        super().__init__()
        self.scale = math.sqrt(d_model)
        self.weight = nn.Parameter(torch.empty(vocabulary_size, d_model))
        # After scaling every number has variance 1; as a tied output layer the logits start with variance 1, too.
        nn.init.normal_(self.weight, std=d_model**-0.5)

    def forward(self, tokens: Int64[Tensor, "B L"]) -> Float[Tensor, "B L D"]:
        """Return the scaled vector of each token."""
        return nn.functional.embedding(tokens, self.weight) * self.scale


def tie(source: TokenEmbedding, target: TokenEmbedding, output: nn.Linear, *, kind: str) -> None:
    """Share matrices (Press and Wolf 2017): the vector that a word is read with is the one it is written with.

    kind: "two" for target embedding and output layer, "three" for the source embedding as well, or "none".
    """
    if kind in ("two", "three"):
        output.weight = target.weight
    if kind == "three":
        source.weight = target.weight


def refuse_longer(length: int, max_positions: int) -> None:
    """Raise ShapeError if a sentence of `length` tokens is longer than the model can take."""
    if length > max_positions:
        raise ShapeError(
            f"a sentence may have at most model.max_positions = {max_positions} tokens, but this one has {length}. "
            "Split it, or train with a larger model.max_positions."
        )


class Positions(nn.Module):
    """Add to each vector what tells its place (§3.5): sinusoids, a learned table, or nothing.

    kind "rotary" adds nothing here: attention itself rotates queries and keys.
    """

    def __init__(self, kind: str, d_model: int, max_positions: int) -> None:
        super().__init__()
        self.kind = kind
        self.max_positions = max_positions
        if kind == "learned":
            self.weight = nn.Parameter(torch.empty(max_positions, d_model))
            nn.init.normal_(self.weight, std=0.1)
        # Grows to the longest length seen; a whole table for max_positions could be larger than the weights.
        self.register_buffer("table", torch.empty(0, d_model), persistent=False)
        self.table: Tensor

    def forward(self, x: Float[Tensor, "B L D"], *, first: int = 0, tap: Tap = no_tap) -> Float[Tensor, "B L D"]:
        """Return x plus the encoding of positions first, first + 1, ...

        Raises ShapeError past `max_positions`: no position is ever reused in silence.
        """
        end = first + x.shape[1]
        refuse_longer(end, self.max_positions)
        if self.kind == "learned":
            return x + tap("positions", self.weight[first:end])
        if self.kind == "sinusoidal":
            table = self.table
            if len(table) < end:
                table = self.table = sinusoids(2 * end, x.shape[-1], dtype=x.dtype, device=x.device)
            return x + tap("positions", table[first:end].to(x.dtype))
        return x
