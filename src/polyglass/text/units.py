"""Two texts and what a model looked at in, how strongly each word of the one belongs to each word of the other out.

Where a model says nothing, words that look alike and stand in like places belong together.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

Alignment = Sequence[Sequence[float]]

_SINGLE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNIT = re.compile(rf"[\ue000-\ue00f]|[{_SINGLE}]|[^\W{_SINGLE}]+(?:['’\u00ad-][^\W{_SINGLE}]+)*|[^\w\s]")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_UNSEEN = frozenset(["<s>", "</s>", "<pad>"])
_SAME, _NEAR = 0.5, 0.02  # what it counts that two units are the same text; that they stand in like places


@dataclass(frozen=True)
class Units:
    """The words of a text, its signs, and the characters of scripts without spaces: nothing is put inside of one."""

    text: str
    spans: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.spans)

    def before(self, place: int) -> int:
        """Return how many units begin before a character."""
        low, high = 0, len(self.spans)
        while low < high:
            middle = (low + high) // 2
            if self.spans[middle][0] < place:
                low = middle + 1
            else:
                high = middle
        return low


def units_of(text: str) -> Units:
    """Cut a text into units."""
    return Units(text, tuple(found.span() for found in _UNIT.finditer(text)))


def belonging(
    source: Units,
    target: Units,
    target_pieces: Sequence[str],
    source_pieces: Sequence[str],
    alignment: Alignment | None,
) -> list[list[float]]:
    """Return a row for each target unit: how much of it comes from each source unit; a row sums to 1."""
    rows = _by_likeness(source, target)
    if alignment and len(alignment) == len(target_pieces) and source_pieces and target_pieces:
        columns = _units_of_pieces(source, source_pieces)
        for unit, row in zip(_units_of_pieces(target, target_pieces), alignment, strict=True):
            if unit is not None:
                for column, weight in zip(columns, row, strict=False):
                    if column is not None:
                        rows[unit][column] += weight
    return [_normal(row) for row in rows]


def _by_likeness(source: Units, target: Units) -> list[list[float]]:
    words = [source.text[a:b].casefold() for a, b in source.spans]
    rows = []
    for place, (start, end) in enumerate(target.spans):
        word = target.text[start:end].casefold()
        at = (place + 0.5) / len(target.spans) * len(words)
        rows.append(
            [
                (_SAME if word == other else 0.0) / (1 + abs(number + 0.5 - at))
                + _NEAR / (1 + (number + 0.5 - at) ** 2)
                for number, other in enumerate(words)
            ]
        )
    return rows


def _normal(row: list[float]) -> list[float]:
    total = sum(row)
    return [value / total for value in row] if total > 0 else row


def _units_of_pieces(units: Units, pieces: Sequence[str]) -> list[int | None]:
    """Return the unit that most of each piece lies in; None for signs of the model such as the end of the sentence."""
    spans, joined = _spans_of_pieces(pieces)
    if joined.strip() != units.text.strip():
        spans = _stretched(spans, joined, units.text)
    else:
        shift = len(units.text) - len(units.text.lstrip()) - (len(joined) - len(joined.lstrip()))
        spans = [None if span is None else (span[0] + shift, span[1] + shift) for span in spans]
    return [None if span is None else _unit_at(units, span) for span in spans]


def _spans_of_pieces(pieces: Sequence[str]) -> tuple[list[tuple[int, int] | None], str]:
    """Return the characters that each piece stands for, and the text of all; a letter in bytes is with its last."""
    spans: list[tuple[int, int] | None] = []
    parts: list[str] = []
    length = 0
    held = b""
    for piece in pieces:
        byte = _BYTE.fullmatch(piece)
        held = held + bytes([int(byte[1], 16)]) if byte else b""
        text = "" if piece in _UNSEEN else held.decode("utf-8", "ignore") if byte else piece.replace("▁", " ")
        if text and byte:
            held = b""
        spans.append(None if piece in _UNSEEN else (length, length + max(1, len(text))))
        parts.append(text)
        length += len(text)
    return spans, "".join(parts)


def _stretched(spans: Sequence[tuple[int, int] | None], joined: str, text: str) -> list[tuple[int, int] | None]:
    """Carry places over from one writing of a text to another: word by word, or by length if the words differ."""
    words, others = ([found.span() for found in re.finditer(r"\S+", side)] for side in (joined, text))
    if len(words) != len(others):
        words, others = [(0, max(1, len(joined)))], [(0, max(1, len(text)))]
    carried: list[tuple[int, int] | None] = []
    at = 0
    for span in spans:
        if span is None:
            carried.append(None)
            continue
        while at + 1 < len(words) and span[1] > words[at][1]:
            at += 1
        (start, end), (other, other_end) = words[at], others[at]
        scale = (other_end - other) / (end - start)
        carried.append((int(other + (span[0] - start) * scale), round(other + (span[1] - start) * scale)))
    return carried


def _unit_at(units: Units, span: tuple[int, int]) -> int | None:
    """Return the unit that shares most characters with a span."""
    first = max(0, units.before(span[0]) - 1)
    best, most = None, 0
    for unit in range(first, len(units)):
        start, end = units.spans[unit]
        if start >= span[1]:
            break
        shared = min(end, span[1]) - max(start, span[0])
        if shared > most:
            best, most = unit, shared
    return best
