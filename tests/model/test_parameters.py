"""How many numbers a model learns, which of them are shared, and what they are at the start."""

from typing import Any

import pytest
import torch
from torch import nn

from polyglass.config import TransformerConfig
from polyglass.errors import ConfigError
from polyglass.model.build import build_model
from polyglass.model.transformer import Transformer
from polyglass.special_ids import SpecialIds
from tiny_transformer import IDS, SIZE, TINY, padded, sources, targets, tiny_config, tiny_model

BASE = TransformerConfig()
BIG = TransformerConfig(d_model=1024, num_heads=16, d_ff=4096)


def _count(config: TransformerConfig, source_size: int, target_size: int) -> int:
    with torch.device("meta"):  # shapes without memory
        model = Transformer(config, source_size, target_size, SpecialIds())
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_base_model_has_the_numbers_of_its_closed_form() -> None:
    d, f, vocabulary = 512, 2048, 37_000
    attention, feed_forward, norm = 4 * d * d, 2 * d * f + f + d, 2 * d
    encoder_layer = attention + feed_forward + 2 * norm
    decoder_layer = 2 * attention + feed_forward + 3 * norm
    assert 6 * (encoder_layer + decoder_layer) == 44_101_632
    assert _count(BASE, vocabulary, vocabulary) == 44_101_632 + vocabulary * 512


def test_the_big_model_has_the_numbers_of_its_closed_form() -> None:
    d, f, vocabulary = 1024, 4096, 37_000
    attention, feed_forward, norm = 4 * d * d, 2 * d * f + f + d, 2 * d
    encoder_layer = attention + feed_forward + 2 * norm
    decoder_layer = 2 * attention + feed_forward + 3 * norm
    assert 6 * (encoder_layer + decoder_layer) == 176_283_648
    assert _count(BIG, vocabulary, vocabulary) == 176_283_648 + vocabulary * 1024


def _difference(sizes: tuple[int, int] = (SIZE, SIZE), **changes: Any) -> int:
    """Return how many more parameters a tiny model has with `changes`."""
    return _count(tiny_config(**changes), *sizes) - _count(tiny_config(), SIZE, SIZE)


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"attention_bias": True}, (2 * 4 + 2 * 8) * 16),  # 4 biases in each encoder layer, 8 in each decoder layer
        ({"norm_place": "pre"}, 2 * 2 * 16),  # one last norm for each stack
        ({"norm": "rms"}, -(2 * 2 + 2 * 3) * 16),  # no bias in any norm
        ({"norm": "batch"}, 0),
        ({"positions": "learned"}, 2 * 64 * 16),  # a table for each stack
        ({"positions": "rotary"}, 0),
        ({"positions": "none"}, 0),
        ({"activation": "gelu"}, 0),
        ({"num_heads": 2}, 0),
        ({"tie_embeddings": "two"}, SIZE * 16),
        ({"tie_embeddings": "none"}, 2 * SIZE * 16),
    ],
    ids=str,
)
def test_an_option_adds_just_the_parameters_that_it_names(changes: dict[str, Any], more: int) -> None:
    assert _difference(**changes) == more


def test_two_vocabularies_add_a_matrix_of_their_own_size() -> None:
    assert _difference((29, SIZE), tie_embeddings="two") == 29 * 16


def test_the_three_attentions_have_weights_of_their_own() -> None:
    layer = tiny_model().decoder.layers[0]
    encoder = tiny_model().encoder.layers[0].self_attention
    modules = (encoder, layer.self_attention, layer.cross_attention)
    names = ("w_q", "w_k", "w_v", "w_o")
    assert len({id(getattr(module, name).weight) for module in modules for name in names}) == 12


@pytest.mark.parametrize(("tie", "distinct"), [("three", 1), ("two", 2), ("none", 3)], ids=["three", "two", "none"])
def test_tying_makes_matrices_one_and_the_same_object(tie: str, distinct: int) -> None:
    model = tiny_model(tie_embeddings=tie)
    matrices = (model.source_embedding.weight, model.target_embedding.weight, model.output.weight)
    assert len({id(matrix) for matrix in matrices}) == distinct
    assert (model.output.weight is model.target_embedding.weight) == (tie != "none")


@pytest.mark.parametrize("tie", ["three", "two", "none"])
def test_matrices_stay_tied_when_the_model_is_moved_copied_and_loaded(tie: str) -> None:
    model = tiny_model(tie_embeddings=tie).double()
    model.load_state_dict(tiny_model(tie_embeddings=tie, seed=2).double().state_dict())
    assert (model.output.weight is model.target_embedding.weight) == (tie != "none")
    assert (model.source_embedding.weight is model.target_embedding.weight) == (tie == "three")


def test_the_output_layer_compares_a_vector_with_the_embedding_of_every_word() -> None:
    model = tiny_model()
    with torch.no_grad():
        states = model.decoder_states(padded(targets()), model.encode(padded(sources())))
        torch.testing.assert_close(model.logits(states), states @ model.target_embedding.weight.T)


def test_a_step_of_training_keeps_tied_matrices_equal() -> None:
    model = tiny_model().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.output.weight.detach().clone()
    model(padded(sources()), padded(targets())).square().mean().backward()
    optimizer.step()
    assert not torch.equal(model.output.weight, before)
    assert torch.equal(model.output.weight, model.source_embedding.weight)


