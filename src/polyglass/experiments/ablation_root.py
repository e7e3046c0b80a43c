"""What the root in softmax(q k^T / sqrt(d_k)) does: for random vectors, and for a model that trains without it.

"Assume that the components of q and k are independent random variables with mean 0 and variance 1. Then their dot
product has mean 0 and variance d_k" (Vaswani et al. 2017, §3.2.1, footnote 4). So without the root scores grow with
d_k, one key gets everything, and the softmax hands hardly any gradient back.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from polyglass.model.attention import MultiHeadAttention, scaled_dot_product_attention
from polyglass.model.seq2seq import Seq2Seq
from polyglass.tap import Recorder

KEYS = 32
SETS = 64  # of as many queries and keys


@dataclass(frozen=True)
class Sharpness:
    """How sharp the rows of a softmax are, in the mean. entropy: as a share of the largest. largest: weight of a row.

    variance: of the scores. gradient: mean of p (1 - p), by which a score's own gradient is multiplied.
    """

    variance: float
    entropy: float
    largest: float
    gradient: float


def sharpness(d_k: int, *, root: bool, seed: int) -> Sharpness:
    """Measure the model's own attention on random queries and keys, whose parts are normal with variance 1."""
    random = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, SETS, 1, KEYS, d_k, generator=random)
    recorder = Recorder(("scores", "weights"))
    scaled_dot_product_attention(q if root else q * math.sqrt(d_k), k, k, None, dropout=0.0, tap=recorder)
    scores, weights = (recorder.tensors[name].double() for name in ("scores", "weights"))
    entropy = torch.special.entr(weights).sum(dim=-1) / math.log(KEYS)
    slope = weights * (1 - weights)
    return Sharpness(*(float(value) for value in (scores.var(), entropy.mean(), weights.amax(-1).mean(), slope.mean())))


class Reshaped(nn.Module):
    """A parametrisation of W^Q or W^K: the first `key_size` rows of each head learn, the others are zero.

    Zeros add nothing to a product, so that scores are those of heads with d_k = key_size. scale: what the matrix is
    multiplied by, to make up for the root that the attention takes of another d_k, or to undo it.
    """

    def __init__(self, heads: int, key_size: int, scale: float) -> None:
        super().__init__()
        self.heads, self.key_size, self.scale = heads, key_size, scale

    def forward(self, small: Tensor) -> Tensor:
        """Return the whole matrix [D, D] of the rows that learn [heads * key_size, D]."""
        rows = small.view(self.heads, self.key_size, -1)
        missing = small.shape[1] // self.heads - self.key_size
        return self.scale * nn.functional.pad(rows, (0, 0, 0, missing)).flatten(0, 1)

    def right_inverse(self, whole: Tensor) -> Tensor:
        """Return the fresh rows that learn: those of the fresh matrix, as wide as Glorot's rule draws them."""
        rows = whole.view(self.heads, -1, whole.shape[1])[:, : self.key_size].flatten(0, 1)
        return rows * math.sqrt(2 * whole.shape[1] / sum(rows.shape))


def reshape_scores(model: Seq2Seq, *, key_size: int | None, root: bool) -> None:
    """Let every attention of a fresh model have another d_k, or no root. Its matrices W^V and W^O stay as they are."""
    for module in model.modules():
        if isinstance(module, MultiHeadAttention):
            width = module.w_q.in_features // module.num_heads
            size = key_size or width
            scale = math.sqrt(width / size if root else width)
            for matrix, factor in ((module.w_q, scale), (module.w_k, 1.0)):
                parametrize.register_parametrization(matrix, "weight", Reshaped(module.num_heads, size, factor))


def settle(model: Seq2Seq) -> None:
    """Turn the matrices that `reshape_scores` changed into plain ones with the same numbers."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
