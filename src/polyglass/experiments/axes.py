"""Values in, places and words out: the scales of a chart, their ticks, and how a number is written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from polyglass.experiments.figures import Axis, Unit

BOX = 1000.0  # the drawing's own units, stretched to the frame in both directions
MOST_TICKS = 8


def spell(value: float, unit: Unit) -> str:
    """Write a number for people: 12,300 or 0.0314; 87.3% or 3.2e-9 (a share of one); 12.4 ms; 36.5. Not finite: "?"."""
    if not math.isfinite(value):
        return "?"
    match unit:
        case "share":
            if 0 < abs(value) < 0.0005:
                return _power(value)
            return f"{100 * value:.1f}%" if abs(value) < 0.9995 else f"{100 * value:.0f}%"
        case "score":
            return f"{value:.1f}"
        case "seconds":
            size = abs(value)
            if size >= 1 or size == 0:
                return f"{_digits(value)} s"
            return f"{_digits(1e3 * value)} ms" if size >= 1e-3 else f"{_digits(1e6 * value)} µs"
        case _:
            return _digits(value)


def spell_tick(value: float, unit: Unit) -> str:
    """Write a value beside an axis, no longer than needed: 40%, 0.5, 10 ms."""
    words = spell(value, unit)
    number, space, rest = words.removesuffix("%").partition(" ")
    if "." in number and "e" not in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number}{space}{rest}{'%' if words.endswith('%') else ''}"


def _digits(value: float) -> str:
    """Three digits that count, and never fewer than all before the point; whole numbers as such."""
    if value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    power = math.floor(math.log10(abs(value)))
    if power >= 15 or power < -4:
        return _power(value)
    return f"{value:,.{max(0, 2 - power)}f}"


def _power(value: float) -> str:
    """Write 3.2e-9, without the zeros that Python writes."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


@dataclass(frozen=True)
class Scale:
    """One axis with its ends: from values to 0 ... BOX."""

    axis: Axis
    low: float
    high: float

    def place(self, value: float) -> float:
        """Return where a value lies; values beyond the ends lie at the end."""
        inside = min(self.high, max(self.low, value))
        if self.axis.scale == "log":
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return round(BOX * share, 1)

    def ticks(self) -> list[float]:
        """Return the values to write: those that the axis names and that lie inside, else round ones."""
        if self.axis.ticks:
            return [tick for tick in self.axis.ticks if self.low <= tick <= self.high]
        if self.axis.scale == "log":
            return _log_ticks(self.low, self.high)
        step = _round_step(self.low, self.high)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def fit(axis: Axis, values: Sequence[float], *, round_ends: bool) -> Scale:
    """Return the scale that holds all finite `values` and what the axis itself asks for.

    round_ends: widen it to round values (for the vertical axis). A log scale leaves out what is not positive.
    """
    is_log = axis.scale == "log"
    wished = [value for value in (axis.low, axis.high) if value is not None]
    known = [value for value in [*values, *wished] if math.isfinite(value) and (value > 0 or not is_log)]
    low, high = (min(known), max(known)) if known else (1.0, 2.0)
    if is_log:
        if high / low < 1.01:
            low, high = low / 2, high * 2
        return Scale(axis, low / 1.15, high * 1.15) if round_ends else Scale(axis, low, high)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):  # one value: give it room
        high = low + (abs(low) if abs(low) > 1e-12 else 1.0)
    if round_ends:
        step = _round_step(low, high)
        low, high = step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)
    return Scale(axis, low, high)


def _round_step(low: float, high: float) -> float:
    """Return 1, 2 or 5 times a power of ten that cuts the way from low to high into 2 to 5 parts."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, with 2 and 5 between them where there is room."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= MOST_TICKS:
            return inside
    every = math.ceil(len(inside) / MOST_TICKS)
    return inside[::every]
