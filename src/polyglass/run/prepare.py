"""A corpus in, token stores and a tokenizer in the run folder out. Every pair is kept, or counted and written down."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from polyglass.config import DataConfig
from polyglass.data.corpus import CorpusFiles, open_corpus
from polyglass.data.doctor import CorpusHealth, check_corpus
from polyglass.data.masks import has_placeholders, with_masks
from polyglass.data.pair import Pair
from polyglass.data.sampling import SubwordSampler
from polyglass.data.store import TokenStore, open_store, write_store
from polyglass.data.subwords import Subwords
from polyglass.errors import BundleError, ConfigError, DataError
from polyglass.files import make_folder, open_atomically, write_atomically
from polyglass.run.folder import RunFolder

VALIDATION_LINES = ("validation.source.txt", "validation.target.txt")
KEPT = "kept.txt"
PLACEHOLDER_PAIRS = 20_000  # that are looked at for placeholders
MAX_SAMPLED_PAIRS = 500_000  # more teach SentencePiece nothing new, and cost it half a kilobyte each


@dataclass(frozen=True)
class CorpusPaths:
    """The files that a user named: training corpus, and validation and test corpus if there are any.

    The test corpus is only held out: no pair whose source stands in it is trained on.
    """

    train: tuple[Path, ...]
    valid: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()
    source_lang: str | None = None
    target_lang: str | None = None
    errors: Literal["strict", "skip"] = "strict"

    def open(self, files: tuple[Path, ...]) -> CorpusFiles:
        """Open one of the corpora."""
        return open_corpus(files, errors=self.errors, languages=(self.source_lang, self.target_lang))


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus: token ids for training and validation, and the validation texts to score against."""

    store: TokenStore
    validation: TokenStore
    validation_texts: tuple[list[str], list[str]]
    subwords: Subwords


