"""Subword ids in, what people want to know of them out: labels, words, spelt characters, and how BPE built each piece.

SentencePiece writes a space as "▁" and spells what its vocabulary lacks as bytes, such as "<0xE2>".
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from polyglass.special_ids import SpecialIds

SPACE = "▁"
Span = tuple[int, int]
Kind = Literal["text", "byte", "unknown", "special"]
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
# Thai, Lao and Tibetan; Myanmar; Khmer; Kana; Han: scripts that put no space between words.
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
LONGEST_MERGED = 64  # characters of a piece whose merges are worked out


@dataclass(frozen=True)
class Character:
    """The pieces start .. end - 1 are bytes that spell `text`."""

    start: int
    end: int
    text: str


def label(piece: str) -> str:
    """Return the piece as people read it."""
    return piece.replace(SPACE, " ").strip() or piece


def kind(token: int, piece: str, ids: SpecialIds) -> Kind:
    """Say what a piece is."""
    if token in (ids.pad, ids.bos, ids.eos):
        return "special"
    if token == ids.unk:
        return "unknown"
    return "byte" if _BYTE.fullmatch(piece) else "text"


def is_delimiter(piece: str, kind: Kind) -> bool:
    """Whether a piece is a special symbol or nothing but marks."""
    return kind == "special" or (kind == "text" and _is_mark(label(piece)))


def words(pieces: Sequence[str], kinds: Sequence[Kind]) -> list[Span]:
    """Group pieces into words, as half-open ranges that cover everything.

    A word begins at a space. Special symbols and marks stand alone, and so does each piece in a script that puts no
    spaces between words.
    """
    starts = []
    for place, (piece, of_kind) in enumerate(zip(pieces, kinds, strict=True)):
        before = kinds[place - 1] if place else "special"
        alone = is_delimiter(piece, of_kind) or (place > 0 and is_delimiter(pieces[place - 1], before))
        # The space before a character that is spelt in bytes is a piece of its own, and belongs to it.
        if place and pieces[place - 1] == SPACE and not piece.startswith(SPACE):
            continue
        if place == 0 or alone or piece.startswith(SPACE) or _UNSPACED.match(label(piece)):
            starts.append(place)
    return list(zip(starts, [*starts[1:], len(pieces)], strict=True))


def characters(pieces: Sequence[str], kinds: Sequence[Kind]) -> list[Character]:
    """Return the characters that are spelt in bytes; bytes that spell none are left out."""
    found = []
    start = 0
    while start < len(pieces):
        if kinds[start] == "byte":
            first = _byte(pieces[start])
            length = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            end = start + length
            if end <= len(pieces) and all(one == "byte" for one in kinds[start:end]):
                text = bytes(map(_byte, pieces[start:end])).decode("utf-8", "replace")
                if text.isprintable() and "\ufffd" not in text:
                    found.append(Character(start, end, text))
                    start = end
                    continue
        start += 1
    return found


def merges(piece: str, scores: Mapping[str, tuple[int, float]]) -> list[list[str]] | None:
    """Return the parts of a BPE piece after each merge, from its characters to itself (Sennrich et al. 2016, §3.2).

    scores: each piece with its id and score; a pair that was learned earlier has a higher score and is merged first.
    Pairs across the border of two pieces never merge, or there would be no border: so each piece can be built alone.
    None if this vocabulary does not build the piece in this way.
    """
    parts = list(piece)
    if len(parts) > LONGEST_MERGED:
        return None
    states = [parts]
    while len(parts) > 1:
        found = [(place, scores.get(_pair(parts, place))) for place in range(len(parts) - 1)]
        pairs = [(entry[1], -place) for place, entry in found if entry is not None]
        if not pairs:
            return None
        place = -max(pairs)[1]
        parts = [*parts[:place], _pair(parts, place), *parts[place + 2 :]]
        states.append(parts)
    return states


def _pair(parts: Sequence[str], place: int) -> str:
    return parts[place] + parts[place + 1]


def _byte(piece: str) -> int:
    return int(piece[3:5], 16)


def _is_mark(text: str) -> bool:
    return text != SPACE and all(unicodedata.category(letter)[0] in "PSZ" for letter in text)
