"""Taps and counters with which tests watch a forward pass of a tiny model over two fixed batches."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.transformer import Transformer
from polyglass.tap import Recorder, Tap, no_tap
from tiny_transformer import padded, sources, targets

SOURCE, TARGET_IN = padded(sources()), padded(targets())


def logits_of(model: Transformer, tap: Tap = no_tap) -> Tensor:
    """Return the logits of the two batches."""
    with torch.no_grad():
        return model(SOURCE, TARGET_IN, tap=tap)


def recorded(model: Transformer, keep: tuple[str, ...] = ("*",)) -> dict[str, Tensor]:
    """Return what a Recorder with these patterns keeps."""
    recorder = Recorder(keep)
    logits_of(model, recorder)
    return recorder.tensors


class CountingTap:
    """Counts how often each path is offered; wants everything, so nothing stays fused."""

    def __init__(self, counts: Counter[str], path: str = "") -> None:
        self.counts = counts
        self.path = path

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        self.counts[self.path + name] += 1
        return tensor

    def at(self, name: str) -> "CountingTap":
        return CountingTap(self.counts, f"{self.path}{name}.")

    def wants(self, name: str) -> bool:
        return True


def fused_calls(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Return a list that grows with each call of the fused kernel."""
    calls: list[Tensor] = []
    fused = nn.functional.scaled_dot_product_attention

    def counted(*arguments: Any, **options: Any) -> Tensor:
        calls.append(fused(*arguments, **options))
        return calls[-1]

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", counted)
    return calls
