"""Training on the toy corpus without a run folder around it: a state, batches, and hooks that write down calls."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polyglass.config import Config
from polyglass.data.batches import BatchSource, training_batches
from polyglass.data.store import TokenStore, write_store
from polyglass.model.build import build_model
from polyglass.training import loop
from polyglass.training.loss import TranslationLoss
from polyglass.training.schedule import build_schedule
from polyglass.training.state import TrainState, newest_checkpoint
from toy_corpus import Told, toy_config, toy_pairs, toy_subwords


def toy_store(folder: Path, count: int = 60) -> TokenStore:
    """Write a store of toy pairs."""
    return write_store(folder, toy_pairs(count), toy_subwords(), max_length_tokens=64)


def toy_batches(store: TokenStore, config: Config) -> BatchSource:
    """Return the batches of a store."""
    assert config.train.batch_tokens is not None
    tokens, seed = config.train.batch_tokens, config.train.seed
    return lambda position: training_batches(store, toy_subwords().ids, batch_tokens=tokens, seed=seed, start=position)


def toy_state(config: Config, *, seed: int = 1) -> TrainState:
    """Return a fresh model in training."""
    torch.manual_seed(seed)
    subwords = toy_subwords()
    return TrainState(
        build_model(config.model, (subwords.source_size, subwords.target_size), subwords.ids), config.train
    )


class Poisoned(TranslationLoss):
    """A loss that is not finite in some calls (from 1); `before` is called before each."""

    def __init__(self, state: TrainState, calls: set[int] | range, *, poison: float = float("nan")) -> None:
        super().__init__(state.model, 0.1)
        self.calls = 0
        self._poisoned = calls
        self._poison = poison

    def forward(self, *batch: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        smoothed, plain = super().forward(*batch)
        return (smoothed * self._poison if self.calls in self._poisoned else smoothed), plain


@dataclass
class Bench:
    """Everything that `loop.train` needs."""

    folder: Path
    changes: dict[str, Any] = field(default_factory=dict)
    validate: Callable[[], bool] = lambda: True
    should_stop: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self.config = toy_config({"train.learning_rate": 3e-3, "train.validate_every": 100, **self.changes})
        self.store = toy_store(self.folder / "store")
        self.batches = toy_batches(self.store, self.config)
        self.state = toy_state(self.config)
        self.told = Told()

    @property
    def checkpoints(self) -> Path:
        """Where states are saved."""
        return self.folder / "checkpoints"

    def train(self, loss: TranslationLoss | None = None) -> None:
        """Train to the end of the plan."""
        hooks = loop.Hooks(
            validate=self.validate,
            save=lambda: self.state.save(self.checkpoints),
            restore=self._restore,
            should_stop=self.should_stop,
            reporter=self.told,
        )
        loss = loss or TranslationLoss(self.state.model, 0.1)
        schedule = build_schedule(self.config)
        loop.train(self.state, loss, self.batches, self.config.train, schedule=schedule, hooks=hooks)

    def _restore(self) -> bool:
        checkpoint, _ = newest_checkpoint(self.checkpoints)
        if checkpoint is not None:
            self.state.load(checkpoint)
        return checkpoint is not None


def numbers_of(state: TrainState) -> dict[str, bytes]:
    """Return every number that training changes, as bytes."""
    models = {"model": state.model} | ({"average": state.average} if state.average is not None else {})
    found = {
        f"{kind} {name}": tensor.detach().numpy().tobytes()
        for kind, model in models.items()
        for name, tensor in model.state_dict().items()
    }
    for name, parameter in state.model.named_parameters():
        for key, value in state.optimizer.state.get(parameter, {}).items():
            found[f"optimizer {name}.{key}"] = value.numpy().tobytes()
    return found
