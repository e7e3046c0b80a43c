"""How fast a model translates: sentences a second for several batch sizes, and how long one sentence takes.

With a model folder and a text: the sentences are read, searched and written out as `polyglass translate` does it.
Without: a model with the shape of --preset tiny, random weights and 8,000 subwords, which never ends a sentence by
itself; every output has as many tokens as its source, so that the numbers of two machines can be compared.

  batch   sentences that are searched together; they are sorted by length first, so that there is little padding
  p95     95 of 100 sentences took at most so long, one at a time

cpu_share in the notes is the processor time that the process got, over seconds and threads: below 0.95 others were
using the cores. Greedy search and beam search take turns, and each speed is the median over the rounds.
"""

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.data.batch import pad
from polyglass.decoding.search import search
from polyglass.model.seq2seq import DecoderState
from polyglass.model.transformer import Transformer, TransformerState
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap
from polyglass.translator import Translator
from recipe import CLOCKS, add_clock, build_parser, finish, print_table, recipe

VOCABULARY = 8000
RANDOM_LENGTHS = (8, 32)  # tokens of a random source, at least and at most
WHOLE_BATCH = 10_000_000  # token budget under which every batch stays in one piece
WARM_UP = 3


@dataclass(frozen=True)
class Work:
    """Sentences, how long each is, and a function that translates some with a beam and returns the tokens written.

    clock: tells the time in seconds.
    """

    name: str
    sentences: Sequence[Any]
    length: Callable[[Any], int]
    translate: Callable[[Sequence[Any], int], int]
    clock: Callable[[], float]


@dataclass(frozen=True)
class Speed:
    """One batch size: sentences and output tokens a second."""

    beam: int
    batch: int
    sentences: int
    sentences_per_second: float
    tokens_per_second: float


@dataclass(frozen=True)
class Latency:
    """Seconds for one sentence at a time."""

    beam: int
    sentences: int
    median: float
    p95: float


class NeverEnding(Transformer):
    """A Transformer that gives the end of a sentence no chance: outputs are as long as the search lets them be."""

    def step(self, token: Tensor, state: DecoderState, *, tap: Tap = no_tap) -> tuple[Tensor, TransformerState]:
        """Return the logits of the next token, minus infinity for eos."""
        logits, after = super().step(token, state, tap=tap)
        logits[:, self.ids.eos] = -math.inf
        return logits, after


def random_work(count: int, clock: Callable[[], float]) -> Work:
    """Return random sentences and a random model."""
    torch.manual_seed(1)
    chance = random.Random(1)
    ids = SpecialIds()
    model = NeverEnding(resolve(preset="tiny").config.model, VOCABULARY, VOCABULARY, ids).eval()
    rows = [
        [*(chance.randrange(4, VOCABULARY) for _ in range(chance.randint(*RANDOM_LENGTHS) - 1)), ids.eos]
        for _ in range(count)
    ]

    def translate(sources: Sequence[list[int]], beam: int) -> int:
        options = DecodeConfig(beam_size=beam, max_length_factor=1.0, max_length_extra=0)
        return sum(len(best[0].ids) for best in search(model, pad(sources, ids.pad), options))

    return Work("random weights, shape of --preset tiny", rows, len, translate, clock)


