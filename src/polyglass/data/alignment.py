"""Two sides of a corpus in, where they stop being translations of each other out.

Naive Bayes on the clues of `alignment_clues.py`: how much likelier is what we see if line i of the source belongs to
line i+k of the target than if it belongs to a line some way off? Both likelihoods are counted in the corpus itself,
16,384 lines at a time, so no language, threshold or word list is built in. A Viterbi path over the shifts -3..+3 and
"no line fits" then says where the sides slip. Memory does not grow with the corpus.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from polyglass.data.alignment_clues import GRAM_BITS, NUM_MARKS, Clues, Excerpts, clues_of, count_bits

MAX_SHIFT = 3
FEWEST_PAIRS = 100  # below this chance can look like a fault
_SHIFTS = tuple(range(-MAX_SHIFT, MAX_SHIFT + 1))
_STRANGERS = (-13, 17)  # lines so far off are no translations, but of the same kind of text
_MARGIN = 32  # lines kept from the last chunk, so that shifts can look across its border
_CHUNK = 16_384
_LAST_CHUNK = 4096  # at least so many lines are left for the last chunk: fewer teach too little
_BLOCK = 8  # lines whose evidence is added up before the path is searched
_MOST_BLOCKS = 65_536  # then blocks are joined by twos
_SWITCH_COST = 30.0  # nats that another shift must gain before the path goes there
_NO_FIT_BONUS = 0.05  # nats a line; real corpora have at least ten times as much evidence, shuffled ones a tenth
_PSEUDO_COUNT = 8.0
_FEWEST_LEARNED = 20
_LENGTH_CODES, _GRAM_CODES, _DIGIT_CODES, _MARK_CODES = 13, 19, 4, 4
_WIDTHS = (_LENGTH_CODES, _GRAM_CODES, _DIGIT_CODES, *(_MARK_CODES,) * NUM_MARKS)

Kind = TypeVar("Kind", bound=np.generic)
Scores = NDArray[np.float32]
Codes = list[NDArray[np.intp]]


@dataclass(frozen=True)
class Break:
    """From source line `line` (counted from 1) on, line n belongs to target line n + `after` (before: + `before`).

    None stands for: no line within three fits.
    """

    line: int
    before: int | None
    after: int | None


@dataclass(frozen=True)
class _Known:
    """In the first `middle` lines the shift is `before`, in the rest `after`."""

    before: int | None
    after: int | None
    middle: int

    def pick(self, codes: Mapping[int, Codes]) -> Codes | None:
        """Return the codes of lines that belong together, or None if they are too few to learn from."""
        halves = ((self.before, slice(None, self.middle)), (self.after, slice(self.middle, None)))
        parts = [[code[rows] for code in codes[shift]] for shift, rows in halves if shift is not None]
        together = [np.concatenate(kind) for kind in zip(*parts, strict=True)]
        return together if together and len(together[0]) >= _FEWEST_LEARNED else None


@dataclass(frozen=True)
class Alignment:
    """How well the two sides fit line by line."""

    pairs: int
    correlation: float  # Pearson, of the logarithms of both lengths
    length_spread: float  # the smaller side's standard deviation of the logarithm of the length
    evidence: float  # nats a line in favour of "these two belong together", along the best path
    fitting_share: float  # share of lines that fit where they stand
    breaks: tuple[Break, ...]


class AlignmentScan:
    """Reads pairs in order, a few thousand at a time; `finish` tells what it saw."""

    def __init__(self) -> None:
        self._source, self._target = Excerpts([], []), Excerpts([], [])
        self._lead = 0  # how many of the waiting lines are scored already
        self._block = _BLOCK
        self._blocks: list[Scores] = []
        self._rest = np.zeros((0, len(_SHIFTS)), dtype=np.float32)
        self._moments = np.zeros(6)

    def add(self, sources: Sequence[str], targets: Sequence[str]) -> None:
        """Take the next pairs; both lists are equally long."""
        self._source.extend(sources)
        self._target.extend(targets)
        while len(self._source) - self._lead >= _CHUNK + _LAST_CHUNK:
            self._score(self._lead + _CHUNK)

    def finish(self) -> Alignment:
        """Find the best path through all that was added."""
        if len(self._source) > self._lead:
            self._score(len(self._source))
        pairs, correlation, spread = self._lengths()
        blocks = np.concatenate([*self._blocks, self._rest.sum(axis=0, keepdims=True)])
        states = _best_path(blocks, bonus=_NO_FIT_BONUS * self._block)
        changes = np.flatnonzero(np.diff(states)) + 1
        shifts = (*_SHIFTS, None)
        breaks = [Break(int(at) * self._block + 1, shifts[states[at - 1]], shifts[states[at]]) for at in changes]
        if shifts[states[0]] != 0:
            breaks.insert(0, Break(1, 0, shifts[states[0]]))
        fits = states < len(_SHIFTS)
        gained = float(blocks[fits, states[fits]].sum())
        return Alignment(
            pairs=pairs,
            correlation=correlation,
            length_spread=spread,
            evidence=gained / max(1, pairs),
            fitting_share=float((states == MAX_SHIFT).mean()),
            breaks=tuple(breaks),
        )

    def _score(self, end: int) -> None:
        """Score the waiting lines from `lead` to `end`, then keep the last few of them for the next chunk."""
        source, target = clues_of(self._source.head(end + _MARGIN), self._target.head(end + _MARGIN))
        scores = _evidence(source, target)[self._lead : end]
        lengths = source.log_length[self._lead : end], target.log_length[self._lead : end]
        x, y = (side.astype(np.float64) for side in lengths)
        self._moments += np.array([len(x), x.sum(), y.sum(), x @ x, y @ y, x @ y])
        self._store(scores)
        kept = min(_MARGIN, end)
        self._source.forget(end - kept)
        self._target.forget(end - kept)
        self._lead = kept

    def _store(self, scores: Scores) -> None:
        scores = np.concatenate([self._rest, scores])
        whole = len(scores) // self._block * self._block
        self._rest = scores[whole:]
        self._blocks.append(scores[:whole].reshape(-1, self._block, len(_SHIFTS)).sum(axis=1))
        if sum(map(len, self._blocks)) > _MOST_BLOCKS:
            joined = np.concatenate(self._blocks)
            even = len(joined) // 2 * 2
            # An odd last block joins the block before it: a tiny blur, only in corpora above half a million lines.
            joined[even - 1] += joined[even:].sum(axis=0)
            self._blocks = [joined[:even].reshape(-1, 2, len(_SHIFTS)).sum(axis=1)]
            self._block *= 2

    def _lengths(self) -> tuple[int, float, float]:
        count, x, y, xx, yy, xy = self._moments
        if not count:
            return 0, 0.0, 0.0
        variance_x, variance_y = (
            max(0.0, square / count - (total / count) ** 2) for square, total in ((xx, x), (yy, y))
        )
        spread = float(np.sqrt(min(variance_x, variance_y)))
        product = float(np.sqrt(variance_x * variance_y))
        correlation = float((xy / count - x * y / count**2) / product) if product > 1e-9 else 0.0
        return int(count), correlation, spread


def place_break(sources: Sequence[str], targets: Sequence[str], *, at: Break, middle: int) -> int:
    """Find the exact place of a break inside a window of text; returns how many lines stand before it.

    middle: the rough place, counted inside the window, which should hold some hundred lines on each side of it.
    """
    clues = _clues(sources, targets)
    return _best_cut(_evidence(*clues, known=_Known(at.before, at.after, middle)), at.before, at.after)


def place_only_break(sources: Sequence[str], targets: Sequence[str], *, shift: int) -> int:
    """Find where the lines slip from no shift to `shift`, given that they do; returns how many lines stand before it.

    The window may be small and hold the break anywhere; the result is its length if the break is behind its end.
    """
    clues = _clues(sources, targets)
    place = _best_cut(_evidence(*clues, known=None), 0, shift)
    for _ in range(2):  # what is learned from lines that are set right places the break better
        place = _best_cut(_evidence(*clues, known=_Known(0, shift, place)), 0, shift)
    return place


def _clues(sources: Sequence[str], targets: Sequence[str]) -> tuple[Clues, Clues]:
    source, target = Excerpts([], []), Excerpts([], [])
    source.extend(sources)
    target.extend(targets)
    return clues_of(source, target)


def _best_cut(scores: Scores, before: int | None, after: int | None) -> int:
    columns = np.concatenate([scores, np.full((len(scores), 1), _NO_FIT_BONUS, dtype=np.float32)], axis=1)
    first, second = (len(_SHIFTS) if shift is None else shift + MAX_SHIFT for shift in (before, after))
    gains = np.concatenate([np.zeros(1), np.cumsum(columns[:, first] - columns[:, second], dtype=np.float64)])
    return int(gains.argmax())


def _evidence(source: Clues, target: Clues, *, known: _Known | None = None) -> Scores:
    """Nats for each line and shift, [N, 7]: log P(clues | the lines belong together) - log P(clues | strangers).

    known: which lines belong together, to learn from; None: those of the shift that tells most.
    """
    difference = target.log_length - source.log_length
    centre = float(np.median(difference))
    residuals = (np.abs(_shifted(target.log_length, k) - source.log_length - centre) for k in _SHIFTS)
    scale = centre, 1.4826 * min(float(np.median(residual)) for residual in residuals) + 0.02
    codes = {k: _codes(source, target, k, scale) for k in (*_SHIFTS, *_STRANGERS)}
    strange = [
        sum((_counts(codes[k][i], width) for k in _STRANGERS), np.ones(width)) for i, width in enumerate(_WIDTHS)
    ]
    strange = [counts / counts.sum() for counts in strange]
    together = known.pick(codes) if known else None
    if together is None:
        worth, _ = max((_worth(codes[k], strange) for k in _SHIFTS), key=lambda pair: pair[1])
    else:
        worth, _ = _worth(together, strange)
    columns = [sum(table[code] for table, code in zip(worth, codes[k], strict=True)) for k in _SHIFTS]
    return np.stack(columns, axis=1).astype(np.float32)


def _worth(codes: Codes, strange: Sequence[NDArray[np.float64]]) -> tuple[list[NDArray[np.float64]], float]:
    """Log-odds of each code, and how much they tell in all (Kullback-Leibler divergence in nats)."""
    tables, told = [], 0.0
    for code, far in zip(codes, strange, strict=True):
        near = (_counts(code, len(far)) + _PSEUDO_COUNT * far) / (len(code) + _PSEUDO_COUNT)
        tables.append(np.log(near / far))
        told += float(near @ tables[-1])
    return tables, told


def _codes(source: Clues, target: Clues, shift: int, length_scale: tuple[float, float]) -> Codes:
    """What the clues of line i and line i + shift look like beside each other: one code for each kind of clue."""
    centre, spread = length_scale
    residual = (_shifted(target.log_length, shift) - source.log_length - centre) / spread
    expected = source.gram_count * _shifted(target.gram_count, shift) / GRAM_BITS
    common = count_bits(source.grams & _shifted(target.grams, shift))
    surprise = np.clip(np.rint(2 * (common - expected) / np.sqrt(expected + 0.25)), -3, 14) + 4
    surprise[expected == 0] = 0
    digits = _shifted(target.digits, shift)
    marks = _shifted(target.marks, shift)
    codes = [
        np.clip(np.rint(2 * residual), -6, 6) + 6,
        surprise,
        np.where(source.digits == digits, source.digits != 0, 2 + ((source.digits != 0) & (digits != 0))),
        *(((source.marks >> bit) & 1) * 2 + ((marks >> bit) & 1) for bit in range(NUM_MARKS)),
    ]
    return [code.astype(np.intp) for code in codes]


def _shifted(values: NDArray[Kind], shift: int) -> NDArray[Kind]:
    """Row i holds values[i + shift]; over the edge the nearest row stands in."""
    rows = np.clip(np.arange(len(values)) + shift, 0, len(values) - 1)
    return values[rows]


def _counts(code: NDArray[np.intp], width: int) -> NDArray[np.float64]:
    return np.bincount(code, minlength=width).astype(np.float64)


def _best_path(blocks: Scores, *, bonus: float) -> NDArray[np.intp]:
    """Viterbi: the likeliest state of each block; states are the seven shifts and, last, "no line fits"."""
    states = len(_SHIFTS) + 1
    gains = np.concatenate([blocks, np.full((len(blocks), 1), bonus, dtype=np.float32)], axis=1)
    best = np.full(states, -_SWITCH_COST)
    best[MAX_SHIFT] = 0.0
    came_from = np.empty((len(blocks), states), dtype=np.int8)
    stay = np.arange(states, dtype=np.int8)
    for row, gain in enumerate(gains):
        leader = int(best.argmax())
        switched = best[leader] - _SWITCH_COST
        came_from[row] = np.where(best >= switched, stay, leader)
        best = np.maximum(best, switched) + gain
    path = np.empty(len(blocks), dtype=np.intp)
    state = int(best.argmax())
    for row in range(len(blocks) - 1, -1, -1):
        path[row] = state
        state = int(came_from[row][state])
    return path
