"""A corpus in, what is wrong with it, where, and how to mend it out. `polyglass data check` prints the result."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from polyglass.config import DataConfig
from polyglass.data.alignment import Alignment, AlignmentScan
from polyglass.data.corpus import CorpusFiles
from polyglass.data.exam import Exam, Fault
from polyglass.data.exam_report import Circumstances, mending_command, report_faults
from polyglass.data.filters import FilterReport, filter_pairs, hash_source
from polyglass.data.findings import Finding, Verdict, by_level, find_all, judge
from polyglass.data.pair import Pair, in_batches
from polyglass.data.side_statistics import Side, SideStatistics, count_words
from polyglass.data.unequal import WINDOW, refine
from polyglass.errors import DataError

_SAMPLE_PLACES = (0.1, 0.5, 0.9)  # of the way through the corpus
_MOST_CANDIDATES = 64


@dataclass(frozen=True)
class Sample:
    """One kept pair to look at."""

    line: int
    source: str
    target: str


@dataclass(frozen=True)
class CorpusHealth:
    """Everything that `polyglass data check` says about a corpus."""

    files: tuple[str, ...]
    read: int
    kept: int
    dropped: dict[str, int]  # reason -> pairs; see `filters.REASONS`
    first_dropped: dict[str, int]  # reason -> line of the first such pair
    overlapping: int  # training pairs whose source stands in validation or test
    held_out: dict[str, int]  # "valid" and "test" -> pairs
    source: Side  # of the pairs that are kept
    target: Side
    samples: tuple[Sample, ...]
    alignment: Alignment
    verdict: Verdict
    findings: tuple[Finding, ...]  # errors first
    command: str = ""  # what mends all that can be mended, or ""

    @property
    def healthy(self) -> bool:
        """True if nothing was found that must be mended before training."""
        return not any(finding.level == "error" for finding in self.findings)

    def check(self) -> None:
        """Raise DataError with all findings that must be mended before training."""
        errors = [f"{finding.text} {finding.remedy}" for finding in self.findings if finding.level == "error"]
        if errors:
            raise DataError("\n".join(errors))


@dataclass(frozen=True)
class Thorough:
    """Look at each pair for faults, too. strict: bytes that are not UTF-8 are an error; findings: TSV of all lines."""

    strict: bool = True
    findings: Path | None = None


def check_corpus(
    files: CorpusFiles,
    config: DataConfig,
    *,
    held_out: Mapping[str, CorpusFiles] | None = None,
    dropped: Path | None = None,
    keep: Callable[[Sequence[Pair]], None] = lambda pairs: None,
    thorough: Thorough | None = None,
) -> CorpusHealth:
    """Read a corpus once and tell what training would see.

    held_out: the corpora named "valid" and "test", if there are any. dropped: where the TSV file of dropped pairs is
    written. keep: is handed the pairs that pass the filters, in order, a few thousand at a time. thorough: None looks
    only for what concerns the whole corpus, which takes half the time. Raises DataError if a file cannot be read or the
    sides differ in their number of lines.
    """
    held_out = held_out or {}
    seen_apart = _HeldOut(held_out, texts=thorough is not None)
    exam = Exam(seen_apart.texts) if thorough else None
    report = FilterReport()
    scan = AlignmentScan()
    sides = SideStatistics(seen_apart.source_words), SideStatistics(seen_apart.target_words)
    samples = _Samples()
    watched = _watch(files.with_damaged(), scan)
    note, apart = exam.note if exam else _ignore, seen_apart.sources
    kept = filter_pairs(watched, config, report, held_out=apart, dropped=dropped, on_drop=note)
    for batch in in_batches(kept):
        sides[0].add([pair.source for pair in batch])
        sides[1].add([pair.target for pair in batch])
        samples.add(batch)
        keep(batch)
        if exam:
            exam.add(batch)
    alignment = _refined(scan.finish(), files)
    source, target = (side.finish(code) for side, code in zip(sides, files.guess_languages(), strict=True))
    findings = find_all(files, report, alignment, sides=(source, target), drop_overlap=config.drop_overlap)
    command = ""
    if exam and thorough:
        around = Circumstances(files, held_out, report.kept, sum(seen_apart.sizes.values()), thorough.strict)
        findings = _with_faults(findings, exam.finish(), around, thorough.findings)
        command = _mend_all(findings, around)
    return CorpusHealth(
        files=tuple(map(str, files.paths)),
        read=report.read,
        kept=report.kept,
        dropped=dict(report.dropped.most_common()),
        first_dropped=dict(report.first_line),
        overlapping=report.overlapping,
        held_out=seen_apart.sizes,
        source=source,
        target=target,
        samples=samples.chosen(),
        alignment=alignment,
        verdict=judge(alignment),
        findings=findings,
        command=command,
    )


def _with_faults(
    findings: Sequence[Finding], faults: Sequence[Fault], around: Circumstances, path: Path | None
) -> tuple[Finding, ...]:
    """Put the faults of single pairs in place of what was said of the whole corpus."""
    if any(finding.name in ("slips", "unrelated") and finding.level == "error" for finding in findings):
        # Where the sides do not fit, nothing matches: that is one fault, not many.
        faults = [fault for fault in faults if fault.name not in ("numbers", "tags", "truncated")]
    told = report_faults(faults, around, path=path)
    instead = {"twice_encoded": "twice_encoded", "leak": "overlap", "bad_encoding": "unread", "malformed": "unread"}
    replaced = {instead[fault.name] for fault in faults if fault.name in instead}
    others = [finding for finding in findings if finding.name not in replaced]
    for place, finding in enumerate(others):
        if finding.name == "slips":
            command = mending_command(["slips"], around)
            others[place] = replace(finding, remedy="Put the sides together again:", command=command)
    return by_level([*others, *told])


def _mend_all(findings: Sequence[Finding], around: Circumstances) -> str:
    kinds = [finding.name for finding in findings if finding.level != "note" and finding.command]
    return mending_command(kinds, around) if len(kinds) > 1 else ""


def _ignore(pair: Pair, reason: str) -> None:
    """Do nothing with a dropped pair."""


class _HeldOut:
    """Fingerprints and words of the validation and test sets."""

    def __init__(self, corpora: Mapping[str, CorpusFiles], *, texts: bool) -> None:
        sources: set[int] = set()
        self.texts: dict[str, list[str]] = {}  # the sources, if asked for
        self.sizes: dict[str, int] = {}
        self.source_words: Counter[str] = Counter()
        self.target_words: Counter[str] = Counter()
        for name, corpus in corpora.items():
            self.sizes[name] = 0
            kept = self.texts.setdefault(name, [])
            for batch in in_batches(corpus):
                self.sizes[name] += len(batch)
                if texts:
                    kept += [pair.source for pair in batch]
                sources.update(hash_source(pair.source) for pair in batch if pair.source.strip())
                if name == "valid":
                    self.source_words.update(count_words(pair.source for pair in batch))
                    self.target_words.update(count_words(pair.target for pair in batch))
        self.sources = frozenset(sources)


class _Samples:
    """Keeps every n-th pair; n doubles whenever there are too many, so that they cover the whole corpus evenly."""

    def __init__(self) -> None:
        self._kept: list[Pair] = []
        self._stride = 1
        self._count = 0

    def add(self, batch: Sequence[Pair]) -> None:
        for pair in batch:
            if self._count % self._stride == 0:
                self._kept.append(pair)
                if len(self._kept) == _MOST_CANDIDATES:
                    self._kept, self._stride = self._kept[::2], self._stride * 2
            self._count += 1

    def chosen(self) -> tuple[Sample, ...]:
        places = sorted({int(place * len(self._kept)) for place in _SAMPLE_PLACES}) if self._kept else []
        return tuple(Sample(pair.line, pair.source, pair.target) for pair in (self._kept[place] for place in places))


def _watch(pairs: Iterable[Pair], scan: AlignmentScan) -> Iterator[Pair]:
    """Hand pairs on, and show them to the scan in the order of the file."""
    for batch in in_batches(pairs):
        scan.add([pair.source for pair in batch], [pair.target for pair in batch])
        yield from batch


def _refined(alignment: Alignment, files: CorpusFiles) -> Alignment:
    """Look at the first break once more, line by line."""
    if not alignment.breaks or alignment.breaks[0].line == 1:
        return alignment
    rough = alignment.breaks[0]
    start = max(1, rough.line - WINDOW)
    window = islice(files.with_damaged(), start - 1, rough.line + WINDOW)
    exact = refine(((pair.source, pair.target) for pair in window), rough)
    return replace(alignment, breaks=(exact, *alignment.breaks[1:]))
