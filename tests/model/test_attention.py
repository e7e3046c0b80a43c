"""§3.2 Attention by itself: what is masked, what is mixed, and that fast and plain path are one."""

import math
from collections.abc import Callable
from typing import Any

import jaxtyping
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import oracle
from polyglass.errors import ShapeError
from polyglass.model.attention import KeyValue, MultiHeadAttention, scaled_dot_product_attention
from polyglass.model.masks import causal_visible, padding_visible, real_tokens
from polyglass.tap import Recorder, Tap, no_tap
from tiny_transformer import randomise

CLOSE = 1e-6  # float32 sums of a dozen numbers in another order
PATHS: dict[str, Callable[[], Tap]] = {"fused": lambda: no_tap, "written out": Recorder}
each_path = pytest.mark.parametrize("path", list(PATHS))


def _random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def _q_k_v(batch: int = 2, heads: int = 3, t: int = 4, s: int = 5, d_k: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    return _random(batch, heads, t, d_k), _random(batch, heads, s, d_k, seed=1), _random(batch, heads, s, d_k, seed=2)


def _attention(d_model: int = 12, num_heads: int = 3, **options: Any) -> MultiHeadAttention:
    torch.manual_seed(0)
    module = MultiHeadAttention(d_model, num_heads, **{"dropout": 0.0, "bias": True, **options})
    randomise(module, seed=0)
    return module.eval()


@each_path
def test_attention_computes_equation_1_query_by_query(path: str) -> None:
    q, k, v = _q_k_v()
    visible = _random(2, 1, 4, 5, seed=3) > 0
    visible[..., 0] = True
    ours = scaled_dot_product_attention(q, k, v, visible, dropout=0.0, tap=PATHS[path]()).numpy()
    for row in range(2):
        for head in range(3):
            paper = oracle.attention(*(x[row, head].double().numpy() for x in (q, k, v)), visible[row, 0].numpy())
            np.testing.assert_allclose(ours[row, head], paper, atol=CLOSE)


def test_weights_under_a_mask_are_exactly_zero_and_each_row_sums_to_one() -> None:
    q, k, v = _q_k_v(t=5)
    recorder = Recorder()
    scaled_dot_product_attention(q, k, v, causal_visible(5, q.device), dropout=0.0, tap=recorder)
    weights = recorder.tensors["weights"]
    hidden = torch.ones(5, 5).triu(1).bool()
    assert torch.equal(weights[..., hidden], torch.zeros(2, 3, 10))
    assert (weights[..., ~hidden] > 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5), atol=CLOSE, rtol=0)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3], ids=["flat", "usual", "sharp"])
def test_rows_sum_to_one_however_large_the_scores_are(scale: float) -> None:
    q, k, v = _q_k_v()
    recorder = Recorder()
    scaled_dot_product_attention(q * scale, k, v, None, dropout=0.0, tap=recorder)
    torch.testing.assert_close(recorder.tensors["weights"].sum(-1), torch.ones(2, 3, 4), atol=CLOSE, rtol=0)


def test_weights_sum_to_one_in_training_too_because_they_are_recorded_before_dropout() -> None:
    q, k, v = _q_k_v()
    torch.manual_seed(0)
    recorder = Recorder()
    scaled_dot_product_attention(q, k, v, None, dropout=0.5, tap=recorder)
    torch.testing.assert_close(recorder.tensors["weights"].sum(-1), torch.ones(2, 3, 4), atol=CLOSE, rtol=0)
    assert not torch.allclose(recorder.tensors["heads"], recorder.tensors["weights"] @ v)


@each_path
def test_a_query_that_may_see_nothing_gets_zeros_and_sends_no_gradient(path: str) -> None:
    q, k, v = (x.requires_grad_() for x in _q_k_v())
    visible = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    visible[1] = False
    heads = scaled_dot_product_attention(q, k, v, visible, dropout=0.0, tap=PATHS[path]())
    heads.sum().backward()
    assert torch.equal(heads[1], torch.zeros(3, 4, 6))
    for x in (q, k, v):
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert torch.equal(x.grad[1], torch.zeros_like(x.grad[1]))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_fused_and_written_out_attention_are_equal_whatever_is_masked(data: st.DataObject) -> None:
    t, s = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 7))
    seen = data.draw(st.lists(st.booleans(), min_size=2 * t * s, max_size=2 * t * s))
    visible = torch.tensor(seen).view(2, 1, t, s)
    q, k, v = (x.requires_grad_() for x in _q_k_v(t=t, s=s))
    fused = scaled_dot_product_attention(q, k, v, visible, dropout=0.0)
    written_out = scaled_dot_product_attention(q, k, v, visible, dropout=0.0, tap=Recorder())
    torch.testing.assert_close(fused, written_out, atol=CLOSE, rtol=1e-5)
    gradients = (torch.autograd.grad(x.square().sum(), (q, k, v)) for x in (fused, written_out))
    for of_fused, of_written_out in zip(*gradients, strict=True):
        torch.testing.assert_close(of_fused, of_written_out, atol=1e-5, rtol=1e-4)


def test_both_paths_silence_weights_at_the_same_rate_in_training() -> None:
    torch.manual_seed(0)
    q, k, v = torch.zeros(1, 1, 4000, 1), torch.zeros(1, 1, 10, 1), torch.ones(1, 1, 10, 1)
    for tap in (no_tap, Recorder()):
        heads = scaled_dot_product_attention(q, k, v, None, dropout=0.25, tap=tap)
        # Ten weights of 1/10, each kept with 3/4 and scaled by 4/3: mean 1, variance (4/3 - 1) / 10.
        assert heads.mean().item() == pytest.approx(1.0, abs=0.02)
        assert heads.var().item() == pytest.approx((4 / 3 - 1) / 10, rel=0.15)


