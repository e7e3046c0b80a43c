"""After the last step: judge the best model as it will be used, and write it all down for people."""

import shlex
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from polyglass.bundle import load_bundle, save_bundle
from polyglass.data.pair import Pair
from polyglass.evaluation.report import Report, make_report
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.machine import describe_device
from polyglass.run.prepare import Corpus
from polyglass.training.plan_view import Card
from polyglass.training.report import write_report
from polyglass.training.state import Progress
from polyglass.translator import Translator

EXAMPLES = 10
LATENCY_SENTENCES = 100


@dataclass(frozen=True)
class Latency:
    """How long a sentence takes that is translated alone, in milliseconds."""

    median_ms: float
    p95_ms: float
    sentences: int
    device: str


def finish_run(folder: RunFolder, plan: RunPlan, corpus: Corpus, progress: Progress) -> Card:
    """Translate the validation set with the best model's own search; write final.json, report.html and the card."""
    translator = Translator(load_bundle(folder.path, device="cpu"))
    sources, references = corpus.validation_texts
    translations = translator.translate(sources)
    pairs = [Pair(line, *pair) for line, pair in enumerate(zip(sources, references, strict=True), 1)]
    report = make_report(
        pairs,
        [translation.text for translation in translations],
        finish_reasons=[translation.candidates[0].finish_reason for translation in translations],
        examples=EXAMPLES,
    )
    latency = measure_latency(translator, sources[:LATENCY_SENTENCES])
    _write_facts(folder, report, latency)
    size = _size_of_model(folder.path)
    commands = _next_commands(folder.path, plan)
    folder.write_json(
        "final.json",
        {
            "best_step": progress.best_step,
            "test_set": f"validation, {len(sources):,} sentences",
            "scores": [asdict(metric) for metric in report.scores.metrics],
            "notes": list(report.scores.notes),
            "seconds": progress.elapsed_seconds,
            "target_tokens": progress.target_tokens,
            "parameters": sum(p.numel() for p in translator.bundle.model.parameters()),
            "size_bytes": size,
            "latency": asdict(latency),
            "length_buckets": [asdict(bucket) for bucket in report.buckets],
            "best": [asdict(example) for example in report.best],
            "worst": [asdict(example) for example in report.worst],
            "config": plan.config.model_dump(),
            "commands": [{"purpose": purpose, "command": command} for purpose, command in commands],
        },
    )
    write_report(folder.path)
    return _card(folder, report, progress, latency, [command for _, command in commands])


def measure_latency(translator: Translator, sentences: Sequence[str]) -> Latency:
    """Translate each sentence by itself."""
    taken = []
    for sentence in sentences:
        began = time.perf_counter()
        translator.translate([sentence])
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    p95 = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
    device = describe_device(translator.bundle.model.device)
    return Latency(statistics.median(taken), p95, len(taken), device)


def _write_facts(folder: RunFolder, report: Report, latency: Latency) -> None:
    """Put the scores into the model's own card."""
    bundle = load_bundle(folder.path)
    scores = [
        {"metric": metric.label, "value": metric.value, "low": metric.low, "high": metric.high}
        | {"signature": metric.signature, "on": "validation"}
        for metric in report.scores.metrics
    ]
    bundle.facts.update(scores=scores, latency=asdict(latency))
    save_bundle(folder.path, bundle)


def _card(folder: RunFolder, report: Report, progress: Progress, latency: Latency, commands: list[str]) -> Card:
    chrf, bleu = report.scores["chrf"], report.scores["bleu"]
    return Card(
        name=str(folder.path),
        scored_on="the validation set",
        best_step=progress.best_step,
        chrf=chrf.value,
        chrf_interval=_interval(chrf.low, chrf.high),
        bleu=bleu.value,
        bleu_interval=_interval(bleu.low, bleu.high),
        signature=bleu.signature,
        seconds=progress.elapsed_seconds,
        target_tokens=progress.target_tokens,
        size_bytes=_size_of_model(folder.path),
        latency_median_ms=latency.median_ms,
        latency_p95_ms=latency.p95_ms,
        next_commands=tuple(commands),
    )


def _interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def _size_of_model(folder: Path) -> int:
    names = ("config.json", "model.safetensors", "card.md")
    return sum(path.stat().st_size for path in (*(folder / n for n in names), *folder.glob("tokenizer*.model")))


def _next_commands(folder: Path, plan: RunPlan) -> list[tuple[str, str]]:
    source, target, model = plan.source_lang, plan.target_lang, shlex.quote(str(folder))
    test = shlex.join(plan.facts["data"].get("test_files") or [f"test.{source}", f"test.{target}"])
    return [
        ("Translate what you type", f"polyglass translate {model}"),
        ("Translate a file", f"polyglass translate {model} --input in.{source} --output out.{target}"),
        ("Score it on a test set", f"polyglass evaluate {model} {test}"),
        ("Read the model card", f"polyglass info {model}"),
    ]
