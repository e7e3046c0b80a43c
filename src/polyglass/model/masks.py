"""Which positions may be looked at: boolean, True = visible, broadcastable to scores [B, H, T, S]."""

import torch
from jaxtyping import Bool, Int64
from torch import Tensor


def real_tokens(tokens: Int64[Tensor, "B L"], pad_id: int) -> Bool[Tensor, "B L"]:
    """Return True where a position holds a token and not padding."""
    return tokens != pad_id


def padding_visible(real: Bool[Tensor, "B S"]) -> Bool[Tensor, "B 1 1 S"]:
    """Let every query look at every real token of its own sentence, never at padding."""
    return real[:, None, None, :]


def causal_visible(length: int, device: torch.device) -> Bool[Tensor, "1 1 T T"]:
    """Let position t look at positions 0..t: the words to come are hidden (§3.2.3)."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()[None, None]
