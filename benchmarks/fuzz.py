"""Hostile files and requests, a hundred thousand: is each read or refused by name, quickly and in little memory?

Real files and small ones of our own are broken in every way: bits flipped, cut, spliced, doubled, filled with words of
their format, or made of such words alone. Each case runs in a forked child with a limit on time and memory, because
what kills a process inside a library cannot be caught. A case ends in one of three ways:
  read      it was taken, and what came of it is in order (a file that was written can be read again, for example)
  refused   one of polyglass's own errors, which names the file
  fault     a crash, a hang, another exception, out of memory, or damage that passed in silence
A fault is printed with the command that repeats it. Exit status 1 if there is one.

  python benchmarks/fuzz.py --cases 100000
  python benchmarks/fuzz.py --only po --case 1234
"""

import argparse
import faulthandler
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from fuzz_mutations import hostile
from fuzz_targets import TARGETS, Broken, Target
from polyglass.errors import PolyglassError
from recipe import build_parser, finish, print_table, recipe

SECONDS = 2.0  # of the processor, for each case
PATIENCE = 120.0  # seconds on the clock until a child counts as hanging; other programs may have the processor
MEMORY = 1_500_000_000  # bytes of address space that a child may take beyond what it starts with
IN_ONE_CHILD = 2000
SHOWN = 12


class TooSlow(BaseException):
    """A case took too long. No `except Exception` stops it."""


@dataclass
class Tally:
    """What became of the cases of one target. slowest: seconds of slowest_case; megabytes: how much a child grew."""

    target: str
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_case: int = 0
    megabytes: float = 0.0

    @property
    def cases(self) -> int:
        """All of them."""
        return self.ends.total()


def end_of(attempt: Callable[[bytes], None], content: bytes, names: Sequence[str]) -> str:
    """Return how one case ends: "read", "refused", or what is wrong. names: what a refusal must name, one of them."""
    try:
        with time_limit(SECONDS):
            attempt(content)
        return "read"
    except PolyglassError as error:
        return "refused" if any(name in str(error) for name in names) else f"refused without a name: {error}"
    except Broken as error:
        return f"broken promise: {error}"
    except TooSlow:
        return f"slow: more than {SECONDS:.0f} s of the processor"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow in the block when it has had the processor for so long; other programs do not count."""

    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run_cases(target: Target, numbers: range, seed: int, folder: Path) -> Tally:
    """Run cases, a new child for each few and after each death."""
    tally = Tally(target.name)
    start = numbers.start
    while start < numbers.stop:
        chunk = range(start, min(start + IN_ONE_CHILD, numbers.stop))
        done, death = _in_child(target, chunk, seed, folder, tally)
        start += done
        if death:
            _note(tally, start, death, seed)
            start += 1
    return tally


def _in_child(target: Target, numbers: range, seed: int, folder: Path, tally: Tally) -> tuple[int, str]:
    """Run cases in one child; return how many it told the end of, and how it died before it had told all."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        faulthandler.disable()  # how it dies is told by the tally, once
        os.close(reader)
        with os.fdopen(writer, "w", encoding="utf-8", errors="backslashreplace") as told:
            _child(target, numbers, seed, folder, lambda line: print(line, file=told, flush=True))
        os._exit(0)
    os.close(writer)
    done = 0
    with os.fdopen(reader, "rb", buffering=0) as told_by_child:
        rest = b""
        while True:
            ready, _, _ = select.select([told_by_child], [], [], PATIENCE)
            if not ready:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return done, f"hang: nothing for {PATIENCE:.0f} s"
            part = told_by_child.read(65536)
            if not part:
                break
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                _take(tally, numbers.start + done, line.decode("utf-8", "replace"), seed)
                done += 1
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if done == len(numbers):
        return done, ""
    return done, f"crash: {signal.Signals(-code).name}" if code < 0 else f"the child ended with status {code}"


