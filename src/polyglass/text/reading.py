"""A sentence in, what a model reads of it out, and a tree of everything that was taken away.

Tags have no width: they are taken out, and each pair of them is a span of the text. Placeholders are taken out as well
(`project`), or a mask stands for each, which a model may have learned to copy (`mask`; Post et al. 2019, "An
Exploration of Placeholding in Neural Machine Translation"). Line breaks and runs of spaces become one space.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from polyglass.text.codes import FIRST_MASK, MASKS
from polyglass.text.runs import Run

Method = Literal["project", "mask", "mask_tags"]
_SPACES = re.compile(r"\s+")
CLOSES_UP = re.compile(r"[.,;:!?…)\]}»”’%]|[。，、；：！？）】」』]")


@dataclass
class Mark:
    """Something that was taken out of a sentence. start, end: the characters of the text that it stood around.

    before, after: the characters of its own: both tags of a pair, or all of a single thing in `before`. is_word: it
    counts as a word (a placeholder), so that spaces stand around it where they stood. mask, mask_after: what stands in
    the text for `before` and `after`, or "". inner: what stood inside of it, in order.
    """

    before: str
    after: str = ""
    start: int = 0
    end: int = 0
    is_span: bool = False
    is_word: bool = False
    from_outside: bool = False
    to_outside: bool = False
    space_before: bool = False
    space_after: bool = False
    mask: str = ""
    mask_after: str = ""
    inner: list["Mark"] = field(default_factory=list)

    def marks(self) -> Iterator["Mark"]:
        """Yield every mark inside of this one, in the order in which they begin."""
        waiting = self.inner[::-1]
        while waiting:
            mark = waiting.pop()
            yield mark
            waiting += mark.inner[::-1]


@dataclass(frozen=True)
class Reading:
    """What a model reads of a sentence, and what was taken out of it: a mark around all of it."""

    text: str
    root: Mark


def read_sentence(runs: Sequence[Run], method: Method) -> Reading:
    """Take the tags and codes out of the runs of a sentence."""
    writer = _Writer()
    alone = _without_pair(runs)
    masks = iter(_unused_masks(runs) if method != "project" else ())
    for place, run in enumerate(runs):
        if run.role == "text":
            writer.text(run.text)
            continue
        mask = next(masks, "") if run.role == "code" or method == "mask_tags" else ""
        if run.role in ("code", "point") or place in alone:
            writer.point(run, mask)
        elif run.role == "open":
            writer.open(run, mask)
        else:
            writer.close(run, mask)
    return writer.finish()


def _without_pair(runs: Sequence[Run]) -> set[int]:
    """Return the places of tags that cross others; each must stand by itself, or the tree would be none."""
    alone: set[int] = set()
    lost: set[int] = set()  # pairs of which one tag stands alone
    opened: list[int] = []
    waiting: set[int] = set()  # pairs that are open
    for place, run in enumerate(runs):
        if run.role == "open":
            opened.append(place)
            waiting.add(run.pair)
        elif run.role == "close" and run.pair in lost:
            alone.add(place)
        elif run.role == "close":
            is_open = run.pair in waiting
            while opened and runs[opened[-1]].pair != run.pair:
                crossed = opened.pop()
                alone.add(crossed)
                lost.add(runs[crossed].pair)
                waiting.discard(runs[crossed].pair)
            if is_open:
                opened.pop()
                waiting.discard(run.pair)
    return alone


def _unused_masks(runs: Sequence[Run]) -> Iterator[str]:
    text = "".join(run.text for run in runs if run.role == "text")
    return (chr(code) for code in range(FIRST_MASK, FIRST_MASK + MASKS) if chr(code) not in text)


class _Writer:
    """Collects text and marks."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._root = Mark("")
        self._stack = [self._root]
        self._words: list[Mark] = []  # marks until it is known whether a space follows them
        self._here: list[Mark] = []  # marks that begin or end where the text ends now

    def text(self, text: str) -> None:
        """Add text to read."""
        text = _SPACES.sub(" ", text)
        if text and self._words:
            for mark in self._words:
                mark.space_after = text[0] == " "
            taken_out = any(mark.is_word and not mark.mask for mark in self._words)
            if taken_out and CLOSES_UP.match(text) and self._ends_with_space():
                self._drop_space()
            self._words = []
        if text.startswith(" ") and (self._ends_with_space() or not self._length):
            text = text[1:]
        self._add(text)

    def point(self, run: Run, mask: str) -> None:
        """Add something that stands by itself."""
        mark = Mark(run.raw, start=self._length, is_word=run.role == "code", mask=mask)
        mark.space_before = self._ends_with_space()
        self._add(mask)
        mark.end = self._length
        self._stack[-1].inner.append(mark)
        self._here.append(mark)
        for earlier in self._words if mark.is_word else ():
            earlier.space_after = mark.space_before
        self._words = [mark] if mark.is_word else [*self._words, mark]

    def open(self, run: Run, mask: str) -> None:
        """Begin a span."""
        self._add(mask)
        mark = Mark(run.raw, start=self._length, is_span=True, to_outside=True, mask=mask)
        self._stack[-1].inner.append(mark)
        self._stack.append(mark)
        self._here.append(mark)

    def close(self, run: Run, mask: str) -> None:
        """End a span; one that began in another sentence holds everything so far."""
        if len(self._stack) > 1:
            mark = self._stack.pop()
        else:
            mark = Mark("", is_span=True, from_outside=True, inner=self._root.inner)
            self._root.inner = [mark]
        mark.after, mark.end, mark.to_outside, mark.mask_after = run.raw, self._length, False, mask
        self._here.append(mark)
        self._add(mask)

    def finish(self) -> Reading:
        """Return what was collected."""
        text = "".join(self._parts).rstrip()
        self._root.end = len(text)
        reading = Reading(text, self._root)
        for mark in reading.root.marks():
            mark.start = min(mark.start, len(text))
            mark.end = len(text) if mark.to_outside else min(mark.end, len(text))
        return reading

    def _ends_with_space(self) -> bool:
        return bool(self._parts) and self._parts[-1].endswith(" ")

    def _add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)
            self._here = []

    def _drop_space(self) -> None:
        self._parts[-1] = self._parts[-1][:-1]
        if not self._parts[-1]:
            self._parts.pop()
        self._length -= 1
        for mark in self._here:
            mark.start, mark.end = min(mark.start, self._length), min(mark.end, self._length)
