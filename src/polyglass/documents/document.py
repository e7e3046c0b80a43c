"""A file in, the sentences that it needs translated out, and the same file with their translations.

    document = parse_document(path.read_bytes(), path.name)      # see parse.py
    work = document.begin(source_lang="en", target_lang="de", longest=500)
    finished = work.finish([translate(sentence) for sentence in work.sentences])

What has a translation keeps it. Machine output is marked as the format allows. Everything else keeps its bytes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from polyglass.documents.original import Edit, Original
from polyglass.text.parts import PLAIN_RULES, Kind, Output, Parts, Rules, take_apart

State = Literal["open", "translated", "closed"]
Translated = Sequence[str | None]


@dataclass(frozen=True)
class Segment:
    """A text of a file in the file's own writing.

    state: "open" waits for a translation, "translated" has one, "closed" must not get one; reason: why it is closed.
    """

    source: str
    state: State = "open"
    reason: str = ""


@dataclass(frozen=True)
class Unit:
    """Segments that are written together. place: what a person calls it, such as "line 7".

    write: takes a translation for each segment, None for those that stay, and the target language; gives the edits.
    is_page: it is a whole page, whose sentences are counted.
    """

    place: str
    segments: tuple[Segment, ...]
    write: Callable[[Translated, str], Sequence[Edit]]
    line_breaks: Literal["keep", "space"] | None = None
    is_page: bool = False


@dataclass(frozen=True)
class Report:
    """What became of a file. segments = filled + kept + the sum of skipped (reason -> segments).

    flagged: in words, with their place, what a person should look at.
    """

    segments: int = 0
    filled: int = 0
    kept: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """A file with its translations, and what became of it."""

    content: bytes
    report: Report


@dataclass(frozen=True)
class Document:
    """A file that was read. languages: what it says itself, None where it says nothing.

    find_units: the units for a source and a target language. kind: how its texts write tags. tags: which are kept with
    all they hold, and which belong together. in_place: translations replace their sources, as in a web page.
    """

    original: Original
    format: str
    languages: tuple[str | None, str | None]
    find_units: Callable[[str, str], Sequence[Unit]]
    kind: Kind = "plain"
    tags: Rules = PLAIN_RULES
    in_place: bool = False

    def begin(
        self, *, source_lang: str, target_lang: str, overwrite: bool = False, longest: int, rules: Rules = PLAIN_RULES
    ) -> "Work":
        """Take the segments apart that wait for a translation; with `overwrite`, those too that have one."""
        rules = replace(rules, ignore_tags=rules.ignore_tags | self.tags.ignore_tags, paired_tags=self.tags.paired_tags)
        wanted = ("open", "translated") if overwrite else ("open",)
        jobs = []
        for unit in self.find_units(source_lang, target_lang):
            own = replace(rules, line_breaks=unit.line_breaks or rules.line_breaks)
            parts = tuple(
                take_apart(segment.source, kind=self.kind, language=source_lang, longest=longest, rules=own)
                if segment.state in wanted
                else None
                for segment in unit.segments
            )
            jobs.append(_Job(unit, parts))
        return Work(self, target_lang, tuple(jobs))


@dataclass(frozen=True)
class _Job:
    unit: Unit
    parts: tuple[Parts | None, ...]


@dataclass(frozen=True)
class Work:
    """What is to be translated of a file."""

    document: Document
    target_lang: str
    _jobs: tuple[_Job, ...] = field(repr=False)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a model is to translate, in the order of the file."""
        return tuple(sentence for parts in self._parts() for sentence in parts.sentences)

    @property
    def needs_alignment(self) -> tuple[bool, ...]:
        """For each sentence: True if tags or placeholders have to be put back into its translation."""
        return tuple(needed for parts in self._parts() for needed in parts.needs_alignment)

    def finish(self, outputs: Sequence[Output]) -> Finished:
        """Return the file with these translations of its sentences."""
        count = len(self.sentences)
        if len(outputs) != count:
            raise ValueError(f"there must be an output for each of {count} sentences, but there are {len(outputs)}")
        waiting = iter(outputs)
        edits: list[Edit] = []
        counts: Counter[str] = Counter()
        skipped: Counter[str] = Counter()
        flagged: list[str] = []
        for job in self._jobs:
            texts: list[str | None] = []
            for segment, parts in zip(job.unit.segments, job.parts, strict=True):
                if parts is None:
                    texts.append(None)
                    counts["kept"] += segment.state == "translated"
                    skipped.update([segment.reason] if segment.state == "closed" else [])
                    continue
                assembled = parts.assemble([next(waiting) for _ in parts.sentences])
                texts.append(assembled.text)
                counts["filled"] += len(parts.sentences) if job.unit.is_page else 1
                flagged += [f"{job.unit.place}: {repair}" for repair in dict.fromkeys(assembled.repairs)]
            if any(text is not None for text in texts):
                edits += job.unit.write(texts, self.target_lang)
        segments = counts.total() + skipped.total()
        report = Report(segments, counts["filled"], counts["kept"], skipped, tuple(flagged))
        content = self.document.original.edited(_once(edits), references=self.document.kind in ("xml", "html"))
        return Finished(content, report)

    def _parts(self) -> list[Parts]:
        return [parts for job in self._jobs for parts in job.parts if parts is not None]


def _once(edits: Sequence[Edit]) -> list[Edit]:
    """Several units may ask for the same edit, such as naming the target language of the file."""
    return list(dict.fromkeys(edits))
