"""`polyglass data convert`, `clean`, `split`, `sample`: a corpus in, a corpus out, and why the rest was dropped."""

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.cli.arguments import add_settings_arguments, settings_from
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.data.corpus import CorpusFiles
    from polyglass.data.writing import PairWriter

_OUT = "two text files, or one .tsv, .jsonl or .tmx; .gz too"
_VALID, _TEST, _SAMPLE, _SEED = 1000, 1000, 1000, 1


def add_parsers(actions: Any, files: str) -> None:
    """Add the four verbs. files: what a corpus may be, in words."""
    convert = _parser(actions, "convert", "write a corpus in another format", files)
    convert.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    clean = _parser(actions, "clean", "write only the pairs that training would keep", files)
    clean.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    clean.add_argument("--dropped", type=Path, metavar="FILE.tsv", help="write every dropped pair and the reason")
    add_settings_arguments(clean)
    split = _parser(actions, "split", "set pairs apart for validation and test, without a leak", files)
    split.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="where the parts are written")
    split.add_argument("--valid", type=int, default=_VALID, metavar="N", help=f"pairs for validation ({_VALID:,})")
    split.add_argument("--test", type=int, default=_TEST, metavar="N", help=f"pairs for the test ({_TEST:,})")
    split.add_argument("--seed", type=int, default=_SEED, metavar="N", help="same seed, same parts")
    sample = _parser(actions, "sample", "write some pairs, drawn at random, in their order", files)
    sample.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    sample.add_argument("--pairs", type=int, default=_SAMPLE, metavar="N", help=f"how many ({_SAMPLE:,})")
    sample.add_argument("--seed", type=int, default=_SEED, metavar="N", help="same seed, same pairs")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    from polyglass.data.corpus import open_corpus

    corpus = open_corpus(
        arguments.files, errors=arguments.errors, languages=(arguments.source_lang, arguments.target_lang)
    )
    inputs = {path.resolve() for path in corpus.paths}
    outputs = [arguments.out] if isinstance(arguments.out, Path) else arguments.out
    same = next((path for path in outputs if path.resolve() in inputs), None)
    if same is not None:
        raise InputError(f"--out must name a new file, but {same} is one of the inputs.")
    actions = {"convert": _convert, "clean": _clean, "split": _split, "sample": _sample}
    actions[arguments.action](corpus, arguments)
    return 0


def _parser(actions: Any, name: str, line: str, files: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=files)
    parser.add_argument("--source-lang", metavar="CODE", help="language of the source, where no name tells")
    parser.add_argument("--target-lang", metavar="CODE", help="language of the target")
    parser.add_argument(
        "--errors", choices=("strict", "skip"), default="strict", help="what cannot be read: stop, or leave it out"
    )
    return parser


def _convert(corpus: "CorpusFiles", arguments: argparse.Namespace) -> None:
    dropped: Counter[str] = Counter()
    with _writer(arguments.out, corpus) as writer:
        for pair in corpus.with_damaged():
            if pair.damage is None:
                writer.add(pair.source, pair.target)
            else:
                dropped[pair.damage] += 1
    _tell(writer, dropped, arguments.out)


def _clean(corpus: "CorpusFiles", arguments: argparse.Namespace) -> None:
    from polyglass.data.filters import FilterReport, filter_pairs

    report = FilterReport()
    with _writer(arguments.out, corpus) as writer:
        config = settings_from(arguments).config.data
        for pair in filter_pairs(corpus, config, report, dropped=arguments.dropped):
            writer.add(pair.source, pair.target)
    _tell(writer, report.dropped, arguments.out)
    if report.dropped:
        print(f"  dropped pairs are in {arguments.dropped}" if arguments.dropped else "  --dropped FILE.tsv names them")


def _sample(corpus: "CorpusFiles", arguments: argparse.Namespace) -> None:
    import random

    total = sum(1 for _ in corpus)
    if not 0 < arguments.pairs <= total:
        raise InputError(f"--pairs must be 1 to {total:,}, the pairs of the corpus, but is {arguments.pairs:,}.")
    chosen = set(random.Random(arguments.seed).sample(range(total), arguments.pairs))
    with _writer(arguments.out, corpus) as writer:
        for number, pair in enumerate(corpus):
            if number in chosen:
                writer.add(pair.source, pair.target)
    _tell(writer, Counter(), arguments.out)


def _split(corpus: "CorpusFiles", arguments: argparse.Namespace) -> None:
    from contextlib import ExitStack

    from polyglass.data.filters import escape_cell
    from polyglass.data.split import NAMES, TRAIN, split_corpus, with_near
    from polyglass.files import make_folder, open_atomically

    for name in ("valid", "test"):
        if getattr(arguments, name) < 0:
            raise InputError(f"--{name} must be 0 or more, but is {getattr(arguments, name)}.")
    split = split_corpus(corpus, valid=arguments.valid, test=arguments.test, seed=arguments.seed)
    split = with_near(split, corpus)
    make_folder(arguments.out)
    languages = corpus.guess_languages()
    dropped: Counter[str] = Counter()
    with ExitStack() as stack:
        names = [_part_files(arguments.out, name, languages) for name in NAMES]
        writers = [stack.enter_context(_writer(paths, corpus)) for paths in names]
        rows = stack.enter_context(open_atomically(arguments.out / "dropped.tsv"))
        rows.write(b"reason\tline\tsource\ttarget\n")
        for pair, part in zip(corpus, split.parts.tolist(), strict=True):
            leak = split.leak(pair, part)
            if leak is None:
                writers[part].add(pair.source, pair.target)
                continue
            reason = f"near_{leak}"
            dropped[f"{NAMES[part]}: nearly the same stands in {leak}"] += 1
            cells = "\t".join(map(escape_cell, (pair.source, pair.target)))
            rows.write(f"{reason}\t{pair.line}\t{cells}\n".encode())
    for writer, paths in zip(writers, names, strict=True):
        _tell(writer, Counter(), paths)
    for reason, count in dropped.most_common():
        print(f"{count:>9,} left out of {reason}; see {arguments.out / 'dropped.tsv'}")
    if writers[TRAIN].written == 0:
        print("          Nothing is left to train on: ask for smaller parts.")


def _part_files(folder: Path, name: str, languages: tuple[str | None, str | None]) -> list[Path]:
    source, target = languages
    if source and target and source != target:
        return [folder / f"{name}.{source}", folder / f"{name}.{target}"]
    return [folder / f"{name}.tsv"]


@contextmanager
def _writer(paths: list[Path], corpus: "CorpusFiles") -> "Iterator[PairWriter]":
    from polyglass.data.writing import corpus_kind, write_corpus

    corpus_kind(paths)
    with write_corpus(paths, corpus.guess_languages()) as writer:
        yield writer


def _tell(writer: "PairWriter", dropped: "Counter[str]", paths: list[Path]) -> None:
    """Say how much was written where, and what was not."""
    from polyglass.data.filters import REASONS

    print(f"{writer.written:>9,} pairs written to {'  '.join(map(str, paths))}")
    for reason, count in dropped.most_common():
        print(f"{count:>9,} dropped: {REASONS.get(reason, reason)}")
    if writer.flattened:
        print(f"{writer.flattened:>9,} texts had a line feed or tab inside, which became a space")
