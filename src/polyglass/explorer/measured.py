"""A tap that notes every shape, and lets a `Recorder` keep the tensors as long as they fit into so many bytes."""

from dataclasses import dataclass, field

from torch import Tensor

from polyglass.tap import Recorder


@dataclass
class _Ledger:
    """What the taps of all sub-modules write into. shapes: by tap path."""

    budget: int
    recorder: Recorder = field(default_factory=Recorder)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    bytes: int = 0


class Measured:
    """Notes everything; keeps everything, or nothing if it is more than `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self._ledger = _Ledger(budget)
        self._recorder = self._ledger.recorder
        self._path = ""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of everything that was offered, by path in the order of the forward pass."""
        return self._ledger.shapes

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Everything that was offered, or nothing if it was too much."""
        return self._ledger.recorder.tensors if self._ledger.bytes <= self._ledger.budget else {}

    def at(self, name: str) -> "Measured":
        """Return the tap for a sub-module."""
        inner = Measured(0)
        inner._ledger, inner._recorder, inner._path = self._ledger, self._recorder.at(name), f"{self._path}{name}."
        return inner

    def wants(self, name: str) -> bool:
        """Everything is looked at."""
        return True

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        """Note the shape; keep the tensor while there is room."""
        ledger = self._ledger
        ledger.shapes[self._path + name] = tuple(tensor.shape)
        ledger.bytes += tensor.nbytes
        if ledger.bytes <= ledger.budget:
            return self._recorder(name, tensor)
        ledger.recorder.tensors.clear()
        return tensor
