"""`polyglass compare`: one corpus and several models in, which is better and by how much out, on a page of its own."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.cli.arguments import add_option_flag, add_settings_arguments
from polyglass.errors import InputError
from polyglass.experiments.compare_defaults import BUDGET, EQUALS, MODELS, SEEDS

if TYPE_CHECKING:
    from polyglass.experiments.compare_terms import Terms
    from polyglass.settings import Given

_DESCRIPTION = """\
Train several models on one corpus with the same tokenizer, data and budget, and
find out which is better, by how much, and whether that is more than luck. Runs
go one after another; the page can be read after the first minute. Ctrl-C stops
with everything saved, and the same command goes on.

  polyglass compare train.en train.de --valid v.en v.de --test t.en t.de \\
      --models rnn,lstm,lstm+attention,transformer --budget 10m --seeds 3 \\
      --out reports/compare
  polyglass compare pairs.tsv --models "transformer,transformer[norm=batch]" \\
      --equal steps --steps 2000 --out reports/norms
  polyglass compare --resume reports/compare
"""
_MODELS = """\
A model is a family (rnn, gru, lstm, transformer), with "+attention" or a kind of
attention (lstm+general) behind it, and changes in brackets:
  lstm+attention   transformer[norm=batch,dropout=0.2]   gru[preset=small]
Quote names with brackets. A file that ends in .toml holds a table for each
model: [wide], and below it model.family = "lstm", model.d_model = 512.
Without --test, every second pair of the validation set judges; without --valid,
too, pairs of the corpus are set aside. The page says which it was."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "compare",
        help="several models on one corpus: which is better?",
        description=_DESCRIPTION,
        epilog=_MODELS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="source and target text, or one TSV, JSONL, TMX, XLIFF or PO",
    )
    parser.add_argument("--valid", nargs="+", type=Path, default=[], metavar="FILE", help="the same for validation")
    parser.add_argument("--test", nargs="+", type=Path, default=[], metavar="FILE", help="the same for judging")
    parser.add_argument("--models", metavar="A,B", help=f"who takes part (default: {MODELS})")
    parser.add_argument(
        "--equal",
        choices=EQUALS,
        help="what is held equal: training time (default), updates, or size",
    )
    parser.add_argument("--budget", metavar="TIME", help=f"training time of each run: 90s, 10m, 1h (default: {BUDGET})")
    parser.add_argument("--steps", metavar="N", type=_positive, help="updates in each run, instead of --budget")
    parser.add_argument(
        "--parameters",
        metavar="N",
        type=_positive,
        help="with --equal parameters: how many (default: as the first model)",
    )
    parser.add_argument("--seeds", metavar="N", type=_positive, help=f"runs of each model (default: {SEEDS})")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the folder for page, results and models")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with a comparison that was stopped")
    parser.add_argument("--source-lang", metavar="CODE", help="source language, if the file name does not end in it")
    parser.add_argument("--target-lang", metavar="CODE", help="target language, likewise")
    parser.add_argument("--errors", choices=("strict", "skip"), default="strict", help="lines that are not UTF-8")
    parser.add_argument("--json", action="store_true", help="print results.json at the end; progress goes to stderr")
    add_option_flag(parser, "--device", option="train.device", metavar="NAME", help="auto, cpu, cuda or mps")
    add_option_flag(parser, "--threads", option="train.threads", metavar="N", help="CPU threads; 0: all cores")
    add_settings_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare, or go on with a comparison."""
    from polyglass.cli.compare_screen import screen
    from polyglass.experiments.compare import resume_comparison, run_comparison

    talk = screen(is_json=arguments.json)
    if arguments.resume is not None:
        _refuse_beside_resume(arguments)
        compared = resume_comparison(arguments.resume, talk)
    else:
        if not arguments.files or arguments.out is None:
            raise InputError(
                "compare needs the corpus and a folder for the results: polyglass compare FILE [FILE] --out FOLDER"
            )
        compared = run_comparison(_terms(arguments), arguments.out, talk)
    talk.where(str(compared.folder), compared.results)
    if arguments.json:
        print((compared.folder / "results.json").read_text(encoding="utf-8"), end="")
    return compared.exit_code


def _terms(arguments: argparse.Namespace) -> "Terms":
    from polyglass.experiments.compare import budget_seconds
    from polyglass.experiments.compare_contestants import read_contestants
    from polyglass.experiments.compare_terms import Terms
    from polyglass.run.prepare import CorpusPaths

    paths = CorpusPaths(
        train=tuple(arguments.files),
        valid=tuple(arguments.valid),
        test=tuple(arguments.test),
        source_lang=arguments.source_lang,
        target_lang=arguments.target_lang,
        errors=arguments.errors,
    )
    models = arguments.models or MODELS
    return Terms(
        paths,
        read_contestants(models),
        seeds=SEEDS if arguments.seeds is None else arguments.seeds,
        equal=arguments.equal or EQUALS[0],
        budget_seconds=budget_seconds(arguments.budget, arguments.steps),
        steps=arguments.steps,
        parameters=arguments.parameters,
        preset=arguments.preset,
        common=_common(arguments),
        models_given=models,
    )


def _common(arguments: argparse.Namespace) -> "tuple[Given, ...]":
    """Return the options given for all models: file, environment, flags; the last one wins."""
    from polyglass.settings import from_assignment, from_environment, from_file

    given = from_file(arguments.config) if arguments.config else []
    given += from_environment(os.environ)
    given += [from_assignment(text, f"flag {flag}") for flag, text in arguments.given_options]
    return tuple({one.name: one for one in given}.values())


def _refuse_beside_resume(arguments: argparse.Namespace) -> None:
    """A resumed comparison keeps its terms; a flag that would be ignored is refused instead."""
    names = ["valid", "test", "models", "equal", "budget", "steps", "parameters", "seeds", "out"]
    names += ["source_lang", "target_lang", "preset", "config"]
    given = ["FILE"] if arguments.files else []
    given += [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
    given += ["--errors"] if arguments.errors != "strict" else []
    given += [flag.split()[0] for flag, _ in arguments.given_options]
    if given:
        raise InputError(
            "--resume goes on with the comparison's own files and options, so nothing else can be given with it. "
            f"Leave out: {', '.join(given)}."
        )


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, but it is {text!r}")
    return number
