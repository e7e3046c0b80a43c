"""Texts in, fingerprints out that nearly equal texts share.

Case, punctuation, digits and spaces count for nothing. Texts of six words or more are nearly equal, too, if one becomes
the other by changing, adding or leaving out one word: each has a fingerprint for every word that might be left out.
"""

import re

from polyglass.data.hashes import hash_text

FEWEST_WORDS = 6
_WORD = re.compile(r"[^\W\d_]+")
_SIGN = re.compile(r"\S")


def fingerprint(text: str) -> int:
    """Return one number for all texts that differ only in case, punctuation, digits and spaces."""
    return hash_text(" ".join(_words(text)))


def near_fingerprints(text: str) -> set[int]:
    """Return numbers of which two nearly equal texts have one in common."""
    words = _words(text)
    found = {hash_text(" ".join(words))}
    if len(words) >= FEWEST_WORDS:
        found |= {hash_text(" ".join(words[:place] + words[place + 1 :])) for place in range(len(words))}
    return found


def _words(text: str) -> list[str]:
    """Return the words, lower-cased; of a text without any, such as "12:30", its signs."""
    return _WORD.findall(text.casefold()) or _SIGN.findall(text)
