"""`polyglass translate --input F --output G`: a file of any length, in parts, so that a kill costs little."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyglass.cli.main import visible
from polyglass.cli.progress import Progress
from polyglass.errors import InputError

_MOST_PART_LINES = 1_000_000

if TYPE_CHECKING:
    from polyglass.batch.errand import Errand, Tally
    from polyglass.batch.piece import Shard
    from polyglass.batch.work import Load, Worker
    from polyglass.cli.translate_lines import Form


def add_large_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for large files."""
    group = parser.add_argument_group("large files: killed, the same command goes on (docs/scaling.md)")
    group.add_argument(
        "--shard", metavar="K/N", help="translate only share K of N, for job arrays; `polyglass merge` joins them"
    )
    group.add_argument("--field", metavar="NAME", help="JSONL, Parquet: translate this field, and keep all others")
    group.add_argument("--into", metavar="NAME", default="translation", help="... into this new one (translation)")
    group.add_argument("--part-lines", metavar="N", type=int, help="lines that are kept together (1,000)")


def is_large(arguments: argparse.Namespace) -> bool:
    """True if a file is to be translated in parts: from a file of lines or records into a file."""
    from polyglass.cli.translate_file import is_document

    if arguments.field is not None or arguments.shard is not None or arguments.part_lines is not None:
        if arguments.input is None or arguments.output is None:
            raise InputError("--shard, --field and --part-lines need a file and a place: give --input and --output.")
        if is_document(arguments.input) and arguments.field is None:
            raise InputError(
                f"{arguments.input} is a file of its own kind, which is translated as a whole. Leave --shard and "
                "--part-lines out; of JSON lines, name what is to be translated: --field NAME"
            )
        return True
    return arguments.input is not None and arguments.output is not None and not is_document(arguments.input)


def translate_large(arguments: argparse.Namespace, options: dict[str, Any], form: "Form", load: "Load") -> int:
    """Translate a file, or one shard of it, and say on stderr what became of it."""
    from polyglass.batch.piece import Shard
    from polyglass.batch.work import Search, Worker
    from polyglass.cli.translate import warn_of_cut

    shard = None if arguments.shard is None else Shard.parse(arguments.shard)
    search = Search(tuple(sorted(options.items())), arguments.prefix)
    errand = _errand(arguments, search.facts, form)
    worker, told = Worker(load, search), _Told()
    try:
        with Progress("line", prints=False) as progress:
            told.progress = progress
            cut = _translate(errand, worker, told, shard)
    except BaseException:
        _say_what_is_kept(errand, told)
        raise
    if cut:
        warn_of_cut(errand.name, cut, worker.longest)
    return 0


@dataclass
class _Told:
    """What is known of the work so far."""

    progress: Progress | None = None
    kept_lines: int = 0
    lines: int = 0

    def __call__(self, tally: "Tally") -> None:
        """Hear of the state after a piece."""
        if tally.kept_lines and not self.kept_lines:
            _say("going on: what was finished before is not done again (--overwrite does all anew)")
        if self.progress is not None:
            self.progress.advance(tally.lines - self.lines)
        self.kept_lines, self.lines = tally.kept_lines, tally.lines


def _translate(errand: "Errand", worker: "Worker", told: _Told, shard: "Shard | None") -> "Sequence[int]":
    """Do it; return the numbers of lines that were cut."""
    from polyglass.batch.local import translate_shard, translate_whole

    if shard is None:
        return translate_whole(errand, worker, told).cut
    tally = translate_shard(errand, worker, told, shard=shard)
    lines, parts = tally.lines + tally.kept_lines, tally.parts + tally.kept_parts
    was = "was finished already" if parts and not tally.parts else "is finished"
    _say(f"shard {shard} of {errand.name} {was}: {lines:,} lines in {parts:,} parts in {errand.folder.path}")
    _say(f"when all shards are: polyglass merge {shlex.quote(str(errand.output))}")
    return tally.cut


def _errand(arguments: argparse.Namespace, search: dict[str, Any], form: "Form") -> "Errand":
    from polyglass.batch.formats import Lines, format_of
    from polyglass.batch.job import Job
    from polyglass.batch.errand import Errand
    from polyglass.batch.piece import PIECE_LINES
    from polyglass.cli.translate_lines import Form

    size = PIECE_LINES if arguments.part_lines is None else arguments.part_lines
    if not 1 <= size <= _MOST_PART_LINES:
        raise InputError(f"--part-lines must be from 1 to {_MOST_PART_LINES:,}, but it is {size:,}. Take 1000.")
    lines = Lines(form.render, repr(form), one_to_one=form.n_best == 1 or form.json)
    format = format_of(arguments.input, lines, field=arguments.field, into=arguments.into)
    if format.kind != "lines" and form != Form():
        raise InputError(
            f"--n-best, --scores, --alignment and --json go with lines of text, but {arguments.input} holds records. "
            "Leave them out."
        )
    job = Job.of(arguments.model, search, format, size)
    return Errand(arguments.input, arguments.output, format, job, overwrite=arguments.overwrite)


def _say_what_is_kept(errand: "Errand", told: _Told) -> None:
    if (lines := told.lines + told.kept_lines) and errand.folder.exists:
        _say(f"{lines:,} lines are finished and kept in {errand.folder.path}; the same command goes on from there")


def _say(text: str) -> None:
    print(f"polyglass: {visible(text)}", file=sys.stderr)
