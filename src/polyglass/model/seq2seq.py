"""The one interface that all architectures share; loss, search, explorer and server are written once on top of it.

Letters in shapes: B batch, S source length, T target length, D d_model, V target vocabulary, N rows of a search.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap


@dataclass(frozen=True)
class Memory:
    """What the encoder hands to the decoder.

    states: one vector for each source position. visible: True where a position is a real token.
    final: the recurrent encoder's last states, one for each layer from the bottom; K is 1 (hidden), or 2 for an LSTM
    (hidden, cell). Empty for other models.
    """

    states: Float[Tensor, "B S D"]
    visible: Bool[Tensor, "B 1 1 S"]
    final: tuple[Float[Tensor, "B K D"], ...] = ()


@runtime_checkable
class DecoderState(Protocol):
    """Where each row of a search stands: key/value cache, or hidden and cell state. Immutable."""

    def select(self, rows: Int64[Tensor, " N"]) -> "DecoderState":
        """Return the state whose row i is this state's row rows[i]: reorders a beam, widens or shrinks the batch."""
        ...


class Seq2Seq(nn.Module, ABC):
    """An encoder-decoder. Law (a test for every architecture): `decode(y)` equals feeding `step` token by token.

    No mask crosses this border: the model knows `ids.pad` and makes visibility itself. Padding is on the right.
    """

    ids: SpecialIds
    max_positions: int
    """The longest source or target in tokens that the model can take; longer ones raise ShapeError."""
    alignment_path: str | None = None
    """The tap path of the attention weights [B, H, T, S] that come closest to a word alignment; None: no attention."""
    output: nn.Linear
    """The output layer: turns a decoder vector into one score for each word of the target vocabulary.

    Models that are trained here have no bias in it; an imported one may.
    """

    @abstractmethod
    def encode(self, source: Int64[Tensor, "B S"], *, tap: Tap = no_tap) -> Memory:
        """Read the source, which ends in eos and is padded on the right."""

    @abstractmethod
    def decoder_states(
        self, target_in: Int64[Tensor, "B T"], memory: Memory, *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T D"]:
        """Read bos and the target's tokens (teacher forcing); return the vector above each, before the output layer."""

    @abstractmethod
    def start(self, memory: Memory) -> DecoderState:
        """Open a search with one row for each sentence of `memory`; nothing has been read yet."""

    @abstractmethod
    def step(
        self, token: Int64[Tensor, " N"], state: DecoderState, *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "N V"], DecoderState]:
        """Read one token for each row (bos first) and return the logits of the next one, with the new state."""

    def logits(self, states: Float[Tensor, "*N D"], *, tap: Tap = no_tap) -> Float[Tensor, "*N V"]:
        """Compare each decoder vector with every target word's vector (Vaswani et al. 2017, §3.4)."""
        return tap("logits", nn.functional.linear(states, self.output.weight, self.output.bias))

    def decode(self, target_in: Int64[Tensor, "B T"], memory: Memory, *, tap: Tap = no_tap) -> Float[Tensor, "B T V"]:
        """Return the logits of the token after each position of `target_in` (teacher forcing)."""
        return self.logits(self.decoder_states(target_in, memory, tap=tap), tap=tap)

    def forward(
        self, source: Int64[Tensor, "B S"], target_in: Int64[Tensor, "B T"], *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T V"]:
        """Encode and decode in one call."""
        return self.decode(target_in, self.encode(source, tap=tap), tap=tap)

    @property
    def device(self) -> torch.device:
        """Where the parameters are; inputs must be there too."""
        return next(self.parameters()).device
