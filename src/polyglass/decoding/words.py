"""Logits in, log-probabilities of the next word out; and the k largest of a long row, quickly."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from polyglass.errors import InputError
from polyglass.special_ids import SpecialIds

BLOCK = 64


def next_log_probs(
    logits: Float[Tensor, "N V"], ids: SpecialIds, *, forced: Int64[Tensor, " N"] | None
) -> Float[Tensor, "N V"]:
    """Return each word's log-probability in float32; minus infinity for pad, bos and whatever is not `forced`.

    forced: the one word that each row may take next, negative where it may choose; None if all may choose.
    What remains keeps its probability under the whole vocabulary: nothing is renormalised.
    A row whose logits hold a NaN is NaN throughout; the searches drop it.
    Raises InputError if a forced word is not in the vocabulary.
    """
    # The whole log_softmax, since torch computes it faster than the logsumexp alone (and a gather from it is exact).
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    log_probs[:, ids.pad] = -math.inf
    log_probs[:, ids.bos] = -math.inf
    if forced is None:
        return log_probs
    if forced.max() >= logits.shape[1]:
        raise InputError(
            f"A prefix may hold ids of the target vocabulary only, but one holds {int(forced.max())} "
            f"and the vocabulary ends at {logits.shape[1] - 1}. Encode the prefix with the model's own subwords."
        )
    column = forced.clamp(min=0)[:, None]
    kept = log_probs.gather(1, column)
    return log_probs.masked_fill(forced[:, None] >= 0, -math.inf).scatter(1, column, kept)


def largest(values: Float[Tensor, "N V"], k: int) -> tuple[Float[Tensor, "N K"], Int64[Tensor, "N K"]]:
    """Return the k largest values of each row, largest first, and their columns, as torch.topk does; K = min(k, V).

    Over a whole vocabulary torch.topk costs more than the output layer. But the k largest values lie in the k blocks
    of columns with the largest maxima, so only those blocks are sorted. NaN counts as largest. Ties may be broken
    another way than in torch.topk.
    """
    columns = values.shape[1]
    whole = columns // BLOCK * BLOCK
    if columns < 4 * k * BLOCK:
        return values.topk(min(k, columns), dim=1)
    blocks = values[:, :whole].view(len(values), -1, BLOCK)  # [N, V/64, 64]
    chosen = blocks.amax(dim=2).topk(k, dim=1).indices  # [N, k]
    row = torch.arange(len(values), device=values.device)[:, None]
    inside = blocks[row, chosen].flatten(1)  # [N, k*64]
    best, place = torch.cat([inside, values[:, whole:]], dim=1).topk(k, dim=1)
    in_block = chosen.gather(1, (place // BLOCK).clamp(max=k - 1)) * BLOCK + place % BLOCK
    return best, torch.where(place < k * BLOCK, in_block, whole + place - k * BLOCK)
