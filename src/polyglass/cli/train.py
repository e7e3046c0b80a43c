"""`polyglass train`: parallel text in, a model folder out, with everything said on the way."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from polyglass.cli.arguments import add_option_flag, add_settings_arguments, settings_from
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.config import Config
    from polyglass.data.doctor import CorpusHealth
    from polyglass.training.events import Plan, Reporter, Validation
    from polyglass.training.plan_view import Card

EXAMPLES = """examples:
  polyglass train train.en train.de --valid valid.en valid.de --out models/en-de
  polyglass train pairs.tsv --source-lang en --target-lang de --out models/en-de --budget 45m
  polyglass train --resume models/en-de
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train a translator on parallel text",
        description="Train a translator on parallel text: two text files, or one TSV, JSONL,\nTMX, XLIFF or PO.",
        epilog=EXAMPLES,
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
    parser.add_argument(
        "--test", nargs="+", type=Path, default=[], metavar="FILE", help="a test set to keep out of training"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="the model folder to make")
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with an interrupted run")
    add_option_flag(parser, "--budget", option="train.budget_seconds", metavar="TIME", help="whole time: 45m, 3h")
    add_option_flag(parser, "--steps", option="train.steps", metavar="N", help="updates in the whole run")
    add_option_flag(parser, "--epochs", option="train.epochs", metavar="N", help="passes over the corpus")
    add_option_flag(parser, "--seed", option="train.seed", metavar="N", help="same seed, same weights")
    add_option_flag(parser, "--device", option="train.device", metavar="NAME", help="auto, cpu, cuda or mps")
    add_option_flag(parser, "--threads", option="train.threads", metavar="N", help="CPU threads; 0: all cores")
    parser.add_argument("--source-lang", metavar="CODE", help="source language, if the file name does not end in it")
    parser.add_argument("--target-lang", metavar="CODE", help="target language, likewise")
    parser.add_argument("--errors", choices=("strict", "skip"), default="strict", help="lines that are not UTF-8")
    parser.add_argument("--dry-run", action="store_true", help="stop after the plan, before step 1")
    add_settings_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, or go on with a run."""
    from polyglass.run.prepare import CorpusPaths
    from polyglass.run.train import resume_run, start_run

    talk = _Terminal()
    if arguments.resume is not None:
        _refuse_beside_resume(arguments)
        result = resume_run(arguments.resume, talk)
        if result.finished and not talk.has_trained:
            talk.say(f"{result.folder} is finished ({result.step:,} steps): nothing to do.")
        return result.exit_code
    if not arguments.files or arguments.out is None:
        raise InputError("train needs the corpus and a folder for the model: polyglass train FILE [FILE] --out FOLDER")
    paths = CorpusPaths(
        train=tuple(arguments.files),
        valid=tuple(arguments.valid),
        test=tuple(arguments.test),
        source_lang=arguments.source_lang,
        target_lang=arguments.target_lang,
        errors=arguments.errors,
    )
    settings = settings_from(arguments)
    result = start_run(paths, arguments.out, settings, talk, dry_run=arguments.dry_run)
    if arguments.dry_run:
        talk.say(f"Stopped before step 1. To train by this plan: polyglass train --resume {arguments.out}")
    return result.exit_code


def _refuse_beside_resume(arguments: argparse.Namespace) -> None:
    """A resumed run keeps its plan; a flag that would be ignored is refused instead."""
    names = ("valid", "test", "out", "source_lang", "target_lang", "dry_run", "preset", "config")
    given = ["FILE"] if arguments.files else []
    given += [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
    given += ["--errors"] if arguments.errors != "strict" else []
    given += [flag.split()[0] for flag, _ in arguments.given_options]
    if given:
        raise InputError(
            "--resume goes on with the run's own files and options, so nothing else can be given with it. "
            f"Leave out: {', '.join(given)}."
        )


class _Terminal:
    """Draws a run on the terminal; see `run.talk.Talk`."""

    def __init__(self) -> None:
        from rich.console import Console

        class Patient(Console):
            """A console whose reader may go away (`polyglass train ... | head`) without ending the training."""

            def on_broken_pipe(self) -> None:
                pass

        self._console: Console = Patient(highlight=False)
        self.has_trained = False

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def data(self, health: "CorpusHealth") -> None:
        from polyglass.cli.health_report import as_text

        self.say(as_text(health, dropped=None) + "\n")

    def plan(self, plan: "Plan") -> None:
        from polyglass.training.plan_view import show_plan

        show_plan(plan, self._console)

    def training(self, config: "Config", last: "Validation | None") -> "Reporter":
        from polyglass.training.panel import LivePanel, screen_reporter

        self.has_trained = True
        reporter = screen_reporter(self._console, validate_every=config.train.validate_every)
        if last is not None and isinstance(reporter, LivePanel):
            reporter.recall(last)
        return reporter

    def card(self, card: "Card") -> None:
        from polyglass.training.plan_view import show_card

        show_card(card, self._console)
