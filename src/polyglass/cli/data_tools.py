"""`polyglass data convert`, `clean`, `fix`, `split`, `sample`: a corpus in, a corpus out, and what was dropped."""

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
    """Add the five verbs. files: what a corpus may be, in words."""
    convert = _parser(actions, "convert", "write a corpus in another format", files)
    convert.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    _add_clean(actions, files)
    fix = actions.add_parser(
        "fix",
        help="write a text file as UTF-8, line by line",
        description="Write a text file as UTF-8. Lines that are UTF-8 stay as they are; the others are read as --from.",
    )
    fix.add_argument("files", nargs=1, type=Path, metavar="FILE", help="a text file or TSV; packed too")
    fix.add_argument("--from", dest="encoding", metavar="ENCODING", required=True, help="such as cp1252 or koi8-r")
    fix.add_argument("--out", type=Path, metavar="FILE", required=True, help="the new file")
    split = _parser(actions, "split", "set pairs apart for validation and test, without a leak", files)
    split.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="where the parts are written")
    split.add_argument("--valid", type=int, default=_VALID, metavar="N", help=f"pairs for validation ({_VALID:,})")
    split.add_argument("--test", type=int, default=_TEST, metavar="N", help=f"pairs for the test ({_TEST:,})")
    split.add_argument("--seed", type=int, default=_SEED, metavar="N", help="same seed, same parts")
    sample = _parser(actions, "sample", "write some pairs, drawn at random, in their order", files)
    sample.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    sample.add_argument("--pairs", type=int, default=_SAMPLE, metavar="N", help=f"how many ({_SAMPLE:,})")
    sample.add_argument("--seed", type=int, default=_SEED, metavar="N", help="same seed, same pairs")


def _add_clean(actions: Any, files: str) -> None:
    clean = _parser(actions, "clean", "write only the pairs that training would keep", files)
    clean.add_argument("--out", nargs="+", type=Path, metavar="FILE", required=True, help=_OUT)
    clean.add_argument("--dropped", type=Path, metavar="FILE.tsv", help="write every dropped pair and the reason")
    clean.add_argument("--mend", type=_names, default=(), metavar="KINDS", help="faults to put right, see data check")
    clean.add_argument("--drop", type=_names, default=(), metavar="KINDS", help="faults to leave out, see data check")
    clean.add_argument("--valid", nargs="+", type=Path, metavar="FILE", help="the validation set; its sentences go")
    clean.add_argument("--test", nargs="+", type=Path, metavar="FILE", help="the test set; its sentences go")
    add_settings_arguments(clean)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    if arguments.action == "fix":
        return _fix(arguments)
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
    from polyglass.data.corpus import open_corpus
    from polyglass.data.filters import FilterReport, filter_pairs, held_out_sources
    from polyglass.data.mending import Mended, plan_mending

    report = FilterReport()
    config = settings_from(arguments).config.data
    languages = (arguments.source_lang, arguments.target_lang)
    held_out = {
        name: open_corpus(paths, languages=languages)
        for name, paths in (("valid", arguments.valid), ("test", arguments.test))
        if paths
    }
    pairs: CorpusFiles | Mended = corpus
    if arguments.mend or arguments.drop:
        pairs = Mended(
            corpus, plan_mending(corpus, config, held_out=held_out, mend=arguments.mend, drop=arguments.drop)
        )
    apart = held_out_sources(*held_out.values())
    with _writer(arguments.out, corpus) as writer:
        for pair in filter_pairs(pairs, config, report, held_out=apart, dropped=arguments.dropped):
            writer.add(pair.source, pair.target)
    _tell(writer, report.dropped, arguments.out)
    for kind, count in pairs.counts.items() if isinstance(pairs, Mended) else ():
        print(f"{count:>9,} put right: {kind}")
    if report.dropped:
        print(f"  dropped pairs are in {arguments.dropped}" if arguments.dropped else "  --dropped FILE.tsv names them")


def _fix(arguments: argparse.Namespace) -> int:
    from polyglass.data.mending import fix_encoding

    (path,) = arguments.files
    if arguments.out.resolve() == path.resolve():
        raise InputError(f"--out must name a new file, but {arguments.out} is the input.")
    total, changed = fix_encoding(path, arguments.out, encoding=arguments.encoding)
    print(f"{total:>9,} lines written to {arguments.out}\n{changed:>9,} of them were not UTF-8")
    return 0


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
    from polyglass.data import filters, mending

    reasons = {**filters.REASONS, **mending.REASONS}
    print(f"{writer.written:>9,} pairs written to {'  '.join(map(str, paths))}")
    for reason, count in dropped.most_common():
        print(f"{count:>9,} dropped: {reasons.get(reason, reason)}")
    if writer.flattened:
        print(f"{writer.flattened:>9,} texts had a line feed or tab inside, which became a space")
