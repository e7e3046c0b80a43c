"""A model's matrix products: how many floating-point operations they are, and how fast this machine does them.

Operations are counted, not estimated: a product of [n, k] and [k, m] is 2 n k m of them. Each product with a weight
is done once forward and twice backward (gradient of its input, gradient of its weight), and so is each product inside
attention. Only multiplication counts: no norm, softmax, dropout, embedding or optimizer.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.data.batch import Batch
from polyglass.training.loss import CHUNK_NUMBERS

Shape = tuple[int, int, int]
"""Rows n, inputs k and outputs m of x [n, k] @ w [m, k].T."""


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of one update, forward and backward: products with weights, and inside attention."""

    weights: int
    attention: int

    @property
    def total(self) -> int:
        """Both."""
        return self.weights + self.attention


def products_of(config: TransformerConfig, source: int, target: int) -> Counter[tuple[int, int, int]]:
    """Return how often each product with a weight occurs, for so many source and target tokens.

    The key is (rows, inputs, outputs); the output layer is not among them.
    """
    d, f = config.d_model, config.d_ff
    found: Counter[Shape] = Counter()
    found[source, d, d] += 4 * config.encoder_layers + 2 * config.decoder_layers  # q k v o; k v of cross attention
    found[target, d, d] += 6 * config.decoder_layers  # q k v o; q o of cross attention
    for rows, layers in ((source, config.encoder_layers), (target, config.decoder_layers)):
        found[rows, d, f] += layers
        found[rows, f, d] += layers
    return found


def real_operations(config: TransformerConfig, words: int, lengths: Iterable[tuple[int, int]]) -> Operations:
    """Count what translating needs: `lengths` are the real tokens of each pair (eos counted), `words` the vocabulary.

    A target position needs the products with itself and those before it only.
    """
    pairs = list(lengths)
    source, target = sum(s for s, _ in pairs), sum(t for _, t in pairs)
    weights = 2 * sum(n * k * m * times for (n, k, m), times in products_of(config, source, target).items())
    weights += 2 * target * config.d_model * words
    # Scores and mixing are 2 d_model operations each for every (query, key).
    seen = sum(config.encoder_layers * s * s + config.decoder_layers * (t * (t + 1) // 2 + t * s) for s, t in pairs)
    return Operations(3 * weights, 3 * 4 * config.d_model * seen)


def padded_operations(config: TransformerConfig, words: int, batch: Batch) -> Operations:
    """Count what one update does: padding too, and positions that are masked; padding skips the output layer only."""
    rows, s, t = len(batch.source), batch.source.shape[1], batch.target_in.shape[1]
    weights = 2 * sum(n * k * m * times for (n, k, m), times in products_of(config, rows * s, rows * t).items())
    weights += 2 * batch.target_tokens * config.d_model * words
    seen = rows * (config.encoder_layers * s * s + config.decoder_layers * (t * t + t * s))
    return Operations(3 * weights, 3 * 4 * config.d_model * seen)


class ProductRate:
    """Times a model's products with weights by themselves, at the sizes that one batch gives them.

    Operands are allocated once and used again and again, so they may lie in the cache: a rate that a training step,
    which reads and writes new memory, can come near but hardly reach.
    """

    def __init__(
        self, config: TransformerConfig, words: int, batch: Batch, dtype: torch.dtype, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        shapes = products_of(config, batch.source.numel(), batch.target_in.numel())
        chunk = min(batch.target_tokens, max(1, CHUNK_NUMBERS // words))  # the loss computes so many rows at a time
        shapes[chunk, config.d_model, words] += max(1, round(batch.target_tokens / chunk))
        self._products = [
            (times, 6 * n * k * m, _three_products((n, k, m), dtype)) for (n, k, m), times in shapes.items()
        ]
        for _, _, run in self._products:
            run()

    def measure(self, *, seconds: float) -> float:
        """Return operations a second if each product is done as often as in one update; takes about `seconds`."""
        taken, operations = 0.0, 0
        for times, each, run in self._products:
            taken += times * self._seconds(run, at_least=seconds / len(self._products))
            operations += times * each
        return operations / taken

    def _seconds(self, run: Callable[[], object], *, at_least: float) -> float:
        """Return the mean time of one run, over as many as fill the time; at least one."""
        count, began = 0, self._clock()
        while not count or self._clock() - began < at_least:
            run()
            count += 1
        return (self._clock() - began) / count


def _three_products(shape: Shape, dtype: torch.dtype) -> Callable[[], object]:
    rows, inputs, outputs = shape
    x, weight, gradient = (torch.randn(size).to(dtype) for size in ((rows, inputs), (outputs, inputs), (rows, outputs)))
    forward, to_input, to_weight = (torch.empty_like(like) for like in (gradient, x, weight))

    def run() -> tuple[Tensor, Tensor, Tensor]:
        return (
            torch.mm(x, weight.T, out=forward),
            torch.mm(gradient, weight, out=to_input),
            torch.mm(gradient.T, x, out=to_weight),
        )

    return run
