"""`polyglass data`: look at a corpus before training on it, change it, or make the small demo corpus."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.cli.arguments import add_settings_arguments, settings_from
from polyglass.cli.data_tools import add_parsers
from polyglass.cli.data_tools import run as change
from polyglass.errors import DataError, InputError

if TYPE_CHECKING:
    from polyglass.data.corpus import CorpusFiles

_FILES = "two text files (source, target), two .srt or .vtt, or one .tsv, .jsonl, .tmx, .xlf or .po; packed too"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb and its own verbs."""
    parser = subparsers.add_parser("data", description="Check or change a corpus, or make the small one.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="what is in a corpus, what is wrong with it, and how to mend it",
        description="Read a corpus as training would, and say what is in it and what is wrong with it. "
        "Exits with 0 if it can be trained on, with 2 if something must be mended first.",
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE", help=_FILES)
    check.add_argument("--valid", nargs="+", type=Path, metavar="FILE", help="the validation set")
    check.add_argument("--test", nargs="+", type=Path, metavar="FILE", help="the test set")
    check.add_argument(
        "--source-lang", metavar="CODE", help="language of the source, where the file name does not tell"
    )
    check.add_argument("--target-lang", metavar="CODE", help="language of the target")
    check.add_argument(
        "--errors",
        choices=("strict", "skip"),
        default="strict",
        help="a line that cannot be read: stop, or leave it out",
    )
    check.add_argument("--dropped", type=Path, metavar="FILE.tsv", help="write every dropped pair and the reason")
    check.add_argument(
        "--findings", type=Path, metavar="FILE.tsv", help="write every line with a fault, and which fault it is"
    )
    check.add_argument(
        "--fail-on-overlap", action="store_true", help="exit with 2 if training pairs stand in the other sets"
    )
    check.add_argument("--json", action="store_true", help="print JSON")
    add_settings_arguments(check)
    add_parsers(actions, _FILES)
    demo = actions.add_parser(
        "demo",
        help="make a small English-German corpus to try things on",
        description="Write a made-up English-German corpus: training, validation and test files.",
    )
    demo.add_argument("folder", type=Path, metavar="FOLDER", help="where the files are written")
    demo.add_argument("--pairs", type=int, metavar="N", help="training pairs (default: 20000)")
    demo.add_argument("--seed", type=int, metavar="N", help="same seed, same sentences (default: 1)")
    demo.add_argument(
        "--max-depth", type=int, metavar="N", help="how deep clauses may stand in each other (default: 2)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check a corpus, change it, or make one."""
    match arguments.action:
        case "check":
            return _check(arguments)
        case "demo":
            return _demo(arguments)
    return change(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from polyglass.cli.health_report import as_json, as_text
    from polyglass.data.corpus import open_corpus
    from polyglass.data.doctor import Thorough, check_corpus

    config = settings_from(arguments).config.data
    languages = (arguments.source_lang, arguments.target_lang)
    corpora: dict[str, CorpusFiles] = {
        name: open_corpus(paths, errors="skip" if name == "train" else arguments.errors, languages=languages)
        for name, paths in (("train", arguments.files), ("valid", arguments.valid), ("test", arguments.test))
        if paths
    }
    _refuse_to_overwrite(arguments, corpora)
    train = corpora.pop("train")
    _refuse_swapped(train, languages)
    health = check_corpus(
        train,
        config,
        held_out=corpora,
        dropped=arguments.dropped,
        thorough=Thorough(strict=arguments.errors == "strict", findings=arguments.findings),
    )
    print(
        as_json(health) if arguments.json else as_text(health, dropped=arguments.dropped, findings=arguments.findings)
    )
    return 0 if health.healthy and not (arguments.fail_on_overlap and health.overlapping) else InputError.exit_code


def _refuse_to_overwrite(arguments: argparse.Namespace, corpora: "dict[str, CorpusFiles]") -> None:
    inputs = {path.resolve() for corpus in corpora.values() for path in corpus.paths}
    for flag in ("dropped", "findings"):
        path = getattr(arguments, flag)
        if path is not None and path.resolve() in inputs:
            raise InputError(f"--{flag} must name a new file, but {path} is one of the inputs.")


def _refuse_swapped(corpus: "CorpusFiles", languages: tuple[str | None, str | None]) -> None:
    """The first file is the source; say so if the flags say the opposite of the file names."""
    from polyglass.data.formats.languages import language_of

    if corpus.kind == "lines" and all(languages):
        named = tuple(map(language_of, corpus.paths))
        if named == languages[::-1] and named != languages:
            first, second = corpus.paths
            raise DataError(
                f"the first file is the source side, but --source-lang is {languages[0]} and {first} looks like "
                f"{named[0]}. Swap the files: {second} {first}"
            )


def _demo(arguments: argparse.Namespace) -> int:
    from itertools import islice

    from polyglass.data.corpus import open_corpus
    from polyglass.data.demo_grammar import write_demo_corpus

    given = {"count": arguments.pairs, "seed": arguments.seed, "max_depth": arguments.max_depth}
    written = write_demo_corpus(arguments.folder, **{name: value for name, value in given.items() if value is not None})
    for name, paths in (("training", written.train), ("validation", written.valid), ("test", written.test)):
        count = sum(1 for _ in open_corpus(paths))
        print(f"{name:<11}{count:>8,} pairs  {paths[0]}  {paths[1]}")
    print("\nThree of them:")
    for pair in islice(open_corpus(written.train), 3):
        print(f"  en  {pair.source}\n  de  {pair.target}")
    train, valid = (" ".join(map(str, paths)) for paths in (written.train, written.valid))
    print(f"\nNext: polyglass train {train} --valid {valid} --out en-de-demo")
    return 0
