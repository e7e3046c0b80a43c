"""Dropout (Srivastava et al. 2014) whose random numbers are cheap on a CPU.

torch draws one 32-bit number for each element and draws them one after another; in a small Transformer that is a
sixth of a training step. One random byte is enough to decide about one element.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Dropout(nn.Module):
    """Silence a share of the numbers while training, and scale up the rest so that the mean stays.

    On a CPU the share is rounded to a multiple of 1/256, at least 1 and at most 255 of them; the scale makes up for it
    exactly.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return x with silenced numbers (training), or x itself (evaluation). Any shape."""
        if not self.training or self.share == 0.0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.share)
        threshold = min(255, max(1, round(self.share * 256)))
        count = x.numel()
        # From -2^63 on: without the lower bound the sign bit is never drawn and every eighth byte stays below 128.
        draws = torch.empty((count + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        keep = draws.view(torch.uint8)[:count].view(x.shape) >= threshold
        return x * (keep * torch.tensor(256 / (256 - threshold), dtype=x.dtype))
