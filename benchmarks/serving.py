"""How fast `polyglass serve` is, and what it does when more is asked of it than it can do.

  batching   sentences a second for clients that each send one sentence after the other, with batching and without it
             (the same server with a batch of one); bar: 5 times as many
  half load  requests at random times, half as many as the server can do; bar: of 100 answers 99 come within 10 times
             the median of an idle server
  overload   10 times as many as it can do; bar: all answers are 200, 429 or 503, refusals take less than 50 ms
             (median), it does at least 80 percent of what it can, and 2 seconds after the end it answers as before
  memory     many requests in a row; bar: it grows by less than 5 percent

The cache is off. A client is one raw connection; the load is open-loop but in the first part. "cpu" is the processor
time of the server for each sentence. Give the server and this program cores of their own with --server-cores and
--client-cores, or the client takes from what it measures.
Exit status 1 if a bar is broken (with --quick nothing is judged).
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from process_memory import resident
from recipe import build_parser, finish, print_table, recipe
from serving_load import Answers, closed_loop, open_loop, port_of, quantile, request_of, serving

GAIN_BAR, TAIL_BAR, REFUSAL_BAR, WORK_BAR, GROWTH_BAR = 5.0, 10.0, 0.05, 0.8, 0.05
OVERLOAD = 10
CONNECTIONS = 2000
ALLOWED = {200, 429, 503}


@dataclass(frozen=True)
class Row:
    """One part of the benchmark. refused: median seconds of answers that say no. cpu: seconds of the server for each
    sentence; 0 where the system does not tell."""

    part: str
    rate: float
    statuses: dict[int, int]
    done_per_second: float
    median: float
    p99: float
    refused: float
    cpu: float = 0.0


@dataclass(frozen=True)
class Result:
    """Everything that was measured. idle: median seconds of an idle server; after: of one that was overloaded."""

    rows: list[Row]
    gain: float
    idle: float
    after: float
    memory: list[int]

    @property
    def growth(self) -> float:
        """How much more memory there was at the end than after the first tenth."""
        return self.memory[-1] / self.memory[len(self.memory) // 10] - 1 if self.memory else 0.0


def row_of(part: str, rate: float, answers: Answers, seconds: float) -> Row:
    """Sum up answers."""
    done, refused = answers.times(200), answers.times(429) + answers.times(503)
    return Row(
        part,
        rate,
        answers.statuses,
        len(done) / seconds,
        quantile(done, 0.5),
        quantile(done, 0.99),
        statistics.median(refused) if refused else 0.0,
    )


def command_of(arguments: argparse.Namespace, *more: str) -> list[str]:
    """Return the command line of a server."""
    pinned = ["taskset", "-c", arguments.server_cores] if arguments.server_cores else []
    words = [sys.executable, "-m", "polyglass", "serve", str(arguments.model), "--port", "0", "--cache-mb", "0"]
    words += ["--threads", str(arguments.threads), "--set", f"serve.connections={CONNECTIONS}"]
    return [*pinned, *words, "--set", f"serve.connections_each={CONNECTIONS}", *arguments.serve_flags, *more]


async def throughput(arguments: argparse.Namespace, requests: Sequence[bytes], *, batching: bool) -> Row:
    """Return how many sentences a second many clients get."""
    flags = ("--set", "serve.queue_seconds=1000")  # nobody is refused here, however slow it is
    if not batching:
        flags += ("--batch-tokens", "16", "--set", "serve.gather_seconds=0")
    async with serving(command_of(arguments, *flags)) as server:
        port = await port_of(server)
        await closed_loop(port, requests, clients=arguments.clients, seconds=arguments.seconds / 5)
        before = cpu_seconds(server.pid)
        answers = await closed_loop(port, requests, clients=arguments.clients, seconds=arguments.seconds)
        cpu = (cpu_seconds(server.pid) - before) / max(1, len(answers.seen))
        name = "with batching" if batching else "without batching"
        return replace(row_of(f"{arguments.clients} clients {name}", 0.0, answers, arguments.seconds), cpu=cpu)


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process; 0 where the system does not tell."""
    path = Path(f"/proc/{process}/stat")
    if not path.exists():
        return 0.0
    fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def idle_median(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Return the median of a server that has nothing else to do."""
    return quantile((await closed_loop(port, requests, clients=1, seconds=seconds)).times(200), 0.5)


async def memory_of(port: int, server: int, requests: Sequence[bytes], count: int) -> list[int]:
    """Return the memory of the server after each fiftieth of `count` requests."""
    found: list[int] = []
    done = 0
    while done < count:
        done += len((await closed_loop(port, requests, clients=32, seconds=1.0)).seen)
        now = resident(server)
        found.append(now.own if now else 0)
    return found


async def measure(arguments: argparse.Namespace, requests: Sequence[bytes]) -> Result:
    """Go through all parts."""
    rows = [await throughput(arguments, requests, batching=batching) for batching in (False, True)]
    capacity = rows[1].done_per_second
    async with serving(command_of(arguments)) as server:
        port = await port_of(server)
        await closed_loop(port, requests, clients=8, seconds=arguments.seconds / 5)
        idle = await idle_median(port, requests, arguments.seconds)
        half = await open_loop(port, requests, rate=capacity / 2, seconds=2 * arguments.seconds, seed=1)
        rows.append(row_of("half load", capacity / 2, half, 2 * arguments.seconds))
        rate = OVERLOAD * capacity
        flood = await open_loop(port, requests, rate=rate, seconds=arguments.overload_seconds, seed=2)
        rows.append(row_of("overload", rate, flood, arguments.overload_seconds))
        await asyncio.sleep(2)
        after = await idle_median(port, requests, arguments.seconds / 2)
        memory = await memory_of(port, server.pid, requests, arguments.memory_requests)
    return Result(rows, rows[1].done_per_second / rows[0].done_per_second, idle, after, memory)


def broken_bars(result: Result) -> list[str]:
    """Return what is not as it should be."""
    by_part = {row.part: row for row in result.rows}
    half, flood = by_part["half load"], by_part["overload"]
    found = []
    if result.gain < GAIN_BAR:
        found.append(f"batching gives {result.gain:.1f} times the sentences, not {GAIN_BAR:g}")
    if half.p99 > TAIL_BAR * result.idle:
        found.append(f"p99 at half load is {half.p99 / result.idle:.1f} times the idle median, not {TAIL_BAR:g}")
    if strange := flood.statuses.keys() - ALLOWED:
        found.append(f"under overload there were answers with status {sorted(strange)}")
    if flood.refused > REFUSAL_BAR:
        found.append(f"a refusal takes {1e3 * flood.refused:.0f} ms, not {1e3 * REFUSAL_BAR:.0f}")
    capacity = result.rows[1].done_per_second
    if flood.done_per_second < WORK_BAR * capacity:
        found.append(f"under overload {flood.done_per_second:.0f} are done in a second, not {WORK_BAR * capacity:.0f}")
    if result.after > 2 * result.idle:
        found.append(f"after the overload an answer takes {1e3 * result.after:.0f} ms, before {1e3 * result.idle:.0f}")
    if result.growth > GROWTH_BAR:
        found.append(f"memory grew by {100 * result.growth:.1f} percent, not {100 * GROWTH_BAR:g}")
    return found


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("text", type=Path, help="text to send, one sentence a line")
    parser.add_argument("--clients", type=int, default=32, help="clients of the first part (default: 32)")
    parser.add_argument("--seconds", type=float, default=20, help="length of each measurement (default: 20)")
    parser.add_argument("--overload-seconds", type=float, default=60, help="(default: 60)")
    parser.add_argument("--memory-requests", type=int, default=20_000, help="(default: 20000)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the model (default: all cores)")
    parser.add_argument("--server-cores", default="", metavar="LIST", help="cores of the server, as for taskset")
    parser.add_argument("--client-cores", default="", metavar="LIST", help="cores of this program")
    parser.add_argument("--serve-flags", nargs=argparse.REMAINDER, default=[], help="further flags of the server")
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.seconds, arguments.overload_seconds, arguments.memory_requests = 0.5, 1.0, 20
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    arguments = arguments_of(argv)
    if arguments.client_cores:
        os.sched_setaffinity(0, {int(core) for core in arguments.client_cores.split(",")})
    lines = [line for line in arguments.text.read_text(encoding="utf-8").split("\n") if line.strip()]
    from polyglass.bundle import load_bundle

    bundle = load_bundle(arguments.model)
    requests = [request_of(line, bundle.source_lang, bundle.target_lang) for line in lines]
    result = asyncio.run(measure(arguments, requests))
    print_table(
        ("", "asked/s", "done/s", "cpu", "median", "p99", "refused in", "statuses"),
        [
            (
                row.part,
                f"{row.rate:.0f}" if row.rate else "",
                f"{row.done_per_second:.1f}",
                f"{1e3 * row.cpu:.1f} ms" if row.cpu else "",
                f"{1e3 * row.median:.0f} ms",
                f"{1e3 * row.p99:.0f} ms",
                f"{1e3 * row.refused:.1f} ms" if row.refused else "",
                " ".join(f"{status}:{count}" for status, count in row.statuses.items()),
            )
            for row in result.rows
        ],
    )
    print(f"\nbatching: {result.gain:.1f} times the sentences a second")
    print(f"idle median {1e3 * result.idle:.1f} ms; after the overload {1e3 * result.after:.1f} ms")
    print(f"memory: {result.growth:+.1%} from the first tenth of the requests to the last")
    bad = [] if arguments.quick else broken_bars(result)
    for line in bad:
        print(f"BROKEN: {line}")
    notes = recipe() | {"model": arguments.model.name, "text": arguments.text.name, "threads": arguments.threads}
    finish(notes, {**asdict(result), "growth": result.growth, "broken": bad}, arguments.json)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
