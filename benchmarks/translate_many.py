"""What a million sentences cost: files of growing length through `polyglass translate --input F --output G`.

The sentences are those of TEXT, over and over; in round r the word at place r of each is that of another sentence, so
that lengths stay as they are and few sentences are the same. Each file is translated by a process of its own, which
loads the model, writes parts, and joins them. Costs include all that.

  s per million   seconds on the clock and of the processor for a million sentences at this speed
  growth          seconds for each sentence, over those in the smallest file: 1 is linear, below 1 is the start-up
  peak MiB        most memory that the process had at once (what Linux calls VmHWM)

With --workers the same files are translated by that many processes of Ray (polyglass[distributed] must be installed).

  python benchmarks/translate_many.py en-de news.en --sizes 10000 100000 1000000 --threads 2
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from polyglass.data.formats.lines import read_lines
from recipe import build_parser, finish, print_table, recipe

SIZES = (10_000, 100_000, 1_000_000)
QUICK_SIZES = (300, 900)


@dataclass(frozen=True)
class Cost:
    """One file. Seconds on the clock and of the processor; bytes of memory at the peak, and of input and output."""

    sentences: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    input_bytes: int
    output_bytes: int

    @property
    def seconds_each(self) -> float:
        """Seconds on the clock for a sentence."""
        return self.seconds / self.sentences


def varied(sentences: Sequence[str], count: int) -> Iterator[str]:
    """Yield `count` sentences of the same lengths in words, in rounds over `sentences`."""
    words = [sentence.split() for sentence in sentences]
    for number in range(count):
        turn, index = divmod(number, len(words))
        own, other = list(words[index]), words[(index + turn) % len(words)]
        place = turn % len(own)
        own[place] = other[place % len(other)]
        yield " ".join(own)


def write_input(sentences: Sequence[str], count: int, path: Path) -> None:
    """Write the sentences of one file."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for sentence in varied(sentences, count):
            file.write(f"{sentence}\n")


def measure(arguments: argparse.Namespace, source: Path, output: Path, count: int) -> Cost:
    """Translate one file in a process of its own. Raises SystemExit if it fails or a line is missing."""
    command = [sys.executable, "-m", "polyglass", "translate", str(arguments.model), "--input", str(source)]
    command += ["--output", str(output), "--beam-size", str(arguments.beam), "--engine", engine_of(arguments)]
    command += ["--threads", str(1 if arguments.workers else arguments.threads)]
    if arguments.workers:
        command += ["--workers", str(arguments.workers)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    with output.open("rb") as file:
        lines = sum(1 for _ in file)
    if process.returncode or lines != count:
        raise SystemExit(f"{source}: exit status {process.returncode}, {count:,} lines in, {lines:,} lines out")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(count, seconds, cpu, peak, source.stat().st_size, output.stat().st_size)


def engine_of(arguments: argparse.Namespace) -> str:
    """Return the word for --engine."""
    return f"ray+{arguments.engine}" if arguments.workers else str(arguments.engine)


def row_of(cost: Cost, first: Cost) -> list[str]:
    """Return one line of the table."""
    million = 1_000_000 / cost.sentences
    return [
        f"{cost.sentences:,}",
        f"{cost.seconds:,.1f}",
        f"{1 / cost.seconds_each:,.1f}",
        f"{cost.seconds * million:,.0f}",
        f"{cost.cpu_seconds * million:,.0f}",
        f"{cost.seconds_each / first.seconds_each:.3f}",
        f"{cost.peak_bytes / 2**20:,.0f}",
        f"{cost.output_bytes / 1e6:,.1f}",
    ]


def main() -> None:
    """Read the command line, measure, print."""
    parser = build_parser(__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="a model folder")
    parser.add_argument("text", type=Path, metavar="TEXT", help="sentences in the language that it reads")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", help="sentences (default: 10k, 100k, 1M)")
    parser.add_argument("--beam", type=int, default=1, metavar="N", help="beam size (default: 1, greedy)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads (default: 1)")
    parser.add_argument("--engine", default="torch", help="as in polyglass translate (default: torch)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes of Ray (default: no Ray)")
    arguments = parser.parse_args()
    sizes = arguments.sizes or (QUICK_SIZES if arguments.quick else SIZES)
    sentences = [line for line in read_lines(arguments.text, errors="strict") if line.strip()]
    costs: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sizes:
            source, output = Path(folder, "source.txt"), Path(folder, "output.txt")
            write_input(sentences, count, source)
            costs.append(measure(arguments, source, output, count))
    columns = ["sentences", "seconds", "a second", "s per million", "CPU s", "growth", "peak MiB", "MB out"]
    print_table(columns, [row_of(cost, costs[0]) for cost in costs])
    if arguments.workers:
        print("\nCPU seconds and peak are those of the process that keeps the parts, not of Ray's.")
    finish(recipe(), {"costs": [asdict(cost) for cost in costs]}, arguments.json)


if __name__ == "__main__":
    main()
