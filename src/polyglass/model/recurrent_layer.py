"""One recurrent layer: a sequence in, the hidden state above each position out, left to right or in both directions.

Letters: B batch, L length, I input width, D d_model, K numbers that a cell carries (1, or 2 for an LSTM).
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from polyglass.model.cells import NAMES, State, gru_cell, lstm_cell, rnn_cell, stacked, unstacked
from polyglass.model.unroll import Steps, unroll
from polyglass.tap import Tap, no_tap

KERNELS: Mapping[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
CELLS: Mapping[str, Callable[..., State]] = {"rnn": rnn_cell, "gru": gru_cell, "lstm": lstm_cell}
GATES: Mapping[str, int] = {"rnn": 1, "gru": 3, "lstm": 4}
FORGET = 1  # the LSTM's forget gate is the second of its four


class RecurrentLayer(nn.Module):
    """A fused kernel of torch and, equal to it, the cell's equations for whoever looks.

    bidirectional: each direction is d_model / 2 wide; the left-to-right half comes first in every vector.
    """

    def __init__(self, kind: str, input_size: int, d_model: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.kind = kind
        width = d_model // 2 if bidirectional else d_model
        self.recurrence = KERNELS[kind](input_size, width, batch_first=True, bidirectional=bidirectional)
        self._begin()

    def _begin(self) -> None:
        """Draw fresh weights: each gate's input matrix as Glorot and Bengio 2010, its recurrent one orthogonal."""
        for name, parameter in self.recurrence.named_parameters():
            gates = parameter.detach().chunk(GATES[self.kind])
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
                if self.kind == "lstm" and name.startswith("bias_ih"):
                    nn.init.ones_(gates[FORGET])  # it remembers until it has learnt what to forget (Gers et al. 2000)
            else:
                for gate in gates:
                    (nn.init.xavier_uniform_ if name.startswith("weight_ih") else nn.init.orthogonal_)(gate)

    @property
    def carried(self) -> int:
        """How many tensors the cell carries from step to step."""
        return 2 if self.kind == "lstm" else 1

    def forward(
        self,
        x: Float[Tensor, "B L I"],
        first: Float[Tensor, "B K D"] | None,
        real: Bool[Tensor, "B L"] | None,
        *,
        tap: Tap = no_tap,
    ) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B K D"]]:
        """Return the hidden state above each position, and the state after the last real one.

        first: the state to begin with (one direction only); None: zeros. real: True where a position is no padding;
        None: everywhere. Padding is read by neither direction; above it stand zeros.
        """
        # Packing depends on the lengths in a batch, which an exported graph may not.
        if torch.compiler.is_exporting() or any(tap.wants(name) for name in NAMES[self.kind]):
            return unroll(lambda steps: self._written_out(x, first, real, steps=steps), tap)
        return self._fused(x, first, real)

    def step(self, x: Float[Tensor, "B 1 I"], state: State, *, tap: Tap) -> State:
        """Read one position, left to right, by the cell's equations."""
        w_x, w_h, b_x, b_h = self._weights("")
        return CELLS[self.kind](linear(x, w_x, b_x), linear(state[0], w_h, b_h), state, tap=tap)

    def _weights(self, suffix: str) -> tuple[Tensor, ...]:
        """Return W_x, W_h, b_x and b_h of one direction."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return tuple(getattr(self.recurrence, f"{name}_l0{suffix}") for name in names)

    def _fused(self, x: Tensor, first: Tensor | None, real: Tensor | None) -> tuple[Tensor, Tensor]:
        begin: Tensor | State | None = None
        if first is not None:
            state = tuple(part.transpose(0, 1).contiguous() for part in unstacked(first))
            begin = state if self.kind == "lstm" else state[0]
        if real is None or bool(real.all()):
            hidden, last = self.recurrence(x, begin)
        else:
            # A row of nothing but padding is read as one position, since a packed row may not be empty.
            lengths = real.sum(dim=1).clamp(min=1).cpu()
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            hidden, last = self.recurrence(packed, begin)
            hidden, _ = pad_packed_sequence(hidden, batch_first=True, total_length=x.shape[1])
            hidden = hidden * real[..., None]
        # Each is [directions, B, width]: the directions go side by side.
        carried = last if isinstance(last, tuple) else (last,)
        last = torch.stack([part.transpose(0, 1).flatten(1) for part in carried], dim=1)
        if real is not None and first is None:
            last = last * real.any(dim=1)[:, None, None]
        return hidden, last

    def _written_out(
        self, x: Tensor, first: Tensor | None, real: Tensor | None, *, steps: Steps
    ) -> tuple[Tensor, Tensor]:
        zeros = x.new_zeros(len(x), 1, self.recurrence.hidden_size)
        directions = []
        for part in range(2 if self.recurrence.bidirectional else 1):
            w_x, w_h, b_x, b_h = self._weights("_reverse" if part else "")
            given = linear(x, w_x, b_x)
            state: State = (zeros,) * self.carried if first is None else unstacked(first)
            places = range(x.shape[1])
            above = {}
            for place in reversed(places) if part else places:
                recalled, tap = linear(state[0], w_h, b_h), steps.at_step(place, part)
                after = CELLS[self.kind](given[:, place : place + 1], recalled, state, tap=tap)
                above[place] = after[0]
                if real is not None:
                    here = real[:, place, None, None]
                    above[place] = after[0] * here
                    after = tuple(torch.where(here, new, old) for new, old in zip(after, state, strict=True))
                state = after
            directions.append((torch.cat([above[place] for place in places], dim=1), stacked(state)))
        hidden, last = (torch.cat(both, dim=-1) for both in zip(*directions, strict=True))
        return hidden, last
