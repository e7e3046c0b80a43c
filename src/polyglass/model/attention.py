"""§3.2 Attention: queries are matched against keys, and the values of the best matches are mixed.

Letters: B batch, T query positions, S key positions, D d_model, H heads, K d_k = D / H.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from polyglass.errors import ShapeError
from polyglass.model.rotary import rotate
from polyglass.tap import Tap, no_tap


def scaled_dot_product_attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H S K"],
    v: Float[Tensor, "B H S K"],
    visible: Bool[Tensor, "#B #H #T S"] | None,
    *,
    dropout: float,
    tap: Tap = no_tap,
) -> Float[Tensor, "B H T K"]:
    """Mix values by similarity of query and key: softmax(q k^T / sqrt(d_k)) v (Vaswani et al. 2017, §3.2.1, eq. 1).

    visible: True where a query may look at a key; None: everywhere. A query that may see no key returns zeros.
    dropout: share of weights silenced (training only). When somebody looks at scores or weights the equation is
    written out; otherwise a fused kernel computes the same.
    """
    if not (tap.wants("scores") or tap.wants("weights")):
        return tap("heads", F.scaled_dot_product_attention(q, k, v, attn_mask=visible, dropout_p=dropout))
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # [B, H, T, S]
    if visible is not None:
        scores = scores.masked_fill(~visible, -math.inf)
    scores = tap("scores", scores)
    # Softmax in float32: in bfloat16 the weights of a long row no longer sum to 1.
    weights = torch.softmax(scores.float(), dim=-1)
    if visible is not None:
        # A row that sees nothing is a softmax over -inf alone, which is not a number; it must mix nothing.
        weights = weights.masked_fill(~visible, 0.0)
    weights = tap("weights", weights).to(v.dtype)
    return tap("heads", F.dropout(weights, dropout) @ v)


class KeyValue(NamedTuple):
    """What queries are matched against, and what they get: computed once, kept while a sentence is decoded."""

    k: Float[Tensor, "B H S K"]
    v: Float[Tensor, "B H S K"]

    def select(self, rows: Int64[Tensor, " M"]) -> "KeyValue":
        """Return what these rows of the batch hold (index_select copies whole rows: much faster than k[rows])."""
        return KeyValue(self.k.index_select(0, rows), self.v.index_select(0, rows))


class MultiHeadAttention(nn.Module):
    """Let several heads attend side by side, each in its own d_k dimensions (§3.2.2).

    head_i = attention(x W_i^Q, x W_i^K, x W_i^V); output = concat(head_1 ... head_h) W^O (W^Z in some texts).
    rotary: queries and keys are rotated by their position, so that a score depends on their distance
    (Su et al. 2021); for self-attention only.
    """

    def __init__(self, d_model: int, num_heads: int, *, dropout: float, bias: bool, rotary: bool = False) -> None:
        super().__init__()
        if d_model % num_heads:
            raise ShapeError(f"d_model must be a multiple of num_heads, but {d_model} is not a multiple of {num_heads}")
        self.num_heads = num_heads
        self.dropout = dropout
        self.rotary = rotary
        self.w_q = nn.Linear(d_model, d_model, bias=bias)
        self.w_k = nn.Linear(d_model, d_model, bias=bias)
        self.w_v = nn.Linear(d_model, d_model, bias=bias)
        self.w_o = nn.Linear(d_model, d_model, bias=bias)

    def keys_values(
        self, key: Float[Tensor, "B S D"], value: Float[Tensor, "B S D"], *, first: int = 0, tap: Tap = no_tap
    ) -> KeyValue:
        """Project `key` and `value` for every head; `first` is the position of the first of them (rotary only)."""
        k = tap("k", self._split(self.w_k(key)))
        v = tap("v", self._split(self.w_v(value)))
        return KeyValue(rotate(k, first) if self.rotary else k, v)

    def attend(
        self,
        query: Float[Tensor, "B T D"],
        keys_values: KeyValue,
        visible: Bool[Tensor, "#B #H #T S"] | None,
        *,
        first: int = 0,
        tap: Tap = no_tap,
    ) -> Float[Tensor, "B T D"]:
        """Let `query` look at what `keys_values` prepared; `first` is the position of the first query (rotary only)."""
        q = tap("q", self._split(self.w_q(query)))
        q = rotate(q, first) if self.rotary else q
        dropout = self.dropout if self.training else 0.0
        heads = scaled_dot_product_attention(q, *keys_values, visible, dropout=dropout, tap=tap)  # [B, H, T, K]
        concat = tap("concat", heads.transpose(1, 2).flatten(2))  # [B, T, D]
        return tap("output", self.w_o(concat))

    def forward(
        self,
        query: Float[Tensor, "B T D"],
        key: Float[Tensor, "B S D"],
        value: Float[Tensor, "B S D"],
        visible: Bool[Tensor, "#B #H #T S"] | None,
        *,
        tap: Tap = no_tap,
    ) -> Float[Tensor, "B T D"]:
        """Attend from every query to every visible key. Raises ShapeError if key and value differ in length."""
        if key.shape[1] != value.shape[1]:
            raise ShapeError(f"every key needs a value, but there are {key.shape[1]} keys and {value.shape[1]} values")
        return self.attend(query, self.keys_values(key, value, tap=tap), visible, tap=tap)

    def _split(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B H L K"]:
        batch, length, _ = x.shape
        return x.view(batch, length, self.num_heads, -1).transpose(1, 2)
