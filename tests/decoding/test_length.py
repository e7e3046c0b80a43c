"""The length penalty and the length limit, by hand."""

import pytest

from polyglass.config import DecodeConfig
from polyglass.decoding.length import length_penalty, output_limits
from tiny import TableModel, sources


@pytest.mark.parametrize(
    ("length", "alpha", "expected"), [(1, 0.6, 1.0), (7, 1.0, 2.0), (19, 0.5, 2.0), (400, 0.0, 1.0), (13, 2.0, 9.0)]
)
def test_the_length_penalty_is_that_of_gnmt(length: int, alpha: float, expected: float) -> None:
    assert length_penalty(length, alpha) == pytest.approx(expected)


def test_the_limit_counts_the_source_with_eos_and_without_padding() -> None:
    model = TableModel.random(3, 4, 6, seed=1, scale=1.0)
    source = sources(2, 9, 5, padding=7)
    assert output_limits(model, source, DecodeConfig(max_length_factor=1.5, max_length_extra=3)) == [6, 16, 10]


def test_the_limit_leaves_one_position_for_bos_and_is_never_zero() -> None:
    model = TableModel.random(3, 4, 6, seed=1)
    model.max_positions = 10
    assert output_limits(model, sources(2, 9), DecodeConfig(max_length_factor=0.1, max_length_extra=0)) == [1, 1]
    assert output_limits(model, sources(2, 9), DecodeConfig(max_length_factor=1, max_length_extra=4)) == [6, 9]
