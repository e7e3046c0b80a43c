"""What it costs that somebody could look: the share of a training step and of a cached decode step spent on `no_tap`.

Two measurements that know nothing of each other:
counted    how often a pass calls the tap, times what one call of each kind takes by itself;
amplified  the same passes with a tap that makes each call COPIES times over; the slowdown divided by COPIES. So a cost
           far below the noise of the machine is lifted above it. Passes with and without are run in turns.

Bars: at most 1 % of a training step and 3 % of a decode step. Exit status 1 if the counted share is above its bar.
"""

import argparse
import json
import platform
import statistics
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from polyglass.config import TransformerConfig
from polyglass.model.transformer import Transformer
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap

BARS = {"training step": 0.01, "decode step": 0.03}
COPIES = 50
VOCABULARY = 4000
IDS = SpecialIds()
Pass = Callable[[Tap], object]


@dataclass
class Counts:
    """How often each method of a tap was called in a pass, and with which names."""

    offered: list[str] = field(default_factory=list)
    entered: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class Counting:
    """A tap that counts, and wants nothing."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        self.counts.offered.append(name)
        return tensor

    def at(self, name: str) -> "Counting":
        self.counts.entered.append(name)
        return self

    def wants(self, name: str) -> bool:
        self.counts.asked.append(name)
        return False


class Amplified:
    """A tap that wants nothing, and does the work of `no_tap` COPIES times at each call."""

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        for _ in range(COPIES):
            no_tap(name, tensor)
        return tensor

    def at(self, name: str) -> "Amplified":
        for _ in range(COPIES):
            no_tap.at(name)
        return self

    def wants(self, name: str) -> bool:
        for _ in range(COPIES):
            no_tap.wants(name)
        return False


@dataclass(frozen=True)
class Result:
    """One row of the table; times in seconds, shares of the pass."""

    name: str
    pass_seconds: float
    calls: int
    counted_seconds: float
    counted_share: float
    amplified_seconds: float
    amplified_share: float
    bar: float


def training_step(model: Transformer, batch: int, length: int) -> Pass:
    """Return one whole update of the weights: forward, loss, backward, Adam."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    source, target = (torch.randint(4, VOCABULARY, (batch, length)) for _ in range(2))
    target_in = torch.cat((torch.full((batch, 1), IDS.bos), target[:, :-1]), dim=1)

    def run(tap: Tap) -> None:
        logits = model(source, target_in, tap=tap)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return run


def decode_step(model: Transformer, rows: int, length: int) -> Pass:
    """Return one step of a search with `rows` hypotheses, in the middle of a sentence."""
    with torch.inference_mode():
        state = model.start(model.encode(torch.randint(4, VOCABULARY, (rows, length))))
        token = torch.full((rows,), IDS.bos)
        for _ in range(length // 2):
            _, state = model.step(token, state)

    @torch.inference_mode()
    def run(tap: Tap) -> None:
        model.step(token, state, tap=tap)

    return run


def seconds_of(call: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def one_call_seconds(call: Callable[[], object], repeats: int = 20_000) -> float:
    """Return what one call takes: the median of five loops, less the loop itself."""

    def loop(body: Callable[[], object]) -> float:
        return statistics.median(seconds_of(lambda: [body() for _ in range(repeats)]) for _ in range(5)) / repeats

    return max(0.0, loop(call) - loop(lambda: None))


def counted_seconds(run: Pass, layers: int) -> tuple[int, float]:
    """Return how many tap calls a pass makes, and their time: each kind's count times its own price."""
    counts = Counts()
    run(Counting(counts))
    x, index = torch.zeros(1), layers - 1
    in_layers = sum(name.startswith("layers.") for name in counts.entered)  # their names are put together at each call
    seconds = (
        len(counts.offered) * one_call_seconds(lambda: no_tap("residual", x))
        + len(counts.asked) * one_call_seconds(lambda: no_tap.wants("weights"))
        + (len(counts.entered) - in_layers) * one_call_seconds(lambda: no_tap.at("feed_forward"))
        + in_layers * one_call_seconds(lambda: no_tap.at(f"layers.{index}"))
    )
    return len(counts.offered) + len(counts.entered) + len(counts.asked), seconds


def measure(name: str, run: Pass, *, layers: int, seconds: float) -> Result:
    """Measure one kind of pass for about `seconds`."""
    for _ in range(3):
        run(no_tap)
    calls, counted = counted_seconds(run, layers)
    amplified_tap = Amplified()
    plain: list[float] = []
    amplified: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(plain) < 5:
        plain.append(seconds_of(lambda: run(no_tap)))
        amplified.append(seconds_of(lambda: run(amplified_tap)))
    whole = statistics.median(plain)
    each = (statistics.median(amplified) - whole) / COPIES
    return Result(name, whole, calls, counted, counted / whole, each, each / whole, BARS[name])


def table(results: list[Result]) -> str:
    """Return the results as lines of text, at most 80 columns wide."""
    lines = [f"{'pass':<15}{'time':>11}{'calls':>7}{'counted':>12}{'share':>9}{'amplified':>12}{'share':>9}{'bar':>5}"]
    for one in results:
        lines.append(
            f"{one.name:<15}{one.pass_seconds * 1e3:>8.2f} ms{one.calls:>7}{one.counted_seconds * 1e6:>9.1f} µs"
            f"{one.counted_share:>9.3%}{one.amplified_seconds * 1e6:>9.1f} µs{one.amplified_share:>9.3%}{one.bar:>5.0%}"
        )
    return "\n".join(lines)


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="tap_overhead.py", description=__doc__, formatter_class=formatter)
    parser.add_argument("--d-model", type=int, default=256, help="width of the model (default: 256)")
    parser.add_argument("--layers", type=int, default=6, help="layers of encoder and of decoder (default: 6)")
    parser.add_argument("--batch", type=int, default=8, help="sentences in a training batch (default: 8)")
    parser.add_argument("--length", type=int, default=16, help="tokens in a sentence (default: 16)")
    parser.add_argument("--beam", type=int, default=5, help="hypotheses in a decode step (default: 5)")
    parser.add_argument("--seconds", type=float, default=15.0, help="time for each kind of pass (default: 15)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as torch chooses (default: 0)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure, print, and say whether the bars are kept."""
    arguments = arguments_of(argv)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    config = TransformerConfig(
        d_model=arguments.d_model,
        num_heads=max(1, arguments.d_model // 64),
        d_ff=4 * arguments.d_model,
        encoder_layers=arguments.layers,
        decoder_layers=arguments.layers,
    )
    model = Transformer(config, VOCABULARY, VOCABULARY, IDS)
    options = {"layers": arguments.layers, "seconds": arguments.seconds}
    training = measure("training step", training_step(model.train(), arguments.batch, arguments.length), **options)
    decoding = measure("decode step", decode_step(model.eval(), arguments.beam, arguments.length), **options)
    recipe = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "system": platform.system(),
        "threads": torch.get_num_threads(),
        "copies": COPIES,
        "vocabulary": VOCABULARY,
        **{name: value for name, value in vars(arguments).items() if name not in ("json", "threads")},
    }
    print(table([training, decoding]))
    print(textwrap.fill(", ".join(f"{name} {value}" for name, value in recipe.items()), width=80))
    if arguments.json:
        report = {"recipe": recipe, "results": [asdict(training), asdict(decoding)]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8", newline="\n")
    return int(any(one.counted_share > one.bar for one in (training, decoding)))


if __name__ == "__main__":
    sys.exit(main())
