"""The whole model against the paper's equations written out in numpy (`tests/oracle.py`), in float64."""

from typing import Any

import numpy as np
import pytest
import torch

import oracle
from polyglass.model.transformer import Transformer
from polyglass.tap import Recorder, Tap, no_tap
from tiny_transformer import padded, sources, targets, tiny_config, tiny_model

ROUNDING = 1e-9  # float64 sums in another order differ by about 1e-14; a wrong term would differ by far more


def _oracle_of(model: Transformer, changes: dict[str, Any]) -> oracle.Transformer:
    config = tiny_config(**changes)
    return oracle.Transformer(
        {name: tensor.numpy() for name, tensor in model.state_dict().items()},
        num_heads=config.num_heads,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        activation=config.activation,
        norm=config.norm,
        norm_place=config.norm_place,
        positions=config.positions,
    )


def _largest_difference(changes: dict[str, Any], sizes: tuple[int, int], tap: Tap = no_tap) -> float:
    """Compare a padded batch of our model with the oracle, which reads one sentence at a time."""
    model = tiny_model(sizes, **changes).double()
    paper = _oracle_of(model, changes)
    with torch.no_grad():
        ours = model(padded(sources()), padded(targets()), tap=tap).numpy()
    differences = []
    for row, (source, target_in) in enumerate(zip(sources(), targets(), strict=True)):
        differences.append(np.abs(ours[row, : len(target_in)] - paper.logits(source, target_in)).max())
    return float(max(differences))


@pytest.mark.parametrize("norm_place", ["post", "pre"])
@pytest.mark.parametrize("attention_bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
def test_the_model_computes_the_equations_for_every_place_of_the_norm_and_kind_of_position(
    norm_place: str, attention_bias: bool, positions: str
) -> None:
    changes = {"norm_place": norm_place, "attention_bias": attention_bias, "positions": positions}
    assert _largest_difference(changes, (23, 23)) < ROUNDING


@pytest.mark.parametrize(
    ("tie", "sizes"), [("three", (23, 23)), ("two", (23, 23)), ("two", (29, 23)), ("none", (29, 23))]
)
def test_the_model_computes_the_equations_for_every_kind_of_weight_tying(tie: str, sizes: tuple[int, int]) -> None:
    assert _largest_difference({"tie_embeddings": tie}, sizes) < ROUNDING


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_the_model_computes_the_equations_for_every_activation(activation: str) -> None:
    assert _largest_difference({"activation": activation}, (23, 23)) < ROUNDING


@pytest.mark.parametrize("norm", ["layer", "rms", "batch"])
@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_the_model_computes_the_equations_for_every_norm(norm: str, norm_place: str) -> None:
    assert _largest_difference({"norm": norm, "norm_place": norm_place}, (23, 23)) < ROUNDING


@pytest.mark.parametrize("num_heads", [1, 2, 8])
def test_the_model_computes_the_equations_for_every_number_of_heads(num_heads: int) -> None:
    assert _largest_difference({"num_heads": num_heads}, (23, 23)) < ROUNDING


def test_different_depths_of_encoder_and_decoder_compute_the_equations() -> None:
    assert _largest_difference({"encoder_layers": 3, "decoder_layers": 1}, (23, 23)) < ROUNDING


def test_the_equations_written_out_for_a_recorder_are_the_paper_s_too() -> None:
    # Looked at, attention leaves the fused kernel; its softmax is in float32, which limits how close it can be.
    softmax_in_float32 = 1e-6
    assert _largest_difference({}, (23, 23), Recorder()) < softmax_in_float32
