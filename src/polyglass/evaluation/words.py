"""Text in, words out, for counting: which script is it, does it put spaces between words, was it tokenised before."""

import importlib.util
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

Splitter = Callable[[str], list[str]]

_ENOUGH_CHARACTERS = 20_000  # that are looked at to tell the script of a text
_UNSPACED_SHARE = 0.2  # of the letters, from which a text counts as written without spaces
_KANA_SHARE = 0.05  # of the letters, from which a text with Han characters is Japanese
# Thai, Lao and Tibetan; Myanmar; Khmer; Kana; Han.
_UNSPACED = r"\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W\d_])+")
_TOKENISED_ENDS = (" .", " ?", " !", " 。")


def tokenizer_for(texts: Sequence[str]) -> str:
    """sacreBLEU's word tokeniser for the script of these texts: "13a", or one for scripts without spaces.

    BLEU counts words, so text without spaces must be cut first: Chinese by "zh", Japanese by MeCab if it is
    installed, other such scripts (and Japanese without MeCab) into characters. The signature says which it was.
    """
    letters, han, kana, other = _count_letters(texts)
    if han + kana + other <= _UNSPACED_SHARE * letters:
        return "13a"
    if other > han + kana:
        return "char"
    if kana > _KANA_SHARE * letters:
        return "ja-mecab" if importlib.util.find_spec("MeCab") and importlib.util.find_spec("ipadic") else "char"
    return "zh"


def splitter_for(texts: Sequence[str]) -> Splitter:
    """How to cut texts like these into the units that lengths are counted in: words, or characters (see `unit_of`)."""
    return _split_characters if unit_of(texts) == "characters" else str.split


def unit_of(texts: Sequence[str]) -> str:
    """ "words" for text with spaces between them, "characters" for scripts without."""
    letters, han, kana, other = _count_letters(texts)
    return "characters" if han + kana + other > _UNSPACED_SHARE * letters else "words"


def looks_tokenised(text: str) -> bool:
    """Whether the text ends in a mark with a space before it, as tokenised text does ("a dog ." not "a dog.")."""
    return text.rstrip().endswith(_TOKENISED_ENDS)


def tokenised_share(texts: Sequence[str]) -> float:
    """Share of the texts that look tokenised."""
    return sum(map(looks_tokenised, texts)) / max(1, len(texts))


def plain_words(text: str) -> list[str]:
    """The words of the text without marks and digits, case folded; single characters of scripts without spaces."""
    return [word.casefold() for word in _WORD.findall(text)]


def _split_characters(text: str) -> list[str]:
    return [character for character in text if not character.isspace()]


def _count_letters(texts: Iterable[str]) -> tuple[int, int, int, int]:
    """How many letters, and of these Han, Kana, and South-East Asian letters that are written without spaces."""
    letters = [c for c in islice(chain.from_iterable(texts), _ENOUGH_CHARACTERS) if c.isalpha()]
    han = sum("\u3400" <= c <= "\u9fff" for c in letters)
    kana = sum("\u3040" <= c <= "\u30ff" for c in letters)
    # Thai, Lao and Tibetan; Myanmar; Khmer.
    other = sum("\u0e00" <= c <= "\u0fff" or "\u1000" <= c <= "\u109f" or "\u1780" <= c <= "\u17ff" for c in letters)
    return len(letters), han, kana, other
