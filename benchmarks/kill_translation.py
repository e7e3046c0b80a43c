"""kill -9 while a file is translated, again and again: is the output the same in the end, and was anything done twice?

A parent loads torch once and forks a child that runs `polyglass translate --input TEXT --output ...`. After a random
time it kills the child, proves every finished part, and lets a new child go on with the same command. An output that
is finished is compared, byte for byte, with that of a run which nobody disturbed.
--ray: one run of `--engine ray` instead, in which an actor that holds the model is killed after every few parts.
Exit status 1 if a promise is broken.

  python benchmarks/kill_translation.py en-de news.en --kills 100
  python benchmarks/kill_translation.py en-de news.en --kills 10 --ray
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from kill_training import BrokenPromiseError, fork, kill_or_end
from polyglass.batch.errand import Errand, Tally
from polyglass.batch.formats import Lines
from polyglass.batch.job import Job
from polyglass.batch.join import join
from polyglass.batch.parts import PartsFolder
from polyglass.batch.work import Search, Worker
from polyglass.cli.main import main as polyglass
from polyglass.data.formats.lines import read_lines
from polyglass.translator import Translation, Translator

PARTS_BETWEEN_KILLS = 4


def translate(arguments: argparse.Namespace, source: Path, output: Path) -> None:
    """Run the verb. Raises SystemExit if it fails."""
    words = ["translate", str(arguments.model), "--input", str(source), "--output", str(output), "--beam-size", "1"]
    if code := polyglass([*words, "--part-lines", str(arguments.part_lines), "--threads", "1"]):
        raise SystemExit(code)


def inspect(output: Path) -> int:
    """Prove the parts that are there and return how many. Raises BrokenPromiseError if one is damaged."""
    folder = PartsFolder.beside(output)
    if not folder.exists or not (folder.path / "job.json").exists():
        return 0
    proven = folder.proven(folder.job())
    if len(proven) != len(folder.numbers()):
        raise BrokenPromiseError(f"{folder.path} holds a part that does not prove itself")
    return len(proven)


def kill_until(arguments: argparse.Namespace, source: Path, work: Path, expected: bytes) -> tuple[int, int]:
    """Kill until there were so many kills, and let the last run end; return kills and finished runs."""
    chance, kills, runs = random.Random(arguments.seed), 0, 0
    began = time.monotonic()
    kill_or_end(fork(lambda: translate(arguments, source, work / "timed")), 1e9)
    whole = time.monotonic() - began
    while kills < arguments.kills:
        output, before = work / f"run-{runs + 1}", 0
        while kill_or_end(
            fork(lambda output=output: translate(arguments, source, output)),
            chance.uniform(0, whole / 2) if kills < arguments.kills else 1e9,
        ):
            kills += 1
            if (after := inspect(output)) < before and not output.exists():
                raise BrokenPromiseError(f"{before - after} finished parts were lost")
            before = inspect(output)
            if output.exists() and output.read_bytes() != expected:
                raise BrokenPromiseError(f"{output} is there, but it is not whole")
        if output.read_bytes() != expected:
            raise BrokenPromiseError(f"{output} differs from the output of an undisturbed run")
        if PartsFolder.beside(output).exists:
            shutil.rmtree(PartsFolder.beside(output).path)
        output.unlink()
        runs += 1
    return kills, runs


def signed_in(model: Path, register: Path) -> Translator:
    """Load the model and leave the number of this process, so that somebody can kill it."""
    torch.set_num_threads(1)
    (register / str(os.getpid())).touch()
    return Translator.load(model)


def text_of(number: int, translation: Translation) -> str:
    """Return what is written."""
    return translation.text


def kill_actors(arguments: argparse.Namespace, source: Path, work: Path, expected: bytes) -> tuple[int, int]:
    """Kill an actor of Ray after every few parts; return kills and parts."""
    from polyglass.batch.ray_engine import Crew, translate_with_ray

    (work / "register").mkdir()
    format = Lines(text_of)
    search = Search((("beam_size", 1),))
    job = Job.of(arguments.model, search.facts, format, arguments.part_lines)
    errand = Errand(source, work / "with-ray", format, job)
    killed, chance = list[int](), random.Random(arguments.seed)

    def kill_one(tally: Tally) -> None:
        if len(killed) < arguments.kills and tally.parts >= PARTS_BETWEEN_KILLS * (len(killed) + 1):
            alive = [int(path.name) for path in (work / "register").iterdir() if Path("/proc", path.name).exists()]
            if alive:
                killed.append(chance.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    def finish(one: Errand) -> None:
        join(one.folder, one.output)

    worker = Worker(partial(signed_in, arguments.model.absolute(), work / "register"), search)
    tallies = list[Any]()
    translate_with_ray(
        [errand], worker, lambda tally: (tallies.append(tally.parts), kill_one(tally))[0], crew=Crew(2), finish=finish
    )
    if errand.output.read_bytes() != expected:
        raise BrokenPromiseError("the output with Ray differs from that of one process")
    if tallies != list(range(1, len(tallies) + 1)):
        raise BrokenPromiseError("a part was counted twice")
    return len(killed), len(tallies)


def main() -> int:
    """Read the command line, kill, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model folder")
    parser.add_argument("text", type=Path, metavar="TEXT", help="lines to translate")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="how often (default: 100)")
    parser.add_argument("--lines", type=int, default=500, metavar="N", help="first lines of TEXT (default: 500)")
    parser.add_argument("--part-lines", type=int, default=10, metavar="N", help="lines in a part (default: 10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments (default: 1)")
    parser.add_argument("--ray", action="store_true", help="kill actors of Ray; needs polyglass[distributed]")
    arguments = parser.parse_args()
    arguments.model = arguments.model.absolute()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = work / "source.txt"
        lines = islice(read_lines(arguments.text, errors="strict"), arguments.lines)
        source.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        try:
            if kill_or_end(fork(lambda: translate(arguments, source, work / "undisturbed")), 1e9):
                raise BrokenPromiseError("the undisturbed run was killed")
            expected = (work / "undisturbed").read_bytes()
            if arguments.ray:
                kills, parts = kill_actors(arguments, source, work, expected)
                sys.stdout.write(f"{kills:,} actors killed, {parts:,} parts, each once; byte-equal to one process\n")
            else:
                kills, runs = kill_until(arguments, source, work, expected)
                sys.stdout.write(f"{kills:,} kills, {runs:,} runs ended, {runs:,} byte-equal, no finished part lost\n")
        except BrokenPromiseError as broken:
            sys.stdout.write(f"BROKEN: {broken}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
