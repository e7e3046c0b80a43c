"""A model and the numbers that it needs: which they are, and how they get in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from polyglass.config import ModelConfig
from polyglass.errors import BundleError, ShapeError
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds


def weights_of(model: Seq2Seq) -> dict[str, Tensor]:
    """Return what must be kept of a model: each parameter once (tied ones by their first name), and its statistics."""
    kept = model.state_dict().keys()  # without buffers that can be computed again
    return {name: tensor for name, tensor in (*model.named_parameters(), *model.named_buffers()) if name in kept}


def parameters_by_part(model: Seq2Seq) -> dict[str, int]:
    """Count the parameters of each part of the model; tied ones count once, in the first part that has them."""
    parts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        part = name.partition(".")[0]
        parts[part] = parts.get(part, 0) + parameter.numel()
    return parts


def build_unfilled(
    config: ModelConfig, sizes: tuple[int, int], ids: SpecialIds, *, shapes: Mapping[str, tuple[int, ...]]
) -> Seq2Seq:
    """Build a model whose numbers are not set yet, but only if it needs numbers of just these `shapes`.

    The comparison takes no memory, so a config that asks for the moon is refused before it gets it.
    Raises ShapeError naming the first tensor that differs, ConfigError if no such model can be built.
    """
    with _DrawNothing():
        with torch.device("meta"):
            needed = weights_of(build_model(config, sizes, ids))
        for name in sorted(needed.keys() | shapes.keys()):
            wanted = tuple(needed[name].shape) if name in needed else None
            if shapes.get(name) != wanted:
                raise ShapeError(
                    f"tensor {name[:100]!r} should be {_words(wanted)}, but is {_words(shapes.get(name))}. "
                    "Use another copy of the folder."
                )
        return build_model(config, sizes, ids)


def fill(model: Seq2Seq, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy the tensors, read from `path`, into the model.

    Raises BundleError if one has another type or holds a number that is not finite.
    """
    for name, own in weights_of(model).items():
        tensor = tensors[name]
        if tensor.dtype != own.dtype:
            raise BundleError(f"{path} is damaged: {name} must be {own.dtype}, but it is {tensor.dtype}.")
        if not tensor.isfinite().all():
            raise BundleError(f"{path} holds numbers that are not finite, in {name}. Use an earlier copy.")
        with torch.no_grad():
            own.copy_(tensor)


def _words(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))[:100]


class _DrawNothing(TorchFunctionMode):
    """Leave fresh weights unset, for they are overwritten: nobody's random numbers move on, and no time is lost.

    (On the meta device, torch would import its compiler for a second only to pretend to draw.)
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skip the functions that draw, torch.nn.init's or the tensor's own."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init" or getattr(func, "__name__", "") in (
            "normal_",
            "uniform_",
        ):
            return args[0] if args else kwargs["tensor"]
        if func is torch.linalg.qr:  # of an orthogonal matrix that is drawn
            return args[0], args[0]
        return func(*args, **kwargs)
