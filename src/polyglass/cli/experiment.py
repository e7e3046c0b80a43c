"""`polyglass experiment`: a claim of the notes measured on this machine, with a verdict and a page."""

import argparse
import shlex
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.errors import ConfigError, InputError
from polyglass.spelling import did_you_mean

if TYPE_CHECKING:
    from polyglass.experiments.experiment import Entry
    from polyglass.experiments.outcome import Outcome

DESCRIPTION = """\
Measure one of the claims that textbooks repeat, and write a page with charts,
tables and a verdict. Without a name: the list of experiments, with what each
one checks. The same command goes on with an experiment that was stopped."""
EXAMPLES = """examples:
  polyglass experiment
  polyglass experiment window
  polyglass experiment window train.en train.de --test test.en test.de --seeds 5
  polyglass experiment window --model models/en-de --test test.en test.de
  polyglass experiment speed --budget 30m --out reports/speed-laptop
  polyglass experiment heads --model models/en-de --test test.en test.de
  polyglass experiment ablation --seeds 5
"""
MOST_SEEDS = 100
WIDTH = 80


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "experiment",
        help="measure a claim about translation models",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="which experiment")
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="a corpus to use instead of the demo generator's"
    )
    parser.add_argument("--test", nargs="+", type=Path, default=[], metavar="FILE", help="a test set of that corpus")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="look at this trained model, too")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: reports/NAME)")
    parser.add_argument("--quick", action="store_true", help="under a minute, to see that it works; proves nothing")
    parser.add_argument("--seeds", type=int, metavar="N", help="repeat with N seeds, however long it takes")
    parser.add_argument("--budget", metavar="TIME", help="repeat with more seeds for so long: 30m, 2h (default: 9m)")
    parser.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu, cuda or mps")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0: all cores")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run one experiment and print its verdicts; without a name print the list."""
    from polyglass.experiments.experiment import EXPERIMENTS

    if arguments.name is None:
        _refuse_without_name(arguments)
        print(_listing(EXPERIMENTS.values()))
        return 0
    if arguments.name not in EXPERIMENTS:
        hint = did_you_mean(arguments.name, EXPERIMENTS, otherwise=".")
        raise ConfigError(f"unknown experiment {arguments.name}{hint} The experiments are {', '.join(EXPERIMENTS)}.")
    entry = EXPERIMENTS[arguments.name]
    _refuse_what_has_no_meaning(arguments, entry)
    return _run(arguments, entry)


def _run(arguments: argparse.Namespace, entry: "Entry") -> int:
    from polyglass.experiments.experiment import Request
    from polyglass.experiments.sitting import run_experiment
    from polyglass.options import parse_duration

    if arguments.seeds is not None and not 1 <= arguments.seeds <= MOST_SEEDS:
        raise ConfigError(f"--seeds must be between 1 and {MOST_SEEDS}, but is {arguments.seeds}. Try 3 or 5.")
    if arguments.threads < 0:
        raise ConfigError(f"--threads must be 0 (all cores) or more, but is {arguments.threads}.")
    out: Path = arguments.out or Path("reports") / entry.name
    request = Request(
        out=out,
        quick=arguments.quick,
        repeats=arguments.seeds,
        budget_seconds=None if arguments.budget is None else parse_duration(arguments.budget),
        files=tuple(arguments.files),
        test=tuple(arguments.test),
        model=arguments.model,
        device=arguments.device,
        threads=arguments.threads,
        command=_command(arguments, out),
    )
    outcome, code = run_experiment(entry, request, _tell)
    print(_as_text(outcome, out))
    return code


def _command(arguments: argparse.Namespace, out: Path) -> str:
    """Return what makes the same page again."""
    words = ["polyglass", "experiment", arguments.name, *map(str, arguments.files)]
    words += ["--test", *map(str, arguments.test)] if arguments.test else []
    words += ["--model", str(arguments.model)] if arguments.model else []
    words += ["--quick"] if arguments.quick else []
    words += ["--seeds", str(arguments.seeds)] if arguments.seeds else []
    words += ["--budget", arguments.budget] if arguments.budget else []
    words += ["--device", arguments.device] if arguments.device != "auto" else []
    words += ["--threads", str(arguments.threads)] if arguments.threads else []
    return shlex.join([*words, "--out", str(out)])


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _as_text(outcome: "Outcome", out: Path) -> str:
    """Return the verdicts for a terminal."""
    lines = ["", outcome.title]
    for finding in outcome.findings:
        lines += ["", *_wrapped(f'{finding.whose}: "{finding.claim}".')]
        lines += _wrapped(f"{finding.verdict[:1].upper()}{finding.verdict[1:]}. {finding.words}", indent=2)
    if outcome.unfinished:
        lines += ["", *_wrapped(outcome.unfinished)]
    return "\n".join([*lines, "", f"The page: {out / 'index.html'}"])


def _listing(entries: "Iterable[Entry]") -> str:
    """Return the list of experiments, with the claims that each one checks."""
    lines = ["Experiments, and the claims that they check:"]
    for entry in entries:
        lines += ["", entry.name, *_wrapped(entry.question, indent=2)]
        lines += [line for claim in entry.claims for line in _wrapped(f"- {claim}", indent=4, hanging=2)]
    return "\n".join([*lines, "", "To run one: polyglass experiment window"])


def _wrapped(text: str, *, indent: int = 0, hanging: int = 0) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + hanging), break_on_hyphens=False
    )


def _refuse_without_name(arguments: argparse.Namespace) -> None:
    """Flags mean nothing where no experiment is named."""
    given = [name for name in ("test", "model", "out", "quick", "seeds", "budget") if getattr(arguments, name)]
    if given:
        raise InputError(f"--{given[0]} needs the name of an experiment before it: polyglass experiment window ...")


def _refuse_what_has_no_meaning(arguments: argparse.Namespace, entry: "Entry") -> None:
    """What would be ignored is refused."""
    for name, word in (("files", "FILE"), ("test", "--test"), ("model", "--model")):
        if getattr(arguments, name) and name not in entry.takes:
            raise InputError(f"{entry.name} measures without text or a model of yours, so leave out {word}.")
