"""A made-up training run of English to German, complete with events and result files: what panel and report draw.

`python tests/fake_run.py FOLDER` writes it to a folder, with its report.html. No number in it was measured.
"""

import json
import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from polyglass.training.events import Notice, Plan, Sample, StepReport, Validation
from polyglass.training.metrics import Event, MetricsFile

SIGNATURE = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
SENTENCES = (
    (
        "A man in an orange hat starring at something.",
        "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        (
            "Ein Mann Mann Mann Mann.",
            "Ein Mann in einem Hut sitzt auf einem Hut.",
            "Ein Mann mit einem orangefarbenen Hut sieht etwas.",
            "Ein Mann mit einem orangefarbenen Hut starrt auf etwas.",
            "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt.",
        ),
    ),
    (
        "Five people wearing winter jackets and helmets stand in the snow.",
        "Fünf Leute in Winterjacken und mit Helmen stehen im Schnee.",
        (
            "",
            "Fünf Menschen in Jacken stehen im Schnee.",
            "Fünf Personen mit Jacken und Helmen stehen im Schnee.",
            "Fünf Personen in Winterjacken und Helmen stehen im Schnee.",
            "Fünf Leute in Winterjacken und mit Helmen stehen im Schnee.",
        ),
    ),
    (
        "A girl at the shore of a beach with a mountain in the distance.",
        "Ein Mädchen am Ufer eines Strandes mit einem Berg in der Ferne.",
        (
            "A girl at the shore of a beach with a mountain in the distance.",
            "Ein Mädchen an einem Strand.",
            "Ein Mädchen am Strand mit einem Berg im Hintergrund.",
            "Ein Mädchen am Ufer eines Strandes mit einem Berg im Hintergrund.",
            "Ein Mädchen am Ufer eines Strandes mit einem Berg in der Ferne.",
        ),
    ),
)

PLAN = Plan(
    source_lang="en",
    target_lang="de",
    pairs=28_914,
    steps=12_000,
    epochs=21.4,
    seconds=3480.0,
    parameters=4_214_784,
    memory_bytes=1_870_000_000,
    device="2 CPU threads",
    precision="float32",
    reasons=(
        "vocabulary 4,000: about 29,000 short pairs; more subwords would be seen too rarely to be learned",
        "model d_model 192, 3 + 3 layers: the largest that passes over the pairs 20 times in the budget of 1 hour, "
        "measured at 5,400 target tokens a second on this machine",
        "batch 2,048 target tokens: fits the memory with room to spare",
        "float32: this processor has no fast bfloat16",
    ),
)


def step_report(step: int, **changed: Any) -> StepReport:
    """One plausible update of the run."""
    noise = random.Random(step)
    peak = min(step / 600, 1.0) * min(1.0, max(0.02, (12_600 - step) / 10_800))
    values: dict[str, Any] = {
        "step": step,
        "total_steps": PLAN.steps,
        "epoch": step * PLAN.epochs / PLAN.steps,
        "loss": 2.05 + 6.3 * math.exp(-step / 900) + 0.8 * math.exp(-step / 6000) + noise.gauss(0, 0.11),
        "learning_rate": 1.4e-3 * peak,
        "grad_norm": 0.6 + 1.5 * math.exp(-step / 300) + abs(noise.gauss(0, 0.08)),
        "target_tokens": 1500 + noise.randrange(400),
        "tokens_per_second": 5400 + noise.gauss(0, 180) - (1900 if 7000 < step < 7400 else 0),
        "padding_share": 0.07 + abs(noise.gauss(0, 0.02)),
        "wait_share": 0.004,
        "elapsed_seconds": step * 0.28,
        "memory_bytes": 1_640_000_000,
    }
    return StepReport(**values | changed)


def validation(step: int, **changed: Any) -> Validation:
    """One plausible look at the validation set."""
    share = step / PLAN.steps
    chrf = 61.5 * (1 - math.exp(-4.2 * share)) - 1.6 * max(0.0, share - 0.85) * 10 + 3 * math.sin(step) * 0.1
    values: dict[str, Any] = {
        "step": step,
        "loss": 1.72 + 5.2 * math.exp(-step / 1100) + 0.12 * max(0.0, share - 0.8) * 5,
        "bleu": 0.62 * chrf - 3 if chrf > 10 else chrf / 10,
        "chrf": chrf,
        "signature": SIGNATURE,
        "samples": tuple(_sample(sentence, share) for sentence in SENTENCES),
        "is_best": share <= 0.85,
        "best_step": min(step, 10_200),
        "best_chrf": 59.8 if share > 0.85 else chrf,
        "best_bleu": 34.1 if share > 0.85 else 0.62 * chrf - 3,
        "misses": max(0, round((share - 0.85) * 20)),
        "patience": 5,
        "seconds": 11.0,
    }
    return Validation(**values | changed)


def _sample(sentence: tuple[str, str, tuple[str, ...]], share: float) -> Sample:
    source, reference, outputs = sentence
    at = min(len(outputs) - 1, int(share * len(outputs)))
    return Sample(source, reference, outputs[at], outputs[at - 1] if at else None)


