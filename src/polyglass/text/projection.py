"""Marks around the words of a source in, the same marks around the words of its translation out.

A span goes to the stretch of target words that come from inside of it rather than from outside: the stretch with the
largest sum of (share from inside - 0.4). A single mark goes between the words that its neighbours became. Spans nest
because they are placed from the outside in, each within the one around it and beside its neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from polyglass.text.reading import Mark
from polyglass.text.units import Units

_SHARE = 0.4  # a target word belongs into a span if more than this share of it comes from there
_ORDER = 1.0  # what it counts for a place that all words before it come from before the mark, and the others do not
_LEANING = 0.8  # how much more the neighbour counts that a mark touches
_SURE = 10.0  # what it counts that a word must be inside


@dataclass
class Placed:
    """A mark and where it went: the target units from `start` to `end` (exclusive); a single mark is before `start`."""

    mark: Mark
    start: int
    end: int
    inner: list["Placed"] = field(default_factory=list)


class Projection:
    """Carries marks from a source to its target. rows: for each target unit how much comes from each source unit.

    found: for masks that the model copied, the target unit that each is; they are in their places already.
    """

    def __init__(self, source: Units, target: Units, rows: Sequence[Sequence[float]], found: Mapping[str, int]) -> None:
        self._source = source
        self._size = len(target)
        self._sums = [[0.0, *accumulate(row)] for row in rows]
        self._found = found
        self._sure: dict[int, int] = {}  # target unit -> source unit, of masks

    def place(self, root: Mark) -> Placed:
        """Place everything inside of `root`, which is around the whole sentence."""
        for mark in root.marks():
            if mark.mask in self._found and not mark.is_span:
                self._sure[self._found[mark.mask]] = self._source.before(mark.start)
        placed = Placed(root, 0, self._size)
        waiting = [placed]
        while waiting:
            around = waiting.pop()
            around.inner = self._place_inner(around)
            waiting += [one for one in around.inner if one.mark.inner]
        return placed

    def _place_inner(self, around: Placed) -> list[Placed]:
        """Place the marks directly inside of one: first the spans, the surest one first, then what has no width."""
        marks = around.mark.inner
        gains = {number: self._gains(mark, around) for number, mark in enumerate(marks) if mark.is_span}
        placed: dict[int, Placed] = {}
        gaps = [(around.start, around.end)]
        for number in sorted(gains, key=lambda number: (-max(gains[number], default=0.0), number)):
            mark = marks[number]
            stretch = self._copied(mark, gaps) or _best_stretch(gains[number], around.start, gaps, mark)
            if stretch is not None:
                placed[number] = Placed(mark, *stretch)
                gaps = _without(gaps, stretch)
        free = {place for low, high in gaps for place in (*range(low, high + 1),)} | {around.start, around.end}
        free |= {edge for one in placed.values() for edge in (one.start, one.end)}
        for number, mark in enumerate(marks):
            if number not in placed and (mark.is_span or mark.mask not in self._found):
                place = self._best_place(mark, around, sorted(free))
                placed[number] = Placed(mark, place, place)
        order = sorted(placed, key=lambda number: (placed[number].start, placed[number].end, number))
        return [placed[number] for number in order]

    def _gains(self, mark: Mark, around: Placed) -> list[float]:
        """Return for each target unit inside of `around` how much speaks for it to be inside of the mark, too."""
        low, high = self._source.before(mark.start), self._source.before(mark.end)
        gains = [sums[high] - sums[low] - _SHARE for sums in self._sums[around.start : around.end]]
        for unit, origin in self._sure.items():
            if around.start <= unit < around.end:
                gains[unit - around.start] = _SURE if low <= origin < high else -1.0
        return gains

    def _copied(self, mark: Mark, gaps: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        """Return where a span stands whose masks the model wrote, if it stands where it may."""
        start, end = self._found.get(mark.mask), self._found.get(mark.mask_after)
        if start is None or end is None or start >= end:
            return None
        return (start, end + 1) if any(low <= start and end < high for low, high in gaps) else None

    def _best_place(self, mark: Mark, around: Placed, places: Sequence[int]) -> int:
        """Return the boundary between target units whose neighbours come from the neighbours of the mark."""
        left, right = self._source.before(mark.start) - 1, self._source.before(mark.end)
        first = self._source.before(around.mark.start)
        last = self._source.before(around.mark.end) if around.mark.is_span else len(self._source)
        inside = self._sums[around.start : around.end]
        from_before = [0.0, *accumulate(sums[right] for sums in inside)]
        from_behind = [0.0, *accumulate(sums[-1] - sums[right] for sums in inside)]

        leaning = _LEANING * (mark.space_before - mark.space_after)  # what it is written to belongs to it

        def score(place: int) -> float:
            at = place - around.start
            order = (from_before[at] + from_behind[-1] - from_behind[at]) / max(1, len(inside))
            before = float(place == around.start) if left < first else self._weight(place - 1, left, around)
            behind = float(place == around.end) if right >= last else self._weight(place, right, around)
            return _ORDER * order + (1 - leaning) * before + (1 + leaning) * behind

        return max(places, key=lambda place: (score(place), -place))

    def _weight(self, unit: int, column: int, around: Placed) -> float:
        if not around.start <= unit < around.end:
            return 0.0
        return self._sums[unit][column + 1] - self._sums[unit][column]


def _best_stretch(
    gains: Sequence[float], first: int, gaps: Sequence[tuple[int, int]], mark: Mark
) -> tuple[int, int] | None:
    """Return the stretch within one gap whose gains add up to most; None if nothing is left, or the mark holds nothing.

    first: the target unit that the first gain is for.
    """
    best: tuple[int, int] | None = None
    most = float("-inf")
    for low, high in gaps if mark.start < mark.end else ():
        total, start = 0.0, low
        for unit in range(low, high):
            if total < 0 and not mark.from_outside:
                total, start = 0.0, unit
            total += gains[unit - first]
            if total > most and (not mark.to_outside or unit == high - 1):
                best, most = (start, unit + 1), total
    return best


def _without(gaps: Sequence[tuple[int, int]], taken: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the gaps that are left; empty ones are none."""
    left = []
    for low, high in gaps:
        parts = [(low, taken[0]), (taken[1], high)] if low <= taken[0] and taken[1] <= high else [(low, high)]
        left += [(a, b) for a, b in parts if a < b]
    return left
