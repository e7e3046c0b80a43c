"""Derived views against hand computation: each is a sum, a product or a mean of what was tapped."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer_world import check, recurrent_subject, run_of, subject
from polyglass.explorer.ask import TensorsRequest, read_request
from polyglass.explorer.capture import Run
from polyglass.explorer.derive import attention_sides, contributions, derived_views, merge_words, rollout
from polyglass.explorer.numbers import spans_of, tensors_reply, whole_tensors
from polyglass.explorer.refusal import RefusedError
from polyglass.model.rotary import rotate

TARGET = "Ein kleiner Hund läuft."
KINDS = ("encoder.layers.1.self_attention", "decoder.layers.0.self_attention", "decoder.layers.1.cross_attention")


def values(run: Run, *paths: str) -> list[torch.Tensor]:
    return list(whole_tensors(run, paths, check).values())


@pytest.mark.parametrize("attention_bias", [True, False])
@pytest.mark.parametrize("path", KINDS)
def test_what_the_heads_add_sums_to_the_output(path: str, attention_bias: bool) -> None:
    looked_at = subject(attention_bias=attention_bias)
    run = run_of(looked_at, target=TARGET)
    added, output = values(run, f"{path}.contributions", f"{path}.output")
    bias = looked_at.weights[f"{path}.w_o.bias"] if attention_bias else torch.zeros(output.shape[-1])
    assert added.shape == (4, *output.shape)
    assert torch.allclose(added.sum(dim=0) + bias, output, atol=1e-5)
    norms = values(run, f"{path}.contribution_norms")[0]
    assert torch.allclose(norms, added.square().sum(dim=-1).sqrt(), atol=1e-6)


def test_one_heads_share_is_its_block_of_the_matrix() -> None:
    generator = torch.Generator().manual_seed(1)
    heads, w_o = torch.randn(3, 5, 2, generator=generator), torch.randn(6, 6, generator=generator)
    added = contributions(heads, w_o).numpy()
    for head in range(3):
        block = w_o.numpy()[:, 2 * head : 2 * head + 2]
        for query in range(5):
            expected = [sum(block[d][k] * float(heads[head, query, k]) for k in range(2)) for d in range(6)]
            assert added[head, query] == pytest.approx(expected, abs=1e-5)


def test_rollout_is_the_product_of_half_attention_and_half_identity() -> None:
    run = run_of(subject())
    rolled, first, second = values(
        run, "encoder.rollout", *(f"encoder.layers.{layer}.self_attention.weights" for layer in (0, 1))
    )
    size = rolled.shape[0]
    means = [weights.double().numpy().mean(axis=0) for weights in (first, second)]
    expected = (0.5 * means[1] + 0.5 * np.eye(size)) @ (0.5 * means[0] + 0.5 * np.eye(size))
    assert np.allclose(rolled.numpy(), expected, atol=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 7), st.integers(0, 10_000))
def test_rows_of_a_rollout_sum_to_one(layers: int, heads: int, size: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = [torch.randn(heads, size, size, generator=generator).softmax(dim=-1) for _ in range(layers)]
    rolled = rollout(maps)
    assert torch.allclose(rolled.sum(dim=-1), torch.ones(size), atol=1e-6)
    assert (rolled >= 0).all()


@pytest.mark.parametrize("path", ["encoder.rollout", "decoder.rollout", "cross.rollout"])
def test_rows_of_every_rollout_of_a_model_sum_to_one(path: str) -> None:
    rolled = values(run_of(subject(), target=TARGET), path)[0]
    assert torch.allclose(rolled.sum(dim=-1), torch.ones(len(rolled)), atol=1e-5)
    if path == "decoder.rollout":
        assert (rolled.triu(1) == 0).all()


@pytest.mark.parametrize("norm_place", ["pre", "post"])
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_likeness_to_the_first_layer_and_length_come_from_what_each_block_hands_on(stack: str, norm_place: str) -> None:
    run = run_of(subject(norm_place=norm_place), target=TARGET)
    end = "residual" if norm_place == "pre" else "norm"
    states = values(
        run, f"{stack}.embedded", *(f"{stack}.layers.{layer}.feed_forward_residual.{end}" for layer in (0, 1))
    )
    cosine, norms = values(run, f"{stack}.cosine", f"{stack}.norms")
    for layer, state in enumerate(states):
        for place in range(len(state)):
            one, first = state[place].double().numpy(), states[0][place].double().numpy()
            expected = one @ first / np.linalg.norm(one) / np.linalg.norm(first)
            assert float(cosine[layer, place]) == pytest.approx(expected, abs=1e-5)
            assert float(norms[layer, place]) == pytest.approx(np.linalg.norm(one), rel=1e-5)


@pytest.mark.parametrize("norm_place", ["pre", "post"])
def test_a_block_begins_with_what_the_one_before_hands_on(norm_place: str) -> None:
    """The stated input of block 1 gives, through the block's own weights, what its attention was tapped with."""
    looked_at = subject(norm_place=norm_place)
    run = run_of(looked_at)
    layer = next(one for one in looked_at.layers if (one.stack, one.layer) == ("encoder", 1))
    prefix = "encoder.layers.1"
    x, q = values(run, layer.input, f"{prefix}.self_attention.q")
    if norm_place == "pre":
        x = values(run, f"{prefix}.self_attention_residual.norm")[0]
    weight = looked_at.weights[f"{prefix}.self_attention.w_q.weight"]
    bias = looked_at.weights.get(f"{prefix}.self_attention.w_q.bias", torch.zeros(len(weight)))
    assert torch.allclose((x @ weight.T + bias).view(len(x), 4, -1).transpose(0, 1), q, atol=1e-5)


