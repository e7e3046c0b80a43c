"""How often each character occurs in, which writing systems a text uses out.

The table holds the letters of Unicode's larger scripts by ranges of code points (Unicode Standard Annex 24, Scripts),
a little simplified: marks and digits inside a script's block count as the script.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

OTHER = "Other"
_COMMON = "Common"  # spaces, digits, punctuation, symbols, emoji: every script uses them
_RANGES = {
    _COMMON: "0-40 5B-60 7B-A9 AB-B9 BB-BF D7 F7 2B0-36F 2000-2BFF 2E00-2E7F 3000-3004 3008-3020 3030-303F FE00-FE2F "
    "FF00-FF20 FF3B-FF40 FF5B-FF65 FFE0-FFFF 1D400-1D7FF 1F000-1FBFF E0000-E01EF",
    "Latin": "41-5A 61-7A AA BA C0-D6 D8-F6 F8-2AF 1D00-1DBF 1E00-1EFF 2C60-2C7F A720-A7FF AB30-AB6F FB00-FB06 "
    "FF21-FF3A FF41-FF5A",
    "Greek": "370-3FF 1F00-1FFF",
    "Cyrillic": "400-52F 1C80-1C8F 2DE0-2DFF A640-A69F",
    "Armenian": "530-58F FB13-FB17",
    "Hebrew": "590-5FF FB1D-FB4F",
    "Arabic": "600-6FF 750-77F 870-8FF FB50-FDFF FE70-FEFE",
    "Syriac": "700-74F 860-86F",
    "Thaana": "780-7BF",
    "N'Ko": "7C0-7FF",
    "Devanagari": "900-97F A8E0-A8FF",
    "Bengali": "980-9FF",
    "Gurmukhi": "A00-A7F",
    "Gujarati": "A80-AFF",
    "Oriya": "B00-B7F",
    "Tamil": "B80-BFF",
    "Telugu": "C00-C7F",
    "Kannada": "C80-CFF",
    "Malayalam": "D00-D7F",
    "Sinhala": "D80-DFF",
    "Thai": "E00-E7F",
    "Lao": "E80-EFF",
    "Tibetan": "F00-FFF",
    "Myanmar": "1000-109F A9E0-A9FF AA60-AA7F",
    "Georgian": "10A0-10FF 1C90-1CBF 2D00-2D2F",
    "Hangul": "1100-11FF 3130-318F A960-A97F AC00-D7FF FFA0-FFDF",
    "Ethiopic": "1200-139F 2D80-2DDF AB00-AB2F",
    "Cherokee": "13A0-13FF AB70-ABBF",
    "Canadian syllabics": "1400-167F 18B0-18FF",
    "Khmer": "1780-17FF 19E0-19FF",
    "Mongolian": "1800-18AF",
    "Tifinagh": "2D30-2D7F",
    "Hiragana": "3041-309F 1B001-1B11F",
    "Katakana": "30A0-30FF 31F0-31FF FF66-FF9F",
    "Bopomofo": "3100-312F 31A0-31BF",
    "Han": "2E80-2FDF 3005-3007 3021-302F 3400-4DBF 4E00-9FFF F900-FAFF 20000-3FFFF",
    "Yi": "A000-A4CF",
}
# The script that a language is surely written in; languages with several are left out.
_EXPECTED = {
    "Latin": "af az bs ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms mt nl no nb nn pl pt ro sk sl sq "
    "sv sw tl tr vi",
    "Cyrillic": "be bg mk ru uk",
    "Greek": "el",
    "Hebrew": "he yi",
    "Arabic": "ar fa ps ur ug",
    "Devanagari": "hi mr ne",
    "Bengali": "bn as",
    "Tamil": "ta",
    "Telugu": "te",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Gujarati": "gu",
    "Thai": "th",
    "Lao": "lo",
    "Khmer": "km",
    "Myanmar": "my",
    "Georgian": "ka",
    "Armenian": "hy",
    "Ethiopic": "am ti",
    "Hangul": "ko",
    "Han": "zh yue",
    "Hiragana": "ja",
}


def script_shares(counts: Counts) -> dict[str, float]:
    """Return the share of each script among the letters, largest first.

    counts [0x110000]: how often each code point occurs. What has no script (spaces, digits, marks) does not count.
    """
    totals = np.bincount(_script_of_code(), weights=counts, minlength=len(_RANGES) + 1)
    names = [*_RANGES, OTHER]
    letters = {name: float(total) for name, total in zip(names, totals, strict=True) if total and name != _COMMON}
    whole = sum(letters.values())
    return {name: count / whole for name, count in sorted(letters.items(), key=lambda item: -item[1])}


def expected_script(language: str | None) -> str | None:
    """Return the script that a language is written in, or None if there are several or we do not know."""
    if language is None:
        return None
    code, _, rest = language.replace("_", "-").partition("-")
    if len(rest) == 4 or "-" in rest:  # the code itself names a script: sr-Latn
        return None
    return next((script for script, codes in _EXPECTED.items() if code in codes.split()), None)


@cache
def _script_of_code() -> NDArray[np.uint8]:
    table = np.full(0x110000, len(_RANGES), dtype=np.uint8)
    for number, ranges in enumerate(_RANGES.values()):
        for first, last in _parse(ranges.split()):
            table[first : last + 1] = number
    return table


def _parse(ranges: Iterable[str]) -> Iterator[tuple[int, int]]:
    for text in ranges:
        first, _, last = text.partition("-")
        yield int(first, 16), int(last or first, 16)
