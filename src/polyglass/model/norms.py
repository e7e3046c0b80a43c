"""§5.4 and beyond: three ways to keep the size of vectors in check.

Layer and RMS norm look at one token across its features; batch norm looks at one feature across all tokens.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """Shift and scale each token to mean 0 and variance 1 across its features (Ba et al. 2016)."""

    def forward(self, x: Float[Tensor, "B L D"], real: Bool[Tensor, "B L"] | None = None) -> Float[Tensor, "B L D"]:
        """Return x normalised; which tokens are real does not matter."""
        return super().forward(x)


class RMSNorm(nn.RMSNorm):
    """Scale each token to root mean square 1 across its features, without shifting it (Zhang and Sennrich 2019)."""

    def forward(self, x: Float[Tensor, "B L D"], real: Bool[Tensor, "B L"] | None = None) -> Float[Tensor, "B L D"]:
        """Return x normalised; which tokens are real does not matter."""
        return super().forward(x)


class BatchNorm(nn.Module):
    """Shift and scale each feature to mean 0 and variance 1 across the real tokens of the batch.

    Ioffe and Szegedy 2015; padding counts for nothing. In evaluation the running statistics of training are used.
    In training the output of a token depends on its batch companions, and in a decoder on words to come: this is
    what batch norm is, and a reason why Transformers use layer norm.
    """

    def __init__(self, d_model: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(d_model))
        self.bias = nn.Parameter(torch.zeros(d_model))
        self.register_buffer("running_mean", torch.zeros(d_model))
        self.register_buffer("running_var", torch.ones(d_model))
        self.running_mean: Tensor
        self.running_var: Tensor

    def forward(self, x: Float[Tensor, "B L D"], real: Bool[Tensor, "B L"] | None = None) -> Float[Tensor, "B L D"]:
        """Return x normalised with the statistics of the tokens where `real` is True (None: all)."""
        tokens = x.flatten(0, 1) if real is None else x[real]  # [N, D]
        # A single token has no variance; then, as in evaluation, the running statistics are the best guess.
        if self.training and len(tokens) > 1:
            wide = torch.promote_types(x.dtype, torch.float32)
            var, mean = torch.var_mean(tokens.to(wide), dim=0, correction=0)
            with torch.no_grad():
                unbiased = var * len(tokens) / (len(tokens) - 1)
                self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
                self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        return ((x - mean) * torch.rsqrt(var + self.eps) * self.weight + self.bias).to(x.dtype)


def build_norm(kind: str, d_model: int) -> LayerNorm | RMSNorm | BatchNorm:
    """Return the norm called `kind`: "layer", "rms" or "batch"."""
    match kind:
        case "layer":
            return LayerNorm(d_model)
        case "rms":
            return RMSNorm(d_model, eps=1e-5)
        case _:
            return BatchNorm(d_model)