def test_one_matrix_for_two_vocabularies_of_different_size_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError) as error:
        build_model(tiny_config(), (29, 23), IDS)
    assert str(error.value) == (
        "model.tie_embeddings=three needs one joint vocabulary, but the source has 29 subwords and the target 23. "
        "Set data.joint_vocabulary=true or model.tie_embeddings=two."
    )


def test_every_parameter_gets_a_gradient() -> None:
    for changes in ({}, {"norm_place": "pre", "positions": "learned", "attention_bias": True, "norm": "rms"}):
        model = tiny_model(**changes).train()
        model(padded(sources((6, 4))), padded(targets((6, 3)))).square().mean().backward()
        idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
        assert idle == []


@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_layers_whose_sub_layers_are_silent_pass_their_input_on(norm_place: str) -> None:
    """Pre-norm: exactly. Post-norm: through the norms, which leave a normalised vector as it is."""
    torch.manual_seed(0)
    model = Transformer(tiny_config(norm_place=norm_place), SIZE, SIZE, IDS).eval()
    with torch.no_grad():
        for layer in (*model.encoder.layers, *model.decoder.layers):
            for name, parameter in layer.named_parameters():
                if ".w_o." in f".{name}" or ".w_2." in f".{name}":
                    parameter.zero_()
    x = nn.functional.layer_norm(torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0)), (16,))
    everyone = torch.ones(2, 5, dtype=torch.bool)
    y = x
    for layer in model.encoder.layers:
        y = layer(y, everyone[:, None, None], everyone)
    if norm_place == "pre":
        assert torch.equal(y, x)
    else:
        torch.testing.assert_close(y, x, atol=1e-4, rtol=0)


def test_embeddings_begin_with_variance_1_after_scaling() -> None:
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(encoder_layers=1, decoder_layers=1), 4000, 4000, IDS)
    weight = model.source_embedding.weight
    assert weight.std().item() == pytest.approx(512**-0.5, rel=0.01)
    assert model.source_embedding(torch.arange(4000)[None]).var().item() == pytest.approx(1.0, rel=0.02)


def test_linear_layers_begin_as_glorot_and_bengio_say_and_biases_at_zero() -> None:
    torch.manual_seed(0)
    model = Transformer(tiny_config(d_model=64, d_ff=128, attention_bias=True), SIZE, SIZE, IDS)
    for stack in (model.encoder, model.decoder):
        for module in stack.modules():
            if isinstance(module, nn.Linear):
                fan_out, fan_in = module.weight.shape
                assert module.weight.std().item() == pytest.approx((2 / (fan_in + fan_out)) ** 0.5, rel=0.05)
                assert module.bias.abs().max() == 0


def test_the_logits_of_a_fresh_model_are_no_surer_than_a_guess() -> None:
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(encoder_layers=2, decoder_layers=2), 1000, 1000, IDS).eval()
    with torch.no_grad():
        logits = model(torch.randint(4, 1000, (8, 12)), torch.randint(4, 1000, (8, 12)))
    assert logits.std().item() == pytest.approx(1.0, rel=0.2)


def test_the_same_seed_gives_the_same_weights_and_another_seed_gives_others() -> None:
    first, again, other = (_fresh(seed) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["output.weight"], other["output.weight"])


def _fresh(seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return dict(build_model(tiny_config(), (SIZE, SIZE), IDS).state_dict())


def test_the_defaults_are_the_paper_s_base_model() -> None:
    assert (BASE.d_model, BASE.num_heads, BASE.d_ff, BASE.encoder_layers, BASE.decoder_layers) == (512, 8, 2048, 6, 6)
    assert (BASE.dropout, BASE.attention_dropout, BASE.activation_dropout) == (0.1, 0.0, 0.0)
    assert (BASE.norm, BASE.norm_place, BASE.positions, BASE.activation) == ("layer", "post", "sinusoidal", "relu")
    assert (BASE.attention_bias, BASE.tie_embeddings) == (False, "three")


@pytest.mark.parametrize(
    ("d_model", "num_heads", "remedy"), [(500, 8, "Try 496 or 504."), (3, 8, "Try 8"), (10, 4, "Try 8 or 12.")]
)
def test_a_width_that_heads_do_not_divide_is_refused_with_the_nearest_ones(
    d_model: int, num_heads: int, remedy: str
) -> None:
    with pytest.raises(ValueError, match=rf"{d_model} is not a multiple of {num_heads}\. {remedy}"):
        TransformerConfig(d_model=d_model, num_heads=num_heads)


def test_rotary_positions_need_pairs_and_say_so() -> None:
    with pytest.raises(ValueError, match=r"positions=rotary rotates pairs of numbers.*12 / 4 is 3"):
        TransformerConfig(d_model=12, num_heads=4, positions="rotary")


@pytest.mark.parametrize("positions", ["learned", "none"])
def test_other_positions_take_heads_of_any_width(positions: str) -> None:
    assert tiny_model(d_model=12, num_heads=4, positions=positions)(padded(sources()), padded(targets())).shape == (
        3,
        7,
        SIZE,
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("dropout", 1.0), ("dropout", -0.1), ("num_heads", 0), ("norm", "group"), ("max_positions", 1), ("depth", 3)],
)
def test_an_impossible_value_or_unknown_name_of_an_option_is_refused(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option):
        TransformerConfig(**{**TINY, option: value})
