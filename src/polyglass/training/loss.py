"""Label-smoothed cross-entropy (Szegedy et al. 2016, §7) that never holds the logits of the whole batch.

The output layer of a small translator costs as much as all the rest, and its logits are the largest tensor by far:
writing them to memory takes as long as computing them. So the loss takes a few hundred rows at a time, small enough
for the processor's cache, and computes their gradient on the spot. Padding never reaches the output layer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from polyglass.model.seq2seq import Seq2Seq

CHUNK_NUMBERS = 1_000_000  # logits held at once: 4 MB in float32


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Sums over rows of the smoothed (differentiable) and plain cross-entropy of `states @ weight.T` and `words`."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, words: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        # states [N, D], weight [V, D], words [N]
        wants_gradient = any(ctx.needs_input_grad)
        grad_states = torch.empty_like(states)
        grad_weight = torch.zeros_like(weight, dtype=torch.float32)
        smoothed = torch.zeros((), dtype=torch.float32, device=states.device)
        plain = torch.zeros_like(smoothed)
        even = smoothing / len(weight)  # each word's share of the smoothing
        size = max(1, CHUNK_NUMBERS // len(weight))
        for first in range(0, len(states), size):
            chunk, target = states[first : first + size], words[first : first + size, None]
            log_probs = torch.log_softmax(chunk @ weight.T, dim=-1, dtype=torch.float32)  # [n, V]
            right = log_probs.gather(1, target).sum()
            plain -= right
            smoothed -= (1 - smoothing) * right + even * log_probs.sum()
            if wants_gradient:
                # d loss / d logits = softmax - (1 - smoothing) one_hot - smoothing / V
                gradient = log_probs.exp_().sub_(even)
                gradient.scatter_add_(1, target, gradient.new_full(target.shape, smoothing - 1))
                gradient = gradient.to(states.dtype)
                grad_states[first : first + size] = gradient @ weight
                if states.dtype == grad_weight.dtype:
                    grad_weight.addmm_(gradient.T, chunk)
                else:
                    grad_weight += gradient.T @ chunk
        ctx.save_for_backward(grad_states, grad_weight)
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        grad_states, grad_weight = ctx.saved_tensors
        scale = grad_outputs[0]
        return grad_states * scale, (grad_weight * scale).to(grad_states.dtype), None, None


def smoothed_cross_entropy(states: Tensor, weight: Tensor, words: Tensor, *, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return the label-smoothed and the plain cross-entropy, summed over rows, in nats.

    states [N, D], weight [V, D] (the output layer), words [N]. The target distribution of a row is
    (1 - smoothing) on its word plus smoothing / V on every word. Only the first sum carries a gradient.
    """
    smoothed, plain = _ChunkedCrossEntropy.apply(states, weight, words, smoothing)  # type: ignore[no-untyped-call]
    return smoothed, plain


class TranslationLoss(nn.Module):
    """A model with its loss: the one module that training calls (and that DDP and torch.compile wrap)."""

    def __init__(self, model: Seq2Seq, label_smoothing: float) -> None:
        super().__init__()
        self.model = model
        self.label_smoothing = label_smoothing

    def forward(self, source: Tensor, target_in: Tensor, target_out: Tensor) -> tuple[Tensor, Tensor]:
        """Return the smoothed and the plain loss in nats, summed over real target tokens.

        source [B, S], target_in and target_out [B, T] as in `Batch`.
        """
        states = self.model.decoder_states(target_in, self.model.encode(source))  # [B, T, D]
        real = target_out != self.model.ids.pad
        return smoothed_cross_entropy(
            states[real],
            self.model.output.weight.to(states.dtype),
            target_out[real],
            smoothing=self.label_smoothing,
        )
