"""The record of an evaluation in, a text of 80 columns out."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from polyglass.evaluation.diagnose import Finding
from polyglass.evaluation.report import Example, Report
from polyglass.evaluation.score import Bucket, Metric

_WIDTH = 80


def as_text(report: Report, record: Mapping[str, Any]) -> str:
    """Everything that was found, most important first; `record` holds what is not in the report."""
    sections = [
        _head(record),
        _metrics(report.scores.metrics),
        _comparisons(report, record),
        _buckets(report.buckets),
        _diagnosis(report, record),
        _examples("Worst sentences", report.worst),
        _examples("Best sentences", report.best),
        _signatures(report),
    ]
    return "\n".join("".join(f"{line}\n" for line in lines) for section in sections if (lines := list(section)))


def _head(record: Mapping[str, Any]) -> Iterator[str]:
    files = ", ".join(file["path"] for file in record["data"]["files"])
    yield from _wrapped(f"{record['system']['name']} on {files}: {record['data']['sentences']:,} sentences.")
    time = record["time"]
    if time["translate_seconds"] is not None:
        decode = record["system"]["model"]["decode"]
        search = "sampling" if decode["sample"] else f"beam {decode['beam_size']}"
        yield (
            f"Translated in {time['translate_seconds']:.1f} s, {time['sentences_per_second']:.1f} sentences a second "
            f"({search})."
        )


def _metrics(metrics: Sequence[Metric]) -> Iterator[str]:
    yield f"{'metric':<36}{'score':>7}{'95 % interval':>18}"
    for metric in metrics:
        interval = "" if metric.low is None else f"{metric.low:.1f} to {metric.high:.1f}"
        better = "" if metric.higher_is_better else "  (lower is better)"
        yield f"{metric.label:<36}{metric.value:>7.1f}{interval:>18}{better}"


def _comparisons(report: Report, record: Mapping[str, Any]) -> Iterator[str]:
    if not report.comparisons:
        return
    name_a, name_b = record["against"]["name"], record["system"]["name"]
    yield from _wrapped(f"Compared with {name_a}")
    for comparison in report.comparisons:
        yield (
            f"  {comparison.label:<8}{comparison.a:>6.1f} -> {comparison.b:.1f}   difference {comparison.delta:+.1f} "
            f"({comparison.low:+.1f} to {comparison.high:+.1f})"
        )
        yield from _wrapped(comparison.verdict(name_a, name_b), indent=4)


def _buckets(buckets: Sequence[Bucket]) -> Iterator[str]:
    yield f"{'source length':<20}{'sentences':>10}{'chrF2':>8}{'BLEU':>8}{'output / reference length':>28}"
    for bucket in buckets:
        span = f"{bucket.shortest}-{bucket.longest}" if bucket.longest else f"{bucket.shortest}+"
        span = "0" if bucket.longest == 0 else span
        yield (
            f"{span + ' ' + bucket.unit:<20}{bucket.sentences:>10,}{bucket.chrf:>8.1f}{bucket.bleu:>8.1f}"
            f"{bucket.length_ratio:>28.2f}"
        )


def _diagnosis(report: Report, record: Mapping[str, Any]) -> Iterator[str]:
    yield "What goes wrong"
    yield from _wrapped(report.diagnosis.verdict, indent=2)
    for finding in report.diagnosis.findings:
        yield from _wrapped(f"- {finding.sentence} {_places(finding)}", indent=2, hanging=2)
    if cut := record["system"]["cut_lines"]:
        some = ", ".join(map(str, cut[:5])) + (", ..." if len(cut) > 5 else "")
        yield from _wrapped(
            f"- {len(cut):,} sources were longer than the model takes and were cut. Lines: {some}", indent=2, hanging=2
        )


def _places(finding: Finding) -> str:
    more = ", ..." if finding.count > len(finding.lines) else ""
    return f"{'Line' if finding.count == 1 else 'Lines'}: {', '.join(map(str, finding.lines))}{more}"


def _examples(title: str, examples: Sequence[Example]) -> Iterator[str]:
    if not examples:
        return
    yield f"{title} (chrF2)"
    for example in examples:
        yield f"  line {example.line}: {example.chrf:.1f}"
        for name, text in (("source", example.source), ("reference", example.reference), ("output", example.output)):
            yield from _wrapped(f"{name:<11}{text or '(empty)'}", indent=4, hanging=11)


def _signatures(report: Report) -> Iterator[str]:
    yield "Signatures (quote them with the scores)"
    for metric in report.scores.metrics:
        yield metric.label
        yield f"  {metric.signature}"
    for note in report.scores.notes:
        yield from _wrapped(note)


def _wrapped(text: str, *, indent: int = 0, hanging: int = 0) -> list[str]:
    kept = text.replace("p < ", "p\u00a0<\u00a0").replace("p = ", "p\u00a0=\u00a0")  # no line ends there
    first, rest = " " * indent, " " * (indent + hanging)
    lines = textwrap.wrap(
        kept, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\u00a0", " ") for line in lines]
