"""A translation and the marks of its sentence in, the text with all of them out, each exactly once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from polyglass.text.codes import FIRST_MASK, MASKS, find_codes
from polyglass.text.projection import Placed, Projection
from polyglass.text.reading import CLOSES_UP, Mark, Reading
from polyglass.text.units import Alignment, Units, belonging, units_of

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_DANGEROUS = frozenset(["template", "url", "email", "dollar", "brace", "bracket", "percent"])  # kinds of codes
_MASKS = frozenset(chr(code) for code in range(FIRST_MASK, FIRST_MASK + MASKS))


@dataclass(frozen=True)
class Output:
    """What a model made of one sentence.

    pieces and source_pieces: its subwords as SentencePiece writes them. alignment: a row for each piece, a column for
    each source piece; None if it was not asked for: then words that look alike must do.
    """

    text: str
    pieces: Sequence[str] = ()
    source_pieces: Sequence[str] = ()
    alignment: Alignment | None = None


@dataclass(frozen=True)
class Written:
    """A sentence put together. restored: what the model had lost, or had written twice, and was put right."""

    text: str
    restored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Token:
    """A piece of the result: a unit of the translation, or the characters of a mark."""

    role: Literal["unit", "open", "close", "point"]
    text: str = ""
    unit: int = -1
    mark: Mark | None = None


def write_sentence(reading: Reading, output: Output, escape: Callable[[str], str]) -> Written:
    """Put every mark of a sentence into its translation. escape: writes text so that it means itself."""
    text = _CONTROLS.sub("", output.text)  # a model can spell any byte, but no file wants them
    invented = [code for code in find_codes(text) if code.kind in _DANGEROUS]
    if not reading.root.inner and not invented and _MASKS.isdisjoint(text):
        return Written(escape(text))
    source, target = units_of(reading.text), units_of(text)
    masked = [mark for mark in reading.root.marks() if mark.mask or mark.mask_after]
    expected = {mask for mark in masked for mask in (mark.mask, mark.mask_after) if mask}
    found: dict[str, int] = {}
    instead: dict[int, str] = {}  # unit -> what is written for it
    spare = 0
    for unit, (start, end) in enumerate(target.spans):
        word = text[start:end]
        if word in expected and word not in found:
            found[word] = unit
            instead[unit] = ""
        elif word in _MASKS:
            instead[unit] = ""
            spare += 1
    # All codes of the source were taken out, so what looks like one was invented, and would be read by a program.
    for code in invented:
        units = range(max(0, target.before(code.start + 1) - 1), target.before(code.end))
        instead |= dict.fromkeys((unit for unit in units if unit not in found.values()), "")
        spare += text[code.start : code.end] not in _MASKS
    instead |= {found[mark.mask]: mark.before for mark in masked if mark.mask in found and not mark.is_span}
    rows = belonging(source, target, output.pieces, output.source_pieces, output.alignment)
    placed = Projection(source, target, rows, found).place(reading.root)
    lost = [mark.before for mark in masked if mark.mask not in found]
    restored = [f"{raw} was missing and was put back" for raw in lost] + ["a code too many was taken out"] * spare
    return Written(_join(_tokens(placed), _Line(target, instead, escape)), tuple(restored))


def _join(tokens: Iterable[_Token], line: "_Line") -> str:
    for token in tokens:
        line.write(token)
    return line.finish()


def _tokens(placed: Placed) -> Iterator[_Token]:
    """Yield the units of a translation and the marks between them, in order."""
    waiting: list[_Token | Placed] = [placed]
    while waiting:
        one = waiting.pop()
        if isinstance(one, _Token):
            yield one
            continue
        mark, parts = one.mark, list[_Token | Placed]()
        at = one.start
        for inner in one.inner:
            parts += [_Token("unit", unit=unit) for unit in range(at, inner.start)]
            parts.append(inner)
            at = inner.end
        parts += [_Token("unit", unit=unit) for unit in range(at, one.end)]
        if mark.is_span:
            parts = [_Token("open", mark.before), *parts, _Token("close", mark.after)]
        elif mark.before:
            parts = [_Token("point", mark.before, mark=mark)]
        waiting += parts[::-1]


class _Line:
    """Writes tokens one after the other and sees to the spaces between them."""

    def __init__(self, target: Units, instead: Mapping[int, str], escape: Callable[[str], str]) -> None:
        self._target = target
        self._instead = instead
        self._escape = escape
        self._parts: list[str] = []
        self._last = ""  # the last character that a reader sees
        self._gap = ""  # the space of the translation that is still to be written
        self._owed = False  # a placeholder was written that stood before a space
        self._end = 0  # of the unit that was written last

    def write(self, token: _Token) -> None:
        """Write one token."""
        if token.role == "unit":
            self._write_unit(token.unit)
        elif token.role == "close" or (token.mark is not None and not token.mark.space_before):
            # What closes belongs to the word before it, so the space comes after it.
            self._parts.append(token.text)
            self._after_point(token)
        else:
            self._space(needed=self._owed or (token.mark is not None and token.mark.is_word))
            self._parts.append(token.text)
            self._after_point(token)

    def finish(self) -> str:
        """Return the line."""
        return "".join(self._parts)

    def _write_unit(self, unit: int) -> None:
        start, end = self._target.spans[unit]
        self._gap = self._gap or self._target.text[self._end : start]
        self._end = end
        text = self._instead.get(unit)
        if text == "":
            return
        shown = self._target.text[start:end]
        self._space(needed=self._owed and not CLOSES_UP.match(shown))
        self._parts.append(self._escape(shown) if text is None else text)
        self._last = shown[-1]
        self._next_gap(unit)

    def _next_gap(self, unit: int) -> None:
        following = self._target.spans[unit + 1][0] if unit + 1 < len(self._target) else self._end
        self._gap = self._target.text[self._end : following]
        self._end = following

    def _after_point(self, token: _Token) -> None:
        if token.mark is not None and token.mark.is_word:
            self._last = token.text[-1]
            self._owed = token.mark.space_after

    def _space(self, *, needed: bool) -> None:
        """Write the space that is due, or one that is needed where none is due."""
        if self._gap:
            self._parts.append(self._gap)
            self._last = self._gap[-1]
        elif needed and self._last and not self._last.isspace():
            self._parts.append(" ")
            self._last = " "
        self._gap, self._owed = "", False
