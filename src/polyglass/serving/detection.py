"""A text in, its language out: py3langid, whose model travels in its wheel, so nothing is downloaded."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from polyglass.serving.languages import UNKNOWN, fold

LONGEST = 2000
"""Characters that are looked at; more would not change the answer."""
_SURE = 0.5
_ENOUGH_CHARS = 20
_LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Guess:
    """One language and how likely it is, from 0 to 1."""

    language: str
    confidence: float


def has_words(text: str) -> bool:
    """Whether there is any letter in it; nobody can tell the language of numbers and emoji."""
    return any(character.isalpha() for character in text)


def or_unknown(guess: Guess) -> Guess:
    """Return the guess, or UNKNOWN where it is not likelier than all others together."""
    return guess if guess.confidence > _SURE else Guess(UNKNOWN, guess.confidence)


class Detector:
    """Tells languages apart. Loads its model (a second) when first asked."""

    def __init__(self) -> None:
        self._identifier: Any = None
        self._lock = threading.Lock()

    def rank(self, text: str, languages: Sequence[str]) -> list[Guess]:
        """Return which of some languages it may be, likeliest first; their confidences add up to 1.

        Empty for a text without any letter, and for one that is long enough and clearly in another language.
        """
        text = text[:LONGEST]
        shares: dict[str, float] = {}
        for label, probability in self._everything(text) if has_words(text) else ():
            language = fold(label, languages)
            if language is not None:
                shares[language] = shares.get(language, 0.0) + probability
        total = sum(shares.values())
        if not total or (len(text) >= _ENOUGH_CHARS and total < _LEAST_SHARE):
            return []
        guesses = [Guess(language, shares[language] / total) for language in languages if language in shares]
        return sorted(guesses, key=lambda guess: -guess.confidence)

    def _everything(self, text: str) -> list[tuple[str, float]]:
        """Return (language, probability) for all that py3langid knows."""
        with self._lock:
            if self._identifier is None:
                from py3langid.langid import MODEL_FILE, LanguageIdentifier

                self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        ranked: list[tuple[str, float]] = self._identifier.rank(text)
        return ranked
