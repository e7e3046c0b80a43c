"""One step of a recurrence, written out: what a cell hears of its input and of its last state in, the new state out.

tanh RNN (Elman 1990), GRU (Cho et al. 2014, in the form of torch and cuDNN), LSTM (Hochreiter and Schmidhuber 1997 with
the forget gate of Gers et al. 2000). Letters: N rows, D width of the cell; the axis of length 1 is time.
`given` is W_x x + b_x and `recalled` is W_h h + b_h, for each gate side by side: G is D times the number of gates.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from polyglass.tap import Tap

State = tuple[Tensor, ...]
"""What a cell carries from step to step: (hidden,), or (hidden, cell) for an LSTM; each [N, 1, D]."""

NAMES: Mapping[str, tuple[str, ...]] = {
    "rnn": ("hidden",),
    "gru": ("reset_gate", "update_gate", "candidate", "hidden"),
    "lstm": ("input_gate", "forget_gate", "candidate", "output_gate", "cell", "hidden"),
}
"""What each kind of cell offers to a tap, in the order of its equations; all between 0 and 1 or between -1 and 1.

hidden: the state that others read. cell: what an LSTM remembers (this alone has no bound). candidate: what could be
taken in. Of an LSTM, input_gate: how much of it is; forget_gate: how much of the cell stays; output_gate: how much of
the cell is shown. Of a GRU, reset_gate: how much of the last state the candidate hears; update_gate: how much of that
state stays.
"""


def unstacked(state: Float[Tensor, "N K D"]) -> State:
    """Return what a cell carries as a tuple, of what is kept as one tensor (K is 1, or 2 for an LSTM)."""
    return state.chunk(state.shape[1], dim=1)


def stacked(state: State) -> Float[Tensor, "N K D"]:
    """Return what a cell carries as one tensor."""
    return torch.cat(state, dim=1)


def rnn_cell(given: Float[Tensor, "N 1 D"], recalled: Float[Tensor, "N 1 D"], state: State, *, tap: Tap) -> State:
    """h = tanh(W_x x + W_h h' + b)."""
    return (tap("hidden", torch.tanh(given + recalled)),)


def gru_cell(given: Float[Tensor, "N 1 G"], recalled: Float[Tensor, "N 1 G"], state: State, *, tap: Tap) -> State:
    """h = (1 - z) n + z h': the update gate z says how much of the last state stays.

    The reset gate r says how much of it the candidate n may hear. (Cho et al. 2014 swap z and 1 - z, and reset h'
    before the product with W_h; torch, cuDNN and most code since do it after.)
    """
    given_r, given_z, given_n = given.chunk(3, dim=-1)
    recalled_r, recalled_z, recalled_n = recalled.chunk(3, dim=-1)
    reset = tap("reset_gate", torch.sigmoid(given_r + recalled_r))
    update = tap("update_gate", torch.sigmoid(given_z + recalled_z))
    candidate = tap("candidate", torch.tanh(given_n + reset * recalled_n))
    return (tap("hidden", (1 - update) * candidate + update * state[0]),)


def lstm_cell(given: Float[Tensor, "N 1 G"], recalled: Float[Tensor, "N 1 G"], state: State, *, tap: Tap) -> State:
    """c = f c' + i g; h = o tanh(c): the cell forgets by f, takes in by i and shows by o."""
    i, f, g, o = (given + recalled).chunk(4, dim=-1)
    input_gate = tap("input_gate", torch.sigmoid(i))
    forget_gate = tap("forget_gate", torch.sigmoid(f))
    candidate = tap("candidate", torch.tanh(g))
    output_gate = tap("output_gate", torch.sigmoid(o))
    cell = tap("cell", forget_gate * state[1] + input_gate * candidate)
    return tap("hidden", output_gate * torch.tanh(cell)), cell
