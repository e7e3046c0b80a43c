"""`polyglass demo`: the whole way once, on a corpus that polyglass makes itself, in about three minutes."""

import argparse
import shlex
import shutil
from pathlib import Path

from polyglass.errors import InputError

TRAINING_TIME = "140s"
EXAMPLES = 3
EXAMPLE_WORDS = range(6, 13)
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
        ("4. How good is it on sentences it has never seen?", ["evaluate", str(model), *pair["test"]]),
    ]
    for title, words in commands:
        code = _show_and_run(title, words)
        if code != 0:
            return code
    sentences, references = _examples(pair["test"])
    code = _show_and_run("5. Use it, on three of these sentences", ["translate", str(model), *sentences])
    print("\nA person would say:", *references, sep="\n", end="\n\n")
    print("Now with your own text: two files with a sentence a line, line n of one for line n of the other.")
    print("  polyglass train my.en my.de --out models/en-de --budget 30m")
    return code


def _show_and_run(title: str, words: list[str]) -> int:
    from polyglass.cli.main import main

    print(f"\n=== {title}\n$ polyglass {shlex.join(words)}\n", flush=True)
    return main(words)


def _make_room(folder: Path) -> None:
    """Begin with an empty folder; only a folder that an earlier demo made is cleared for it."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise InputError(f"{folder} is not empty, and no demo made it. Name another folder: polyglass demo FOLDER")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def _examples(files: list[str]) -> tuple[list[str], list[str]]:
    """Return a few test sentences of a handy length, and what a person would say."""
    sources, targets = (Path(file).read_text(encoding="utf-8").splitlines() for file in files)
    pairs = [pair for pair in zip(sources, targets, strict=True) if len(pair[0].split()) in EXAMPLE_WORDS]
    return [source for source, _ in pairs[:EXAMPLES]], [target for _, target in pairs[:EXAMPLES]]
