"""A few measured values in, their centre and a 95 % interval out."""

import math
from collections.abc import Sequence
from statistics import mean, median, stdev

# Student's t for 95 % by degrees of freedom, from 1 (William Gosset 1908); beyond the table the last one is used.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
_T_BEYOND = 2.086

Interval = tuple[float, float | None, float | None]
"""Centre, low end, high end; the ends are None where one value says nothing about spread."""


def mean_interval(values: Sequence[float], *, low: float = -math.inf, high: float = math.inf) -> Interval:
    """Return the mean of several seeds with its 95 % interval (Student's t), cut at `low` and `high`."""
    centre = mean(values)
    if len(values) < 2:
        return centre, None, None
    freedom = len(values) - 1
    t = _T[freedom - 1] if freedom <= len(_T) else _T_BEYOND
    half = t * stdev(values) / math.sqrt(len(values))
    return centre, max(low, centre - half), min(high, centre + half)


def median_interval(values: Sequence[float]) -> Interval:
    """Return the median of several timings, with the ends of the 95 % interval that order statistics give.

    Below six values no pair of them reaches 95 %: then the ends are the smallest and the largest.
    """
    ordered = sorted(values)
    count = len(ordered)
    if count < 2:
        return median(ordered), None, None
    outside = 0  # values beyond each end: as many as leave 2.5 % at most (binomial distribution)
    tail = 0.5**count
    while outside < (count - 1) // 2 and tail + math.comb(count, outside + 1) * 0.5**count <= 0.025:
        outside += 1
        tail += math.comb(count, outside) * 0.5**count
    return median(ordered), ordered[outside], ordered[-1 - outside]


def share_interval(right: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `count` cases (Wilson 1927), which never leaves 0 to 1."""
    z = 1.959964
    centre = (right + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(right * (1 - right) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def growth(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return the exponent b of y = a x^b that fits best (least squares of the logarithms). Values must be positive."""
    log_x, log_y = [math.log(x) for x in xs], [math.log(y) for y in ys]
    middle_x, middle_y = mean(log_x), mean(log_y)
    spread = math.fsum((x - middle_x) ** 2 for x in log_x)
    return math.fsum((x - middle_x) * (y - middle_y) for x, y in zip(log_x, log_y, strict=True)) / spread
