"""`polyglass translate --input F --output G`: files of any length, in parts, so that a kill costs little."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyglass.cli.main import visible
from polyglass.cli.progress import Progress
from polyglass.errors import InputError

if TYPE_CHECKING:
    from polyglass.batch.errand import Errand, Tally
    from polyglass.batch.piece import Shard
    from polyglass.batch.work import Worker
    from polyglass.cli.translate_lines import Form
    from polyglass.translator import Translator

_MOST_PART_LINES = 1_000_000
_RAY = "ray"


def add_large_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags for large files."""
    group = parser.add_argument_group("large files: killed, the same command goes on (docs/scaling.md)")
    group.add_argument(
        "--shard", metavar="K/N", help="translate only share K of N, for job arrays; polyglass merge joins them"
    )
    group.add_argument("--field", metavar="NAME", help="JSONL, Parquet: translate this field, and keep all others")
    group.add_argument("--into", metavar="NAME", default="translation", help="... into this new one (translation)")
    group.add_argument("--part-lines", metavar="N", type=int, help="lines that are kept together (1,000)")
    group.add_argument("--workers", metavar="N", type=int, help="--engine ray: processes that hold the model")


def is_large(arguments: argparse.Namespace) -> bool:
    """True if files are to be translated in parts: from a file of lines or records into a file, or whole folders."""
    from polyglass.cli.translate_file import is_document

    asked = {"--shard": arguments.shard, "--field": arguments.field, "--part-lines": arguments.part_lines}
    flags = [flag for flag, value in asked.items() if value is not None]
    if _uses_ray(arguments):
        flags.append("--engine ray")
    elif arguments.workers is not None:
        raise InputError("--workers says how many processes --engine ray starts. Give both or none.")
    has_both = arguments.input is not None and arguments.output is not None
    if flags and not has_both:
        raise InputError(f"{flags[0]} is for files: give --input and --output.")
    if not has_both:
        return False
    is_whole = is_document(arguments.input) and arguments.field is None
    if flags and is_whole and not arguments.input.is_dir():
        raise InputError(
            f"{arguments.input} is a file of its own kind, which is translated as a whole. Leave {flags[0]} out. "
            "(Of JSON lines, --field NAME says what is to be translated.)"
        )
    return not is_whole or arguments.input.is_dir()


def translate_large(
    arguments: argparse.Namespace,
    options: dict[str, Any],
    form: "Form",
    load: "Callable[[argparse.Namespace], Translator]",
) -> int:
    """Translate a file, one shard of it, or a folder of files, and say on stderr what became of it."""
    from polyglass.batch.piece import Shard
    from polyglass.batch.work import Search, Worker
    from polyglass.cli.translate import warn_of_cut

    shard = None if arguments.shard is None else Shard.parse(arguments.shard)
    inner = _inner(arguments)
    search = Search(tuple(sorted(options.items())), arguments.prefix)
    errands = _errands(arguments, {**search.facts, "engine": inner.engine}, form)
    worker, told = Worker(partial(load, inner), search), _Told()
    try:
        with Progress("line", prints=False) as progress:
            told.progress = progress
            if _uses_ray(arguments):
                _with_ray(arguments, errands, worker, told)
            elif shard is not None:
                _shard(errands[0], worker, told, shard)
            else:
                for errand in errands:
                    _whole(errand, worker, told)
    except BaseException:
        told.say_what_is_kept(errands)
        raise
    for errand, cut in told.cut:
        warn_of_cut(errand.name, cut, worker.translator.bundle.model.max_positions - 1)
    return 0


