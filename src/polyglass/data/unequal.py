"""Two files of different length in, the place where a line is missing out, in words.

A count alone ("29,000 and 28,999 lines") leaves the whole file to search. The lines themselves tell where they stop
being translations of each other.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from polyglass.data.alignment import FEWEST_PAIRS, MAX_SHIFT, AlignmentScan, Break, place_break, place_only_break
from polyglass.data.formats.lines import read_lines
from polyglass.data.odd_characters import line_like_in, name_character, visible
from polyglass.errors import DataError

WINDOW = 300  # lines on each side of the rough place that are read again
_BATCH = 4096
_SHOWN_CHARACTERS = 56
_NEAR = 25  # an odd character so close to the place is probably the cause
_SMALL = 4000  # pairs that are looked at all at once


def explain_unequal(paths: Sequence[Path], counts: tuple[int, int]) -> DataError:
    """Return the error for two text files whose numbers of lines differ."""
    names = (str(paths[0]), str(paths[1]))
    head = (
        f"both files must have the same number of lines, but {names[0]} has {counts[0]:,} "
        f"and {names[1]} has {counts[1]:,}."
    )
    if 0 in counts:
        return DataError(f"{head} One of them is empty.")
    place = _find(paths, counts)
    if place is None:
        last = min(counts)
        shorter = names[counts[0] > counts[1]]
        text = f"The first {last:,} lines fit; {shorter} ends there. Was it cut off? Copy it again, or cut the other."
        return DataError(f"{head} {text}\n{_around(paths, last)}")
    shown = f"{_around(paths, place.line)}{odd_near(paths, place.line)}"
    return DataError(f"{head} {describe_break(place, names)}\n{shown}")


def describe_break(at: Break, names: tuple[str, str]) -> str:
    """Say what happens at a break and what to do."""
    look = "Look there in both files"
    if at.after is None:
        return (
            f"From about line {at.line:,} on the lines do not fit, and no shift by up to {MAX_SHIFT} mends it. {look}."
        )
    if at.after == 0:
        return f"From about line {at.line:,} on the lines fit again."
    text = f"From about line {at.line:,} on, line n of {names[0]} fits line n{at.after:+d} of {names[1]}."
    step = at.after - (at.before or 0)
    number = "one line" if abs(step) == 1 else f"{abs(step)} lines"
    missing, extra = (names[0], names[1]) if step > 0 else (names[1], names[0])
    return f"{text} {look}: {missing} lacks {number}, or {extra} has {number} too many."


def show_pairs(pairs: Iterable[tuple[str, str]], names: Sequence[str], *, first: int) -> str:
    """Show pairs whose lines count from `first`, one text below the other."""
    wide = max(map(len, names))
    return "\n".join(
        f"  {number:>9,} {name:<{wide}}  {visible(text, _SHOWN_CHARACTERS)}"
        for number, pair in enumerate(pairs, start=first)
        for name, text in zip(names, pair, strict=True)
    )


def odd_near(paths: Sequence[Path], line: int) -> str:
    """Name characters near a line that other tools count as line ends: they are the usual cause."""
    first = max(1, line - _NEAR)
    notes = []
    for path in paths:
        for number, text in enumerate(islice(read_lines(path, errors="skip"), first - 1, line + _NEAR), start=first):
            if odd := line_like_in(text):
                names = ", ".join(map(name_character, odd))
                notes.append(f"\nLine {number:,} of {path} holds {names}, which some tools count as a line end; ")
    return "".join(f"{note}here only LF ends a line." for note in notes[:3])


def refine(pairs: Iterable[tuple[str, str]], rough: Break) -> Break:
    """Find the exact line of a break: `pairs` are the lines from `rough.line` - WINDOW to + WINDOW."""
    window = list(pairs)
    first = max(1, rough.line - WINDOW)
    exact = place_break(*map(list, zip(*window, strict=True)), at=rough, middle=rough.line - first)
    return Break(first + exact, rough.before, rough.after)


def _find(paths: Sequence[Path], counts: tuple[int, int]) -> Break | None:
    """Return the first break; None if all lines up to the shorter side's end fit."""
    shared, shift = min(counts), counts[1] - counts[0]
    scan = AlignmentScan()
    lines = _both(paths, 1, shared)
    while batch := list(islice(lines, _BATCH)):
        scan.add(*map(list, zip(*batch, strict=True)))
    breaks = scan.finish().breaks if shared >= 2 * FEWEST_PAIRS else ()
    if breaks:
        start = max(1, breaks[0].line - WINDOW)
        return refine(_both(paths, start, breaks[0].line + WINDOW - start), breaks[0])
    if abs(shift) > MAX_SHIFT:
        return None
    # The fault is near the end, or the files are small: there must be one break, so take the likeliest place.
    tail = max(1, shared - _SMALL + 1)
    window = list(_both(paths, tail, _SMALL))
    place = place_only_break(*map(list, zip(*window, strict=True)), shift=shift)
    return None if place >= len(window) else Break(tail + place, 0, shift)


def _around(paths: Sequence[Path], line: int) -> str:
    first = max(1, line - 1)
    return show_pairs(_both(paths, first, 3), [path.name for path in paths], first=first)


def _both(paths: Sequence[Path], first: int, count: int) -> Iterator[tuple[str, str]]:
    """Yield `count` pairs of lines from line `first` on; the shorter side ends with empty lines."""
    sides = [islice(read_lines(path, errors="skip"), first - 1, first - 1 + count) for path in paths]
    return zip(*sides, strict=False)
