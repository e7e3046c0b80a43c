"""Runs in, sentences out: what a model reads in one piece, and what stands between.

Breaks cut a text into blocks. In a block, codes are found, sentences are cut out, and what stands at the edges of a
sentence (spaces, and tags that hold nothing of it or all of it) is left outside: it stays there in any language.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from polyglass.text.codes import find_codes
from polyglass.text.runs import Run
from polyglass.text.split import Span, forced_spans, sentence_spans, too_long
from polyglass.text.tags import plain_tags

Splitting = Literal["needed", "always", "never"]
_FRONT = re.compile(r"\s*(?:[-*\u2010-\u2015•·‣▪►>]\s+)*")  # the dash of a speaker, the bullet of a list
_TAGS = ("open", "close", "point")


@dataclass(frozen=True)
class Sentence:
    """Runs that are translated together. forced: it is a part of a sentence that was too long."""

    runs: tuple[Run, ...]
    forced: bool = False

    @property
    def raw(self) -> str:
        """The characters that stand in the text."""
        return "".join(run.raw for run in self.runs)


@dataclass(frozen=True)
class SplitRules:
    """When a block is cut into sentences, and how long one may be."""

    split: Splitting
    language: str
    longest: int
    measure: Callable[[str], int]
    icu: bool = False  # the text is a branch of a plural, in which "#" stands for the number


def find_sentences(runs: Iterable[Run], rules: SplitRules) -> Iterator[Sentence | Run]:
    """Yield sentences, and runs that are no part of one; their raws, in order, are those of `runs`."""
    block: list[Run] = []
    for run in runs:
        if run.role == "break":
            yield from _read_block(block, rules)
            block = []
            yield run
        else:
            block.append(run)
    yield from _read_block(block, rules)


def cut_runs(runs: Sequence[Run], cuts: Sequence[int]) -> list[list[Run]]:
    """Cut runs at characters of their joined text into len(cuts) + 1 lists.

    A run whose raw is not its text is not cut but goes to the list where it begins. Of tags at a cut, those that close
    go to the left.
    """
    groups: list[list[Run]] = [[] for _ in range(len(cuts) + 1)]
    group, at = 0, 0
    for run in runs:
        while group < len(cuts) and (at > cuts[group] or (at == cuts[group] and run.role != "close")):
            group += 1
        start = 0
        while group < len(cuts) and cuts[group] < at + len(run.text) and _can_be_cut(run):
            if cuts[group] - at > start:
                groups[group].append(_slice(run, start, cuts[group] - at))
            start = cuts[group] - at
            group += 1
        groups[group].append(_slice(run, start, len(run.text)) if start else run)
        at += len(run.text)
    return groups


def mark_codes(runs: Sequence[Run], *, icu: bool = False) -> list[Run]:
    """Make one run of role "code" of each placeholder or address in the text; none goes across a tag.

    Tags that are written as text, such as &lt;b&gt; in a translation memory, become tags.
    """
    marked: list[Run] = []
    group: list[Run] = []
    for run in [*runs, Run("break", "")]:
        if run.role == "text":
            group.append(run)
            continue
        for part in _with_tags(group, first_pair=-2 - len(marked)):
            marked += [part] if isinstance(part, Run) else _with_codes(part, icu)
        marked.append(run)
        group = []
    return marked[:-1]


def _with_tags(group: Sequence[Run], *, first_pair: int) -> Iterator[Run | list[Run]]:
    """Yield tags that are written as text, and lists of the stretches of text between them."""
    text = "".join(run.text for run in group)
    tags = plain_tags(text) if any("<" in run.text and run.raw != run.text for run in group) else []
    edges = [edge for tag in tags for edge in (tag.start, tag.end)]
    for number, runs in enumerate(cut_runs(group, edges)):
        if number % 2 == 0:
            yield runs
            continue
        place = number // 2
        tag, raw = tags[place], "".join(run.raw for run in runs)
        if tag.partner >= 0 and tag.form in ("open", "close"):
            role: Literal["open", "close"] = "open" if tag.form == "open" else "close"
            yield Run(role, raw, pair=first_pair - min(place, tag.partner))
        else:
            yield Run("point", raw)


def _with_codes(group: Sequence[Run], icu: bool) -> Iterator[Run]:
    text = "".join(run.text for run in group)
    edges = [edge for code in find_codes(text, icu=icu) for edge in (code.start, code.end)]
    for number, runs in enumerate(cut_runs(group, edges)):
        if number % 2 and runs:
            yield Run("code", "".join(run.raw for run in runs), "".join(run.text for run in runs))
        else:
            yield from runs


def _read_block(block: Sequence[Run], rules: SplitRules) -> Iterator[Sentence | Run]:
    runs = mark_codes(block, icu=rules.icu)
    if not _is_readable(runs):
        yield from runs
        return
    text = "".join(run.text for run in runs)
    whole = _whole(runs)
    is_long = too_long(text, rules.longest, rules.measure)
    if rules.split == "always" or (rules.split == "needed" and is_long):
        spans = sentence_spans(text, rules.language, whole)
    else:
        spans = [(0, len(text))]
    parts: list[tuple[Span, bool]] = []
    for start, end in spans:
        if not is_long or not too_long(text[start:end], rules.longest, rules.measure):
            parts.append(((start, end), False))
            continue
        inner = [(max(a, start) - start, min(b, end) - start) for a, b in whole if a < end and b > start]
        pieces = forced_spans(text[start:end], rules.longest, rules.measure, inner)
        parts += [((start + a, start + b), len(pieces) > 1) for a, b in pieces]
    groups = cut_runs(runs, [end for (_, end), _ in parts[:-1]])
    for group, (_, forced) in zip(groups, parts, strict=True):
        yield from _trimmed(group, forced)


def _trimmed(runs: Sequence[Run], forced: bool) -> Iterator[Sentence | Run]:
    """Yield what stands before a sentence, the sentence, and what stands behind it."""
    if not _is_readable(runs):
        yield from runs
        return
    text = "".join(run.text for run in runs)
    front = _FRONT.match(text).end()  # type: ignore[union-attr]
    back = len(text.rstrip())
    groups = cut_runs(runs, [front, back])
    runs = [run for group in groups for run in group]
    first, last = _edges(runs, len(groups[0]))
    yield from runs[:first]
    yield Sentence(tuple(runs[first:last]), forced)
    yield from runs[last:]


def _edges(runs: Sequence[Run], front: int) -> tuple[int, int]:
    """Return the first run of the sentence proper and the one behind its last. front: runs that are outside anyway."""
    outside = [place < front or run.role in _TAGS or not run.text.strip() for place, run in enumerate(runs)]
    first = outside.index(False)
    last = len(runs) - outside[::-1].index(False)
    places = {(run.role, run.pair): place for place, run in enumerate(runs) if run.role in ("open", "close")}
    mates = [
        places.get(("close" if run.role == "open" else "open", run.pair)) if run.role in ("open", "close") else None
        for run in runs
    ]
    while True:
        # A tag stays inside if what it holds begins or ends inside.
        kept_front = next((k for k in range(first) if (m := mates[k]) is not None and first <= m < last), first)
        kept_back = next(
            (k for k in range(len(runs) - 1, last - 1, -1) if (m := mates[k]) is not None and kept_front <= m < last),
            last - 1,
        )
        if (kept_front, kept_back + 1) == (first, last):
            return first, last
        first, last = kept_front, kept_back + 1


def _whole(runs: Sequence[Run]) -> list[Span]:
    """Return the stretches of the joined text that must not be cut."""
    spans, at = [], 0
    for run in runs:
        if run.role == "code" or not _can_be_cut(run):
            spans.append((at, at + len(run.text)))
        at += len(run.text)
    return spans


def _is_readable(runs: Iterable[Run]) -> bool:
    """True if there is a letter in the text."""
    return any(run.role == "text" and any(map(str.isalpha, run.text)) for run in runs)


def _can_be_cut(run: Run) -> bool:
    return run.role == "text" and run.raw == run.text


def _slice(run: Run, start: int, end: int) -> Run:
    return replace(run, raw=run.raw[start:end], text=run.text[start:end])
