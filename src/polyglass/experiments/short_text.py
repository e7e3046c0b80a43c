"""Short sentences and a small model that learns them in seconds: what trials share that ask many small questions.

The demo generator's sentences, or a corpus of the user's: then a model makes as many passes over it as over the demo
sentences, up to a bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from polyglass.data.demo_grammar import generate_pairs
from polyglass.data.subwords import Subwords
from polyglass.experiments.trial import Ids, Lesson
from polyglass.experiments.window_text import Text, TextCorpus, learn_subwords, read_texts, text_lesson

MOST_PAIRS = 50_000
HELD_OUT = 400
DEMO_SEED, DEMO_WORDS = 1, 6
DEMO_VOCABULARY, VOCABULARY = 600, 2_000
MOST_TIMES = 8  # so many times the demo's updates for a large corpus, at most

SMALL: Mapping[str, object] = {
    "model.family": "transformer",
    "model.norm_place": "pre",
    "model.d_model": 64,
    "model.num_heads": 4,
    "model.encoder_layers": 2,
    "model.decoder_layers": 2,
    "model.d_ff": 256,
    "model.dropout": 0.1,
    "train.label_smoothing": 0.1,
    "train.learning_rate": 5e-3,
}
"""An eighth of the paper's base model in width, a third in layers, half in heads; dropout and smoothing as there."""


@dataclass(frozen=True)
class Rows:
    """Pairs as token ids, special symbols left out, and the texts of their targets."""

    sources: tuple[Ids, ...]
    targets: tuple[Ids, ...]
    references: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)

    def halves(self) -> tuple["Rows", "Rows"]:
        """Return every second pair, and the others."""
        first, second = (
            Rows(self.sources[start::2], self.targets[start::2], self.references[start::2]) for start in (0, 1)
        )
        return first, second


@dataclass(frozen=True)
class School:
    """What all trials of one experiment share. seen: some training pairs, to measure how well they are known."""

    subwords: Subwords = field(repr=False)
    lesson: Lesson
    tests: Rows
    seen: Rows


def read_short(files: Sequence[Path], test: Sequence[Path], *, demo_pairs: int) -> TextCorpus:
    """Read a corpus of the user's, or make short demo sentences where none is named.

    Raises InputError or DataError for files that cannot be used.
    """
    if files or test:
        return read_texts(files, test, most=MOST_PAIRS)
    drawn = generate_pairs(demo_pairs + HELD_OUT, seed=DEMO_SEED, max_depth=0, max_words=DEMO_WORDS)
    pairs = [(pair.source, pair.target) for pair in drawn]
    name = f"{demo_pairs:,} short pairs of the demo generator, seed {DEMO_SEED}"
    return TextCorpus(name, tuple(pairs[HELD_OUT:]), tuple(pairs[:HELD_OUT]))


def open_school(texts: TextCorpus, *, tested: int, is_demo: bool) -> School:
    """Learn subwords and cut the texts. tested: held-out pairs that are scored, and training pairs beside them."""
    subwords = learn_subwords(texts, size=DEMO_VOCABULARY if is_demo else VOCABULARY)
    lesson = text_lesson(texts.train, subwords)
    tests, seen = (rows_of(some[:tested], subwords) for some in (texts.test, texts.train))
    return School(subwords, lesson, tests, seen)


def rows_of(pairs: Sequence[Text], subwords: Subwords, *, longest: int | None = None) -> Rows:
    """Cut pairs into subwords. longest: a side with more tokens than that, eos included, leaves its pair out."""
    sources = subwords.encode_source([source for source, _ in pairs])
    targets = subwords.encode_target([target for _, target in pairs])
    kept = [
        (tuple(source), tuple(target), text)
        for source, target, (_, text) in zip(sources, targets, pairs, strict=True)
        if longest is None or max(len(source), len(target)) < longest
    ]
    return Rows(*(tuple(side) for side in zip(*kept, strict=True))) if kept else Rows((), (), ())


def updates(pairs: int, *, demo_pairs: int, demo_updates: int) -> int:
    """Return the updates for a corpus: as many for each pair as for the demo's, within bounds."""
    return round(demo_updates * min(MOST_TIMES, max(1.0, pairs / demo_pairs)))
