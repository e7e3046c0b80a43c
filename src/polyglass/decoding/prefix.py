"""The first tokens that the caller forces upon an output, checked and padded."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from polyglass.errors import InputError, ShapeError
from polyglass.special_ids import SpecialIds

FREE = -1
"""Stands in the table of forced tokens where the model may choose."""


def forced_tokens(
    prefix: Sequence[Sequence[int]] | None, limits: Sequence[int], *, ids: SpecialIds, device: torch.device
) -> Int64[Tensor, "B P"]:
    """Return the forced token of each sentence at each step, FREE behind its prefix; P is the longest prefix.

    Raises ShapeError if there is not one prefix for each sentence, InputError if a prefix leaves no room for eos or
    holds padding, bos or eos.
    """
    if prefix is None:
        return torch.empty((len(limits), 0), dtype=torch.int64, device=device)
    if len(prefix) != len(limits):
        raise ShapeError(
            f"There must be one prefix for each sentence, but there are {len(prefix)} for {len(limits)}. "
            f"Give an empty prefix to a sentence that has none."
        )
    for row, (tokens, limit) in enumerate(zip(prefix, limits, strict=True)):
        _check(row, tokens, limit=limit, ids=ids)
    table = torch.full((len(prefix), max(map(len, prefix), default=0)), FREE, dtype=torch.int64)
    for line, tokens in zip(table, prefix, strict=True):
        line[: len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
    return table.to(device)


def _check(row: int, tokens: Sequence[int], *, limit: int, ids: SpecialIds) -> None:
    if len(tokens) >= limit:
        raise InputError(
            f"A prefix must be shorter than the output limit, but sentence {row} has a prefix of {len(tokens)} tokens "
            f"and a limit of {limit}. Shorten the prefix or raise decode.max_length_extra."
        )
    for token in tokens:
        if token < 0 or token in (ids.pad, ids.bos, ids.eos):
            raise InputError(
                f"A prefix may hold words only, but the prefix of sentence {row} holds {token} "
                f"(padding is {ids.pad}, bos {ids.bos}, eos {ids.eos}). Leave it out."
            )