def model_work(folder: Path, text: Path, count: int, clock: Callable[[], float]) -> Work:
    """Return lines of a text, spread over the whole of it, and a trained model."""
    translator = Translator.load(folder)
    lines = [line for line in text.read_text(encoding="utf-8").split("\n") if line.strip()]
    stride = max(1, len(lines) // count)

    def translate(sources: Sequence[str], beam: int) -> int:
        found = translator.translate(sources, beam_size=beam, batch_tokens=WHOLE_BATCH)
        return sum(len(one.candidates[0].pieces) for one in found)

    return Work(f"{folder.name} on {text.name}", lines[::stride][:count], len, translate, clock)


def batches_of(work: Work, count: int, size: int) -> list[list[Any]]:
    """Return `count` sentences, spread over all, in batches of `size` of like length."""
    stride = max(1, len(work.sentences) // count)
    chosen = sorted(work.sentences[::stride][:count], key=work.length)
    return [chosen[first : first + size] for first in range(0, len(chosen), size)]


def measure_speeds(work: Work, beams: Sequence[int], sizes: Sequence[int], *, rounds: int, least: int) -> list[Speed]:
    """Translate the sentences in batches of each size; small batches, which are slow, get fewer sentences."""
    speeds = []
    for size in sizes:
        batches = batches_of(work, max(least, 2 * size), size)
        sentences = sum(map(len, batches))
        found: dict[int, list[tuple[float, int]]] = {beam: [] for beam in beams}
        for beam in beams:
            work.translate(batches[0], beam)
        for _ in range(rounds):
            for beam in beams:
                began = work.clock()
                tokens = sum(work.translate(batch, beam) for batch in batches)
                found[beam].append((work.clock() - began, tokens))
        for beam, timed in found.items():
            seconds = statistics.median(taken for taken, _ in timed)
            speeds.append(Speed(beam, size, sentences, sentences / seconds, timed[0][1] / seconds))
    return sorted(speeds, key=lambda speed: (speed.beam, speed.batch))


def measure_latency(work: Work, beams: Sequence[int], count: int) -> list[Latency]:
    """Translate sentences one at a time, in the order of the text; the beams take turns at each sentence."""
    stride = max(1, len(work.sentences) // count)
    chosen = work.sentences[::stride][:count]
    taken: dict[int, list[float]] = {beam: [] for beam in beams}
    for number, sentence in enumerate([*chosen[:WARM_UP], *chosen]):
        for beam in beams:
            began = work.clock()
            work.translate([sentence], beam)
            if number >= WARM_UP:
                taken[beam].append(work.clock() - began)
    return [
        Latency(beam, len(times), statistics.median(times), sorted(times)[math.ceil(0.95 * len(times)) - 1])
        for beam, times in taken.items()
    ]


def name_of(beam: int) -> str:
    """Return what people call a search with so many hypotheses."""
    return "greedy" if beam == 1 else f"beam {beam}"


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("model", nargs="?", type=Path, help="model folder; without: random weights")
    parser.add_argument("text", nargs="?", type=Path, help="text to translate, one sentence a line")
    parser.add_argument("--beams", nargs="+", type=int, default=[1, 5], help="1 is greedy (default: 1 5)")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8, 32, 128], help="default: 1 8 32 128")
    parser.add_argument("--sentences", type=int, default=256, help="how many are used (default: 256)")
    parser.add_argument("--least", type=int, default=48, help="sentences for the smallest batches (default: 48)")
    parser.add_argument("--latency-sentences", type=int, default=100, help="one at a time (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each search takes (default: 3)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    add_clock(parser)
    arguments = parser.parse_args(argv)
    if arguments.clock == "cpu" and arguments.threads > 1:
        parser.error("--clock cpu adds up the time of all threads: take --threads 1")
    if (arguments.model is None) != (arguments.text is None):
        parser.error("name a model folder and a text, or neither")
    if arguments.quick:
        arguments.sentences, arguments.least, arguments.latency_sentences, arguments.rounds = 16, 8, 8, 1
        arguments.batches = [size for size in arguments.batches if size <= 16]
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    arguments = arguments_of(argv)
    torch.set_num_threads(arguments.threads)
    clock = CLOCKS[arguments.clock]
    if arguments.model is None:
        work = random_work(arguments.sentences, clock)
    else:
        work = model_work(arguments.model, arguments.text, arguments.sentences, clock)
    processor, began = time.process_time(), time.perf_counter()
    speeds = measure_speeds(work, arguments.beams, arguments.batches, rounds=arguments.rounds, least=arguments.least)
    latencies = measure_latency(work, arguments.beams, arguments.latency_sentences)
    cpu_share = (time.process_time() - processor) / (time.perf_counter() - began) / arguments.threads
    columns = ("search", "batch", "sentences", "sentences/s", "tokens/s")
    print_table(
        columns,
        [
            (
                name_of(one.beam),
                str(one.batch),
                str(one.sentences),
                f"{one.sentences_per_second:.1f}",
                f"{one.tokens_per_second:,.0f}",
            )
            for one in speeds
        ],
    )
    print()
    print_table(
        ("one sentence at a time", "sentences", "median", "p95"),
        [
            (name_of(one.beam), str(one.sentences), f"{one.median * 1e3:.1f} ms", f"{one.p95 * 1e3:.1f} ms")
            for one in latencies
        ],
    )
    notes = recipe() | {
        "model": work.name,
        "threads": arguments.threads,
        "clock": arguments.clock,
        "cpu_share": round(cpu_share, 3),
    }
    results = {"speeds": [asdict(one) for one in speeds], "latencies": [asdict(one) for one in latencies]}
    finish(notes, results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
