"""Pairs in, the same pairs out and a copy of some in which masks stand for what both sides have in common.

A model that has read such copies copies masks, so that a placeholder can travel through it as one (Post et al. 2019,
"An Exploration of Placeholding in Neural Machine Translation"). In a pair whose placeholders are the same on both sides
these are masked; in a pair without any, some of the words that both sides share, such as names and numbers.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from polyglass.text.codes import FIRST_MASK, MASKS, find_codes

SHARE = 0.01  # of the pairs have placeholders where masks are learned without being asked for
_MOST_WORDS = 4
_WORD = re.compile(r"\w+")

Texts = tuple[str, str]
Span = tuple[int, int]


def with_masks(pairs: Iterable[Texts]) -> Iterator[Texts]:
    """Yield each pair, and behind it its masked copy if there is one. The same pairs give the same copies."""
    for pair in pairs:
        yield pair
        copy = mask_pair(*pair)
        if copy is not None:
            yield copy


def has_placeholders(pairs: Iterable[Texts]) -> bool:
    """True if one pair in a hundred or more has placeholders that are the same on both sides."""
    read = found = 0
    for source, target in pairs:
        read += 1
        codes = _codes(source)
        found += bool(codes) and Counter(codes) == Counter(_codes(target))
    return found > 0 and found >= SHARE * read


def mask_pair(source: str, target: str) -> Texts | None:
    """Return a pair with masks; None if both sides have nothing in common, or placeholders that differ."""
    spans, others = _code_spans(source), _code_spans(target)
    if not spans and not others:
        return _mask_words(source, target)
    codes, same = [text for text, _ in spans], [text for text, _ in others]
    if Counter(codes) != Counter(same) or len(codes) > MASKS:
        return None
    masks = _masks(source, len(codes))
    of_code: dict[str, list[str]] = {}
    for text, mask in zip(codes, masks, strict=True):
        of_code.setdefault(text, []).append(mask)
    theirs = [of_code[text].pop(0) for text in same]
    return (
        _replace(source, [span for _, span in spans], masks),
        _replace(target, [span for _, span in others], theirs),
    )


def _codes(text: str) -> list[str]:
    return [text[code.start : code.end] for code in find_codes(text)]


def _code_spans(text: str) -> list[tuple[str, Span]]:
    return [(text[code.start : code.end], (code.start, code.end)) for code in find_codes(text)]


def _mask_words(source: str, target: str) -> Texts | None:
    """Mask one to four words that both sides have exactly once."""
    ours = {found[0]: found.span() for found in _WORD.finditer(source)}
    theirs = {found[0]: found.span() for found in _WORD.finditer(target)}
    once, twice = Counter(_WORD.findall(source)), Counter(_WORD.findall(target))
    common = [word for word in ours if word in theirs and once[word] == twice[word] == 1]
    if not common:
        return None
    chance = zlib.crc32(source.encode("utf-8", "surrogatepass"))
    start = chance % len(common)
    chosen = set((common[start:] + common[:start])[: 1 + chance // MASKS % _MOST_WORDS])
    masks = dict(zip(sorted(chosen, key=ours.__getitem__), _masks(source, len(chosen)), strict=True))
    return _mask_those(source, ours, masks), _mask_those(target, theirs, masks)


def _mask_those(text: str, spans: Mapping[str, Span], masks: Mapping[str, str]) -> str:
    words = sorted(masks, key=spans.__getitem__)
    return _replace(text, [spans[word] for word in words], [masks[word] for word in words])


def _masks(source: str, count: int) -> list[str]:
    """Return masks, beginning at any of them, so that a model learns all."""
    start = zlib.crc32(source.encode("utf-8", "surrogatepass")) % MASKS
    return [chr(FIRST_MASK + (start + number) % MASKS) for number in range(count)]


def _replace(text: str, spans: list[Span], words: list[str]) -> str:
    parts, at = [], 0
    for (start, end), word in zip(spans, words, strict=True):
        parts += [text[at:start], word]
        at = end
    return "".join([*parts, text[at:]])
