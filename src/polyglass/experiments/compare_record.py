"""Everything a comparison has found, as records: what results.json holds and what the page is drawn from.

results.json is one object, `Results` as written here, with {"format": 1} first; a later format has a larger number.
Times are seconds, memory is bytes, scores are 0 to 100; null: not measured, or not yet. docs/how-to/compare.md
explains every field.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from polyglass.evaluation.score import Metric
from polyglass.experiments.compare_runs import Judged, Moment, State

FORMAT = 1

Status = Literal["running", "stopped", "finished"]
Ground = Literal["unlike", "one seed", "seeds overlap", "chance", "same"]


@dataclass(frozen=True)
class RunRecord:
    """One run. scores: of its translations of the test set, which stand in `folder`/test.output.txt.

    train_seconds: of updates alone, without validations. planned_seconds: what they were expected to take.
    memory_before, memory_peak: of the process, before the first update and at most. sentences_per_second: the test
    set in batches. latency_*: validation sentences one by one.
    """

    seed: int
    state: State
    trouble: str
    folder: str
    steps: int
    planned_steps: int
    best_step: int | None
    train_seconds: float
    planned_seconds: float
    target_tokens: int
    tokens_per_second: float | None
    memory_before: int | None
    memory_peak: int | None
    sentences_per_second: float | None
    latency_median_ms: float | None
    latency_p95_ms: float | None
    scores: tuple[Metric, ...]
    training: tuple[Moment, ...]
    validation: tuple[Judged, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """A score over the seeds of one contestant.

    low, high: the middle 95 % of bootstrap samples of the test sentences, the same sample for all seeds. smallest,
    largest: of the seeds. deviation: standard deviation of the seeds; None for one seed.
    """

    name: str
    label: str
    mean: float
    low: float
    high: float
    smallest: float
    largest: float
    deviation: float | None
    seeds: tuple[int, ...]
    signature: str


@dataclass(frozen=True)
class LengthRecord:
    """Scores of the test sentences whose source has `shortest` to `longest` words (None: no upper end)."""

    shortest: int
    longest: int | None
    unit: str
    mean_length: float
    sentences: int
    bleu: float
    bleu_low: float
    bleu_high: float
    chrf: float
    chrf_low: float
    chrf_high: float


@dataclass(frozen=True)
class ContestantRecord:
    """One contestant. changes: what was asked for it alone. recipe: every option, as TOML that `--config` takes.

    signature: names recipe, data, program and machine, so that two results can be told to be of one kind.
    """

    name: str
    family: str
    parameters: int
    steps: int
    batch_tokens: int
    learning_rate: float
    changes: Mapping[str, Any]
    recipe: str
    signature: str
    reasons: tuple[str, ...]
    scores: tuple[Spread, ...]
    lengths: tuple[LengthRecord, ...]
    diagnosis: str
    faults: tuple[str, ...]
    runs: tuple[RunRecord, ...]

    def score(self, name: str) -> Spread | None:
        """Return the metric called `name` ("bleu"); None as long as no run has ended well."""
        return next((spread for spread in self.scores if spread.name == name), None)

    @property
    def done(self) -> tuple[RunRecord, ...]:
        """The runs that ended well."""
        return tuple(run for run in self.runs if run.state == "done")


@dataclass(frozen=True)
class PairRecord:
    """Contestant b against contestant a by one metric, over the seeds that both have.

    delta: b's mean minus a's; low, high: the middle 95 % of its bootstrap samples. p_value: the larger one of paired
    randomisation and paired bootstrap. p_holm: the same after Holm's correction for the number of pairs. separate:
    every seed of one is above every seed of the other. ground: what that comes to. words: in a sentence.
    """

    a: str
    b: str
    metric: str
    label: str
    delta: float
    low: float
    high: float
    p_value: float
    p_holm: float
    seeds: tuple[int, ...]
    separate: bool
    ground: Ground
    words: str
    signature: str


@dataclass(frozen=True)
class SampleOutput:
    """What one contestant made of a sentence, with the chrF2 of this sentence alone."""

    contestant: str
    text: str
    chrf: float


@dataclass(frozen=True)
class Sample:
    """One test sentence. chosen: "at random", or "most different" (largest gap between best and worst output)."""

    line: int
    source: str
    reference: str
    chosen: Literal["at random", "most different"]
    seed: int
    outputs: tuple[SampleOutput, ...]


@dataclass(frozen=True)
class DataRecord:
    """The corpus. sha256: of each file, in the order of training, validation and test. notes: see `Plan`."""

    source_lang: str
    target_lang: str
    files: tuple[str, ...]
    sha256: tuple[str, ...]
    train_pairs: int
    validation_pairs: int
    test_pairs: int
    vocabulary: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """A comparison as far as it is. verdict: in sentences, most important first."""

    status: Status
    running: str
    began: str
    written: str
    polyglass: str
    torch: str
    device: str
    command: str
    equal: str
    seeds: int
    budget_seconds: float | None
    steps: int | None
    held_equal: tuple[str, ...]
    not_equal: tuple[str, ...]
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
    data: DataRecord
    contestants: tuple[ContestantRecord, ...]
    pairs: tuple[PairRecord, ...]
    samples: tuple[Sample, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {"format": FORMAT, **asdict(self)}

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        """The runs of all contestants."""
        return tuple(run for contestant in self.contestants for run in contestant.runs)


def dumps(results: Results) -> bytes:
    """Write results.json; numbers that JSON cannot spell become null."""
    return (json.dumps(_finite(results.as_json()), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if abs(value) < float("inf") else None
        case Mapping():
            return {key: _finite(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_finite(entry) for entry in value]
        case _:
            return value
