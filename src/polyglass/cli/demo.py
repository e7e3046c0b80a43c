"""`polyglass demo`: the whole way once, on a corpus that polyglass makes itself, in about three minutes."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

from polyglass.errors import InputError

TRAINING_TIME = "110s"
SENTENCES = (
    "the old teacher who sees the children opens the door .",
    "the woman says that the dog sleeps .",
    "today the man buys twenty-one apples .",
)
MARKER = ".polyglass-demo"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "demo",
        help="the whole way once, in three minutes",
        description="Make a small corpus, check it, train on it, score the result, and translate with it.",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("demo"), help="where to work (default: demo)")
    parser.add_argument("--budget", default=TRAINING_TIME, metavar="TIME", help=f"for training ({TRAINING_TIME})")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the verbs one after another, showing each command as a user would type it."""
    folder: Path = arguments.folder
    _make_room(folder)
    corpus, model = folder / "corpus", folder / "model"
    pair = {part: [str(corpus / f"{part}.{lang}") for lang in ("en", "de")] for part in ("train", "valid", "test")}
    commands = [
        ("1. A corpus: 20,000 English-German pairs from a small grammar", ["data", "demo", str(corpus)]),
        ("2. What is in it, and is it sound?", ["data", "check", *pair["train"], "--valid", *pair["valid"]]),
        (
            "3. Train a Transformer on it",
            ["train", *pair["train"], "--valid", *pair["valid"], "--out", str(model), "--budget", arguments.budget],
        ),
        ("4. How good is it, on sentences and combinations it has never seen?", ["evaluate", str(model), *pair["test"]]),
        ("5. Use it", ["translate", str(model), *_examples(pair["test"][0])]),
    ]
    from polyglass.cli.main import main

    for title, words in commands:
        print(f"\n=== {title}\n$ polyglass {shlex.join(words)}\n", flush=True)
        if words[0] == "translate":
            _show_examples(words[2:])
        code = main(words)
        if code != 0:
            return code
    _what_next(model)
    return 0
