"""The texts of one side in; lengths, words, scripts and odd characters out. Memory does not grow with the corpus."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from polyglass.data.odd_characters import is_odd, name_character
from polyglass.data.scripts import script_shares

# A word is a run of letters and digits; in scripts that write no spaces, a single character.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[^\W{_SPACELESS}]+|[{_SPACELESS}]")
# UTF-8 that was read as cp1252 and written as UTF-8 once more: "Ã¼" for "ü", "â€™" for an apostrophe.
_TWICE_ENCODED = re.compile("Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ˜“”¦]|Â[\u00a0-\u00bf]")
_LONGEST_TOLD = 20_000  # longer texts share one bin of the histogram, so the 95th percentile may be too low
_STUDIED_CHARACTERS = 10_000  # of each text, for words and scripts
_MOST_TYPES = 1 << 17


@dataclass(frozen=True)
class Spread:
    """Mean, 95th percentile and maximum of a length."""

    mean: float
    p95: int
    max: int


@dataclass(frozen=True)
class Side:
    """What one side of a corpus looks like."""

    language: str | None
    characters: Spread
    words: Spread  # in Chinese, Japanese, Thai, Khmer, Lao and Burmese a character counts as a word
    word_types: int  # different words, without regard to case; an estimate (within 1 %) above 131,072
    scripts: dict[str, float]  # share of the letters, largest first
    odd_characters: dict[str, int]  # name -> how many
    twice_encoded: int  # places such as "Ã¼"
    coverage: float | None  # share of the validation set's running words that occur in the training set


class SideStatistics:
    """Reads the texts of one side; `finish` tells what it saw. `known_words` are those of the validation set."""

    def __init__(self, known_words: Counter[str]) -> None:
        self._characters, self._words = _Lengths(), _Lengths()
        self._types = TypeCounter()
        self._codes = np.zeros(0x110000, dtype=np.int64)
        self._twice_encoded = 0
        self._valid_words = known_words
        self._unseen = set(known_words)

    def add(self, texts: Sequence[str]) -> None:
        """Take the next texts."""
        self._characters.add(list(map(len, texts)))
        studied = [text[:_STUDIED_CHARACTERS] for text in texts]
        joined = "\n".join(studied)
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        counts = np.bincount(codes)
        self._codes[: len(counts)] += counts
        if "Ã" in joined or "â€" in joined or "Â" in joined:
            self._twice_encoded += sum(1 for _ in _TWICE_ENCODED.finditer(joined))
        words_of_texts = [_WORD.findall(text.lower()) for text in studied]
        self._words.add(list(map(len, words_of_texts)))
        words = {word for words in words_of_texts for word in words}
        self._types.add(words)
        self._unseen -= words

    def finish(self, language: str | None) -> Side:
        """Sum up."""
        self._codes[ord("\n")] = 0
        running = sum(self._valid_words.values())
        unseen = sum(self._valid_words[word] for word in self._unseen)
        odd = {chr(code): int(self._codes[code]) for code in np.flatnonzero(self._codes).tolist() if is_odd(chr(code))}
        return Side(
            language=language,
            characters=self._characters.spread(),
            words=self._words.spread(),
            word_types=self._types.estimate(),
            scripts=script_shares(self._codes),
            odd_characters={name_character(character): count for character, count in odd.items()},
            twice_encoded=self._twice_encoded,
            coverage=1 - unseen / running if running else None,
        )


def count_words(texts: Iterable[str]) -> Counter[str]:
    """Count the words of a validation set, without regard to case."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(text[:_STUDIED_CHARACTERS].lower()))
    return counts


class TypeCounter:
    """Counts different words in bounded memory: exactly at first, then by sampling (Wegman; Flajolet 1990).

    When the set is full, only words whose checksum ends in one more zero bit stay in it, and count double.
    """

    def __init__(self, most: int = _MOST_TYPES) -> None:
        self._most = most
        self._halvings = 0
        self._words: set[str] = set()

    def add(self, words: Iterable[str]) -> None:
        """Count words; repeated ones do not matter."""
        self._words.update(words if not self._halvings else filter(self._stays, words))
        while len(self._words) > self._most:
            self._halvings += 1
            self._words = set(filter(self._stays, self._words))

    def estimate(self) -> int:
        """Return how many different words there were."""
        return len(self._words) << self._halvings

    def _stays(self, word: str) -> bool:
        return zlib.crc32(word.encode("utf-8", "surrogatepass")) & ((1 << self._halvings) - 1) == 0


class _Lengths:
    """A histogram of lengths."""

    def __init__(self) -> None:
        self._counts = np.zeros(_LONGEST_TOLD + 1, dtype=np.int64)
        self._sum = self._max = 0

    def add(self, lengths: Sequence[int]) -> None:
        self._counts += np.bincount(np.minimum(lengths, _LONGEST_TOLD).astype(np.int64), minlength=_LONGEST_TOLD + 1)
        self._sum += sum(lengths)
        self._max = max(self._max, *lengths, 0)

    def spread(self) -> Spread:
        total = int(self._counts.sum())
        if not total:
            return Spread(0.0, 0, 0)
        p95 = int(np.searchsorted(np.cumsum(self._counts), 0.95 * total))
        return Spread(self._sum / total, min(p95, self._max), self._max)
