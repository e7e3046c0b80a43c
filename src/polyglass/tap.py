"""How numbers leave a forward pass: each intermediate result is offered by name to a tap.

`q = tap("q", q)` stands in the forward pass wherever the paper's figure has a label. `no_tap` hands the tensor
straight back; a `Recorder` keeps it by path ("encoder.layers.0.self_attention.q"); an `Edit` changes it on the way
("what if head 3 were off?"). Paths equal parameter paths, so weights and activations share one tree.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable  # so that tests can check the type of arguments
@runtime_checkable
class Tap(Protocol):
    """What a forward pass asks of whoever is looking."""

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        """Offer `tensor` under `name`; the forward pass goes on with what comes back (same shape)."""
        ...

    def at(self, name: str) -> "Tap":
        """Return the tap for the sub-module `name`: its names are prefixed with the path so far."""
        ...

    def wants(self, name: str) -> bool:
        """Say whether somebody looks at `name` here. The model asks before it leaves a fused kernel."""
        ...


class _NoTap:
    """Nobody looks."""

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        return tensor

    def at(self, name: str) -> "_NoTap":
        return self

    def wants(self, name: str) -> bool:
        return False


no_tap = _NoTap()


class Recorder:
    """Keep the tensors whose path matches one of the patterns, by path, in the order of the forward pass.

    keep: shell patterns of paths, such as "*.cross_attention.weights"; the default keeps everything.
    gradients: keep tensors attached to the graph and let them collect `.grad` (for saliency).
    """

    def __init__(self, keep: tuple[str, ...] = ("*",), *, gradients: bool = False) -> None:
        self.keep = keep
        self.gradients = gradients
        self.tensors: dict[str, Tensor] = {}
        self._path = ""

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        if self.wants(name):
            if self.gradients and tensor.requires_grad:
                tensor.retain_grad()
            self.tensors[self._path + name] = tensor if self.gradients else tensor.detach()
        return tensor

    def at(self, name: str) -> "Recorder":
        """Return a recorder for a sub-module that writes into the same `tensors`."""
        inner = Recorder(self.keep, gradients=self.gradients)
        inner.tensors = self.tensors
        inner._path = f"{self._path}{name}."
        return inner

    def wants(self, name: str) -> bool:
        """Say whether the path of `name` matches one of the patterns."""
        path = self._path + name
        return any(fnmatchcase(path, pattern) for pattern in self.keep)


class Edit:
    """Change tensors on their way: `Edit({"encoder.layers.0.self_attention.heads": silence_head_3})`.

    changes: path (shell patterns allowed) -> function from tensor to tensor of the same shape.
    inner: a tap that sees the changed tensors (a Recorder, to edit and record in one pass).
    """

    def __init__(self, changes: Mapping[str, Callable[[Tensor], Tensor]], inner: Tap = no_tap, path: str = "") -> None:
        self.changes = changes
        self.inner = inner
        self._path = path

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        for pattern, change in self.changes.items():
            if fnmatchcase(self._path + name, pattern):
                tensor = change(tensor)
        return self.inner(name, tensor)

    def at(self, name: str) -> "Edit":
        """Return the edit for a sub-module."""
        return Edit(self.changes, self.inner.at(name), f"{self._path}{name}.")

    def wants(self, name: str) -> bool:
        """Say whether `name` is changed here or wanted by the inner tap."""
        path = self._path + name
        return any(fnmatchcase(path, pattern) for pattern in self.changes) or self.inner.wants(name)
