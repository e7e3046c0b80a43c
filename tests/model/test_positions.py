"""§3.5 Positional encoding: the formula, what follows from it, and rotary positions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from polyglass.model.embedding import Positions, sinusoids
from polyglass.model.rotary import rotate
from tiny_transformer import IDS, tiny_model

ROUNDED = 1e-7  # a sine rounded to float32
lengths = st.integers(0, 4000)


@pytest.mark.parametrize("d_model", [2, 16, 512])
def test_sinusoids_are_the_formula(d_model: int) -> None:
    np.testing.assert_allclose(sinusoids(50, d_model).numpy(), oracle.sinusoids(50, d_model), atol=ROUNDED)


def test_far_positions_are_as_exact_as_near_ones() -> None:
    table = sinusoids(1, 64, first=60_000)[0]
    expected = [function(60_000 / 10000 ** (2 * i / 64)) for i in range(32) for function in (math.sin, math.cos)]
    np.testing.assert_allclose(table.numpy(), expected, atol=ROUNDED)


def test_sines_stand_at_even_and_cosines_at_odd_places() -> None:
    at_zero = sinusoids(1, 8)[0]
    assert at_zero.tolist() == [0.0, 1.0] * 4


@settings(max_examples=50, deadline=None)
@given(position=lengths, k=lengths)
def test_the_encoding_k_places_on_is_a_rotation_that_k_alone_decides(position: int, k: int) -> None:
    d_model = 16
    here, there = (sinusoids(1, d_model, first=first)[0].double() for first in (position, position + k))
    for i in range(d_model // 2):
        angle = k / 10000 ** (2 * i / d_model)
        # (sin, cos) of a sum of angles: the rotation of the addition theorem.
        turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]]).double()
        torch.testing.assert_close(turn @ here[2 * i : 2 * i + 2], there[2 * i : 2 * i + 2], atol=1e-6, rtol=0)


@settings(max_examples=50, deadline=None)
@given(first=lengths, second=lengths, shift=lengths)
def test_the_dot_product_of_two_encodings_depends_on_their_distance_alone(first: int, second: int, shift: int) -> None:
    p, q, p_on, q_on = (
        sinusoids(1, 64, first=place)[0].double() for place in (first, second, first + shift, second + shift)
    )
    assert p @ q == pytest.approx(float(p_on @ q_on), abs=1e-5)
    assert p @ q == pytest.approx(sum(math.cos((first - second) / 10000 ** (2 * i / 64)) for i in range(32)), abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(position=lengths)
def test_every_encoding_has_the_squared_length_of_half_the_width(position: int) -> None:
    assert sinusoids(1, 64, first=position).square().sum().item() == pytest.approx(32.0, abs=1e-4)


def test_wavelengths_grow_from_two_pi_towards_ten_thousand_times_two_pi() -> None:
    d_model = 512
    table = sinusoids(20_000, d_model)
    shortest = 2 * math.pi
    longest = 2 * math.pi * 10000 ** ((d_model - 2) / d_model)
    assert longest == pytest.approx(2 * math.pi * 10000, rel=0.04)
    for column, wavelength in ((0, shortest), (d_model - 2, longest)):
        quarter = wavelength / 4
        # The first maximum of the sine is a quarter of a wave from the start.
        peak = int(table[: math.ceil(2 * quarter), column].argmax())
        assert abs(peak - quarter) <= 1 + quarter * 1e-3


def test_a_narrow_first_position_is_the_same_row_of_the_table() -> None:
    assert torch.equal(sinusoids(10, 16, first=7), sinusoids(17, 16)[7:])


def test_the_table_of_positions_has_the_number_format_of_the_model() -> None:
    positions = Positions("sinusoidal", 16, 64).double()
    added = positions(torch.zeros(1, 20, 16, dtype=torch.float64))
    np.testing.assert_allclose(added[0].numpy(), oracle.sinusoids(20, 16), atol=1e-14, rtol=0)


def test_the_table_grows_with_the_longest_sentence_and_is_never_stored_with_the_weights() -> None:
    model = tiny_model()
    assert not [name for name in model.state_dict() if "table" in name]
    model.encode(torch.tensor([[7, IDS.eos]]))
    model.encode(torch.tensor([[*[7] * 40, IDS.eos]]))
    assert not [name for name in model.state_dict() if "table" in name]


def test_a_model_that_has_translated_can_be_trained_further() -> None:
    model = tiny_model()
    with torch.inference_mode():
        model.encode(torch.tensor([[7, 8, IDS.eos]]))
    model.train()
    model.encode(torch.tensor([[7, 8, IDS.eos]])).states.sum().backward()
    assert model.source_embedding.weight.grad is not None


class _Contended(Positions):
    """Just after this thread stored a table, another thread with a shorter sentence stores its own."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, sinusoids(4, 16) if name == "table" else value)


def test_a_thread_with_a_shorter_sentence_never_takes_the_table_away_from_another() -> None:
    positions = _Contended("sinusoidal", 16, 64)
    assert torch.equal(positions(torch.zeros(1, 50, 16))[0], sinusoids(50, 16))


def test_learned_positions_are_rows_of_a_parameter_of_each_stack() -> None:
    model = tiny_model(positions="learned")
    x = torch.zeros(1, 3, 16)
    for stack in (model.encoder, model.decoder):
        assert torch.equal(stack.positions(x, first=4)[0], stack.positions.weight[4:7])
    assert not torch.equal(model.encoder.positions.weight, model.decoder.positions.weight)


@pytest.mark.parametrize("kind", ["rotary", "none"])
def test_nothing_is_added_to_the_vectors_where_positions_are_rotary_or_absent(kind: str) -> None:
    x = torch.randn(1, 3, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Positions(kind, 16, 64)(x), x)


@pytest.mark.parametrize("first", [0, 5])
def test_rotary_positions_turn_each_pair_by_the_written_out_rotation(first: int) -> None:
    x = torch.randn(1, 1, first + 6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = oracle.rotated(x[0, 0].numpy())[first:]
    np.testing.assert_allclose(rotate(x[:, :, first:], first)[0, 0].numpy(), expected, atol=1e-6)


def test_rotary_positions_keep_the_length_of_every_vector() -> None:
    x = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(rotate(x, 11).norm(dim=-1), x.norm(dim=-1))


def test_rotary_positions_turn_the_first_token_by_nothing() -> None:
    x = torch.randn(2, 3, 1, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rotate(x, 0), x)
