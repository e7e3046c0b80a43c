"""One step of each cell: by hand, and by torch's own cells."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.cells import NAMES, State, gru_cell, lstm_cell, rnn_cell
from polyglass.tap import Recorder, no_tap

CLOSE = 1e-6  # float32: one product and a few functions


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def row(*numbers: float) -> Tensor:
    return torch.tensor([[numbers]])


def test_a_tanh_cell_of_two_units_by_hand() -> None:
    (hidden,) = rnn_cell(row(0.5, -1.0), row(0.25, 2.0), (row(0.0, 0.0),), tap=no_tap)
    torch.testing.assert_close(hidden, row(math.tanh(0.75), math.tanh(1.0)), atol=CLOSE, rtol=0)


def test_a_gru_of_two_units_by_hand() -> None:
    given = row(1.0, -1.0, 0.5, -0.5, 2.0, 0.1)  # reset of both units, update of both, candidate of both
    recalled = row(0.5, 0.5, -0.5, 1.5, -1.0, 3.0)
    expected = []
    for unit, last in enumerate((0.3, -0.7)):
        r = sigmoid((1.0, -1.0)[unit] + 0.5)
        z = sigmoid((0.5, -0.5)[unit] + (-0.5, 1.5)[unit])
        n = math.tanh((2.0, 0.1)[unit] + r * (-1.0, 3.0)[unit])
        expected.append((1 - z) * n + z * last)
    (hidden,) = gru_cell(given, recalled, (row(0.3, -0.7),), tap=no_tap)
    torch.testing.assert_close(hidden, row(*expected), atol=CLOSE, rtol=0)


def test_an_lstm_of_two_units_by_hand() -> None:
    given = row(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # input, forget, candidate, output gate, two units each
    recalled = row(0.0, -1.0, 1.0, 0.0, -0.5, 0.5, 0.0, -2.0)
    hidden, cell = [], []
    for unit, last in enumerate((0.9, -0.4)):
        total = [(given + recalled)[0, 0, 2 * gate + unit].item() for gate in range(4)]
        i, f, g, o = sigmoid(total[0]), sigmoid(total[1]), math.tanh(total[2]), sigmoid(total[3])
        cell.append(f * last + i * g)
        hidden.append(o * math.tanh(cell[-1]))
    found = lstm_cell(given, recalled, (row(0.5, 0.5), row(0.9, -0.4)), tap=no_tap)
    torch.testing.assert_close(found, (row(*hidden), row(*cell)), atol=CLOSE, rtol=0)


@pytest.mark.parametrize(
    ("cell", "kind", "gates"), [(rnn_cell, nn.RNNCell, 1), (gru_cell, nn.GRUCell, 3), (lstm_cell, nn.LSTMCell, 4)]
)
def test_a_step_is_that_of_torch_s_cell(
    cell: Callable[..., State], kind: Callable[[int, int], nn.RNNCellBase], gates: int
) -> None:
    torch.manual_seed(0)
    theirs = kind(5, 3)
    x, hidden, memory = torch.randn(4, 5), torch.randn(4, 3), torch.randn(4, 3)
    state = (hidden, memory) if gates == 4 else (hidden,)
    with torch.no_grad():
        expected = theirs(x, state if gates == 4 else hidden)
        given = nn.functional.linear(x, theirs.weight_ih, theirs.bias_ih)[:, None]
        recalled = nn.functional.linear(hidden, theirs.weight_hh, theirs.bias_hh)[:, None]
        found = cell(given, recalled, tuple(one[:, None] for one in state), tap=no_tap)
    wanted = expected if isinstance(expected, tuple) else (expected,)
    torch.testing.assert_close(tuple(one[:, 0] for one in found), wanted, atol=CLOSE, rtol=0)


def test_a_cell_whose_forget_gate_is_open_and_input_gate_shut_keeps_what_it_has() -> None:
    shut_open = row(-100.0, 100.0, 0.7, 100.0)
    state = (row(0.0), row(0.42))
    for _ in range(50):
        state = lstm_cell(shut_open, row(0.0, 0.0, 0.0, 0.0), state, tap=no_tap)
    assert state[1].item() == pytest.approx(0.42)


def test_a_gru_whose_update_gate_is_open_keeps_what_it_has_and_one_that_is_shut_takes_the_candidate() -> None:
    kept, taken = (
        gru_cell(row(0.0, gate, 0.5), row(0.0, 0.0, 0.0), (row(0.42),), tap=no_tap)[0].item() for gate in (100, -100)
    )
    assert kept == pytest.approx(0.42)
    assert taken == pytest.approx(math.tanh(0.5))


@pytest.mark.parametrize(
    ("kind", "cell", "gates"), [("rnn", rnn_cell, 1), ("gru", gru_cell, 3), ("lstm", lstm_cell, 4)]
)
def test_each_cell_offers_the_names_that_are_written_down_in_their_order(
    kind: str, cell: Callable[..., State], gates: int
) -> None:
    recorder = Recorder()
    cell(torch.randn(2, 1, 3 * gates), torch.randn(2, 1, 3 * gates), (torch.randn(2, 1, 3),) * 2, tap=recorder)
    assert tuple(recorder.tensors) == NAMES[kind]
