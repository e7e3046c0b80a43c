"""A pair in, whether its numbers, placeholders and tags match out; texts that were encoded twice, and mended ones.

Numbers may be spelled out, grouped or in another script's digits. Only what is surely another number counts.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polyglass.data.letters import Characters, number_sums
from polyglass.text.codes import find_codes
from polyglass.text.tags import plain_tags

_NUMBER = re.compile(r"\d+(?:(?:[.,:'’\u00a0\u202f\u066b\u066c/-]|(?<=\d) (?=\d{3}(?!\d)))\d+)*")
_NO_DIGIT = re.compile(r"\D")
_ZEROS = re.compile(r"[.,:]00?$")  # "2.00" and "8:00"
_SPELLED = 100  # numbers up to here are often written in words on one side
_HALF_A_DAY = (12, -12, 1200, -1200)  # "6 p.m." is "18 Uhr", "4:30" is "16:30 Uhr"
_MARKS = "%{}$<>"  # every placeholder and tag has one of them
_PLACEHOLDERS = frozenset({"template", "dollar", "brace", "bracket", "percent"})


def find_mismatches(sides: Sequence[Characters], texts: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
    """Return the rows whose numbers, and those whose placeholders or tags, are not the same on both sides."""
    sums = [number_sums(side) for side in sides]
    numbers = [
        row for row in np.flatnonzero(sums[0] != sums[1]).tolist() if numbers_differ(texts[0][row], texts[1][row])
    ]
    marked = np.zeros(sides[0].lines, dtype=np.bool_)
    for side in sides:
        marked[side.line[_is_mark()[side.small]]] = True
    tags = [row for row in np.flatnonzero(marked).tolist() if _tags(texts[0][row]) != _tags(texts[1][row])]
    return numbers, tags


def numbers_differ(source: str, target: str) -> bool:
    """True if one side has a number that the other surely has not."""
    left, right = Counter(_numbers(source)), Counter(_numbers(target))
    left, right = left - right, right - left
    if not left and not right:
        return False
    digits = [sorted("".join(side.elements())) for side in (left, right)]
    if digits[0] == digits[1] and left.total() != right.total():
        return False  # the same digits, cut into numbers in another way
    for number in list(left):
        near = {str(int(number) + step) for step in _HALF_A_DAY} & right.keys()
        if near and int(number) < 2400:
            left, right = left - Counter([number]), right - Counter([min(near)])
    if left and right:
        return True
    return any(_is_hard_to_spell(int(number)) for number in (*left, *right))


def _is_hard_to_spell(number: int) -> bool:
    """False for numbers that a translator may write in words: 12, 96, 500, and 4:30."""
    return number > _SPELLED and number % 100 not in (0, 15, 30, 45)


def _numbers(text: str) -> list[str]:
    """Return the numbers as ASCII digits without separators and leading zeros: "1.000,50" is "100050"."""
    return [
        ("".join(str(int(digit)) for digit in _NO_DIGIT.sub("", _ZEROS.sub("", found)))).lstrip("0")[:40] or "0"
        for found in _NUMBER.findall(text)
    ]


def _tags(text: str) -> Counter[str]:
    found = Counter(text[code.start : code.end] for code in find_codes(text) if code.kind in _PLACEHOLDERS)
    if "<" in text:
        found.update(f"{tag.form} {tag.name}" for tag in plain_tags(text))
    return found


def _is_mark() -> NDArray[np.bool_]:
    table = np.zeros(0x10000, dtype=np.bool_)
    table[[ord(mark) for mark in _MARKS]] = True
    return table