def _child(target: Target, numbers: range, seed: int, folder: Path, tell: Callable[[str], None]) -> None:
    attempt = target.prepare(folder)
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in numbers:
        content = hostile(number, target.name, target.seeds, target.words, seed)
        began = time.process_time()
        end = end_of(attempt, content, target.names)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        tell(f"{time.process_time() - began:.4f} {grown} {' '.join(end.split())[:300]}")


def _take(tally: Tally, number: int, line: str, seed: int) -> None:
    seconds, kilobytes, end = line.split(" ", 2)
    if float(seconds) > tally.slowest:
        tally.slowest, tally.slowest_case = float(seconds), number
    tally.megabytes = max(tally.megabytes, int(kilobytes) / 1000)
    if end in ("read", "refused"):
        tally.ends[end] += 1
    else:
        _note(tally, number, end, seed)


def _note(tally: Tally, number: int, end: str, seed: int) -> None:
    tally.ends["fault"] += 1
    tally.faults.append(f"--only '{tally.target}' --case {number} --seed {seed}: {end}")
    sys.stderr.write(f"FAULT {tally.faults[-1]}\n")


def show_case(target: Target, number: int, seed: int, folder: Path) -> int:
    """Print one case and let whatever happens happen, so that a debugger can look."""
    content = hostile(number, target.name, target.seeds, target.words, seed)
    sys.stdout.write(f"{content!r}\n")
    sys.stdout.flush()
    try:
        target.prepare(folder)(content)
    except PolyglassError as error:
        sys.stdout.write(f"refused: {error}\n")
    else:
        sys.stdout.write("read\n")
    return 0


def shares(cases: int, targets: Sequence[Target]) -> list[int]:
    """Return how many cases each target gets, together at least `cases`."""
    whole = sum(target.weight for target in targets)
    return [-(-cases * target.weight // whole) for target in targets]


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default: 100000)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (default: 1)")
    parser.add_argument("--only", metavar="TARGET", action="append", choices=[one.name for one in TARGETS])
    parser.add_argument("--case", type=int, metavar="N", help="with --only: run this case alone, without a net")
    given: argparse.Namespace = parser.parse_args(argv)
    torch.set_num_threads(1)  # a forked child may use torch only if its parent has started no threads
    targets = [one for one in TARGETS if given.only is None or one.name in given.only]
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as work:
        if given.case is not None:
            return show_case(targets[0], given.case, given.seed, Path(work))
        tallies = []
        cases = 40 * len(targets) if given.quick else given.cases
        for target, share in zip(targets, shares(cases, targets), strict=True):
            folder = Path(work) / target.name
            folder.mkdir()
            tallies.append(run_cases(target, range(share), given.seed, folder))
            sys.stderr.write(f"{target.name}: {share:,} cases, {len(tallies[-1].faults)} faults\n")
    return report(tallies, given.json)


def report(tallies: Sequence[Tally], file: Path | None) -> int:
    """Print what was found; 1 if there was a fault."""
    rows = [
        [
            tally.target,
            *(f"{tally.ends[end]:,}" for end in ("read", "refused", "fault")),
            f"{1000 * tally.slowest:.0f} ms",
            f"{tally.megabytes:.0f} MB",
        ]
        for tally in tallies
    ]
    ends = sum((tally.ends for tally in tallies), Counter[str]())
    rows.append(["all", *(f"{ends[end]:,}" for end in ("read", "refused", "fault"))])
    rows[-1] += [f"{1000 * max(one.slowest for one in tallies):.0f} ms", f"{max(o.megabytes for o in tallies):.0f} MB"]
    print_table(["what", "read", "refused", "faults", "slowest", "grew by"], rows)
    faults = [fault for tally in tallies for fault in tally.faults]
    for fault in faults[:SHOWN]:
        sys.stdout.write(f"FAULT {fault}\n")
    if len(faults) > SHOWN:
        sys.stdout.write(f"and {len(faults) - SHOWN:,} more\n")
    finish(recipe(), {"targets": [{**vars(tally), "ends": dict(tally.ends)} for tally in tallies]}, file)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
