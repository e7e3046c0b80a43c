"""A model and a number of parameters in; out: the same model in the width that comes nearest to that number.

`model.d_model` alone moves the count in steps of a few percent, because heads must divide it. Where there is a
feed-forward layer, `model.d_ff` does the rest: its width may be any number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from pydantic import ValidationError

from polyglass.config import Config, ModelConfig
from polyglass.data.subwords import Subwords
from polyglass.errors import ConfigError
from polyglass.model.build import build_model

TOLERANCE = 0.02  # counts that differ by less are called equal
WIDEST = 16384
_FINE = "d_ff"


@dataclass(frozen=True)
class Sized:
    """A width that was found. values: the options to set; parameters: what the model then has.

    distortion: how far d_ff is from its proportion to d_model, as a ratio (1: not at all).
    """

    values: Mapping[str, int]
    parameters: int
    distortion: float = 1.0


def count_parameters(model: ModelConfig, subwords: Subwords) -> int:
    """Count a model's parameters without making room for them."""
    with torch.device("meta"):
        built = build_model(model, (subwords.source_size, subwords.target_size), subwords.ids)
    return sum(parameter.numel() for parameter in built.parameters())


def find_size(config: Config, wanted: int, subwords: Subwords, *, name: str) -> Sized:
    """Return the width at which the model has `wanted` parameters, give or take TOLERANCE.

    Layers, heads and the proportion of d_ff to d_model stay as they are, but for the last few units of d_ff. Raises
    ConfigError naming the nearest count if none is near enough.
    """
    model = config.model

    @cache
    def count(d_model: int, d_ff: int | None) -> int | None:
        changed = _changed(model, d_model, d_ff)
        return None if changed is None else count_parameters(changed, subwords)

    widths = _widths(model, lambda width: count(width, _proportional(model, width)), wanted)
    found = [_refine(model, width, count, wanted) for width in widths]
    near = [sized for sized in found if abs(sized.parameters - wanted) <= TOLERANCE / 4 * wanted]
    if near:
        return min(near, key=lambda sized: sized.distortion)
    best = min(found, key=lambda sized: abs(sized.parameters - wanted))
    if abs(best.parameters - wanted) > TOLERANCE * wanted:
        raise ConfigError(
            f"{name} cannot be brought to {wanted:,} parameters: the nearest is {best.parameters:,}, and equal means "
            f"within {TOLERANCE:.0%}. Give another --parameters N, or other layers for it."
        )
    return best


def _widths(model: ModelConfig, count: Callable[[int], int | None], wanted: int) -> list[int]:
    """Return the widths on both sides of the wanted count, by bisection over those that the model can have."""
    step = _step(model)
    low, high = 1, WIDEST // step
    while low < high:
        middle = (low + high) // 2
        counted = count(middle * step)
        if counted is not None and counted < wanted:
            low = middle + 1
        else:
            high = middle
    return [width * step for width in (low - 1, low, low + 1) if 1 <= width <= WIDEST // step]


def _refine(model: ModelConfig, width: int, count: Callable[[int, int | None], int | None], wanted: int) -> Sized:
    """Bring one width as near as its feed-forward layer allows."""
    d_ff = _proportional(model, width)
    if d_ff is None:
        return Sized({"model.d_model": width}, count(width, None) or 0)
    one = (count(width, d_ff + 1) or 0) - (count(width, d_ff) or 0)  # the count is linear in d_ff
    moved = round((wanted - (count(width, d_ff) or 0)) / one) if one else 0
    # Not far: a model of another shape would be another contestant.
    chosen = max(1, d_ff // 2, min(2 * d_ff, d_ff + moved))
    values = {"model.d_model": width, "model.d_ff": chosen}
    return Sized(values, count(width, chosen) or 0, max(d_ff, chosen) / min(d_ff, chosen))


def _proportional(model: ModelConfig, width: int) -> int | None:
    """Return the d_ff that has the same proportion to this width; None if the model has none."""
    d_ff: int | None = getattr(model, _FINE, None)
    return None if d_ff is None else max(1, round(d_ff * width / model.d_model))


def _step(model: ModelConfig) -> int:
    """Return the number that every possible width is a multiple of: heads must divide it, and halves must be whole."""
    heads: int = getattr(model, "num_heads", 1)
    return 2 * heads if heads % 2 or getattr(model, "positions", "") == "rotary" else heads


def _changed(model: ModelConfig, d_model: int, d_ff: int | None) -> ModelConfig | None:
    """Return the model in another width, or None if it cannot have it."""
    values = model.model_dump() | {"d_model": d_model} | ({} if d_ff is None else {_FINE: d_ff})
    try:
        return type(model).model_validate(values)
    except ValidationError:
        return None
