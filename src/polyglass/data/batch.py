"""Pairs of token ids in, one padded batch out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from polyglass.special_ids import SpecialIds


@dataclass(frozen=True)
class Batch:
    """What one training step reads. Letters: B sentences, S and T longest source and target.

    source: tokens, eos, padding. target_in: bos, tokens, padding. target_out: tokens, eos, padding.
    target_tokens: real tokens in target_out (eos counted, padding not). pairs: index of each row in the corpus.
    """

    source: Int64[Tensor, "B S"]
    target_in: Int64[Tensor, "B T"]
    target_out: Int64[Tensor, "B T"]
    target_tokens: int
    pairs: tuple[int, ...]

    def to(self, device: torch.device) -> "Batch":
        """Return the batch with its tensors on `device`."""
        return Batch(
            self.source.to(device, non_blocking=True),
            self.target_in.to(device, non_blocking=True),
            self.target_out.to(device, non_blocking=True),
            self.target_tokens,
            self.pairs,
        )


def pad(rows: Sequence[Sequence[int] | np.ndarray], pad_id: int) -> Int64[Tensor, "B L"]:
    """Put rows of different length into one tensor, padded on the right."""
    table = np.full((len(rows), max(map(len, rows), default=0)), pad_id, dtype=np.int64)
    for line, row in zip(table, rows, strict=True):
        line[: len(row)] = row
    return torch.from_numpy(table)


def collate(
    sources: Sequence[Sequence[int] | np.ndarray],
    targets: Sequence[Sequence[int] | np.ndarray],
    ids: SpecialIds,
    pairs: Sequence[int],
) -> Batch:
    """Make a batch from token ids without special symbols."""
    bos, eos = np.array([ids.bos]), np.array([ids.eos])
    return Batch(
        source=pad([np.concatenate([row, eos]) for row in sources], ids.pad),
        target_in=pad([np.concatenate([bos, row]) for row in targets], ids.pad),
        target_out=pad([np.concatenate([row, eos]) for row in targets], ids.pad),
        target_tokens=sum(len(row) + 1 for row in targets),
        pairs=tuple(pairs),
    )
