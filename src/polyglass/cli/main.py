"""Words of a command line in, an exit code out: finds the verb, runs it, puts every failure into words.

A verb is one file, `polyglass/cli/VERB.py`, with `add_parser(subparsers)` and `run(arguments) -> int`, and one line in
`VERBS`. Only the file of the verb that is called is loaded. Nothing here may import torch, numpy, pydantic or rich:
`polyglass --help` must answer at once.
"""

import argparse
import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from polyglass._version import __version__
from polyglass.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, InputError, OutOfSpaceError, PolyglassError
from polyglass.spelling import did_you_mean

VERBS = {
    "Make a translator": {
        "demo": "the whole way once, on a small corpus of our own, in three minutes",
        "data": "check a corpus, or make the small demo corpus",
        "train": "learn a translator from pairs of sentences",
    },
    "Use it": {
        "translate": "translate lines of text",
        "merge": "join what shards of a job array have translated",
        "serve": "translate over HTTP, also for LibreTranslate and DeepL clients",
        "score": "say how likely given translations are",
        "export": "write the model for another program, with a proof",
    },
    "Know it": {
        "evaluate": "measure translations: BLEU, chrF, what goes wrong",
        "compare": "several models on one corpus: which is better, and is it luck?",
        "experiment": "what textbooks claim, measured on this machine",
        "explore": "follow a sentence through a model, number by number, in the browser",
        "info": "what a model folder holds",
        "config": "all options: meaning, value, and where each value came from",
    },
}

_EXAMPLES = """\
  polyglass train train.en train.de --valid valid.en valid.de --out en-de
  echo "Good morning." | polyglass translate en-de
  polyglass evaluate en-de test.en test.de"""


class Parser(argparse.ArgumentParser):
    """argparse with whole flags only, a hint for misspelt words, and errors that begin with the verb."""

    def __init__(self, **settings: Any) -> None:
        # An abbreviation that works today would break when a second flag begins like it.
        super().__init__(**{"allow_abbrev": False, **settings})

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and how to get help; exit 2."""
        if found := re.search(r"invalid choice: '?([^']*?)'? \(choose from (.*)\)", message):
            message += did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
        self.exit(2, f"{self.prog}: error: {visible(message)}\n{self.prog} --help shows what can be given.\n")


class _TopParser(Parser):
    """The parser of `polyglass` itself, with a help page of our own."""

    def format_help(self) -> str:
        """Return the page: verbs in groups, options, examples."""
        lines = [f"polyglass {__version__}: train your own translator, and see through it", ""]
        lines += ["usage: polyglass VERB ...", "       polyglass VERB --help", ""]
        for group, verbs in VERBS.items():
            lines += [f"{group}:", *(f"  {verb:<11}{line}" for verb, line in verbs.items()), ""]
        lines += ["Options:", "  --help     show this page, or with a verb what the verb takes"]
        lines += ["  --version  show the version", "  --debug    when something fails, show where in the program", ""]
        return "\n".join([*lines, "Examples:", _EXAMPLES, ""])


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process) and return its exit code; see `errors.py` for the codes."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak_utf8()
    try:
        code = _run(words)
        sys.stdout.flush()  # here, where a full disk or a closed pipe can still be put into words
        return code
    except SystemExit as stop:  # argparse has said what is wrong
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except (Exception, KeyboardInterrupt) as error:
        if "--debug" in words or os.environ.get("POLYGLASS_DEBUG"):
            sys.excepthook(type(error), error, error.__traceback__)
        return _report(error)


def _run(words: Sequence[str]) -> int:
    verb = next((word for word in words if not word.startswith("-")), None)
    known = [name for verbs in VERBS.values() for name in verbs]
    parser = _TopParser(prog="polyglass")
    parser.add_argument("--version", action="version", version=f"polyglass {__version__}")
    parser.add_argument("--debug", action="store_true")
    if verb is None:
        parser.parse_args(words)
        parser.print_help(sys.stderr)
        return InputError.exit_code
    if verb not in known:
        parser.error(f"unknown verb {verb}{did_you_mean(verb, known)}")
    module = importlib.import_module(f"polyglass.cli.{verb}")
    subparsers = parser.add_subparsers(prog="polyglass", dest="verb", parser_class=Parser)
    module.add_parser(subparsers)
    for below in _parsers_below(parser):
        below.add_argument(
            "--debug", action="store_true", default=argparse.SUPPRESS, help="when something fails, show where"
        )
    chosen = subparsers.choices[verb]
    if any(isinstance(action, argparse._SubParsersAction) for action in chosen._actions):
        arguments, unknown = parser.parse_known_args(words)
    else:
        # Words may stand before and after flags: argparse otherwise closes [TEXT ...] at the first flag.
        after_verb = [*words[: words.index(verb)], *words[words.index(verb) + 1 :]]
        arguments, unknown = chosen.parse_known_intermixed_args(after_verb)
    if unknown:
        _refuse(unknown[0], chosen)
    code: int = module.run(arguments)
    return code


def _parsers_below(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of the verb and of its own verbs."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield below
                yield from _parsers_below(below)


def _refuse(word: str, parser: argparse.ArgumentParser) -> NoReturn:
    """Say that the verb does not take this word."""
    if not word.startswith("-"):
        parser.error(f"there is one word too many: {word}")
    flag = word.partition("=")[0]
    parsers = [parser, *_parsers_below(parser)]
    known = [name for one in parsers for action in one._actions for name in action.option_strings if len(name) > 2]
    parser.error(f"unknown flag {flag}{did_you_mean(flag, known)}")


def _report(error: BaseException) -> int:
    """Put an exception into words on stderr and return the exit code."""
    code, text = _words(error)
    with suppress(OSError):  # where stderr is gone, nobody can be told
        if text:
            print(f"polyglass: {visible(text)}", file=sys.stderr, flush=True)
    if isinstance(error, OSError):
        _silence_stdout()
    return code


def _words(error: BaseException) -> tuple[int, str]:
    match error:
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED, "stopped."
        case PolyglassError():
            return error.exit_code, f"error: {error}"
        case BrokenPipeError():  # whoever read our output has seen enough
            return PolyglassError.exit_code, ""
        case OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EROFS):
            place = f"{error.filename}: " if error.filename else ""
            text = (
                f"error: cannot write: {place}{error.strerror}. Free some space or write elsewhere, then run it again."
            )
            return OutOfSpaceError.exit_code, text
        case FileNotFoundError() | PermissionError() | IsADirectoryError() | NotADirectoryError() if error.filename:
            return InputError.exit_code, f"error: cannot open {error.filename}: {error.strerror}."
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or "can't allocate memory" in str(error):
        return OutOfSpaceError.exit_code, "error: out of memory. Give it smaller batches, or take a smaller model."
    reason = " ".join(str(error).split())[:300]
    bug = "This is a bug in polyglass: please run it again with --debug and report what it prints."
    return EXIT_INTERNAL, f"internal error: {name}: {reason}\n{bug}"


def visible(text: str) -> str:
    """Write control characters as escapes, so that text from files cannot steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode("ascii") for c in text)


def _speak_utf8() -> None:
    """Write UTF-8 with plain line feeds whatever the system's habit; paths that are not UTF-8 go out as they are."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors, newline="\n")


def _silence_stdout() -> None:
    """Drop what stdout could not write, or Python would complain about it once more while it ends."""
    with suppress(OSError, ValueError):  # stdout may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
