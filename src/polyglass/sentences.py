"""Texts from anybody in, token ids that the model can take out: one line each, valid Unicode, not too long."""

from collections.abc import Iterator, Sequence

from polyglass.data.subwords import Subwords
from polyglass.errors import InputError

LONG_TEXT = 20_000
"""Characters that SentencePiece is given at a time; its memory grows a hundred bytes with each."""


class Sentences:
    """Encodes texts for one model. longest: how many subwords it takes beside bos or eos."""

    def __init__(self, subwords: Subwords, *, longest: int) -> None:
        self._subwords = subwords
        self._longest = longest

    def read(self, text: str) -> tuple[list[int], int]:
        """Return the ids of a source, eos included, and how many more had to be cut off."""
        ids: list[int] = []
        total = 0
        for part in _parts(_one_line(text)):
            tokens = self._subwords.encode_source([part])[0]
            total += len(tokens)
            ids += tokens[: self._longest - len(ids)]
        return [*ids, self._subwords.ids.eos], total - len(ids)

    def write(self, texts: Sequence[str], *, rows: int, word: str) -> list[list[int]]:
        """Return the ids of targets or prefixes, without bos and eos.

        Raises InputError, calling them `word`, if there are not `rows` of them, or one is too long.
        """
        if len(listed(texts)) != rows:
            raise InputError(f"There must be one {word} for each source, but there are {len(texts)} for {rows}.")
        written = self._subwords.encode_target([_one_line(text) for text in texts])
        for number, ids in enumerate(written, start=1):
            if len(ids) > self._longest:
                raise InputError(
                    f"A {word} may have at most {self._longest:,} subwords, but {word} {number} has {len(ids):,}. "
                    "Shorten it."
                )
        return written


def listed(texts: Sequence[str]) -> Sequence[str]:
    """Return `texts`, but refuse a bare string: it is a sequence of one-letter texts, which nobody means."""
    if isinstance(texts, str):
        raise InputError(f"Texts must come in a list, but this is one text. Write [{texts[:30]!r}].")
    return texts


def _one_line(text: str) -> str:
    """Return the text as one line of valid Unicode; blank text becomes empty."""
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON can hold
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\n", " ").strip()


def _parts(text: str) -> Iterator[str]:
    """Cut a text of megabytes at spaces."""
    start = 0
    while len(text) - start > LONG_TEXT:
        end = text.rfind(" ", start + 1, start + LONG_TEXT)
        end = end if end > 0 else start + LONG_TEXT
        yield text[start:end]
        start = end
    yield text[start:]
