"""§3.3 Position-wise feed-forward: the same two linear layers for every token, wide in the middle."""

from collections.abc import Callable

import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float
from torch import Tensor, nn

from polyglass.model.dropout import Dropout
from polyglass.tap import Tap, no_tap

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}


class FeedForward(nn.Module):
    """activation(x W_1 + b_1) W_2 + b_2 (eq. 2; the paper's activation is ReLU). Letters: F is d_ff."""

    def __init__(self, d_model: int, d_ff: int, *, activation: str, dropout: float) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[activation]
        self.dropout = Dropout(dropout)
        self.w_1 = nn.Linear(d_model, d_ff)
        self.w_2 = nn.Linear(d_ff, d_model)

    def forward(self, x: Float[Tensor, "B L D"], *, tap: Tap = no_tap) -> Float[Tensor, "B L D"]:
        """Transform each position by itself."""
        hidden = tap("hidden", self.activation(self.w_1(x)))  # [B, L, F]
        return tap("output", self.w_2(self.dropout(hidden)))
