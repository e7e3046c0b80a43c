"""A corpus that a model of some thousand numbers can learn from: letters in, the same letters backwards out."""

import json
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from polyglass.config import Config, DataConfig
from polyglass.data.subwords import Subwords
from polyglass.options import options_of
from polyglass.run.prepare import CorpusPaths
from polyglass.run.talk import Quiet, Talk
from polyglass.run.train import RunResult, resume_run, start_run
from polyglass.settings import Settings, resolve
from polyglass.training.events import Notice, Plan, Reporter, StepReport, Validation
from polyglass.training.metrics import read_metrics
from polyglass.training.plan_view import Card
from polyglass.weights import load_weights

LETTERS = "abcdefghij"
VOCABULARY = 64  # letters, special symbols, and some frequent pairs of letters
OPTIONS: dict[str, Any] = {
    "data.vocabulary_size": VOCABULARY,
    "data.byte_fallback": False,  # it alone would take 256 places
    "model.d_model": 16,
    "model.num_heads": 2,
    "model.d_ff": 32,
    "model.encoder_layers": 1,
    "model.decoder_layers": 1,
    "train.threads": 1,
    "train.batch_tokens": 256,
    "train.steps": 12,
    "train.warmup_steps": 3,
    "train.save_every": 4,
    "train.validate_every": 3,
    "decode.beam_size": 2,
    "decode.max_length_factor": 1.0,
    "decode.max_length_extra": 2,
}
# What may differ between a run that was interrupted and one that was not.
TIMES = {"time", "seconds", "elapsed_seconds", "tokens_per_second", "wait_share", "memory_bytes"}


@dataclass(frozen=True)
class Toy:
    """The files of the corpus: source and target of each part."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path]

    @property
    def paths(self) -> CorpusPaths:
        """The files as `start_run` takes them."""
        return CorpusPaths(self.train, self.valid)


def toy_pairs(count: int, *, seed: int = 1) -> list[tuple[str, str]]:
    """Draw pairs of 2 to 7 letters."""
    chance = random.Random(seed)
    rows = [chance.choices(LETTERS, k=chance.randint(2, 7)) for _ in range(count)]
    return [(" ".join(row), " ".join(reversed(row))) for row in rows]


def write_toy(folder: Path, *, count: int = 300, valid: int = 4) -> Toy:
    """Write a corpus of `count` training pairs and `valid` validation pairs."""
    folder.mkdir(parents=True, exist_ok=True)
    return Toy(_write(folder / "train", toy_pairs(count)), _write(folder / "valid", toy_pairs(valid, seed=2)))


def _write(stem: Path, pairs: Sequence[tuple[str, str]]) -> tuple[Path, Path]:
    paths = stem.with_suffix(".en"), stem.with_suffix(".de")
    for path, side in zip(paths, zip(*pairs, strict=True), strict=True):
        path.write_bytes("".join(f"{text}\n" for text in side).encode())
    return paths


@cache
def toy_subwords() -> Subwords:
    """Return the subwords of the corpus."""
    return Subwords.train(lambda: toy_pairs(300), DataConfig(byte_fallback=False), size=VOCABULARY)


def toy_config(changes: dict[str, Any] | None = None) -> Config:
    """Return the options of a run, with `changes` by name."""
    return toy_settings(changes).config


def toy_settings(changes: dict[str, Any] | None = None) -> Settings:
    """Return the options of a run, with `changes` by name; those that the family lacks are left out."""
    family = (changes or {}).get("model.family", "transformer")
    options = options_of(Config)
    kept = {name: value for name, value in OPTIONS.items() if options[name].is_for(family)}
    return resolve(overrides={**kept, **(changes or {})})


def train_toy(toy: Toy, out: Path, changes: dict[str, Any] | None = None, *, talk: Talk | None = None) -> RunResult:
    """Run from the corpus to the model folder `out`."""
    return start_run(toy.paths, out, toy_settings(changes), talk or Quiet())


def train_interrupted(toy: Toy, out: Path, changes: dict[str, Any] | None = None, *, stops: Sequence[int]) -> RunResult:
    """Run, but stop after each step of `stops` as Ctrl-C does, and go on again."""
    result = train_toy(toy, out, changes, talk=StopAt(stops[0]))
    for stop in (*stops[1:], 0):
        assert result.exit_code == 130
        result = resume_run(out, StopAt(stop))
    return result


class Told(Quiet):
    """Remembers what a run says; `on_step` is called after every update."""

    def __init__(self, on_step: Callable[[StepReport], None] = lambda report: None) -> None:
        self.plans: list[Plan] = []
        self.cards: list[Card] = []
        self.steps: list[StepReport] = []
        self.validations: list[Validation] = []
        self.notices: list[Notice] = []
        self._on_step = on_step

    def plan(self, plan: Plan) -> None:
        self.plans.append(plan)

    def card(self, card: Card) -> None:
        self.cards.append(card)

    def training(self, config: Config, last: Validation | None) -> Reporter:
        return self

    def step(self, report: StepReport) -> None:
        self.steps.append(report)
        self._on_step(report)

    def validation(self, validation: Validation) -> None:
        self.validations.append(validation)

    def notice(self, notice: Notice) -> None:
        self.notices.append(notice)

    def close(self) -> None:
        pass

    def texts(self, kind: str) -> list[str]:
        """Return the notices of one kind."""
        return [notice.text for notice in self.notices if notice.kind == kind]


class StopAt(Told):
    """Sends this process a signal after one step (0: never)."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        super().__init__(lambda report: os.kill(os.getpid(), number) if report.step == step else None)


def weights_in(path: Path) -> dict[str, bytes]:
    """Return every tensor of a weights file as bytes."""
    return {name: tensor.numpy().tobytes() for name, tensor in load_weights(path)[0].items()}


def outcome_of(folder: Path) -> dict[str, Any]:
    """Return all that must not depend on how often a run was interrupted, or on the time it took."""
    checkpoint = max((folder / "checkpoints").glob("step-*"))
    records = [
        json.dumps({name: value for name, value in record.items() if name not in TIMES})
        for record in read_metrics(folder / "metrics.jsonl")
        if record["kind"] in ("step", "validation")
    ]
    files = {path.name: weights_in(path) for path in checkpoint.glob("*.safetensors")}
    return {"best": weights_in(folder / "model.safetensors"), "step": checkpoint.name, **files, "records": records}
