"""Rotary positions (Su et al. 2021, §3.2): a number pair is turned by an angle that grows with the position.

The dot product of a query and a key then depends on their distance alone.
"""

from jaxtyping import Float
from torch import Tensor, stack

from polyglass.model.embedding import sinusoids


def rotate(x: Float[Tensor, "B H L K"], first: int) -> Float[Tensor, "B H L K"]:
    """Turn each pair (x_2i, x_2i+1) at position p by the angle p / 10000^(2i / d_k).

    first: the position of x[:, :, 0].
    """
    length, d_k = x.shape[-2:]
    angles = sinusoids(length, d_k, first=first, dtype=x.dtype, device=x.device)
    sin, cos = angles[:, 0::2], angles[:, 1::2]  # [L, K / 2]
    even, odd = x[..., 0::2], x[..., 1::2]
    return stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)
