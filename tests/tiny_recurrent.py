"""Recurrent models small enough to check by hand, in which no term can hide: every bias is random."""

from typing import Any

import torch

from polyglass.config import RecurrentConfig
from polyglass.model.recurrent import Recurrent
from polyglass.special_ids import SpecialIds
from tiny_transformer import IDS, SIZE, randomise

CELLS = ("rnn", "gru", "lstm")
TINY: dict[str, Any] = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.0, "max_positions": 64}
DECODERS: dict[str, dict[str, Any]] = {
    "none": {},
    "none, context fed": {"feed_context": True},
    "additive": {"attention": "additive"},
    "dot": {"attention": "dot"},
    "dot, input feeding": {"attention": "dot", "input_feeding": True},
    "general": {"attention": "general"},
    "general, input feeding": {"attention": "general", "input_feeding": True},
}
"""Every way in which a decoder can know the source, as options of the model."""
FAMILIES: dict[str, dict[str, Any]] = {
    f"{cell} {name}": {"family": cell, **decoder} for cell in CELLS for name, decoder in DECODERS.items()
}
"""Each cell with each decoder."""


def tiny_recurrent_config(**changes: Any) -> RecurrentConfig:
    """Return a small config: LSTM, two layers in each stack, no attention, but for `changes`."""
    return RecurrentConfig(**{**TINY, **changes})


def tiny_recurrent(
    sizes: tuple[int, int] = (SIZE, SIZE), *, ids: SpecialIds = IDS, seed: int = 1, **changes: Any
) -> Recurrent:
    """Return a small random recurrent model in evaluation mode."""
    torch.manual_seed(seed)
    model = Recurrent(tiny_recurrent_config(**changes), *sizes, ids)
    randomise(model, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".bias_" in name:
                parameter += torch.randn(parameter.shape, generator=generator) * 0.3
    return model.eval()