def test_rotated_queries_and_keys_give_the_scores() -> None:
    run = run_of(subject(positions="rotary"), target=TARGET)
    path = "decoder.layers.1.self_attention"
    q, k, plain, scores = values(run, *(f"{path}.{name}" for name in ("rotated_q", "rotated_k", "q", "scores")))
    assert torch.equal(q, rotate(plain[None], 0)[0])
    expected = torch.einsum("htk,hsk->hts", q, k) / q.shape[-1] ** 0.5
    seen = scores.isfinite()
    assert torch.allclose(scores[seen], expected[seen], atol=1e-5)
    assert not seen.triu(1)[0].any() or not torch.triu(seen[0], 1).any()
    assert not any("rotated" in path for path in derived_views(subject()))


def test_attention_between_words_sums_what_is_looked_at_and_means_who_looks() -> None:
    weights = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.0, 0.4, 0.6]])
    merged = merge_words(weights, [(0, 1), (1, 3)], [(0, 2), (2, 3)])
    assert merged.tolist() == [pytest.approx([0.75, 0.25]), pytest.approx([0.35, 0.65])]
    assert torch.equal(merge_words(weights, None, None), weights)


@pytest.mark.parametrize("path", [f"{kind}.weights" for kind in KINDS] + ["cross.rollout"])
def test_words_still_look_with_a_weight_of_one(path: str) -> None:
    run = run_of(subject(), target=TARGET)
    asked = read_request(TensorsRequest, json.dumps({"run": run.id, "want": [path], "words": True}).encode())
    head, _, body = tensors_reply(run, asked, check).partition(b"\n")
    entry = json.loads(head)["tensors"][0]
    merged = np.frombuffer(body[: entry["bytes"]], "<f4").reshape(entry["shape"])
    sides = attention_sides(path)
    assert sides is not None
    assert merged.shape[-2:] == tuple(len(spans_of(run, side)) for side in sides)
    assert np.allclose(merged.sum(axis=-1), 1, atol=1e-5)


def test_only_attention_can_be_merged_to_words() -> None:
    run = run_of(subject())
    asked = read_request(
        TensorsRequest, json.dumps({"run": run.id, "want": ["encoder.embedded"], "words": True}).encode()
    )
    with pytest.raises(RefusedError, match="only attention weights"):
        tensors_reply(run, asked, check)


def test_a_recurrent_model_has_no_derived_views_of_a_transformer() -> None:
    assert derived_views(recurrent_subject(attention="dot")) == {}
