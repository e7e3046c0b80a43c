"""How fast polyglass and its peers train the same model on the same text, on one core.

Each system runs in a process of its own, pinned to one core, with the same SentencePiece model and the same shape: T
is that of --preset tiny (d_model 128, d_ff 256, 4 heads, 4+4 layers), B that of --preset base (512, 2048, 8, 6+6).
They take turns, and each number is the median over the rounds. Seconds are of processor time.

  polyglass      what `polyglass train` does in an update
  torch          torch.nn.Transformer with the same batches of like length, label-smoothed cross entropy, Adam
  hugging-face   Marian (Pegasus, where the norm comes first) with the same batches, its own loss, Adam
  joeynmt        its own trainer on text that is already cut into subwords, its own batches of 4,096 tokens; one epoch
                 over a small and one over a larger part of the corpus, and the difference counts: no start-up

  tokens/s   target tokens without padding (eos counted) in a second
  share      operations that these tokens need, over seconds, over the rate of the model's own matrix products, which
             is measured in the same turn
A peer that is not installed is said; `python benchmarks/peers.py` installs it.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hugging_face import empty_model
from joeynmt_peer import JoeyNMT
from model_products import real_operations
from peers import FOLDER, check
from polyglass.config import Config, TransformerConfig
from polyglass.data.batches import Position
from polyglass.run.folder import RunFolder
from polyglass.run.machine import available_cores
from polyglass.run.prepare import open_prepared
from polyglass.run.train import batch_source
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from process_memory import peak_bytes, restart_peak
from recipe import build_parser, finish, print_table, recipe
from training_speed import PRESETS, RATE_SECONDS, Bench, Variant, lengths_of, prepared
from workers import Worker, serve

INSIDE = ("polyglass", "torch", "hugging-face")
OUTSIDE = ("joeynmt",)
COLUMNS = ("system", "model", "tokens/s", "range", "to polyglass", "share", "padding", "peak MB")
Step = Callable[[Any], None]


def config_of(shape: str, batch_tokens: int, vocabulary: int) -> Config:
    """Return the options of a shape."""
    options = {"data.vocabulary_size": vocabulary, "train.batch_tokens": batch_tokens, "data.subword_sampling": 0.0}
    return resolve(preset=PRESETS[shape], overrides=options).config


def work(system: str, folder: Path, config: Config) -> int:
    """Train for as long as each question says, and tell what that took."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    corpus = open_prepared(RunFolder(folder / "run"))
    if system == "polyglass":
        bench = Bench(config, corpus, time.process_time)

        def turn(asked: dict[str, Any]) -> dict[str, Any]:
            variant, first = Variant("float32", 1), len(bench.seen)
            bench.take_turn(variant, asked["seconds"])
            now = variant.rounds[0]
            return _told(config, bench.words, bench.seen[first:], now.seconds, variant.peak) | {"rate": now.rate}

        return serve(turn, sys.stdin, sys.stdout)
    words = corpus.subwords.target_size
    batches = batch_source(config, corpus)(Position())
    step = _torch_step(config, words) if system == "torch" else _hugging_face_step(config, words)

    def turn_of_peer(asked: dict[str, Any]) -> dict[str, Any]:
        seen, seconds, began = [], 0.0, time.perf_counter()
        restart_peak()
        while not seen or time.perf_counter() - began < asked["seconds"]:
            one = time.process_time()
            batch, _ = next(batches)
            step(batch)
            seconds += time.process_time() - one
            seen.append(batch)
        return _told(config, words, seen, seconds, peak_bytes())

    return serve(turn_of_peer, sys.stdin, sys.stdout)


def _told(config: Config, words: int, seen: list[Any], seconds: float, peak: int) -> dict[str, Any]:
    if not isinstance(config.model, TransformerConfig):
        raise SystemExit("Only Transformers are compared.")
    lengths = [pair for batch in seen for pair in lengths_of(batch)]
    places = sum(batch.source.numel() + batch.target_out.numel() for batch in seen)
    return {
        "tokens": sum(target for _, target in lengths),
        "seconds": seconds,
        "operations": real_operations(config.model, words, lengths).total,
        "padding": 1 - sum(map(sum, lengths)) / places,
        "peak": peak,
    }


