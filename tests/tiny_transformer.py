"""Transformers small enough to check by hand, in which no term can hide: every bias, gain and statistic is random."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.model.transformer import Transformer
from polyglass.special_ids import SpecialIds

IDS = SpecialIds()
SIZE = 23  # words in a tiny vocabulary
TINY: dict[str, Any] = {
    "d_model": 16,
    "num_heads": 4,
    "d_ff": 24,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "dropout": 0.0,
    "max_positions": 64,
}


def tiny_config(**changes: Any) -> TransformerConfig:
    """Return a small config with the paper's choices, but for `changes`."""
    return TransformerConfig(**{**TINY, **changes})


def tiny_model(
    sizes: tuple[int, int] = (SIZE, SIZE), *, ids: SpecialIds = IDS, seed: int = 1, **changes: Any
) -> Transformer:
    """Return a small random Transformer in evaluation mode."""
    torch.manual_seed(seed)
    model = Transformer(tiny_config(**changes), *sizes, ids)
    randomise(model, seed=seed)
    return model.eval()


def randomise(model: torch.nn.Module, *, seed: int) -> None:
    """Replace zeros and ones of a fresh model by random numbers: biases, norm gains and running statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
            elif "norm" in name:
                parameter.copy_(1 + 0.3 * torch.randn(parameter.shape, generator=generator))
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.3)
            elif name.endswith("running_var"):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))


def padded(sentences: Sequence[Sequence[int]], *, pad: int = IDS.pad) -> Tensor:
    """Return the sentences as rows [B, L], padded on the right."""
    length = max(len(sentence) for sentence in sentences)
    return torch.tensor([[*sentence, *[pad] * (length - len(sentence))] for sentence in sentences])


def random_sentences(lengths: Sequence[int], *, size: int = SIZE, seed: int = 3) -> list[list[int]]:
    """Return sentences of random words (no special ids) of the given lengths."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(4, size, (length,), generator=generator).tolist() for length in lengths]


def sources(lengths: Sequence[int] = (5, 3, 1), *, seed: int = 3) -> list[list[int]]:
    """Return random source sentences; each ends in eos."""
    return [[*sentence, IDS.eos] for sentence in random_sentences(lengths, seed=seed)]


def targets(lengths: Sequence[int] = (4, 6, 2), *, seed: int = 5) -> list[list[int]]:
    """Return random target sentences as the decoder reads them; each begins with bos."""
    return [[IDS.bos, *sentence] for sentence in random_sentences(lengths, seed=seed)]
