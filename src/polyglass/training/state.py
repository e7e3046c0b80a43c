"""Everything that changes while training goes on, and how it becomes a checkpoint and comes back.

A checkpoint is a folder that appears by one rename: `checkpoints/step-000001200`. The newest complete one is found by
looking, never by a pointer that could be written too early.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polyglass.config import TrainConfig
from polyglass.data.batches import Position
from polyglass.errors import BundleError
from polyglass.files import folder_atomically, make_folder, read_manifest, remove_folder, remove_leftovers
from polyglass.model.seq2seq import Seq2Seq
from polyglass.parameters import weights_of
from polyglass.weights import load_weights, save_weights

STEP_FOLDER = re.compile(r"step-(\d{9})")


@dataclass(frozen=True)
class Progress:
    """Where a run stands, besides its tensors."""

    step: int = 0
    position: Position = field(default_factory=Position)
    elapsed_seconds: float = 0.0
    target_tokens: int = 0
    skipped_steps: int = 0  # updates left out because the gradient was not finite
    rate_factor: float = 1.0  # halved when training had to go back to a checkpoint
    best_step: int = 0
    best_chrf: float = -1.0
    best_bleu: float = -1.0
    misses: int = 0  # validations since the best one

    @property
    def validated(self) -> bool:
        """Whether there has been a validation."""
        return self.best_step > 0


class TrainState:
    """A model in training, its optimizer, its moving average, and how far they are.

    statistics: what the model itself counts in each forward pass (running means of batch norm), besides parameters.
    """

    def __init__(self, model: Seq2Seq, config: TrainConfig) -> None:
        self.model = model
        self.average = copy.deepcopy(model).eval().requires_grad_(False) if config.average == "ema" else None
        self.optimizer = build_optimizer(model, config)
        self.progress = Progress()
        self.pieces = 1  # that each batch is cut into, where memory does not suffice for a whole one
        self.statistics = statistics_of(model)
        self._average_statistics = statistics_of(self.average) if self.average is not None else []

    def update_average(self, decay: float) -> None:
        """Move the average towards the model; early on faster, so that the random start is soon forgotten."""
        if self.average is None:
            return
        decay = min(decay, (1 + self.progress.step) / (10 + self.progress.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
            for kept, now in zip(self._average_statistics, self.statistics, strict=True):
                kept.copy_(now)

    def save(self, folder: Path) -> None:
        """Write the checkpoint of the present step into `folder` (the run's `checkpoints`)."""
        make_folder(folder)
        facts: dict[str, Any] = {"progress": asdict(self.progress)}
        with folder_atomically(folder / f"step-{self.progress.step:09d}", facts) as unfinished:
            save_weights(unfinished / "model.safetensors", weights_of(self.model), {})
            save_weights(unfinished / "optimizer.safetensors", dict(self._optimizer_tensors()), {})
            if self.average is not None:
                save_weights(unfinished / "average.safetensors", weights_of(self.average), {})

    def load(self, checkpoint: Path) -> None:
        """Go back to `checkpoint`. Raises BundleError if it is damaged."""
        facts = read_manifest(checkpoint)["facts"]
        copy_tensors(load_weights(checkpoint / "model.safetensors")[0], self.model)
        if self.average is not None:
            copy_tensors(load_weights(checkpoint / "average.safetensors")[0], self.average)
        saved = load_weights(checkpoint / "optimizer.safetensors")[0]
        for name, parameter in self.model.named_parameters():
            self.optimizer.state[parameter] = {
                key: saved[f"{name}.{key}"].to(parameter.device if key != "step" else "cpu")
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{name}.{key}" in saved
            }
        progress = facts["progress"]
        self.progress = Progress(**{**progress, "position": Position(**progress["position"])})

    def advance(self, **changes: Any) -> None:
        """Change fields of `progress`."""
        self.progress = replace(self.progress, **changes)

    def _optimizer_tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                yield f"{name}.{key}", value


def statistics_of(model: Seq2Seq) -> list[Tensor]:
    """Return what a model counts itself and must keep; not its tables, which it computes again where they are short."""
    parameters = dict(model.named_parameters())
    return [tensor for name, tensor in weights_of(model).items() if name not in parameters]


def build_optimizer(model: Seq2Seq, config: TrainConfig) -> torch.optim.Optimizer:
    """Return Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019); only matrices are decayed."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=0.0, betas=(config.beta1, config.beta2), eps=config.epsilon, fused=True)


def copy_tensors(tensors: dict[str, Tensor], model: Seq2Seq) -> None:
    """Copy what `weights_of` returned into a model of the same shape. Raises BundleError on another shape."""
    places = weights_of(model)
    if tensors.keys() != places.keys() or any(tensors[name].shape != places[name].shape for name in places):
        raise BundleError("the weights belong to a model of another shape.")
    with torch.no_grad():
        for name, place in places.items():
            place.copy_(tensors[name])


def checkpoints_in(folder: Path) -> list[Path]:
    """Return the complete-looking checkpoints of a run, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if STEP_FOLDER.fullmatch(path.name))


def newest_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint whose files are all whole, and a sentence about each damaged one passed over."""
    complaints = []
    for path in reversed(checkpoints_in(folder)):
        try:
            read_manifest(path)
        except BundleError as error:
            complaints.append(f"{path.name} is damaged and was passed over: {error}")
        else:
            return path, complaints
    return None, complaints


def step_of(checkpoint: Path) -> int:
    """Return the step after which a checkpoint was written."""
    return int(checkpoint.name.removeprefix("step-"))


def remove_old_checkpoints(folder: Path, *, keep: int, for_mean: Sequence[Path] = ()) -> None:
    """Delete all but the newest `keep` checkpoints and those in `for_mean`."""
    paths = checkpoints_in(folder)
    for path in paths[:-keep]:
        if path not in for_mean:
            remove_folder(path)
    remove_leftovers(folder)  # whatever could not be removed then


def planned_checkpoints(folder: Path, *, every: int, before: int, count: int) -> list[Path]:
    """Return the newest `count` checkpoints before step `before` that stand at a multiple of `every`, oldest first.

    Those that were written because somebody stopped the run are not among them, so that a run that was interrupted
    takes the same ones as a run that was not.
    """
    paths = [path for path in checkpoints_in(folder) if step_of(path) < before and step_of(path) % every == 0]
    return paths[-count:] if count else []


def mean_of(model: Seq2Seq, checkpoints: Sequence[dict[str, Tensor]]) -> Seq2Seq:
    """Return a copy of `model` whose weights are the mean of its own and those of `checkpoints` (§6.1)."""
    mean = copy.deepcopy(model).eval().requires_grad_(False)
    sums = {name: tensor.to(torch.float64) for name, tensor in weights_of(mean).items()}
    for tensors in checkpoints:
        for name, tensor in tensors.items():
            sums[name] += tensor
    copy_tensors({name: total / (1 + len(checkpoints)) for name, total in sums.items()}, mean)
    return mean