class Plain(torch.nn.Module):
    """torch.nn.Transformer with embeddings, sinusoids and a tied output layer, as its tutorials build it."""

    def __init__(self, config: TransformerConfig, words: int) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(words, config.d_model, padding_idx=SpecialIds().pad)
        place = torch.arange(config.max_positions)[:, None]
        angle = place / 10000 ** (torch.arange(0, config.d_model, 2) / config.d_model)
        self.register_buffer("table", torch.stack((angle.sin(), angle.cos()), dim=2).flatten(1))
        self.dropout = torch.nn.Dropout(config.dropout)
        self.transformer = torch.nn.Transformer(
            config.d_model,
            config.num_heads,
            config.encoder_layers,
            config.decoder_layers,
            config.d_ff,
            config.dropout,
            batch_first=True,
            norm_first=config.norm_place == "pre",
        )
        self.output = torch.nn.Linear(config.d_model, words, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return logits."""
        unseen = source == SpecialIds().pad
        ahead = torch.nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        states = self.transformer(
            self._embedded(source),
            self._embedded(target),
            tgt_mask=ahead,
            src_key_padding_mask=unseen,
            memory_key_padding_mask=unseen,
            tgt_is_causal=True,
        )
        return self.output(states)

    def _embedded(self, ids: torch.Tensor) -> torch.Tensor:
        scaled = self.embedding(ids) * self.embedding.embedding_dim**0.5
        return self.dropout(scaled + self.table[: ids.shape[1]])


def _torch_step(config: Config, words: int) -> Step:
    model = Plain(config.model, words).train()
    loss = torch.nn.CrossEntropyLoss(ignore_index=SpecialIds().pad, label_smoothing=config.train.label_smoothing)

    def computed(batch: Any) -> torch.Tensor:
        logits = model(batch.source, batch.target_in)
        return loss(logits.flatten(0, 1), batch.target_out.flatten())

    return _stepping(model, computed)


def _hugging_face_step(config: Config, words: int) -> Step:
    ids = SpecialIds()
    model = empty_model(config.model, words, pad=ids.pad, bos=ids.bos, eos=ids.eos).train()

    def computed(batch: Any) -> torch.Tensor:
        return model(
            input_ids=batch.source,
            attention_mask=(batch.source != ids.pad).long(),
            decoder_input_ids=batch.target_in,
            labels=batch.target_out.masked_fill(batch.target_out == ids.pad, -100),
        ).loss

    return _stepping(model, computed)


def _stepping(model: torch.nn.Module, computed: Callable[[Any], torch.Tensor]) -> Step:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98))

    def step(batch: Any) -> None:
        optimizer.zero_grad(set_to_none=True)
        computed(batch).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def measure(shape: str, folder: Path, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Let the systems take turns with one shape and sum up."""
    same = ["--batch-tokens", str(arguments.batch_tokens), "--vocabulary", str(arguments.vocabulary), str(folder)]
    workers: list[Any] = [
        Worker(
            name,
            [sys.executable, __file__, "--worker", name, "--shapes", shape, *same],
            first={"seconds": RATE_SECONDS},
        )
        for name in arguments.peers
        if name in INSIDE
    ]
    config = config_of(shape, arguments.batch_tokens, arguments.vocabulary)
    if "joeynmt" in arguments.peers:
        corpus = open_prepared(RunFolder(folder / "run"))
        workers.append(JoeyNMT(arguments.folder, folder / f"joeynmt-{shape}", config, corpus))
    found: dict[str, list[dict[str, Any]]] = {one.system: [] for one in workers}
    for _ in range(arguments.rounds):
        for one in workers:
            found[one.system].append(one.ask({"seconds": arguments.seconds / arguments.rounds}))
    for one in workers:
        one.close()
    return [summed_up(name, shape, turns, found.get("polyglass", [])) for name, turns in found.items()]


def summed_up(name: str, shape: str, turns: list[dict[str, Any]], own: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of one system; `own` are the turns of polyglass, in which the rate was measured."""
    speeds = [turn["tokens"] / turn["seconds"] for turn in turns]
    rates = [turn["rate"] for turn in own]
    needed = [turn["operations"] / turn["seconds"] for turn in turns if "operations" in turn]
    own_speed = statistics.median(turn["tokens"] / turn["seconds"] for turn in own) if own else None
    return {
        "system": name,
        "model": shape,
        "tokens_per_second": statistics.median(speeds),
        "slowest": min(speeds),
        "fastest": max(speeds),
        "ratio": statistics.median(speeds) / own_speed if own_speed else None,
        "share": statistics.median(needed) / statistics.median(rates) if rates and needed else None,
        "padding": statistics.median(turn["padding"] for turn in turns) if "padding" in turns[0] else None,
        "peak_memory_bytes": max(turn["peak"] for turn in turns),
    }


def row_of(one: dict[str, Any]) -> tuple[str, ...]:
    """Return a line of the table."""
    return (
        one["system"],
        one["model"],
        f"{one['tokens_per_second']:,.0f}",
        f"{one['slowest']:,.0f}-{one['fastest']:,.0f}",
        "-" if one["ratio"] is None else f"{one['ratio']:.2f}",
        "-" if one["share"] is None else f"{one['share']:.1%}",
        "-" if one["padding"] is None else f"{one['padding']:.1%}",
        f"{one['peak_memory_bytes'] / 1e6:,.0f}",
    )


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="source and target text; without: a generated corpus")
    parser.add_argument("--peers", nargs="+", choices=[*INSIDE, *OUTSIDE], default=[*INSIDE, *OUTSIDE])
    parser.add_argument("--shapes", nargs="+", choices=sorted(PRESETS), default=["T"], help="which (default: T)")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="target tokens in a batch, with its padding")
    parser.add_argument("--vocabulary", type=int, default=8000, help="joint subwords (default: 8000)")
    parser.add_argument("--pairs", type=int, default=20_000, help="of the generated corpus (default: 20000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of training for each system (default: 60)")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each system takes (default: 5)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="environments of the peers (default: %(default)s)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="pin to this core")
    parser.add_argument("--worker", choices=INSIDE, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.pairs, arguments.batch_tokens = min(arguments.pairs, 1000), min(arguments.batch_tokens, 512)
        arguments.seconds, arguments.rounds = min(arguments.seconds, 2.0), min(arguments.rounds, 2)
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    arguments = arguments_of(argv)
    if arguments.worker:
        config = config_of(arguments.shapes[0], arguments.batch_tokens, arguments.vocabulary)
        return work(arguments.worker, arguments.files[0], config)
    cores = available_cores()
    os.sched_setaffinity(0, {arguments.core})
    missing = {name: check(arguments.folder, name) for name in arguments.peers if name in OUTSIDE}
    arguments.peers = [name for name in arguments.peers if name not in missing or not missing[name].reason]
    results = []
    with tempfile.TemporaryDirectory() as work_folder:
        folder = Path(work_folder)
        prepared(
            arguments.files,
            config_of("T", arguments.batch_tokens, arguments.vocabulary),
            folder,
            pairs=arguments.pairs,
        )
        for shape in arguments.shapes:
            results += measure(shape, folder, arguments)
    print_table(COLUMNS, [row_of(one) for one in results])
    for name, one in missing.items():
        print(f"{name}: {'version ' + one.version if not one.reason else 'not measured: ' + one.reason}")
    corpus = ", ".join(file.name for file in arguments.files) or "generated"
    finish(recipe() | {"cores": cores, "corpus": corpus}, {"results": results}, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
