"""The demo corpus, part 5 of 5: English sentences with the one German translation each of them has.

`generate_pairs` draws sentences; `write_demo_corpus` writes training, validation and test files that share no
sentence, and whose held-out sentences put verb and object together as training never does (see `is_reserved`).
The words are in `demo_lexicon.py` and `demo_verbs.py`, the grammar in `demo_syntax.py`, chance in `demo_speaker.py`.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from polyglass.data.demo_lexicon import Noun
from polyglass.data.demo_speaker import Speaker
from polyglass.data.demo_syntax import Sentence, clauses, english_sentence, german_sentence
from polyglass.errors import ConfigError, DataError
from polyglass.files import write_atomically

DEEPEST = 100  # nesting; far more would exhaust Python's call stack
PATIENCE = 50_000  # draws without a sentence that can be used before we say that there are no more
RESERVED_SHARE = 20  # one in so many combinations of verb and object is kept for validation and test


@dataclass(frozen=True)
class DemoPair:
    """An English sentence and its German translation.

    depth: how many clauses the innermost clause stands in (0: no subordinate clause).
    objects: every verb with its object noun, as base forms, such as ("open", "door").
    """

    source: str
    target: str
    depth: int
    objects: tuple[tuple[str, str], ...]

    @property
    def held_out(self) -> bool:
        """True if the sentence has a combination that training never sees."""
        return any(is_reserved(verb, noun) for verb, noun in self.objects)


@dataclass(frozen=True)
class DemoCorpus:
    """The files that were written, each pair English then German."""

    train: tuple[Path, Path]
    valid: tuple[Path, Path]
    test: tuple[Path, Path]


def is_reserved(verb: str, noun: str) -> bool:
    """True if this verb with this object is kept for validation and test: 1 in 20, by a checksum of the words."""
    return zlib.crc32(f"{verb} {noun}".encode()) % RESERVED_SHARE == 0


def translate(sentence: Sentence) -> DemoPair:
    """Write a meaning in both languages."""
    nested = list(clauses(sentence))
    objects = tuple(
        (f"{clause.verb.english.infinitive} {clause.verb.tail}".strip(), clause.object.head.english)
        for _, clause in nested
        if clause.object and isinstance(clause.object.head, Noun)
    )
    depth = max(depth for depth, _ in nested)
    return DemoPair(english_sentence(sentence), german_sentence(sentence), depth, objects)


def generate_pairs(
    count: int, *, seed: int, max_depth: int = 2, min_words: int = 1, max_words: int | None = None
) -> list[DemoPair]:
    """Draw `count` pairs with distinct English sides; the same arguments give the same pairs everywhere.

    The length dial: the depth of nesting is drawn from 0 to `max_depth`, small depths more often; each level adds
    about six words. Only sentences of `min_words` to `max_words` English words are taken. Raises ConfigError for
    impossible settings and DataError if they leave too few sentences.
    """
    if count < 0:
        raise ConfigError(f"count must be 0 or more, but is {count}. Ask for the number of pairs that you want.")
    if max_words is not None and max_words < min_words:
        raise ConfigError(f"max_words must be at least min_words, but {max_words} < {min_words}. Raise max_words.")
    pairs: list[DemoPair] = []
    misses = 0
    stream = _distinct_pairs(seed, max_depth)
    while len(pairs) < count:
        pair = next(stream)
        words = len(pair.source.split())
        misses = 0 if min_words <= words and (max_words is None or words <= max_words) else misses + 1
        if not misses:
            pairs.append(pair)
        if misses == PATIENCE:
            raise DataError(
                f"max_depth must allow {count:,} sentences of {min_words} to {max_words or 'any number of'} words, but "
                f"{max_depth} gives {len(pairs):,}. Raise max_depth: each level adds about six words."
            )
    return pairs


def write_demo_corpus(
    folder: Path, *, count: int = 20_000, valid: int = 500, test: int = 500, seed: int = 1, max_depth: int = 2
) -> DemoCorpus:
    """Write train, valid and test as .en and .de into `folder`: `count`, `valid` and `test` pairs.

    No sentence of training has a reserved combination of verb and object, every sentence of validation and test has
    one, and all their words occur in training. Raises ConfigError for impossible numbers and DataError if training
    is so small that it has too few words; the six files are written one after the other.
    """
    for name, number in (("count", count), ("valid", valid), ("test", test)):
        if number < 1:
            raise ConfigError(f"{name} must be 1 or more, but is {number}. Ask for at least one pair in each file.")
    train: list[DemoPair] = []
    reserved: list[DemoPair] = []
    stream = _distinct_pairs(seed, max_depth)
    while len(train) < count:
        pair = next(stream)
        (reserved if pair.held_out else train).append(pair)
    known = {word for pair in train for word in _words(pair)}
    held_out = [pair for pair in reserved if _words(pair) <= known][: valid + test]
    misses = 0
    while len(held_out) < valid + test:
        pair = next(stream)
        misses = 0 if pair.held_out and _words(pair) <= known else misses + 1
        if not misses:
            held_out.append(pair)
        if misses == PATIENCE:
            raise DataError(
                f"training must know the words of {valid + test:,} held-out pairs, but {count:,} training pairs know "
                f"those of {len(held_out):,}. Ask for more training pairs or fewer held-out ones."
            )
    folder.mkdir(parents=True, exist_ok=True)
    return DemoCorpus(
        _write(folder, "train", train),
        _write(folder, "valid", held_out[:valid]),
        _write(folder, "test", held_out[valid:]),
    )


def _distinct_pairs(seed: int, max_depth: int) -> Iterator[DemoPair]:
    """Draw pairs for ever, none twice."""
    if not 0 <= max_depth <= DEEPEST:
        raise ConfigError(
            f"max_depth must be between 0 and {DEEPEST}, but is {max_depth}. Try 2, or 12 for long sentences."
        )
    speaker = Speaker(seed)
    seen: set[str] = set()
    while True:
        pair = translate(speaker.sentence(speaker.depth(max_depth)))
        if pair.source not in seen:
            seen.add(pair.source)
            yield pair


def _words(pair: DemoPair) -> set[str]:
    return set(re.findall(r"[\w-]+", f"{pair.source} {pair.target}".lower()))


def _write(folder: Path, name: str, pairs: Sequence[DemoPair]) -> tuple[Path, Path]:
    source, target = folder / f"{name}.en", folder / f"{name}.de"
    write_atomically(source, "".join(f"{pair.source}\n" for pair in pairs).encode())
    write_atomically(target, "".join(f"{pair.target}\n" for pair in pairs).encode())
    return source, target
