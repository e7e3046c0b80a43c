"""One step of a Transformer's search when nobody looks: what `Decoder.forward` computes, as plain functions.

A step of one sentence is a few hundred tiny tensor operations, and calling modules costs as much as multiplying. Here
each row is a vector and not a target of length 1, a residual sum is part of the product before it, and keys and values
lie in `Slots`. Tests hold the two paths equal.

Letters: N rows of a search, A its sentences, W rows of each, H heads, K d_k, D d_model.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Bool, Float
from torch import Tensor

from polyglass.model.attention import KeyValue, MultiHeadAttention
from polyglass.model.layers import DecoderLayer
from polyglass.model.rotary import rotate
from polyglass.model.slots import Slots


@dataclass(frozen=True)
class Surroundings:
    """What all layers of one step share.

    slots: with room for this step. source, target: what is added to scores, minus infinity where a row may not look;
    None where it may look everywhere. position: the place of the token that is read.
    """

    slots: Slots
    source: Float[Tensor, "A 1 1 S"] | None
    target: Float[Tensor, "A 1 W t"] | None
    position: int


def bias(visible: Bool[Tensor, "A 1 W S"] | None, like: Tensor) -> Float[Tensor, "A 1 W S"] | None:
    """Return what is added to scores: the fused kernel would make it of `visible` anew in each layer."""
    if visible is None or visible.all():
        return None
    return torch.zeros(visible.shape, dtype=like.dtype, device=like.device).masked_fill_(~visible, -math.inf)


def read_on(
    layer: DecoderLayer, x: Float[Tensor, "N D"], memory: KeyValue, around: Surroundings, *, index: int
) -> Float[Tensor, "N D"]:
    """Return the vectors of all rows after layer number `index`; writes their keys and values into the new slots.

    memory: this layer's keys and values of the source, [A, H, S, K].
    """
    residual, attention = layer.self_attention_residual, layer.self_attention
    inner = residual.norm(x) if residual.norm_first else x
    heads = _look_back(attention, inner, around, index=index, sentences=len(memory.k))
    x = _add_output(x, attention, heads)
    x = x if residual.norm_first else residual.norm(x)

    residual, attention = layer.cross_attention_residual, layer.cross_attention
    inner = residual.norm(x) if residual.norm_first else x
    query = F.linear(inner, attention.w_q.weight, attention.w_q.bias)
    q = query.view(len(memory.k), -1, *memory.k.shape[1::2]).transpose(1, 2)  # [A, H, W, K]
    x = _add_output(x, attention, F.scaled_dot_product_attention(q, *memory, attn_mask=around.source))
    x = x if residual.norm_first else residual.norm(x)

    residual, part = layer.feed_forward_residual, layer.feed_forward
    inner = residual.norm(x) if residual.norm_first else x
    hidden = part.activation(F.linear(inner, part.w_1.weight, part.w_1.bias))
    x = x + F.linear(hidden, part.w_2.weight, part.w_2.bias)
    return x if residual.norm_first else residual.norm(x)


def _look_back(
    attention: MultiHeadAttention, x: Float[Tensor, "N D"], around: Surroundings, *, index: int, sentences: int
) -> Float[Tensor, "A H W K"]:
    """Write keys and values of the rows, and let each look at what it has read."""
    q, k, v = (F.linear(x, one.weight, one.bias) for one in (attention.w_q, attention.w_k, attention.w_v))
    if attention.rotary:
        q, k = (rotate(part.view(len(x), attention.num_heads, 1, -1), around.position) for part in (q, k))
    q, k, v = (part.view(sentences, -1, attention.num_heads, x.shape[1] // attention.num_heads) for part in (q, k, v))
    past = around.slots.fill(index, k, v)
    return F.scaled_dot_product_attention(q.transpose(1, 2), *past, attn_mask=around.target)


def _add_output(
    x: Float[Tensor, "N D"], attention: MultiHeadAttention, heads: Float[Tensor, "A H W K"]
) -> Float[Tensor, "N D"]:
    """Return x plus what the heads found, times W^O."""
    concat = heads.transpose(1, 2).reshape(x.shape)
    weight, own = attention.w_o.weight, attention.w_o.bias
    return torch.addmm(x, concat, weight.T) if own is None else x + F.linear(concat, weight, own)
