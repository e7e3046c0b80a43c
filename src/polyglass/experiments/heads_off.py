"""A trained Transformer in, its loss and translations without this or that head out.

A head is switched off by an `Edit` that replaces what it found by zeros. Since W^O adds up what the heads bring, it
then contributes exactly nothing, and nothing else changes (Michel et al. 2019, §2.3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.model.seq2seq import Seq2Seq
from polyglass.model.tapped import Change, Tapped

ENCODER, DECODER, CROSS = "encoder self-attention", "decoder self-attention", "cross-attention"
KINDS = (ENCODER, DECODER, CROSS)


@dataclass(frozen=True, order=True)
class Attention:
    """One attention of a model. layer: from 1. path: where the tap offers it."""

    kind: str
    layer: int
    path: str
    heads: int

    @property
    def name(self) -> str:
        """What people call it, and what its figures are kept under."""
        return f"{self.kind}, layer {self.layer}"


@dataclass(frozen=True, order=True)
class Head:
    """One head, counted from 1."""

    attention: Attention
    number: int


def attentions(config: TransformerConfig) -> list[Attention]:
    """Return every attention of such a model: by kind, from the first layer to the last."""
    kinds = (
        (ENCODER, "encoder.layers.{}.self_attention", config.encoder_layers),
        (DECODER, "decoder.layers.{}.self_attention", config.decoder_layers),
        (CROSS, "decoder.layers.{}.cross_attention", config.decoder_layers),
    )
    return [
        Attention(kind, layer + 1, path.format(layer), config.num_heads)
        for kind, path, layers in kinds
        for layer in range(layers)
    ]


def heads_of(found: Iterable[Attention]) -> list[Head]:
    """Return every head of these attentions."""
    return [Head(attention, number) for attention in found for number in range(1, attention.heads + 1)]


def without(model: Seq2Seq, off: Sequence[Head]) -> Seq2Seq:
    """Return the model with these heads switched off; it shares its weights."""
    if not off:
        return model
    silent: dict[str, list[int]] = {}
    for head in off:
        silent.setdefault(head.attention.path, []).append(head.number - 1)
    changes = {f"{path}.heads": _silence(torch.tensor(numbers)) for path, numbers in silent.items()}
    return Tapped(model, lambda position: changes, check=_nobody_waits)


def _silence(numbers: Tensor) -> Change:
    def silence(heads: Tensor) -> Tensor:  # [B, H, T, K]
        return heads.index_fill(1, numbers.to(heads.device), 0.0)

    return silence


def _nobody_waits() -> None:
    """A search here is never given up."""