def events(*, until: int = 12_000) -> Iterator[Event]:
    """The whole run, or its first steps."""
    yield PLAN
    for step in range(1, until + 1):
        yield step_report(step)
        if step % 600 == 0:
            yield validation(step)
        if step == 3120:
            yield Notice(step, "non_finite", "Step 3,120 had a gradient that is not finite; it was skipped.")
        if step == 7200:
            text = "Training slowed down by 35%: from 5,402 to 3,511 target tokens a second. Look for other programs."
            yield Notice(step, "slow", text)


def write_metrics(folder: Path, *, until: int = 12_000) -> Path:
    """Write metrics.jsonl of the run, dated 2026, and return its path."""
    clock = {"now": datetime(2026, 3, 14, 9, 0, tzinfo=UTC)}
    metrics = MetricsFile(folder / "metrics.jsonl", now=lambda: clock["now"])
    tell = {Plan: metrics.plan, StepReport: metrics.step, Validation: metrics.validation, Notice: metrics.notice}
    for event in events(until=until):
        if isinstance(event, StepReport):
            clock["now"] += timedelta(seconds=0.28)
        tell[type(event)](event)  # type: ignore[operator]
    metrics.close()
    return folder / "metrics.jsonl"


def final() -> dict[str, Any]:
    """What the trainer leaves at the end, as `final.json`."""
    scored = [
        ("Zwei Hunde spielen im Schnee.", "Two dogs play in the snow.", "Zwei Hunde spielen im Schnee.", 100.0),
        ("Ein Kind isst ein Eis.", "A child eats an ice cream.", "Ein Kind isst Eis.", 78.2),
        ("Der Koch bereitet Sushi zu.", "The chef prepares sushi.", "Ein Koch bereitet ein Essen.", 31.4),
        (
            "Ein Schlagzeuger mit Sonnenbrille trommelt auf einer Freilichtbühne vor Publikum.",
            "A drummer with sunglasses drums on an open-air stage in front of an audience.",
            "Ein Mann mit Sonnenbrille auf einer Bühne auf einer Bühne auf einer Bühne.",
            22.7,
        ),
    ]
    sentences = [{"line": 7, "source": s, "reference": r, "output": o, "chrf": chrf} for r, s, o, chrf in scored]
    buckets = [(1, 8, 142, 63.1, 38.0), (9, 12, 391, 60.4, 35.2), (13, 18, 352, 56.0, 30.9), (19, 26, 98, 51.3, 26.2)]
    return {
        "best_step": 10_200,
        "test_set": "test_2016_flickr, 1,000 sentences",
        "scores": [
            {"label": "chrF2", "value": 59.8, "low": 58.9, "high": 60.6, "signature": "nrefs:1|case:mixed|nc:6|nw:0"},
            {"label": "BLEU", "value": 34.1, "low": 32.8, "high": 35.3, "signature": SIGNATURE + "|beam:5"},
        ],
        "seconds": 3412.0,
        "target_tokens": 20_412_330,
        "parameters": 4_214_784,
        "size_bytes": 17_300_000,
        "latency": {"median_ms": 38.4, "p95_ms": 71.0, "sentences": 100, "device": "2 CPU threads"},
        "length_buckets": [
            {"shortest": low, "longest": high, "unit": "words", "sentences": number, "chrf": chrf, "bleu": bleu}
            for low, high, number, chrf, bleu in buckets
        ]
        + [{"shortest": 27, "longest": None, "unit": "words", "sentences": 17, "chrf": 44.9, "bleu": 20.4}],
        "best": sentences[:2] * 5,
        "worst": sentences[2:] * 5,
        "config": {
            "data": {"vocabulary_size": 4000, "max_length_tokens": 256, "drop_overlap": True},
            "model": {"family": "transformer", "d_model": 192, "num_heads": 4, "d_ff": 768, "dropout": 0.2},
            "train": {"seed": 1, "batch_tokens": 2048, "steps": None, "learning_rate": 0.0014},
            "decode": {"beam_size": 5, "length_penalty": 0.6},
        },
        "commands": [
            {"purpose": "Translate a file", "command": "polyglass translate runs/en-de/best input.en > output.de"},
            {"purpose": "Try a sentence", "command": 'echo "A man sits." | polyglass translate runs/en-de/best'},
            {"purpose": "Go on training", "command": "polyglass train --resume runs/en-de --train.steps 20000"},
        ],
    }


def data_check() -> dict[str, Any]:
    """What the trainer leaves after reading the corpus, as `data_check.json`."""
    return {
        "files": ["train.en.gz", "train.de.gz"],
        "read": 29_000,
        "kept": 28_914,
        "dropped": {"duplicate": 61, "overlap": 14, "length_ratio": 8, "empty_target": 3, "too_long": 0},
        "warnings": ["14 training pairs stand in the validation or test set and were dropped."],
        "samples": [
            {"line": 1, "source": SENTENCES[0][0], "target": SENTENCES[0][1]},
            {"line": 14_500, "source": SENTENCES[1][0], "target": SENTENCES[1][1]},
        ],
    }


def write_run(folder: Path) -> Path:
    """Write the whole run and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder)
    for name, content in (("final.json", final()), ("data_check.json", data_check())):
        (folder / name).write_text(json.dumps(content), encoding="utf-8", newline="\n")
    return folder


if __name__ == "__main__":
    from polyglass.training.report import write_report

    print(write_report(write_run(Path(sys.argv[1]))))