def test_bfloat16_keeps_its_number_format_but_sums_weights_in_float32() -> None:
    q, k, v = (x.bfloat16() for x in _q_k_v(s=300))
    recorder = Recorder()
    heads = scaled_dot_product_attention(q, k, v, None, dropout=0.0, tap=recorder)
    assert heads.dtype == torch.bfloat16
    torch.testing.assert_close(recorder.tensors["weights"].sum(-1), torch.ones(2, 3, 4), atol=CLOSE, rtol=0)


def test_as_the_temperature_falls_to_zero_attention_returns_the_value_of_the_best_key() -> None:
    q, k, v = _q_k_v()
    best = (q @ k.transpose(-2, -1)).argmax(-1)
    expected = v.gather(2, best[..., None].expand(-1, -1, -1, v.shape[-1]))
    temperature = 1e-4
    torch.testing.assert_close(scaled_dot_product_attention(q / temperature, k, v, None, dropout=0.0), expected)


def test_scores_are_divided_by_the_root_of_d_k_and_not_of_d_model() -> None:
    module = _attention(d_model=12, num_heads=3)
    recorder = Recorder()
    x = _random(1, 5, 12)
    module(x, x, x, None, tap=recorder)
    dot_products = recorder.tensors["q"] @ recorder.tensors["k"].transpose(-2, -1)
    torch.testing.assert_close(recorder.tensors["scores"], dot_products / math.sqrt(4))


def test_heads_computed_together_equal_heads_computed_one_by_one() -> None:
    module = _attention()
    x, other = _random(2, 4, 12), _random(2, 5, 12, seed=1)
    visible = padding_visible(real_tokens(torch.tensor([[5, 6, 7, 8, 2], [5, 6, 2, 0, 0]]), 0))
    recorder = Recorder()
    module(x, other, other, visible, tap=recorder)
    q, k, v = module.w_q(x), module.w_k(other), module.w_v(other)
    for head in range(3):
        part = slice(head * 4, head * 4 + 4)
        scores = q[..., part] @ k[..., part].transpose(-2, -1) / 2.0
        weights = scores.masked_fill(~visible[:, 0], -math.inf).softmax(-1)
        torch.testing.assert_close(recorder.tensors["heads"][:, head], weights @ v[..., part], atol=CLOSE, rtol=1e-5)


def test_joining_heads_and_multiplying_with_w_o_is_the_sum_of_each_head_s_own_share() -> None:
    module = _attention(bias=False)
    x = _random(2, 4, 12)
    recorder = Recorder()
    output = module(x, x, x, None, tap=recorder)
    heads = recorder.tensors["heads"]
    shares = [heads[:, head] @ module.w_o.weight[:, head * 4 : head * 4 + 4].T for head in range(3)]
    torch.testing.assert_close(torch.stack(shares).sum(0), output, atol=CLOSE, rtol=1e-5)


def test_a_query_attends_alike_wherever_keys_and_their_values_stand() -> None:
    module = _attention()
    x, other = _random(2, 4, 12), _random(2, 5, 12, seed=1)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(module(x, other, other, None), module(x, other[:, order], other[:, order], None))


@pytest.mark.parametrize("first", [0, 7])
def test_rotary_scores_depend_on_the_distance_between_query_and_key_alone(first: int) -> None:
    module = _attention(d_model=12, num_heads=3, rotary=True)
    x = _random(1, 6, 12)
    recorder = Recorder()
    module.attend(x, module.keys_values(x, x, first=first), None, first=first, tap=recorder)
    reference = Recorder()
    module(x, x, x, None, tap=reference)
    torch.testing.assert_close(recorder.tensors["scores"], reference.tensors["scores"], atol=1e-5, rtol=1e-5)


def test_attention_over_prepared_keys_and_values_equals_attention_in_one_call() -> None:
    module = _attention()
    x, other = _random(2, 4, 12), _random(2, 5, 12, seed=1)
    prepared: KeyValue = module.keys_values(other, other)
    assert torch.equal(module.attend(x, prepared, None), module(x, other, other, None))


def test_the_mask_of_padding_lets_every_query_see_exactly_the_real_tokens() -> None:
    tokens = torch.tensor([[5, 6, 2], [5, 2, 0]])
    expected = torch.tensor([[[[True, True, True]]], [[[True, True, False]]]])
    assert torch.equal(padding_visible(real_tokens(tokens, 0)), expected)


def test_the_causal_mask_lets_a_position_see_itself_and_those_before_it() -> None:
    expected = torch.tensor([[True, False, False], [True, True, False], [True, True, True]])
    assert torch.equal(causal_visible(3, torch.device("cpu"))[0, 0], expected)


def test_a_width_that_heads_do_not_divide_is_refused_with_both_numbers() -> None:
    with pytest.raises(ShapeError, match="must be a multiple of num_heads, but 10 is not a multiple of 4"):
        MultiHeadAttention(10, 4, dropout=0.0, bias=False)


def test_keys_without_values_are_refused_with_both_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as in production: no checker stands before us
    x = _random(1, 3, 12)
    with pytest.raises(ShapeError, match="every key needs a value, but there are 3 keys and 2 values"):
        _attention()(x, x, x[:, :2], None)
