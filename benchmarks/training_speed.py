"""How fast training is: real target tokens a second, and the share of what this machine's matrix products allow.

Two models: T, the shape of --preset tiny (d_model 128, d_ff 256, 4 heads, 4+4 layers), and B, that of --preset base
(512, 2048, 8, 6+6). An update is all that training does: batch, forward, backward, clipping, optimizer, moving
average. Padding is never counted as a token.

  rate   operations a second of the model's own matrix products, forward and both backward, timed by themselves in
         this run (see model_products.py)
  share  operations that the real tokens need, over seconds, over that rate; 100 % would be an update that does
         nothing but multiply, at full speed, without padding
  done   the same with the operations that are done: on padding and masked positions, too
  CPU    processor time that the process got, over seconds and threads; below 95 % others were using the cores

Precisions and numbers of threads take turns (A B A B ...), and each number is the median over the rounds: a machine
that others use, too, changes from minute to minute.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import torch

from model_products import ProductRate, padded_operations, real_operations
from polyglass.config import Config
from polyglass.data.batch import Batch
from polyglass.data.batches import Position
from polyglass.data.demo_grammar import generate_pairs
from polyglass.run.folder import RunFolder
from polyglass.run.prepare import Corpus, CorpusPaths, filter_corpus, open_prepared, store_corpus
from polyglass.run.train import batch_source, new_model
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from polyglass.training.distributed import ALONE
from polyglass.training.loop import update
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState
from process_memory import peak_bytes, restart_peak
from recipe import CLOCKS, add_clock, build_parser, finish, print_table, recipe

PRESETS = {"T": "tiny", "B": "base"}
RATE_SECONDS = 0.3
COLUMNS = ("model", "format", "threads", "tokens/s", "range", "GFLOP/s", "rate", "share", "done", "CPU", "peak")


@dataclass
class Round:
    """What one turn measured: seconds by the chosen clock and by the others, operations that were needed and done."""

    tokens: int = 0
    updates: int = 0
    seconds: float = 0.0
    wall_seconds: float = 0.0
    processor_seconds: float = 0.0
    waited: float = 0.0
    rate: float = 0.0
    needed: int = 0
    done: int = 0


@dataclass
class Variant:
    """One line of the table: a precision and a number of threads, and what was measured of it."""

    precision: str
    threads: int
    rounds: list[Round] = field(default_factory=list)
    peak: int = 0


@dataclass(frozen=True)
class Result:
    """Medians over the rounds. Rates are operations a second; seconds are of one update."""

    model: str
    precision: str
    threads: int
    tokens_per_second: float
    slowest_round: float
    fastest_round: float
    update_seconds: float
    operations_per_token: float
    operations_per_second: float
    product_rate: float
    share: float
    share_done: float
    padding_share: float
    wait_share: float
    cpu_share: float
    peak_memory_bytes: int
    updates: int


class Bench:
    """One model in training, on which variants take turns; batches follow each other as in training."""

    def __init__(self, config: Config, corpus: Corpus, clock: Callable[[], float]) -> None:
        self.config = config
        self.clock = clock
        self.words = corpus.subwords.target_size
        self.seen: list[Batch] = []
        self.state = TrainState(new_model(config, corpus), config.train)
        self.loss = TranslationLoss(self.state.model, config.train.label_smoothing)
        self.batches = batch_source(config, corpus)
        self.stream = self._watched()
        first = [batch for _, (batch, _) in zip(range(15), self.batches(Position()), strict=False)]
        self.typical = sorted(first, key=lambda batch: batch.source.numel() + batch.target_in.numel())[len(first) // 2]

    def take_turn(self, variant: Variant, seconds: float) -> None:
        """Train for about `seconds`, at least one update; measure the rate before and after."""
        torch.set_num_threads(variant.threads)
        train = self.config.train.model_copy(update={"precision": variant.precision})
        now = Round(rate=self._rate(variant) / 2)
        restart_peak()
        while not now.updates or now.wall_seconds < seconds:
            began, wall, processor = self.clock(), time.perf_counter(), time.process_time()
            outcome, _ = update(self.state, self.loss, self.stream, train, rate=1e-4, team=ALONE)
            self.state.update_average(train.ema_decay)
            now.seconds += self.clock() - began
            now.wall_seconds += time.perf_counter() - wall
            now.processor_seconds += time.process_time() - processor
            now.waited += outcome.wait_seconds
            now.tokens += outcome.target_tokens
            now.updates += 1
        variant.peak = max(variant.peak, peak_bytes())
        now.rate += self._rate(variant) / 2
        for batch in self.seen[-now.updates :]:
            now.needed += real_operations(self.config.model, self.words, lengths_of(batch)).total
            now.done += padded_operations(self.config.model, self.words, batch).total
        variant.rounds.append(now)

    def padding_share(self) -> float:
        """Return the share of padding in all that was read."""
        real = sum(source + target for batch in self.seen for source, target in lengths_of(batch))
        return 1 - real / sum(batch.source.numel() + batch.target_out.numel() for batch in self.seen)

    def _rate(self, variant: Variant) -> float:
        """Time the products; their operands are gone afterwards, so that they do not count as memory of training."""
        dtype = getattr(torch, variant.precision)
        return ProductRate(self.config.model, self.words, self.typical, dtype, self.clock).measure(seconds=RATE_SECONDS)

    def _watched(self) -> Iterator[tuple[Batch, Position]]:
        for batch, position in self.batches(Position()):
            self.seen.append(batch)
            yield batch, position


def lengths_of(batch: Batch) -> list[tuple[int, int]]:
    """Return the real source and target tokens of each pair, eos counted."""
    sides = ((side != SpecialIds().pad).sum(dim=1).tolist() for side in (batch.source, batch.target_out))
    return list(zip(*sides, strict=True))


def measure(bench: Bench, variants: list[Variant], *, seconds: float, rounds: int) -> None:
    """Let the variants take turns; the first turn of each warms up and does not count."""
    for number in range(rounds + 1):
        for variant in variants:
            bench.take_turn(variant, seconds / rounds if number else 0.0)
            if not number:
                variant.rounds.clear()


def sum_up(model: str, variant: Variant, padding_share: float) -> Result:
    """Return the medians of one variant."""
    rounds = variant.rounds
    speeds = [one.tokens / one.seconds for one in rounds]
    return Result(
        model=model,
        precision=variant.precision,
        threads=variant.threads,
        tokens_per_second=statistics.median(speeds),
        slowest_round=min(speeds),
        fastest_round=max(speeds),
        update_seconds=statistics.median(one.seconds / one.updates for one in rounds),
        operations_per_token=sum(one.needed for one in rounds) / sum(one.tokens for one in rounds),
        operations_per_second=statistics.median(one.needed / one.seconds for one in rounds),
        product_rate=statistics.median(one.rate for one in rounds),
        share=statistics.median(one.needed / one.seconds / one.rate for one in rounds),
        share_done=statistics.median(one.done / one.seconds / one.rate for one in rounds),
        padding_share=padding_share,
        wait_share=statistics.median(one.waited / one.wall_seconds for one in rounds),
        cpu_share=statistics.median(one.processor_seconds / one.wall_seconds / variant.threads for one in rounds),
        peak_memory_bytes=variant.peak,
        updates=sum(one.updates for one in rounds),
    )


def row_of(result: Result) -> tuple[str, ...]:
    """Return a result as a line of the table."""
    return (
        result.model,
        result.precision,
        str(result.threads),
        f"{result.tokens_per_second:,.0f}",
        f"{result.slowest_round:,.0f}-{result.fastest_round:,.0f}",
        f"{result.operations_per_second / 1e9:.1f}",
        f"{result.product_rate / 1e9:.1f}",
        f"{result.share:.1%}",
        f"{result.share_done:.1%}",
        f"{result.cpu_share:.0%}",
        f"{result.peak_memory_bytes / 1e6:,.0f} MB",
    )


def prepare(files: list[Path], config: Config, folder: Path, *, pairs: int) -> None:
    """Prepare the corpus in `files`, or a generated one of so many pairs, as `polyglass train` does."""
    if not files:
        files = [folder / "corpus.en", folder / "corpus.de"]
        drawn = generate_pairs(pairs, seed=1)
        for file, side in zip(files, zip(*((pair.source, pair.target) for pair in drawn), strict=True), strict=True):
            file.write_text("".join(f"{text}\n" for text in side), encoding="utf-8", newline="\n")
    paths = CorpusPaths(tuple(files), source_lang="source", target_lang="target")
    run = RunFolder(folder / "run")
    run.create()
    kept = filter_corpus(paths, config.data, run)
    assert config.data.vocabulary_size is not None
    store_corpus(kept, paths, config.data, run, size=config.data.vocabulary_size)


def prepared(files: list[Path], config: Config, folder: Path, *, pairs: int) -> Corpus:
    """Return the corpus, prepared by another process: what that takes must not count as memory of training."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(prepare, files, config, folder, pairs=pairs).result()
    return open_prepared(RunFolder(folder / "run"))


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="source and target text; without: a generated corpus")
    parser.add_argument("--models", nargs="+", choices=sorted(PRESETS), default=["T"], help="which (default: T)")
    parser.add_argument("--precision", nargs="+", choices=["float32", "bfloat16"], default=["float32"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1], help="CPU threads, one or several (default: 1)")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="target tokens in a batch, with its padding")
    parser.add_argument("--vocabulary", type=int, default=8000, help="joint subwords (default: 8000)")
    parser.add_argument("--subword-sampling", type=float, default=0.0, help="as data.subword_sampling (default: 0)")
    parser.add_argument("--pairs", type=int, default=20_000, help="of the generated corpus (default: 20000)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of training for each line (default: 20)")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each line takes (default: 5)")
    add_clock(parser)
    arguments = parser.parse_args(argv)
    if arguments.clock == "cpu" and max(arguments.threads) > 1:
        parser.error("--clock cpu adds up the time of all threads: take --threads 1")
    if len(arguments.files) not in (0, 2):
        parser.error("name two files, source and target, or none")
    if arguments.quick:
        arguments.pairs, arguments.batch_tokens = min(arguments.pairs, 1000), min(arguments.batch_tokens, 512)
        arguments.seconds, arguments.rounds = min(arguments.seconds, 1.0), min(arguments.rounds, 2)
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    arguments = arguments_of(argv)
    options = {
        "data.vocabulary_size": arguments.vocabulary,
        "data.subword_sampling": arguments.subword_sampling,
        "train.batch_tokens": arguments.batch_tokens,
    }
    results = []
    with tempfile.TemporaryDirectory() as work:
        config = resolve(preset="tiny", overrides=options).config
        corpus = prepared(arguments.files, config, Path(work), pairs=arguments.pairs)
        for model in arguments.models:
            bench = Bench(resolve(preset=PRESETS[model], overrides=options).config, corpus, CLOCKS[arguments.clock])
            variants = [Variant(form, count) for form in arguments.precision for count in arguments.threads]
            measure(bench, variants, seconds=arguments.seconds, rounds=arguments.rounds)
            results += [sum_up(model, variant, bench.padding_share()) for variant in variants]
        notes = recipe() | {
            "corpus": f"{', '.join(file.name for file in arguments.files) or 'generated'}: {len(corpus.store):,} pairs",
            "clock": arguments.clock,
            "subwords": corpus.subwords.target_size,
            "batch": f"{arguments.batch_tokens:,} target tokens with padding",
        }
    print_table(COLUMNS, [row_of(result) for result in results])
    for one in results:
        print(
            f"{one.model} {one.precision}, {one.threads} threads: {one.update_seconds * 1e3:,.0f} ms an update, "
            f"{one.operations_per_token / 1e6:.2f} MFLOP a token, padding {one.padding_share:.1%}, "
            f"waiting for data {one.wait_share:.2%}"
        )
    finish(notes, {"results": [asdict(result) for result in results]}, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
