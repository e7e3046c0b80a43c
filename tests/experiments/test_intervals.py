"""Intervals against values from tables of statistics, and growth against powers that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.experiments.intervals import growth, mean_interval, median_interval, share_interval


def test_the_mean_of_three_has_the_interval_of_students_t() -> None:
    # mean 2, standard deviation 1, t(2) = 4.303: 4.303 / sqrt(3) = 2.484
    assert mean_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 2 - 2.4843, 2 + 2.4843), abs=1e-3)


def test_an_interval_ends_where_values_end() -> None:
    assert mean_interval([0.5, 1.0, 1.0], low=0.0, high=1.0)[2] == 1.0


def test_one_value_has_no_interval() -> None:
    assert mean_interval([3.0]) == median_interval([3.0]) == (3.0, None, None)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # The narrowest pair of order statistics, alike at both ends, that covers the median with 95 %.
    [(3, 1, 3), (5, 1, 5), (6, 1, 6), (9, 2, 8), (15, 4, 12), (20, 6, 15)],
)
def test_the_median_has_the_interval_of_order_statistics(count: int, low: int, high: int) -> None:
    values = [float(value) for value in range(count, 0, -1)]
    assert median_interval(values)[1:] == (low, high)


def test_a_share_has_wilsons_interval() -> None:
    assert share_interval(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    low, high = share_interval(1.0, 20)
    assert (low, high) == pytest.approx((0.8389, 1.0), abs=1e-4)


@given(st.floats(-3, 3), st.floats(0.01, 100))
def test_growth_finds_the_power(power: float, factor: float) -> None:
    xs = [1.0, 2.0, 5.0, 11.0]
    assert growth(xs, [factor * x**power for x in xs]) == pytest.approx(power, abs=1e-6)
