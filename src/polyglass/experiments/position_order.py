"""How much the vectors of a model change when tokens change places: zero where order is not known.

Self-attention is a sum over a set (Vaswani et al. 2017, §3.5): without positions an encoder gives each token the same
vector wherever it stands. A decoder is different, for its mask lets each place see more than the one before. In its
first layer a token still sees a set; above that the set is made of vectors that have seen different sets, so that order
shows (Haviv et al. 2022).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from polyglass.data.batch import pad
from polyglass.experiments.position_text import shuffled
from polyglass.model.seq2seq import Seq2Seq
from polyglass.tap import Recorder

LAYER_ENDS = "decoder.layers.*.feed_forward_residual.residual"  # what a pre-norm layer leaves
FEWEST_BEFORE = 3  # tokens that are shuffled


@torch.inference_mode()
def encoder_change(model: Seq2Seq, sources: Sequence[Sequence[int]], orders: Sequence[Sequence[int]]) -> float:
    """Return the mean relative change of a token's encoder vector when the source is put into another order.

    sources: without eos, which stays last. orders: place i of the new row has what stood at order[i].
    """
    changes = []
    for source, order in zip(sources, orders, strict=True):
        before = model.encode(_row(model, [*source, model.ids.eos])).states[0]
        mixed = [source[place] for place in order]
        after = model.encode(_row(model, [*mixed, model.ids.eos])).states[0]
        changes.append(_relative(after, before[[*order, len(source)]]))
    return sum(changes) / len(changes)


@torch.inference_mode()
def decoder_changes(
    model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]], random: np.random.Generator
) -> dict[int, float]:
    """Return, for each decoder layer from 1, the mean relative change of the last token's vector.

    The target tokens between bos and the last one are put into another order; the source and the last token stay.
    """
    changes: dict[int, list[float]] = {}
    for source, target in zip(sources, targets, strict=True):
        if len(target) <= FEWEST_BEFORE:
            continue
        mixed, _ = shuffled(target[:-1], random)
        before, after = (_last_vectors(model, source, row) for row in ([*target], [*mixed, target[-1]]))
        for layer, (one, other) in enumerate(zip(before, after, strict=True), start=1):
            changes.setdefault(layer, []).append(_relative(other, one))
    return {layer: sum(values) / len(values) for layer, values in changes.items()}


def _last_vectors(model: Seq2Seq, source: Sequence[int], target: Sequence[int]) -> list[Tensor]:
    """Return what each decoder layer leaves above the last token."""
    recorder = Recorder((LAYER_ENDS,))
    model(_row(model, [*source, model.ids.eos]), _row(model, [model.ids.bos, *target]), tap=recorder)
    return [tensor[0, -1] for tensor in recorder.tensors.values()]


def _relative(now: Tensor, before: Tensor) -> float:
    return float((now - before).norm() / before.norm())


def _row(model: Seq2Seq, ids: Sequence[int]) -> Tensor:
    return pad([ids], model.ids.pad).to(model.device)
