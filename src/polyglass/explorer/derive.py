"""Tapped values and weights in, derived views out: never a number of the model's own, never computed inside it.

Letters: H heads, S source length, T target length (or any length of queries), D d_model, K d_k, L layers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.explorer.pieces import Span
from polyglass.explorer.subject import Subject
from polyglass.model.rotary import rotate


@dataclass(frozen=True)
class Derived:
    """A derived view: which taps it needs, and what makes it of them (in this order, without a batch axis)."""

    needs: tuple[str, ...]
    make: Callable[..., Tensor]


def derived_views(subject: Subject) -> dict[str, Derived]:
    """Return every derived view of a model by its path."""
    config = subject.bundle.config.model
    if not isinstance(config, TransformerConfig):
        return {}
    views: dict[str, Derived] = {}
    for one in subject.attentions:
        w_o = subject.weights[f"{one.path}.w_o.weight"]
        views[f"{one.path}.contributions"] = Derived((f"{one.path}.heads",), lambda z, w=w_o: contributions(z, w))
        views[f"{one.path}.contribution_norms"] = Derived(
            (f"{one.path}.heads",), lambda z, w=w_o: contributions(z, w).norm(dim=-1)
        )
        if config.positions == "rotary" and one.kind != "cross":
            for name in "qk":
                views[f"{one.path}.rotated_{name}"] = Derived((f"{one.path}.{name}",), lambda x: rotate(x[None], 0)[0])
    weights = {
        kind: tuple(f"{one.path}.weights" for one in subject.attentions if one.kind == kind)
        for kind in ("encoder", "decoder", "cross")
    }
    views["encoder.rollout"] = Derived(weights["encoder"], lambda *maps: rollout(maps))
    views["decoder.rollout"] = Derived(weights["decoder"], lambda *maps: rollout(maps))
    views["cross.rollout"] = Derived(
        (weights["cross"][-1], *weights["encoder"]), lambda cross, *maps: cross.mean(dim=0) @ rollout(maps)
    )
    for stack in ("encoder", "decoder"):
        blocks = [layer for layer in subject.layers if layer.stack == stack]
        states = (blocks[0].input, *(layer.output for layer in blocks))
        views[f"{stack}.cosine"] = Derived(states, lambda *states: cosine_to_first(states))
        views[f"{stack}.norms"] = Derived(states, lambda *states: torch.stack(states).norm(dim=-1))
    return views


def contributions(heads: Float[Tensor, "H T K"], w_o: Float[Tensor, "D H*K"]) -> Float[Tensor, "H T D"]:
    """Return what each head adds to the output of an attention: z_i W_i^O, with W_i^O the head's rows of W^O.

    Their sum over the heads, plus the bias if there is one, is the output, since concat(z) W^O is a sum over blocks.
    w_o: torch's layout, [out, in].
    """
    blocks = w_o.view(w_o.shape[0], heads.shape[0], heads.shape[2])  # [D, H, K]
    return torch.einsum("htk,dhk->htd", heads, blocks)


def rollout(maps: Sequence[Float[Tensor, "H S S"]]) -> Float[Tensor, "S S"]:
    """Follow attention through a stack (Abnar and Zuidema 2020, §3): product over layers of (mean head + identity) / 2.

    The identity stands for the residual connection. Rows sum to one. maps: the weights of each layer, lowest first.
    """
    identity = torch.eye(maps[0].shape[-1], dtype=torch.float64, device=maps[0].device)
    rolled = identity
    for weights in maps:
        rolled = (weights.double().mean(dim=0) + identity) / 2 @ rolled
    return rolled.to(maps[0].dtype)


def cosine_to_first(states: Sequence[Float[Tensor, "S D"]]) -> Float[Tensor, "L S"]:
    """Return how much each token's vector still points the way in which it entered the stack, after each layer."""
    return torch.stack([torch.cosine_similarity(state, states[0], dim=-1) for state in states])


def merge_words(
    weights: Float[Tensor, "*H T S"], rows: Sequence[Span] | None, columns: Sequence[Span] | None
) -> Float[Tensor, "*H W X"]:
    """Turn attention between pieces into attention between words (Clark et al. 2019, §4.1).

    A word looks as the mean of its pieces, and is looked at by the sum over its pieces; so rows still sum to one.
    None: that axis stays as it is.
    """
    if columns is not None:
        weights = torch.stack([weights[..., start:end].sum(dim=-1) for start, end in columns], dim=-1)
    if rows is not None:
        weights = torch.stack([weights[..., start:end, :].mean(dim=-2) for start, end in rows], dim=-2)
    return weights


def attention_sides(path: str) -> tuple[str, str] | None:
    """Say whose words are the rows and the columns of a table of weights; None if the path is no such table.

    "input" is what the decoder read (bos first), "output" what it wrote: a row of cross-attention belongs to the word
    that was written there, while the decoder's own attention is between words that were read.
    """
    if not path.endswith((".weights", ".rollout")):
        return None
    if path.startswith("encoder."):
        return "source", "source"
    return ("output", "source") if "cross" in path or path.startswith("decoder.attention") else ("input", "input")
