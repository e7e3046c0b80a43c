"""A text in, the places where it is cut out: sentences, and parts of a sentence that is too long.

Sentences are found by `sentencex` (the extra `formats`), which knows the abbreviations of 300 languages; without it by
marks that end a sentence. Nothing is lost: the parts, one after the other, are the text. No cut falls inside of a
stretch that the caller wants whole, nor between a letter and the signs that belong to it.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module

Span = tuple[int, int]

_SLICE = 20_000  # characters given to sentencex at a time: its time grows with the square where quotes stay open
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair; no UTF-8 can hold it, nor can sentencex
_FALLBACK = re.compile(
    r"""[.!?…]["'”’»)\]]{0,3}\s+(?=["'“‘«(\[¿¡]{0,3}[^\W\d_a-zß-öø-ÿ])|[!?…]["'”’»)\]]{0,3}\s+|[。！？｡؟۔।॥]["'”’»」』）]{0,3}\s*"""
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[^\W\d_]|Dr|Mr|Mrs|Ms|Prof|St|vs|etc|bzw|ca|Nr|No|Fig|Vol|z\.B|e\.g|i\.e)\.$"
)
_CLAUSE = re.compile(r"[,;:–—][\s]|[、，；：]")
_SPACE = re.compile(r"\s")
_CHARACTERS_PER_UNIT = 16  # nothing has more in the mean: what is so long is too long, without counting


def sentence_spans(text: str, language: str, whole: Sequence[Span]) -> list[Span]:
    """Return (start, end) of each sentence; together they are the text. whole: stretches that are not cut, in order."""
    hidden = _hide(text, whole)
    cuts: list[int] = []
    start = 0
    while start < len(hidden):
        end = len(hidden) if len(hidden) - start <= _SLICE else _space_before(hidden, start, start + _SLICE)
        found = [start + cut for cut in _cuts(hidden[start:end], language)]
        if end < len(hidden) and len(found) > 1:  # the last sentence goes on behind the slice
            found.pop()
        cuts += [*found] if found else [end]
        start = cuts[-1]
    inside = _Inside(whole)
    kept = [cut for cut in dict.fromkeys(cuts) if 0 < cut < len(text) and not inside(cut)]
    return list(zip([0, *kept], [*kept, len(text)], strict=True)) if text else []


def forced_spans(text: str, longest: int, measure: Callable[[str], int], whole: Sequence[Span]) -> list[Span]:
    """Cut a text so that no part measures more than `longest`: after a clause, else at a space, else anywhere allowed.

    A stretch that must stay whole and is too long by itself stays too long.
    """
    inside = _Inside(whole)
    spans: list[Span] = []
    start, step = 0, longest * _CHARACTERS_PER_UNIT
    while start < len(text):
        end = _good_cut(text, start, start + step, inside)
        while (size := measure(text[start:end])) > longest:
            step = max(1, (end - start) * longest // size)
            shorter = _good_cut(text, start, start + step, inside)
            if shorter >= end:
                break
            end = shorter
        if size * 2 < longest:  # what follows may be made of longer words
            step *= 2
        spans.append((start, end))
        start = end
    return spans


def too_long(text: str, longest: int, measure: Callable[[str], int]) -> bool:
    """True if a text measures more than `longest`; a text of megabytes is not measured."""
    return len(text) > longest * _CHARACTERS_PER_UNIT or measure(text) > longest


class _Inside:
    """Says whether a cut falls inside of one of some stretches, which are in order."""

    def __init__(self, whole: Sequence[Span]) -> None:
        self._starts = [start for start, _ in whole]
        self._ends = [end for _, end in whole]

    def __call__(self, cut: int) -> bool:
        return self.end(cut) > cut

    def end(self, cut: int) -> int:
        """Return where the stretch around `cut` ends, or `cut` itself."""
        place = bisect_right(self._starts, cut) - 1
        return self._ends[place] if place >= 0 and self._starts[place] < cut < self._ends[place] else cut


def _hide(text: str, whole: Sequence[Span]) -> str:
    """Put letters over what must stay whole, so that the dots of an address end no sentence."""
    parts, at = [], 0
    for start, end in whole:
        parts += [text[at:start], "X" * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def _cuts(text: str, language: str) -> Iterator[int]:
    splitter = _sentencex()
    at = 0
    if splitter is not None:
        text = _HALF.sub("\ufffd", text)
        parts = splitter(language.replace("_", "-").split("-")[0].lower() or "en", text)
        if "".join(parts) == text:
            for part in parts:
                at += len(part)
                yield at
            return
    for found in _FALLBACK.finditer(text):
        if not _ABBREVIATION.search(text[max(0, found.start() - 8) : found.start() + 1]):
            yield found.end()


@cache
def _sentencex() -> Callable[[str, str], list[str]] | None:
    try:
        found: Callable[[str, str], list[str]] = import_module("sentencex").segment
    except ImportError:
        return None
    return found


def _space_before(text: str, start: int, end: int) -> int:
    space = text.rfind(" ", start + 1, end)
    return space + 1 if space > 0 else end


def _good_cut(text: str, start: int, end: int, inside: _Inside) -> int:
    """Return the best place to cut in the second half of text[start:end], or behind it if nothing else is allowed."""
    if end >= len(text):
        return len(text)
    for pattern in (_CLAUSE, _SPACE):
        places = [found.end() for found in pattern.finditer(text, start + (end - start) // 2, end)]
        for cut in reversed(places):
            if not inside(cut):
                return cut
    cut = end
    while cut > start + 1 and (inside(cut) or _belongs_to_the_one_before(text, cut)):
        cut -= 1
    if cut > start + 1 or not (inside(cut) or _belongs_to_the_one_before(text, cut)):
        return cut
    cut = end
    while inside(cut) or _belongs_to_the_one_before(text, cut):
        cut = inside.end(cut) if inside(cut) else cut + 1
    return cut


def _belongs_to_the_one_before(text: str, cut: int) -> bool:
    """True if the character at `cut` is a sign upon the one before it, or both are one sign (after Unicode UAX 29)."""
    if not 0 < cut < len(text):
        return False
    here, before = text[cut], text[cut - 1]
    return (
        unicodedata.category(here).startswith("M")
        or here in "\u200d\ufe0e\ufe0f"
        or before == "\u200d"
        or 0x1F3FB <= ord(here) <= 0x1F3FF
        or (0x1F1E6 <= ord(here) <= 0x1F1FF and 0x1F1E6 <= ord(before) <= 0x1F1FF)
        or (before == "\r" and here == "\n")
        or 0xDC00 <= ord(here) <= 0xDFFF
    )