@dataclass(frozen=True)
class KeptTexts:
    """The pairs that passed the filters, as text, in one file of the run folder while it is prepared."""

    path: Path
    report: CorpusHealth
    source_lang: str
    target_lang: str

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Read the pairs again."""
        with self.path.open(encoding="utf-8", newline="\n") as lines:
            for source in lines:
                yield source[:-1], next(lines)[:-1]

    def has_placeholders(self) -> bool:
        """True if so many pairs have placeholders that a model should learn to copy them."""
        return has_placeholders(evenly_spaced(self.pairs(), total=self.report.kept, wanted=PLACEHOLDER_PAIRS))


def filter_corpus(paths: CorpusPaths, config: DataConfig, folder: RunFolder) -> KeptTexts:
    """Read the training files once, keep what is good, and tell what was found."""
    files = paths.open(paths.train)
    source_lang, target_lang = _languages(paths, files)
    held_out = {name: paths.open(named) for name, named in (("valid", paths.valid), ("test", paths.test)) if named}
    make_folder(folder.data)
    path = folder.data / KEPT
    with open_atomically(path) as kept:

        def keep(pairs: Sequence[Pair]) -> None:
            kept.write("".join(f"{_one_line(pair.source)}\n{_one_line(pair.target)}\n" for pair in pairs).encode())

        health = check_corpus(files, config, held_out=held_out, dropped=folder.path / "dropped.tsv", keep=keep)
    return KeptTexts(path, health, source_lang, target_lang)


def store_corpus(kept: KeptTexts, paths: CorpusPaths, config: DataConfig, folder: RunFolder, *, size: int) -> Corpus:
    """Learn the subwords, encode everything once, and remove the intermediate text.

    Without validation files every 50th pair is set aside for validation, or fewer: about 1,000 at most.
    """
    if paths.valid:
        pairs = paths.open(paths.valid)
        validation = [(_one_line(pair.source), _one_line(pair.target)) for pair in pairs if _has_two_sides(pair)]
        train: Callable[[], Iterator[tuple[str, str]]] = kept.pairs
    else:
        every = max(50, kept.report.kept // 1000)
        validation = [pair for number, pair in enumerate(kept.pairs()) if number % every == 0]
        train = lambda: (pair for number, pair in enumerate(kept.pairs()) if number % every != 0)  # noqa: E731
    if config.protect:
        unmasked = train
        train = lambda: with_masks(unmasked())  # noqa: E731
    sample = lambda: evenly_spaced(train(), total=kept.report.kept, wanted=MAX_SAMPLED_PAIRS)  # noqa: E731
    if not validation or next(train(), None) is None:
        where = str(paths.valid[0]) if paths.valid else "a corpus so small"
        raise DataError(f"validation and training need pairs of their own, but {where} leaves none. Give more pairs.")
    subwords = Subwords.train(sample, config, size=size)
    for path in folder.path.glob("tokenizer*.model"):  # of a preparation that was killed
        path.unlink()
    subwords.save(folder.path)
    for part in ("train", "validation"):  # of a preparation that was killed
        shutil.rmtree(folder.data / part, ignore_errors=True)
    write_store(folder.data / "train", train(), subwords, max_length_tokens=config.max_length_tokens)
    write_store(folder.data / "validation", validation, subwords, max_length_tokens=config.max_length_tokens)
    for name, side in zip(VALIDATION_LINES, zip(*validation, strict=True), strict=True):
        write_atomically(folder.data / name, "".join(f"{text}\n" for text in side).encode())
    kept.path.unlink()
    return open_prepared(folder)


def evenly_spaced(pairs: Iterable[tuple[str, str]], *, total: int, wanted: int) -> Iterator[tuple[str, str]]:
    """Yield about `wanted` of `total` pairs, spread evenly; all of them if there are no more."""
    if wanted >= total:
        yield from pairs
        return
    for number, pair in enumerate(pairs):
        if (number + 1) * wanted // total > number * wanted // total:
            yield pair


def open_prepared(folder: RunFolder) -> Corpus:
    """Open what `store_corpus` wrote. Raises BundleError if it is damaged, or if the tokenizer is another one."""
    # As bytes: read_text would take a lone carriage return inside a text for the end of a line.
    texts = [(folder.data / name).read_bytes().decode().split("\n")[:-1] for name in VALIDATION_LINES]
    store, subwords = open_store(folder.data / "train"), Subwords.load(folder.path)
    if store.subwords_sha256 != subwords.sha256:
        raise BundleError(
            f"the tokenizer in {folder.path} is not the one that {folder.data} was made with, so every word would mean "
            "another. Use the tokenizer that came with this run."
        )
    return Corpus(store, open_store(folder.data / "validation"), (texts[0], texts[1]), subwords)


def build_sampler(corpus: Corpus, config: DataConfig, *, seed: int) -> SubwordSampler | None:
    """Return the subword sampler that the options ask for; it reads the texts back from their token ids."""
    if not config.subword_sampling:
        return None
    store, subwords = corpus.store, corpus.subwords
    texts = (
        (subwords.decode_source(store.source(pair).tolist()), subwords.decode_target(store.target(pair).tolist()))
        for pair in range(len(store))
    )
    return SubwordSampler(texts, subwords, config, seed=seed)


def describe_data(paths: CorpusPaths, kept: KeptTexts, corpus: Corpus) -> dict[str, Any]:
    """Return what the model card says of the data."""
    return {
        "files": [path.name for path in paths.train],
        "read": kept.report.read,
        "kept": len(corpus.store),
        "dropped": dict(kept.report.dropped)
        | ({"too_long_tokens": corpus.store.too_long} if corpus.store.too_long else {}),
        "validation": len(corpus.validation),
        "validation_files": [path.name for path in paths.valid],
        "test_files": [str(path) for path in paths.test],
    }


def _one_line(text: str) -> str:
    """Write a line feed inside a text (JSONL has them) as the space that the subwords take it for."""
    return text.replace("\n", " ")


def _has_two_sides(pair: Pair) -> bool:
    return bool(pair.source.strip() and pair.target.strip())


def _languages(paths: CorpusPaths, files: CorpusFiles) -> tuple[str, str]:
    guessed = files.guess_languages()
    found = (paths.source_lang or guessed[0], paths.target_lang or guessed[1])
    if found[0] is None or found[1] is None:
        names: Sequence[str] = [path.name for path in paths.train]
        raise ConfigError(
            f"the languages are not in the file names ({', '.join(names)}). Name them: "
            "--source-lang en --target-lang de"
        )
    return found[0], found[1]
