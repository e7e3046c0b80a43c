"""What if? Changes of a model while it computes: each is an `Edit` of its tap or another input, never other weights.

A search runs under the changes, too: `Tapped` hands them to every method that a search calls.
"""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.explorer.ask import AnyEdit, HeadsOff, LiftCausalMask, PositionsOff, ShuffleSource, Temperature
from polyglass.explorer.pieces import Span
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import RECURRENT_ATTENTION, Subject
from polyglass.model.rotary import rotate
from polyglass.model.tapped import Change, Changes


@dataclass(frozen=True)
class Plan:
    """What the edits of a request come to.

    temperature: what logits are divided by. shuffle: seed of another word order. replayed: such a model cannot write,
    only read, since it sees words that are not there yet.
    """

    changes: Changes
    temperature: float = 1.0
    shuffle: int | None = None
    replayed: bool = False


def plan(edits: Sequence[AnyEdit], subject: Subject) -> Plan:
    """Turn edits into changes. Raises RefusedError for one that does not fit this model."""
    makers: list[Changes] = []
    temperature, shuffle, replayed = 1.0, None, False
    # The lifted mask comes last: it must see queries and keys as the other edits leave them.
    for edit in sorted(edits, key=lambda edit: isinstance(edit, LiftCausalMask)):
        match edit:
            case HeadsOff():
                makers.append(_heads_off(edit, subject))
            case PositionsOff():
                makers.append(_positions_off(edit, subject))
            case ShuffleSource():
                shuffle = edit.seed
            case Temperature():
                temperature = edit.value
                makers.append(_temperature(edit.value))
            case LiftCausalMask():
                makers.append(_lift_causal_mask(subject))
                replayed = True

    def changes(position: int) -> Mapping[str, Change]:
        return {path: change for maker in makers for path, change in maker(position).items()}

    return Plan(changes, temperature, shuffle, replayed)


def shuffled(spans: Sequence[Span], *, seed: int) -> list[int]:
    """Return the places of all pieces in another order of the words; the last word (eos) stays where it is.

    Pieces of one word stay together. Two words or more never keep their order.
    """
    moved = list(spans[:-1])
    if len(moved) > 1:
        generator = random.Random(seed)
        while moved == list(spans[:-1]):
            generator.shuffle(moved)
    return [place for start, end in [*moved, *spans[-1:]] for place in range(start, end)]


def _heads_off(edit: HeadsOff, subject: Subject) -> Changes:
    attention = next((one for one in subject.attentions if one.path == edit.path), None)
    if attention is None:
        raise RefusedError("does_not_fit", "heads_off: this model has no such attention. Take a path from /api/models.")
    if any(head >= attention.heads for head in edit.heads):
        raise RefusedError("does_not_fit", f"heads_off: the heads of this attention are 0 to {attention.heads - 1}.")
    off = torch.tensor(sorted(set(edit.heads)), dtype=torch.int64, device=subject.bundle.model.device)

    def silence(heads: Tensor) -> Tensor:
        return heads.index_fill(1, off, 0.0)

    if attention.path == RECURRENT_ATTENTION:  # one head, whose finding is a vector [B, T, D] for each word
        return lambda position: {f"{edit.path}.context": torch.zeros_like} if edit.heads else {}
    return lambda position: {f"{edit.path}.heads": silence}


def _temperature(value: float) -> Changes:
    return lambda position: {"logits": lambda logits: logits / value}


def _positions_off(edit: PositionsOff, subject: Subject) -> Changes:
    config = subject.bundle.config.model
    if not isinstance(config, TransformerConfig) or config.positions == "none":
        raise RefusedError("does_not_fit", "positions_off: this model has no positions that could be taken away.")
    stacks = ("encoder", "decoder") if edit.side == "both" else (edit.side,)
    if config.positions != "rotary":
        return lambda position: {f"{stack}.positions": torch.zeros_like for stack in stacks}

    def changes(position: int) -> Mapping[str, Change]:
        def undo(x: Tensor) -> Tensor:
            return unrotate(x, position)

        return {f"{stack}.layers.*.self_attention.{name}": undo for stack in stacks for name in "qk"}

    return changes


def unrotate(x: Float[Tensor, "B H L K"], first: int) -> Float[Tensor, "B H L K"]:
    """Turn back what `rotate` turns: a rotation by the negative angle, by way of the mirror image."""
    mirror = torch.ones_like(x)
    mirror[..., 1::2] = -1
    return rotate(x * mirror, first) * mirror


def _lift_causal_mask(subject: Subject) -> Changes:
    config = subject.bundle.config.model
    if not isinstance(config, TransformerConfig):
        raise RefusedError("does_not_fit", "lift_causal_mask: this model has no causal mask, it reads word by word.")
    rotary = config.positions == "rotary"
    lifted = [_Lifted(rotary) for _ in range(config.decoder_layers)]
    changes: dict[str, Change] = {}
    for number, layer in enumerate(lifted):
        path = f"decoder.layers.{number}.self_attention"
        changes |= {f"{path}.{name}": getattr(layer, name) for name in ("q", "k", "scores", "weights")}
    return lambda position: changes


@dataclass
class _Lifted:
    """Scores and weights of one attention as they would be without a mask, from the q and k that went by."""

    rotary: bool
    seen: dict[str, Tensor] = field(default_factory=dict)

    def q(self, q: Tensor) -> Tensor:
        self.seen["q"] = rotate(q, 0) if self.rotary else q
        return q

    def k(self, k: Tensor) -> Tensor:
        self.seen["k"] = rotate(k, 0) if self.rotary else k
        return k

    def scores(self, masked: Tensor) -> Tensor:
        q, k = self.seen["q"], self.seen["k"]
        return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])

    def weights(self, masked: Tensor) -> Tensor:
        return torch.softmax(self.scores(masked).float(), dim=-1)
