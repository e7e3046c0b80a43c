"""Pairs in, what is wrong with single ones of them out, by kind, with their lines. For `data check` and `data clean`.

All is read once and in order. What costs a loop over characters is done on some thousand pairs at a time; what needs
the whole corpus (what its languages look like, what repeats) is kept in few bytes a pair and decided at the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyglass.data import mojibake
from polyglass.data.exam_contents import find_mismatches
from polyglass.data.exam_languages import STUDIED_CHARACTERS, LanguageExam
from polyglass.data.exam_repeats import HeldOutKeys, RepeatExam, Repeats, held_out_keys
from polyglass.data.exam_truncation import TruncationExam
from polyglass.data.letters import Words, characters, words
from polyglass.data.pair import DamagedText, Pair

# Every kind, and how `data clean` can mend it.
KINDS = {
    "bad_encoding": "fix",
    "malformed": "skip",
    "swapped": "mend",
    "twice_encoded": "mend",
    "language": "drop",
    "copies": "drop",
    "truncated": "drop",
    "numbers": "drop",
    "tags": "drop",
    "boilerplate": "drop",
    "near_duplicates": "drop",
    "leak": "drop",
}
# What is wrong with a pair is named once: numbers differ, too, where a whole side is of another pair.
_MAIN_FIRST = ("twice_encoded", "swapped", "copies", "language", "boilerplate", "truncated", "tags", "numbers")
_CHUNK_PAIRS = 16_384
_CHUNK_CHARACTERS = 1 << 22
_STUDIED = 2000  # characters of each text

Lines = NDArray[np.int64]


@dataclass(frozen=True)
class Fault:
    """Lines of the corpus with one kind of fault, in order. of: what each repeats, in words; empty if nothing."""

    name: str
    lines: tuple[int, ...]
    of: tuple[str, ...] = ()
    sides: tuple[int, int] = (0, 0)  # how often the source and the target have it, where that is known


class Exam:
    """Takes the pairs that are kept with `add`, those that are dropped with `note`; `finish` lists the faults."""

    def __init__(self, held_out: Mapping[str, Sequence[str]]) -> None:
        """held_out: the source texts of the sets named "valid" and "test"."""
        self._held_out: dict[str, HeldOutKeys] = {name: held_out_keys(texts) for name, texts in held_out.items()}
        self._waiting: list[Pair] = []
        self._characters = 0
        self._lines: list[Lines] = []
        self._languages, self._repeats, self._truncation = LanguageExam(), RepeatExam(), TruncationExam()
        self._found: dict[str, list[int]] = {name: [] for name in KINDS}
        self._leaks: list[str] = []
        self._same: list[Lines] = []
        self._overlapping: list[Pair] = []
        self._damaged = [0, 0]
        self._pairs = 0

    def add(self, batch: Sequence[Pair]) -> None:
        """Take the next pairs."""
        self._waiting += batch
        self._characters += sum(len(pair.source) + len(pair.target) for pair in batch)
        if len(self._waiting) >= _CHUNK_PAIRS or self._characters > _CHUNK_CHARACTERS:
            self._study()

    def note(self, pair: Pair, reason: str) -> None:
        """Take a pair that was dropped for a reason of `filters.REASONS`."""
        if reason == "identical":
            self._found["copies"].append(pair.line)
        elif reason == "length_ratio":
            self.add([pair])
        elif reason == "overlap":
            self._overlapping.append(pair)
            if len(self._overlapping) == _CHUNK_PAIRS:
                self._study_overlap()
        elif reason in ("bad_encoding", "malformed"):
            self._found[reason].append(pair.line)
            for side, text in enumerate((pair.source, pair.target)):
                self._damaged[side] += isinstance(text, DamagedText)

    def finish(self) -> tuple[Fault, ...]:
        """Decide what needs the whole corpus, and list all faults that occur."""
        self._study()
        self._study_overlap()
        lines = np.concatenate([np.zeros(0, dtype=np.int64), *self._lines])
        same = np.concatenate([np.zeros(0, dtype=np.int64), *self._same])
        by_language = self._languages.finish(same)
        near, boilerplate = self._repeats.finish()
        for name, places in (
            ("swapped", by_language.swapped),
            ("language", np.setdiff1d(by_language.wrong, same)),
            ("copies", same[by_language.leaning]),
            ("truncated", self._truncation.finish()),
            ("boilerplate", boilerplate.places),
        ):
            self._found[name] += lines[places].tolist()
        of = {"boilerplate": dict(_named(lines, boilerplate)), "near_duplicates": dict(_named(lines, near))}
        of["leak"] = dict(zip(self._found["leak"], self._leaks, strict=True))
        self._found["near_duplicates"] = list(of["near_duplicates"])
        named: set[int] = set()
        for name in _MAIN_FIRST:
            self._found[name] = [line for line in self._found[name] if line not in named]
            named.update(self._found[name])
        return tuple(self._listed(of))

    def _listed(self, of: Mapping[str, Mapping[int, str]]) -> Iterator[Fault]:
        for name in KINDS:
            found = sorted(set(self._found[name]))
            sides = (self._damaged[0], self._damaged[1]) if name == "bad_encoding" else (0, 0)
            if found:
                repeats = tuple(of[name][line] for line in found) if name in of else ()
                yield Fault(name, tuple(found), repeats, sides)

    def _study(self) -> None:
        if not self._waiting:
            return
        chunk, self._waiting, self._characters = self._waiting, [], 0
        lines = [pair.line for pair in chunk]
        texts = [pair.source[:_STUDIED] for pair in chunk], [pair.target[:_STUDIED] for pair in chunk]
        sides = characters(texts[0]), characters(texts[1])
        found = words(sides[0]), words(sides[1])
        short = [[text[:STUDIED_CHARACTERS] for text in side] for side in texts]
        self._languages.add((characters(short[0]), characters(short[1])))
        self._repeats.add(found)
        self._truncation.add(texts, found)
        numbers, tags = find_mismatches(sides, texts)
        self._found["numbers"] += [lines[row] for row in numbers]
        self._found["tags"] += [lines[row] for row in tags]
        for side, rows in zip(texts, map(mojibake.suspects, sides), strict=True):
            self._found["twice_encoded"] += [lines[row] for row in rows if mojibake.mend(side[row]) != side[row]]
        self._find_leaks(found[0], lines)
        self._find_same(found, texts)
        self._lines.append(np.array(lines, dtype=np.int64))
        self._pairs += len(chunk)

    def _study_overlap(self) -> None:
        found = words(characters([pair.source[:_STUDIED] for pair in self._overlapping]))
        self._find_leaks(found, [pair.line for pair in self._overlapping])
        self._overlapping = []

    def _find_leaks(self, found: Words, lines: Sequence[int]) -> None:
        leaks: dict[int, str] = {}
        for name, keys in self._held_out.items():
            places, of = keys.find(found)
            for row, held_out in zip(places.tolist(), of.tolist(), strict=True):
                leaks.setdefault(row, f"{name} {held_out + 1}")
        for row in sorted(leaks):
            self._found["leak"].append(lines[row])
            self._leaks.append(leaks[row])

    def _find_same(self, found: tuple[Words, Words], texts: Sequence[Sequence[str]]) -> None:
        """Keep the places of pairs whose sides have the same words."""
        rows = np.flatnonzero((found[0].sums() == found[1].sums()) & (found[0].counts > 0)).tolist()
        same = [row for row in rows if _in_order(texts[0][row]) == _in_order(texts[1][row])]
        self._same.append(np.array(same, dtype=np.int64) + self._pairs)


def _in_order(text: str) -> str:
    """Return what counts when two texts are compared: letters and digits, without regard to case."""
    return "".join(filter(str.isalnum, text.casefold()))


def _named(lines: Lines, repeats: Repeats) -> Iterator[tuple[int, str]]:
    """Yield each line that repeats another, and that one in words."""
    for line, of in zip(lines[repeats.places].tolist(), lines[repeats.of].tolist(), strict=True):
        yield line, f"line {of}"
