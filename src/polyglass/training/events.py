"""What training says while it runs: plain records, from which panel, log lines and metrics.jsonl are drawn."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Plan:
    """What is going to happen, shown before step 1.

    reasons: one sentence for each choice the planner made ("vocabulary 4000: 29,000 pairs ...").
    """

    source_lang: str
    target_lang: str
    pairs: int
    steps: int
    epochs: float
    seconds: float  # expected for the whole run
    parameters: int
    memory_bytes: int  # estimated peak
    device: str  # "2 CPU threads", "NVIDIA H100"
    precision: str  # "float32" or "bfloat16"
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class StepReport:
    """One update. Losses in nats per target token; rates count real target tokens, never padding."""

    step: int
    total_steps: int
    epoch: float
    loss: float  # with label smoothing, what is minimised
    learning_rate: float
    grad_norm: float
    target_tokens: int  # in this update
    tokens_per_second: float  # in this update
    padding_share: float  # of source and target positions in this update
    wait_share: float  # of the update's time spent waiting for data
    elapsed_seconds: float  # of training, earlier sittings included
    memory_bytes: int  # peak resident (CPU) or allocated (CUDA)


@dataclass(frozen=True)
class Sample:
    """One validation sentence with what the model makes of it now and what it made of it the last time."""

    source: str
    reference: str
    output: str
    previous: str | None


@dataclass(frozen=True)
class Validation:
    """One look at the validation set, with the averaged weights if weights are averaged."""

    step: int
    loss: float  # nats per target token, without label smoothing
    bleu: float
    chrf: float
    signature: str  # sacreBLEU's recipe of `bleu`
    samples: tuple[Sample, ...]
    is_best: bool
    best_step: int
    best_chrf: float
    best_bleu: float
    misses: int  # validations since the best one
    patience: int  # 0: no early stopping
    seconds: float


@dataclass(frozen=True)
class Notice:
    """Something a person should know, in words: a skipped update, overfitting, a save that failed."""

    step: int
    kind: str  # "non_finite", "overfitting", "flat_loss", "slow", "save_failed", "stopped", "resumed"
    text: str


class Reporter(Protocol):
    """Whoever is told. Called from the training thread; must return quickly."""

    def plan(self, plan: Plan) -> None:
        """Told once, before step 1."""

    def step(self, report: StepReport) -> None:
        """Told after every update."""

    def validation(self, validation: Validation) -> None:
        """Told after every validation."""

    def notice(self, notice: Notice) -> None:
        """Told when something a person should know happens."""

    def close(self) -> None:
        """Told once, at the end, however training ended."""
