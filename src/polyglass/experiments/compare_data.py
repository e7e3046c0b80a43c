"""A corpus in; out: what every run of a comparison shares, prepared once: tokenizer, token ids, validation and test.

Without a test set there must still be sentences that no choice was made on. `hold_out` finds them and says where.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyglass.config import DataConfig
from polyglass.data.doctor import CorpusHealth
from polyglass.data.pair import Pair
from polyglass.errors import ConfigError, DataError
from polyglass.files import make_folder, write_atomically
from polyglass.run.folder import RunFolder
from polyglass.run.prepare import Corpus, CorpusPaths, KeptTexts, filter_corpus
from polyglass.run.train import data_check

VALIDATION, TEST = "validation.jsonl", "test.jsonl"
FEWEST_TO_SPLIT = 200  # validation pairs; halves of fewer would say little
EVERY = 20  # at most every 20th training pair is set aside
MOST_SET_ASIDE = 1000  # pairs, for each of validation and test


@dataclass(frozen=True)
class HeldOut:
    """What is kept out of training. notes: sentences that say where it came from."""

    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """What the runs share. facts: for the model cards."""

    corpus: Corpus
    held_out: HeldOut
    source_lang: str
    target_lang: str
    facts: dict[str, Any]


def hold_out(paths: CorpusPaths, config: DataConfig) -> HeldOut:
    """Read validation and test pairs from their files, or find some elsewhere. Raises DataError, ConfigError."""
    validation = _whole(paths.open(paths.valid)) if paths.valid else []
    test = _whole(paths.open(paths.test)) if paths.test else []
    for pairs, files in ((validation, paths.valid), (test, paths.test)):
        if files and not pairs:
            raise DataError(f"{', '.join(map(str, files))}: there is no pair with text on both sides.")
    if validation and test:
        return HeldOut(tuple(validation), tuple(test), ())
    if validation:
        return _split(validation, ", ".join(path.name for path in paths.valid))
    if not config.drop_overlap:
        raise ConfigError(
            "Without --valid, pairs of the training corpus are set aside, and data.drop_overlap=false would let them "
            "be trained on all the same. Give --valid and --test, or leave data.drop_overlap as it is."
        )
    return _set_aside(paths, test)


def _split(pairs: Sequence[Pair], name: str) -> HeldOut:
    """Halve a validation set, if that leaves enough in each half."""
    if len(pairs) < FEWEST_TO_SPLIT:
        note = (
            f"No --test was given, and {name} has only {len(pairs):,} pairs: the same pairs choose the best model of "
            "each run and judge it, so all scores are a little too good. Give --test for scores to quote."
        )
        return HeldOut(tuple(pairs), tuple(pairs), (note,))
    test = tuple(pairs[1::2])
    sources = {pair.source for pair in test}
    validation = tuple(pair for pair in pairs[::2] if pair.source not in sources)
    note = (
        f"No --test was given: every second pair of {name} ({len(test):,} pairs) is the test set, and the other "
        f"{len(validation):,} choose the best model of each run."
    )
    return HeldOut(validation or tuple(pairs[::2]), test, (note,))


def _set_aside(paths: CorpusPaths, test: Sequence[Pair]) -> HeldOut:
    """Take validation pairs, and test pairs if there are none, out of the training corpus, evenly spaced."""
    wanted = MOST_SET_ASIDE * (1 if test else 2)
    total = sum(1 for _ in paths.open(paths.train))
    every = max(EVERY, -(-total // wanted))
    chosen = list({pair.source: pair for pair in _whole(_every(paths.open(paths.train), every))}.values())
    if len(chosen) < 2:
        raise DataError(
            f"Without --valid, every {every}th pair of the training corpus is set aside, but it has only {total:,} "
            "pairs. Give --valid and --test."
        )
    if test:
        note = (
            f"No --valid was given: {len(chosen):,} pairs of the training corpus (every {every}th) choose the best "
            "model of each run. Nobody trains on them."
        )
        return HeldOut(tuple(chosen), tuple(test), (note,))
    note = (
        f"No --valid and no --test was given: {len(chosen):,} pairs of the training corpus (every {every}th) were set "
        f"aside. One half chooses the best model of each run, the other is the test set. Nobody trains on them."
    )
    return HeldOut(tuple(chosen[1::2]), tuple(chosen[::2]), (note,))


def _every(pairs: Iterable[Pair], every: int) -> Iterator[Pair]:
    return (pair for number, pair in enumerate(pairs) if number % every == every // 2)


def _whole(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs that have text on both sides, each text on one line."""
    return [
        Pair(pair.line, pair.source.replace("\n", " "), pair.target.replace("\n", " "))
        for pair in pairs
        if pair.source.strip() and pair.target.strip()
    ]


def filter_once(paths: CorpusPaths, held_out: HeldOut, config: DataConfig, folder: Path) -> KeptTexts:
    """Write down what is held out, and filter the training corpus."""
    make_folder(folder)
    for name, pairs in ((VALIDATION, held_out.validation), (TEST, held_out.test)):
        write_pairs(folder / name, pairs)
    kept = filter_corpus(inner_paths(paths, folder), config, RunFolder(folder))
    RunFolder(folder).write_json("data_check.json", data_check(kept.report))
    return kept


def inner_paths(paths: CorpusPaths, folder: Path) -> CorpusPaths:
    """Return the same training corpus with what is held out as it was written down."""
    return CorpusPaths(
        paths.train,
        (folder / VALIDATION,),
        (folder / TEST,),
        source_lang=paths.source_lang,
        target_lang=paths.target_lang,
        errors=paths.errors,
    )


def word_types(health: CorpusHealth) -> int:
    """Return how many different words both sides have, for the size of the vocabulary."""
    return health.source.word_types + health.target.word_types


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write pairs as JSONL that keeps the line each stands in."""
    records = ({"source": pair.source, "target": pair.target, "line": pair.line} for pair in pairs)
    write_atomically(path, "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records).encode())


def read_pairs(path: Path) -> list[Pair]:
    """Read what `write_pairs` wrote. Raises DataError if it is damaged."""
    try:
        records = [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
        return [Pair(record["line"], record["source"], record["target"]) for record in records]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged or missing ({error}). Start the comparison anew in another folder."
        ) from None


def share(prepared: Path, run: Path) -> None:
    """Give a run folder the prepared corpus: by hard links, or as copies where the disk has none."""
    wanted = [*prepared.glob("tokenizer*.model"), prepared / "data_check.json", *(prepared / "data").rglob("*")]
    for path in wanted:
        place = run / path.relative_to(prepared)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:
                shutil.copy2(path, place)
