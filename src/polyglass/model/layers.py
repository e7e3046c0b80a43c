"""§3.1 Encoder and decoder layer: attention and feed-forward, each inside a residual connection with a norm.

Letters: B batch, S source length, T target length, D d_model.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from polyglass.config import TransformerConfig
from polyglass.model.attention import KeyValue, MultiHeadAttention
from polyglass.model.dropout import Dropout
from polyglass.model.feed_forward import FeedForward
from polyglass.model.norms import build_norm
from polyglass.tap import Tap, no_tap


class Residual(nn.Module):
    """Add a sub-layer's output to its input and normalise (§3.1, §5.4). The only place that knows pre and post.

    post (paper): norm(x + dropout(f(x))). pre (Xiong et al. 2020): x + dropout(f(norm(x))).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_first = config.norm_place == "pre"
        self.norm = build_norm(config.norm, config.d_model)
        self.dropout = Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "B L D"],
        sublayer: Callable[[Tensor], Tensor],
        real: Bool[Tensor, "B L"] | None,
        *,
        tap: Tap = no_tap,
    ) -> Float[Tensor, "B L D"]:
        """Return x after the sub-layer; `real` is True where a position is no padding (for batch norm)."""
        if self.norm_first:
            return tap("residual", x + self.dropout(sublayer(tap("norm", self.norm(x, real)))))
        return tap("norm", self.norm(tap("residual", x + self.dropout(sublayer(x))), real))


class EncoderLayer(nn.Module):
    """Every source word looks at every source word, then is transformed by itself (figure 1, left)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = _attention(config, rotary=config.positions == "rotary")
        self.self_attention_residual = Residual(config)
        self.feed_forward = _feed_forward(config)
        self.feed_forward_residual = Residual(config)

    def forward(
        self,
        x: Float[Tensor, "B S D"],
        visible: Bool[Tensor, "B 1 1 S"],
        real: Bool[Tensor, "B S"],
        *,
        tap: Tap = no_tap,
    ) -> Float[Tensor, "B S D"]:
        """Return the source vectors after this layer."""

        def attend(x: Tensor) -> Tensor:
            attended: Tensor = self.self_attention(x, x, x, visible, tap=tap.at("self_attention"))
            return attended

        def transform(x: Tensor) -> Tensor:
            transformed: Tensor = self.feed_forward(x, tap=tap.at("feed_forward"))
            return transformed

        x = self.self_attention_residual(x, attend, real, tap=tap.at("self_attention_residual"))
        x = self.feed_forward_residual(x, transform, real, tap=tap.at("feed_forward_residual"))
        return x


@dataclass(frozen=True)
class Sight:
    """What target positions may look at.

    source: which source position is real. target: which target position may see which; None when a single new
    position may see all of them. real: which target position is no padding (for batch norm); None: all.
    """

    source: Bool[Tensor, "B 1 1 S"]
    target: Bool[Tensor, "1 1 T T"] | None
    real: Bool[Tensor, "B T"] | None


class DecoderLayer(nn.Module):
    """Every target word looks back at the target, then at the source, then is transformed (figure 1, right)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = _attention(config, rotary=config.positions == "rotary")
        self.self_attention_residual = Residual(config)
        self.cross_attention = _attention(config, rotary=False)
        self.cross_attention_residual = Residual(config)
        self.feed_forward = _feed_forward(config)
        self.feed_forward_residual = Residual(config)

    def forward(
        self,
        x: Float[Tensor, "B T D"],
        past: KeyValue | None,
        memory: KeyValue,
        sight: Sight,
        *,
        tap: Tap = no_tap,
    ) -> tuple[Float[Tensor, "B T D"], KeyValue]:
        """Return the target vectors after this layer, and the keys and values of all target positions so far.

        past: keys and values of the positions before x (step by step), or None (teacher forcing: x is everything).
        memory: this layer's keys and values of the source, for each row or for runs of as many rows (search).
        """
        first = 0 if past is None else past.k.shape[2]
        present = past

        def look_back(x: Tensor) -> Tensor:
            nonlocal present
            present = self.self_attention.keys_values(x, x, first=first, tap=tap.at("self_attention"))
            if past is not None:
                present = KeyValue(torch.cat((past.k, present.k), dim=2), torch.cat((past.v, present.v), dim=2))
            return self.self_attention.attend(x, present, sight.target, first=first, tap=tap.at("self_attention"))

        def look_at_source(x: Tensor) -> Tensor:
            query = x
            if len(x) != len(memory.k):
                # Hypotheses of one sentence look at it together, as if they were positions of one target.
                query = x.reshape(len(memory.k), -1, x.shape[-1])
            attended = self.cross_attention.attend(query, memory, sight.source, tap=tap.at("cross_attention"))
            return attended if query is x else attended.reshape(x.shape)

        def transform(x: Tensor) -> Tensor:
            transformed: Tensor = self.feed_forward(x, tap=tap.at("feed_forward"))
            return transformed

        x = self.self_attention_residual(x, look_back, sight.real, tap=tap.at("self_attention_residual"))
        x = self.cross_attention_residual(x, look_at_source, sight.real, tap=tap.at("cross_attention_residual"))
        x = self.feed_forward_residual(x, transform, sight.real, tap=tap.at("feed_forward_residual"))
        assert present is not None
        return x, present


def _attention(config: TransformerConfig, *, rotary: bool) -> MultiHeadAttention:
    return MultiHeadAttention(
        config.d_model,
        config.num_heads,
        dropout=config.attention_dropout,
        bias=config.attention_bias,
        rotary=rotary,
    )


def _feed_forward(config: TransformerConfig) -> FeedForward:
    return FeedForward(config.d_model, config.d_ff, activation=config.activation, dropout=config.activation_dropout)
