"""A layer's fused kernel and its written-out equations: equal to each other, and to torch on each sentence alone."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from polyglass.model.recurrent_layer import RecurrentLayer
from polyglass.tap import Edit, Recorder, no_tap

FUSED = 1e-5  # the kernel adds up in another order than the equations
ALONE = 1e-5  # so does a batch of another size
D = 6
each_cell = pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
each_direction = pytest.mark.parametrize("bidirectional", [False, True], ids=["left to right", "both directions"])


def layer_of(kind: str, *, bidirectional: bool = False, seed: int = 0) -> RecurrentLayer:
    """Return a layer with random biases."""
    torch.manual_seed(seed)
    layer = RecurrentLayer(kind, 5, D, bidirectional=bidirectional)
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            if "bias" in name:
                parameter += torch.randn(parameter.shape)
    return layer.eval()


def batch_of(lengths: Sequence[int], *, more: int = 0, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Return random inputs [B, L, 5] (random above the padding, too) and which of them are real [B, L]."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths) + more
    real = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return torch.randn(len(lengths), longest, 5, generator=generator), real


def torch_alone(layer: RecurrentLayer, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return hidden states [L, D] and last state [K, D] of one sentence by torch's own module, without padding."""
    hidden, last = layer.recurrence(x[None])
    carried = last if isinstance(last, tuple) else (last,)
    return hidden[0], torch.stack([torch.cat(tuple(one[:, 0])) for one in carried])


@each_cell
@each_direction
@pytest.mark.parametrize("looked_at", [False, True], ids=["fused", "written out"])
@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4), more=st.integers(0, 3), seed=st.integers(0, 2**31 - 1)
)
def test_in_a_padded_batch_each_sentence_is_read_as_torch_reads_it_alone(
    kind: str, bidirectional: bool, looked_at: bool, lengths: list[int], more: int, seed: int
) -> None:
    layer = layer_of(kind, bidirectional=bidirectional)
    x, real = batch_of(lengths, more=more, seed=seed)
    with torch.no_grad():
        hidden, last = layer(x, None, real, tap=Recorder() if looked_at else no_tap)
        for row, length in enumerate(lengths):
            expected, expected_last = torch_alone(layer, x[row, :length])
            torch.testing.assert_close(hidden[row, :length], expected, atol=ALONE, rtol=ALONE)
            torch.testing.assert_close(last[row], expected_last, atol=ALONE, rtol=ALONE)
            assert not hidden[row, length:].any()


@each_cell
@each_direction
def test_gradients_of_the_kernel_are_those_of_the_equations(kind: str, bidirectional: bool) -> None:
    layer = layer_of(kind, bidirectional=bidirectional)
    x, real = batch_of((7, 3, 5))
    weight = torch.randn(3, 7, D, generator=torch.Generator().manual_seed(2))
    gradients = []
    for tap in (no_tap, Recorder()):
        layer.zero_grad()
        read = x.clone().requires_grad_()
        hidden, last = layer(read, None, real, tap=tap)
        ((hidden * weight).sum() + last.square().sum()).backward()
        gradients.append([read.grad, *(parameter.grad for parameter in layer.parameters())])
    torch.testing.assert_close(gradients[0], gradients[1], atol=FUSED, rtol=FUSED)


@each_cell
@pytest.mark.parametrize("looked_at", [False, True], ids=["fused", "written out"])
def test_a_layer_goes_on_from_the_state_that_it_is_given(kind: str, looked_at: bool) -> None:
    layer = layer_of(kind)
    x, _ = batch_of((8, 8))
    tap = Recorder() if looked_at else no_tap
    with torch.no_grad():
        whole, end = layer(x, None, None, tap=tap)
        first, middle = layer(x[:, :3], None, None, tap=tap)
        second, last = layer(x[:, 3:], middle, None, tap=tap)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole, atol=FUSED, rtol=FUSED)
    torch.testing.assert_close(last, end, atol=FUSED, rtol=FUSED)


@each_cell
def test_steps_one_by_one_are_the_whole(kind: str) -> None:
    layer = layer_of(kind)
    x, _ = batch_of((6, 6, 6))
    state = (torch.zeros(3, 1, D),) * layer.carried
    rows = []
    with torch.no_grad():
        for place in range(6):
            state = layer.step(x[:, place : place + 1], state, tap=no_tap)
            rows.append(state[0])
        whole, last = layer(x, None, None)
    torch.testing.assert_close(torch.cat(rows, dim=1), whole, atol=FUSED, rtol=FUSED)
    torch.testing.assert_close(torch.cat(state, dim=1), last, atol=FUSED, rtol=FUSED)


@each_cell
def test_the_second_half_of_a_bidirectional_layer_reads_the_true_sentence_from_its_end(kind: str) -> None:
    layer = layer_of(kind, bidirectional=True)
    backwards = type(layer.recurrence)(5, D // 2, batch_first=True)
    with torch.no_grad():
        for name, parameter in backwards.named_parameters():
            parameter.copy_(getattr(layer.recurrence, f"{name}_reverse"))
        x, real = batch_of((4, 7))
        hidden, _ = layer(x, None, real)
        expected, _ = backwards(x[:1, :4].flip(1))
    torch.testing.assert_close(hidden[0, :4, D // 2 :], expected[0].flip(0), atol=ALONE, rtol=ALONE)


@each_cell
@each_direction
def test_a_row_of_nothing_but_padding_is_not_read(kind: str, bidirectional: bool) -> None:
    layer = layer_of(kind, bidirectional=bidirectional)
    x, real = batch_of((4, 2))
    real[1] = False
    for tap in (no_tap, Recorder()):
        hidden, last = layer(x, None, real, tap=tap)
        assert not hidden[1].any()
        assert not last[1].any()


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_only_who_looks_leaves_the_kernel(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of(kind)
    calls: list[str] = []
    kernel = layer.recurrence.forward
    monkeypatch.setattr(layer.recurrence, "forward", lambda *words: (calls.append("fused"), kernel(*words))[1])
    x, _ = batch_of((4,))
    layer(x, None, None)
    layer(x, None, None, tap=Recorder(("somewhere.else",)))
    assert calls == ["fused"] * 2
    layer(x, None, None, tap=Recorder(("hidden",)))
    layer(x, None, None, tap=Edit({"hid*": torch.zeros_like}))
    assert calls == ["fused"] * 2


def test_the_forget_gate_of_a_fresh_lstm_begins_with_a_bias_of_one() -> None:
    kernel = RecurrentLayer("lstm", 5, 4, bidirectional=True).recurrence
    for suffix in ("", "_reverse"):
        bias = getattr(kernel, f"bias_ih_l0{suffix}") + getattr(kernel, f"bias_hh_l0{suffix}")
        assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


@each_cell
def test_fresh_recurrent_matrices_keep_the_length_of_a_state_and_fresh_biases_are_zero(kind: str) -> None:
    torch.manual_seed(0)
    layer = RecurrentLayer(kind, 5, 8, bidirectional=False)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    for gate in layer.recurrence.weight_hh_l0.chunk(gates):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
    if kind != "lstm":
        assert not layer.recurrence.bias_ih_l0.any()
    assert not layer.recurrence.bias_hh_l0.any()


def test_a_layer_s_parameters_are_those_of_torch_s_module() -> None:
    for kind, module in (("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)):
        layer = RecurrentLayer(kind, 5, 6, bidirectional=True)
        theirs = module(5, 3, bidirectional=True)
        shapes = {f"recurrence.{name}": tensor.shape for name, tensor in theirs.state_dict().items()}
        assert {name: tensor.shape for name, tensor in layer.state_dict().items()} == shapes