class _Told:
    """What is known of the work so far."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.cut: list[tuple[Errand, Sequence[int]]] = []
        self._kept = self._lines = 0

    def __call__(self, tally: "Tally") -> None:
        """Hear of the state of a file (with Ray: of all) after a piece."""
        if tally.kept_lines and not self._kept:
            _say("going on: what was finished before is not done again (--overwrite does)")
        if self.progress is not None:
            self.progress.advance(tally.lines - self._lines)
        self._kept, self._lines = tally.kept_lines, tally.lines

    def finished(self, errand: "Errand", cut: Sequence[int]) -> None:
        """Hear that a file, or a shard of it, is finished, and which of its lines were cut."""
        self._kept = self._lines = 0
        if cut:
            self.cut.append((errand, cut))

    def say_what_is_kept(self, errands: "Sequence[Errand]") -> None:
        """Say where the finished lines are, if there are any."""
        folders = [errand.folder.path for errand in errands if errand.folder.exists]
        if (lines := self._lines + self._kept) and folders:
            more = f" and {len(folders) - 1:,} more folders" if len(folders) > 1 else ""
            _say(f"{lines:,} lines are kept in {folders[0]}{more}; the same command goes on from there")


def _whole(errand: "Errand", worker: "Worker", told: _Told) -> None:
    from polyglass.batch.local import translate_whole

    told.finished(errand, translate_whole(errand, worker, told).cut)
    _note(errand)


def _shard(errand: "Errand", worker: "Worker", told: _Told, shard: "Shard") -> None:
    from polyglass.batch.local import translate_shard

    tally = translate_shard(errand, worker, told, shard=shard)
    told.finished(errand, tally.cut)
    lines, parts = tally.lines + tally.kept_lines, tally.parts + tally.kept_parts
    was = "was finished already" if parts and not tally.parts else "is finished"
    _say(f"shard {shard} of {errand.name} {was}: {lines:,} lines in {_counted(parts, 'part')}")
    _say(f"when all shards are: polyglass merge {shlex.quote(str(errand.output))}")


def _with_ray(arguments: argparse.Namespace, errands: "Sequence[Errand]", worker: "Worker", told: _Told) -> None:
    from polyglass.batch.join import join
    from polyglass.batch.ray_engine import Crew, translate_with_ray

    def finish(errand: "Errand") -> None:
        cut = join(errand.folder, errand.output).cut
        errand.folder.remove()
        if cut:
            told.cut.append((errand, cut))
        _note(errand)

    gpus = 1 if arguments.device.startswith("cuda") else None if arguments.device == "auto" else 0
    crew = Crew(workers=arguments.workers or 0, cpus=arguments.threads or 1, gpus=gpus)
    translate_with_ray(errands, worker, told, crew=crew, finish=finish)


def _errands(arguments: argparse.Namespace, search: dict[str, Any], form: "Form") -> "list[Errand]":
    """Return what is to be done, without the files of a folder that are finished."""
    from polyglass.batch.folders import files_in, is_done, make_output, unpacked_name

    source, output = arguments.input.absolute(), arguments.output.absolute()
    if not _uses_ray(arguments):  # names as they were typed are kinder, but other machines may have other folders
        source, output = arguments.input, arguments.output
    if not source.is_dir():
        place = output / unpacked_name(source) if _uses_ray(arguments) and output.is_dir() else output
        return [_errand(arguments, search, form, source, place)]
    if arguments.shard is not None:
        raise InputError(f"--shard is for one file, but {source} is a folder. Leave it out, or take --engine ray.")
    errands = [_errand(arguments, search, form, path, output / unpacked_name(path)) for path in files_in(source)]
    make_output(output)
    wanted = [errand for errand in errands if not is_done(errand)]
    if len(wanted) < len(errands):
        _say(f"{len(errands) - len(wanted):,} of {len(errands):,} files are finished already (--overwrite does all)")
    return wanted


def _errand(
    arguments: argparse.Namespace, search: dict[str, Any], form: "Form", source: Path, output: Path
) -> "Errand":
    from polyglass.batch.errand import Errand
    from polyglass.batch.formats import PACKED, Lines, format_of
    from polyglass.batch.job import Job
    from polyglass.batch.piece import PIECE_LINES
    from polyglass.cli.translate_lines import Form

    size = PIECE_LINES if arguments.part_lines is None else arguments.part_lines
    if not 1 <= size <= _MOST_PART_LINES:
        raise InputError(f"--part-lines must be from 1 to {_MOST_PART_LINES:,}, but it is {size:,}. Take 1000.")
    if output.suffix in PACKED:
        raise InputError(f"{output} would be written without packing. Leave {output.suffix} out, and pack it later.")
    lines = Lines(form.render, repr(form), one_to_one=form.n_best == 1 or form.json)
    format = format_of(source, lines, field=arguments.field, into=arguments.into)
    if format.kind != "lines" and form != Form():
        raise InputError(
            f"--n-best, --scores, --alignment and --json go with lines of text, but {source} holds records. "
            "Leave them out."
        )
    return Errand(source, output, format, Job.of(arguments.model, search, format, size), arguments.overwrite)


def _note(errand: "Errand") -> None:
    """In a folder, write down that this file is finished."""
    from polyglass.batch.folders import NOTES, note_done

    if (errand.output.parent / NOTES).is_dir():
        note_done(errand)


def _uses_ray(arguments: argparse.Namespace) -> bool:
    return str(arguments.engine).partition("+")[0] == _RAY


def _inner(arguments: argparse.Namespace) -> argparse.Namespace:
    """Return the arguments for one process: of "ray+ctranslate2" the second word, and a model that all can find."""
    inner = copy(arguments)
    if _uses_ray(arguments):
        inner.engine = arguments.engine.partition("+")[2] or "torch"
        inner.model = arguments.model.absolute()
    return inner


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" + "s" * (number != 1)


def _say(text: str) -> None:
    print(f"polyglass: {visible(text)}", file=sys.stderr)
