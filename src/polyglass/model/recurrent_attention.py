"""How a recurrent decoder looks at the source: additive attention (Bahdanau et al. 2015, §3.1) and multiplicative
attention (Luong et al. 2015, §3.1).

Letters: B batch, T query positions, S source positions, D d_model. There is one head; scores and weights have an axis
for it all the same, so that whatever draws the attention of a Transformer draws this one.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from polyglass.tap import Tap, no_tap


class RecurrentAttention(nn.Module):
    """Mix source vectors by how well each fits the decoder's state.

    score(s, h) = v^T tanh(W_q s + W_k h) (additive), s^T h (dot) or s^T W_k h (general); no scaling, as in both papers.
    """

    def __init__(self, kind: str, d_model: int) -> None:
        super().__init__()
        self.w_q = nn.Linear(d_model, d_model, bias=False) if kind == "additive" else None
        self.w_k = nn.Linear(d_model, d_model, bias=False) if kind != "dot" else None
        self.v = nn.Linear(d_model, 1, bias=False) if kind == "additive" else None
        for module in (self.w_q, self.w_k, self.v):
            if module is not None:
                nn.init.xavier_uniform_(module.weight)

    def keys(self, states: Float[Tensor, "B S D"], *, tap: Tap = no_tap) -> Float[Tensor, "B S D"]:
        """Prepare the source vectors for being compared, once for the whole sentence."""
        return tap("keys", states if self.w_k is None else self.w_k(states))

    def forward(
        self,
        state: Float[Tensor, "B T D"],
        keys: Float[Tensor, "B S D"],
        values: Float[Tensor, "B S D"],
        visible: Bool[Tensor, "B 1 1 S"],
        *,
        tap: Tap = no_tap,
    ) -> Float[Tensor, "B T D"]:
        """Return the context of each decoder state: the values, weighted; zeros where nothing is visible."""
        query = tap("query", state if self.w_q is None else self.w_q(state))
        if self.v is None:
            scores = query @ keys.transpose(1, 2)  # [B, T, S]
        else:
            scores = self.v(torch.tanh(query[:, :, None] + keys[:, None])).squeeze(-1)
        scores = tap("scores", scores[:, None].masked_fill(~visible, -math.inf))  # [B, 1, T, S]
        # A row that sees nothing is a softmax over -inf alone, which is not a number; it must mix nothing.
        weights = torch.softmax(scores.float(), dim=-1).masked_fill(~visible, 0.0)
        weights = tap("weights", weights).to(values.dtype)
        return tap("context", weights[:, 0] @ values)
