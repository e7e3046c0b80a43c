"""A comparison that nobody has run, as records: for pages, words and tables."""

from dataclasses import replace
from typing import Any

from polyglass.evaluation.score import Metric
from polyglass.experiments.compare_record import (
    ContestantRecord,
    DataRecord,
    LengthRecord,
    PairRecord,
    Results,
    RunRecord,
    Sample,
    SampleOutput,
    Spread,
)
from polyglass.experiments.compare_runs import Judged, Moment

LABELS = {"bleu": "BLEU", "chrf": "chrF2"}


def metric(name: str, value: float) -> Metric:
    label = LABELS[name]
    return Metric(name, label, value, f"{label}|version:2", value - 1, value + 1, value, higher_is_better=True)


def run_record(seed: int = 1, **changes: Any) -> RunRecord:
    """A run that ended well."""
    steps = (10, 20, 30)
    return replace(
        RunRecord(
            seed=seed,
            state="done",
            trouble="",
            folder=f"runs/x-{seed}",
            steps=30,
            planned_steps=30,
            best_step=20,
            train_seconds=60.0,
            planned_seconds=60.0,
            target_tokens=30_000,
            tokens_per_second=500.0,
            memory_before=300_000_000,
            memory_peak=450_000_000,
            sentences_per_second=40.0,
            latency_median_ms=25.0,
            latency_p95_ms=60.0,
            scores=(metric("bleu", 30.0 + seed), metric("chrf", 55.0 + seed)),
            training=tuple(Moment(step, 2.0 * step, 1000 * step, 6 - 0.1 * step) for step in range(1, 31)),
            validation=tuple(Judged(s, 2.0 * s, 1000 * s, 5 - 0.1 * s, float(s), 20.0 + s) for s in steps),
            notices=(),
        ),
        **changes,
    )


def spread(name: str, mean: float, seeds: tuple[int, ...]) -> Spread:
    deviation = 0.5 if len(seeds) > 1 else None
    return Spread(
        name, LABELS[name], mean, mean - 1, mean + 1, mean - 0.5, mean + 0.5, deviation, seeds, f"{LABELS[name]}|v:2"
    )


def bucket(shortest: int, longest: int | None, sentences: int, bleu: float) -> LengthRecord:
    middle = (shortest + (longest or shortest + 10)) / 2
    return LengthRecord(
        shortest, longest, "words", middle, sentences, bleu, bleu - 2, bleu + 2, bleu + 20, bleu + 18, bleu + 22
    )


def contestant(name: str, *, bleu: float = 30.0, runs: tuple[RunRecord, ...] | None = None, **changes: Any) -> Any:
    """A contestant with two seeds that ended well, unless other runs are given."""
    runs = (run_record(1), run_record(2)) if runs is None else runs
    seeds = tuple(run.seed for run in runs if run.state == "done")
    record = ContestantRecord(
        name=name,
        family=name.partition("+")[0],
        parameters=1_250_000,
        steps=30,
        batch_tokens=512,
        learning_rate=2e-3,
        changes={"model.family": name.partition("+")[0]},
        recipe='[model]\nfamily = "x"\n',
        signature="polyglass:0|data:abc",
        reasons=("peak learning rate 0.002",),
        scores=(spread("bleu", bleu, seeds), spread("chrf", bleu + 25, seeds)) if seeds else (),
        lengths=(bucket(1, 5, 40, bleu + 5), bucket(6, 10, 100, bleu), bucket(11, None, 4, bleu - 9)) if seeds else (),
        diagnosis="No fault is frequent." if seeds else "",
        faults=(),
        runs=runs,
    )
    return replace(record, **changes)


def pair(a: str, b: str, *, delta: float = 2.0, ground: Any = "unlike", metric: str = "bleu") -> PairRecord:
    words = f"{b} is better than {a} by {delta:.1f} {LABELS[metric]}."
    return PairRecord(
        a, b, metric, LABELS[metric], delta, delta - 1, delta + 1, 0.001, 0.002, (1, 2), True, ground, words, "ar:10000"
    )


def sample(line: int, names: tuple[str, ...], **changes: Any) -> Sample:
    outputs = tuple(SampleOutput(name, f"Ausgabe von {name}", 40.0) for name in names)
    return replace(Sample(line, "A source.", "Eine Vorlage.", "at random", 1, outputs), **changes)


def results(*contestants: ContestantRecord, **changes: Any) -> Results:
    """A finished comparison."""
    names = tuple(one.name for one in contestants)
    pairs = tuple(pair(names[0], other) for other in names[1:])
    record = Results(
        status="finished",
        running="",
        began="2026-01-01T10:00:00+00:00",
        written="2026-01-01T11:00:00+00:00",
        polyglass="0.1",
        torch="2.13",
        device="2 CPU threads",
        command="polyglass compare a b --out c",
        equal="time",
        seeds=2,
        budget_seconds=60.0,
        steps=None,
        held_equal=("the same data",),
        not_equal=("parameters",),
        verdict=("The first sentence.", "The second."),
        notes=(),
        data=DataRecord("en", "de", ("train.en", "train.de"), ("ab" * 32, "cd" * 32), 900, 90, 80, 1000, ()),
        contestants=contestants,
        pairs=pairs,
        samples=(sample(1, names), sample(9, names, chosen="most different")),
    )
    return replace(record, **changes)
