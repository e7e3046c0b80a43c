"""Additive and multiplicative attention against the papers' formulas, in numpy with loops."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from polyglass.model.recurrent_attention import RecurrentAttention
from polyglass.tap import Recorder

CLOSE = 1e-5  # float32 against float64
D = 4
each_kind = pytest.mark.parametrize("kind", ["additive", "dot", "general"])
Numbers = NDArray[np.float64]


def score(attention: RecurrentAttention, kind: str, s: Numbers, h: Numbers) -> float:
    """Return how well source state h fits decoder state s (Bahdanau et al. 2015, §A.1.2; Luong et al. 2015, eq. 8)."""
    weights = {name: tensor.double().numpy() for name, tensor in attention.state_dict().items()}
    match kind:
        case "additive":  # v^T tanh(W_a s + U_a h)
            total = 0.0
            for unit in range(D):
                inner = sum(
                    weights["w_q.weight"][unit, i] * s[i] + weights["w_k.weight"][unit, i] * h[i] for i in range(D)
                )
                total += weights["v.weight"][0, unit] * np.tanh(inner)
            return float(total)
        case "dot":  # s^T h
            return float(sum(s[i] * h[i] for i in range(D)))
        case _:  # s^T W_a h
            return float(sum(s[i] * weights["w_k.weight"][i, j] * h[j] for i in range(D) for j in range(D)))


@each_kind
def test_context_and_weights_are_those_of_the_papers(kind: str) -> None:
    torch.manual_seed(0)
    attention = RecurrentAttention(kind, D)
    states, source = torch.randn(2, 3, D), torch.randn(2, 5, D)
    lengths = (5, 3)
    visible = (torch.arange(5) < torch.tensor(lengths)[:, None])[:, None, None]
    recorder = Recorder()
    with torch.no_grad():
        found = attention(states, attention.keys(source), source, visible, tap=recorder)
    for row, length in enumerate(lengths):
        for place in range(3):
            s, h = states[row, place].double().numpy(), source[row].double().numpy()
            energies = np.array([score(attention, kind, s, h[j]) for j in range(length)])
            alphas = np.exp(energies) / np.exp(energies).sum()
            context = sum(alphas[j] * h[j] for j in range(length))
            assert recorder.tensors["scores"][row, 0, place, :length].numpy() == pytest.approx(energies, abs=CLOSE)
            assert recorder.tensors["weights"][row, 0, place, :length].numpy() == pytest.approx(alphas, abs=CLOSE)
            assert found[row, place].numpy() == pytest.approx(context, abs=CLOSE)


@each_kind
def test_what_is_not_visible_gets_a_weight_of_exactly_zero_and_the_rest_sums_to_one(kind: str) -> None:
    torch.manual_seed(0)
    attention = RecurrentAttention(kind, D)
    visible = torch.tensor([True, False, True, False])[None, None, None]
    recorder = Recorder()
    source = torch.randn(1, 4, D)
    attention(torch.randn(1, 2, D), attention.keys(source), source, visible, tap=recorder)
    weights = recorder.tensors["weights"][0, 0]
    assert weights[:, [1, 3]].tolist() == [[0, 0], [0, 0]]
    torch.testing.assert_close(weights.sum(-1), torch.ones(2))


@each_kind
def test_a_query_that_may_see_nothing_gets_zeros(kind: str) -> None:
    torch.manual_seed(0)
    attention = RecurrentAttention(kind, D)
    source = torch.randn(1, 4, D)
    visible = torch.zeros(1, 1, 1, 4, dtype=torch.bool)
    context = attention(torch.randn(1, 2, D), attention.keys(source), source, visible)
    assert context.tolist() == [[[0] * D] * 2]


@pytest.mark.parametrize(
    ("kind", "names"),
    [("additive", ["w_q.weight", "w_k.weight", "v.weight"]), ("dot", []), ("general", ["w_k.weight"])],
)
def test_each_kind_has_the_matrices_of_its_formula(kind: str, names: list[str]) -> None:
    assert list(RecurrentAttention(kind, D).state_dict()) == names


@each_kind
def test_one_by_one_is_as_all_at_once(kind: str) -> None:
    torch.manual_seed(0)
    attention = RecurrentAttention(kind, D)
    states, source = torch.randn(2, 3, D), torch.randn(2, 5, D)
    visible = torch.ones(2, 1, 1, 5, dtype=torch.bool)
    keys = attention.keys(source)
    rows = [attention(states[:, place : place + 1], keys, source, visible) for place in range(3)]
    torch.testing.assert_close(torch.cat(rows, dim=1), attention(states, keys, source, visible), atol=CLOSE, rtol=CLOSE)
