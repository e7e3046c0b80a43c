"""Recurrences step by step, looked at as one: what each step computes is put together and offered to a tap once.

A recurrence computes its numbers one position after another; whoever looks wants them as [B, T, D]. So the steps write
into a trail, and the trail offers each name when the last step is done. If the tap changes numbers, the recurrence
runs once more with just these numbers held at their new values: all that follows from them is computed anew.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from polyglass.tap import Tap, no_tap

Result = TypeVar("Result")


@runtime_checkable  # so that tests can check the type of arguments
class Steps(Protocol):
    """Gives every step of a recurrence its tap."""

    def at_step(self, step: int, part: int = 0) -> Tap:
        """Return the tap for one position; `part` tells the directions of a bidirectional layer apart."""
        ...


class _NoSteps:
    """Nobody looks."""

    def at_step(self, step: int, part: int = 0) -> Tap:
        return no_tap


class _Trail:
    """Keeps what `tap` wants: path -> part -> step -> tensor, whose time axis (the last but one) has length 1."""

    def __init__(self, tap: Tap, held: dict[str, tuple[Tensor, Tensor]]) -> None:
        self.tap = tap
        self.held = held
        self.found: dict[str, dict[int, dict[int, Tensor]]] = {}

    def at_step(self, step: int, part: int = 0) -> Tap:
        return _StepTap(self, "", step, part)

    def whole(self, path: str) -> Tensor:
        """Return all steps in order along the time axis, all parts side by side along the last axis."""
        parts = [steps for _, steps in sorted(self.found[path].items())]
        return torch.cat([torch.cat([steps[step] for step in sorted(steps)], dim=-2) for steps in parts], dim=-1)

    def keep(self, path: str, step: int, part: int, tensor: Tensor) -> Tensor:
        """Write down one step's tensor and return it, with the numbers that are held at theirs."""
        if path in self.held:
            width = tensor.shape[-1]
            here = (..., slice(step, step + 1), slice(part * width, (part + 1) * width))
            changed, value = self.held[path]
            tensor = torch.where(changed[here], value[here], tensor)
        if self.tap.wants(path):
            self.found.setdefault(path, {}).setdefault(part, {})[step] = tensor
        return tensor


class _StepTap:
    """The tap of one step."""

    def __init__(self, trail: _Trail, path: str, step: int, part: int) -> None:
        self.trail = trail
        self.path = path
        self.step = step
        self.part = part

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        return self.trail.keep(self.path + name, self.step, self.part, tensor)

    def at(self, name: str) -> "_StepTap":
        return _StepTap(self.trail, f"{self.path}{name}.", self.step, self.part)

    def wants(self, name: str) -> bool:
        return self.trail.tap.wants(self.path + name)


def unroll(run: Callable[[Steps], Result], tap: Tap) -> Result:
    """Run a recurrence and offer to `tap` what its steps computed, each name once, with all steps along the time axis.

    Where the tap has changed something, names that it had seen by then are offered again, so that it knows their last
    numbers.
    run: computes everything from the first step to the last; called again for each name whose numbers the tap changes.
    """
    if tap is no_tap:
        return run(_NoSteps())
    held: dict[str, tuple[Tensor, Tensor]] = {}
    trail = _Trail(tap, held)
    result = run(trail)
    outdated: list[str] = []
    seen: list[str] = []
    for path in trail.found:
        whole = trail.whole(path)
        offered = tap(path, whole)
        if offered is not whole:
            held[path] = (offered != whole, offered)
            trail = _Trail(tap, held)
            result = run(trail)
            outdated = [*seen]
        seen.append(path)
    for path in outdated:  # what was seen before the last change has followed from it since, in later steps
        if path not in held:
            tap(path, trail.whole(path))
    return result
