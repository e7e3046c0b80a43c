"""What it should cost to translate very many sentences on GPUs: arithmetic with stated assumptions, nothing measured.

Letters: S source and T target subwords of a sentence, W beam size, B sentences searched together, D d_model, F d_ff,
V vocabulary, N layers of each side, K bytes of a number. Defaults are those of an accelerator of 2020 to 2022 (bf16).

  FLOPs of a sentence   reading     2 N S (4 D^2 + 2 D F) + 4 N D S^2           encoder
                        keys        4 N S D^2                                   cross-attention, once
                        writing     2 W T (N (6 D^2 + 2 D F) + D V)             decoder and output layer
                        looking     4 N D W T (T / 2 + S)                       self- and cross-attention
  bytes of a step       weights     K (N (6 D^2 + 2 D F) + D V)                 read once for the whole batch
                        cache       2 K N D B W (T / 2 + S)                     keys and values, read once
                        logits      3 * 4 B W V                                 written, and read twice, in float32
  seconds of a batch    T * max(FLOPs of a step / rate, bytes of a step / bandwidth) / share  (reading likewise)
  network               bytes of text in and out; the model once for each GPU. Machines never wait for each other.

share: how much of the better of the two limits a real decoder reaches; launches of small kernels, padding and sentences
that end early eat the rest. It is the weakest number here: measure it on one GPU before you believe the table.

  python benchmarks/scaling_model.py --preset base --sentences 1e9
"""

import argparse
from dataclasses import dataclass

from polyglass.config import TransformerConfig
from polyglass.settings import resolve
from recipe import print_table

TEXT_BYTES_PER_SUBWORD = 4.5  # with its space, UTF-8, Latin script
HOUR = 3600.0


@dataclass(frozen=True)
class Load:
    """Sentences and search: subwords in and out of a sentence, beam size, sentences searched together."""

    source: int
    target: int
    beam: int
    batch: int


@dataclass(frozen=True)
class Machine:
    """A GPU: operations a second, bytes of memory a second, bytes of a number, share that is reached."""

    rate: float
    bandwidth: float
    number_bytes: int
    share: float


def read_flops(config: TransformerConfig, load: Load) -> float:
    """Operations of the encoder and of the keys and values of cross-attention, for one sentence."""
    square, wide, source = config.d_model**2, 2 * config.d_model * config.d_ff, load.source
    encoder = 2 * source * (4 * square + wide) + 4 * config.d_model * source**2
    return config.encoder_layers * encoder + config.decoder_layers * 4 * source * square


def step_flops(config: TransformerConfig, load: Load, vocabulary: int) -> float:
    """Operations of one step of one sentence, all its hypotheses, at mean length."""
    square, wide, layers = config.d_model**2, 2 * config.d_model * config.d_ff, config.decoder_layers
    products = 2 * (layers * (6 * square + wide) + config.d_model * vocabulary)
    looking = 4 * layers * config.d_model * (load.target / 2 + load.source)
    return load.beam * (products + looking)


def step_bytes(config: TransformerConfig, load: Load, vocabulary: int, number_bytes: int) -> float:
    """Bytes that one step of a batch moves."""
    square, wide, layers = config.d_model**2, 2 * config.d_model * config.d_ff, config.decoder_layers
    rows = load.batch * load.beam
    weights = number_bytes * (layers * (6 * square + wide) + config.d_model * vocabulary)
    cache = 2 * number_bytes * layers * config.d_model * rows * (load.target / 2 + load.source)
    return weights + cache + 3 * 4 * rows * vocabulary


def sentences_per_second(config: TransformerConfig, load: Load, vocabulary: int, machine: Machine) -> float:
    """What one GPU should translate in a second."""
    reading = load.batch * read_flops(config, load) / machine.rate
    step = max(
        load.batch * step_flops(config, load, vocabulary) / machine.rate,
        step_bytes(config, load, vocabulary, machine.number_bytes) / machine.bandwidth,
    )
    return machine.share * load.batch / (reading + load.target * step)


def main() -> None:
    """Read the command line, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="base", help="shape of the model (default: base)")
    parser.add_argument("--vocabulary", type=int, default=32_000, metavar="V", help="default: 32,000")
    parser.add_argument("--sentences", type=float, default=1e9, metavar="N", help="default: 1e9")
    parser.add_argument("--length", type=int, default=30, metavar="S", help="subwords of a sentence (default: 30)")
    parser.add_argument("--beam", type=int, default=4, metavar="W", help="default: 4")
    parser.add_argument("--batch", type=int, default=256, metavar="B", help="default: 256")
    parser.add_argument("--rate", type=float, default=312e12, help="operations a second (default: 312e12)")
    parser.add_argument("--bandwidth", type=float, default=2.0e12, help="bytes a second of its memory (default: 2e12)")
    parser.add_argument("--share", type=float, default=0.25, help="of the limit that is reached (default: 0.25)")
    parser.add_argument("--network", type=float, default=1.25e9, help="bytes a second into all machines (10 Gbit/s)")
    given = parser.parse_args()
    config = resolve(preset=given.preset).config.model
    if not isinstance(config, TransformerConfig):
        raise SystemExit(f"the formulas are those of a Transformer, but {given.preset} is another model")
    load = Load(given.length, given.length, given.beam, given.batch)
    machine = Machine(given.rate, given.bandwidth, 2, given.share)
    reading, step = read_flops(config, load), step_flops(config, load, given.vocabulary)
    moved = step_bytes(config, load, given.vocabulary, machine.number_bytes)
    speed = sentences_per_second(config, load, given.vocabulary, machine)
    text = 2 * given.sentences * given.length * TEXT_BYTES_PER_SUBWORD
    print(
        f"FLOPs of a sentence    {(reading + load.target * step) / 1e9:.2f} G, of which reading {reading / 1e9:.2f} G"
    )
    print(f"a step of a batch      {load.batch * step / 1e9:.0f} GFLOP, {moved / 1e6:,.0f} MB moved")
    bound = "operations" if load.batch * step / machine.rate > moved / machine.bandwidth else "memory"
    print(f"                       {load.batch * step / machine.rate * 1e3:.2f} ms by operations, ", end="")
    print(f"{moved / machine.bandwidth * 1e3:.2f} ms by memory: {bound} decides")
    print(f"sentences a second     {speed:,.0f} for each GPU, at {machine.share:.0%} of the limit")
    print(f"text in and out        {text / 1e9:,.0f} GB, {text / given.network / HOUR:.2f} h of network\n")
    rows = []
    for gpus in (1, 8, 64):
        hours = given.sentences / speed / gpus / HOUR
        rows.append([f"{gpus}", f"{hours:,.1f}", f"{hours * gpus:,.1f}", f"{text / hours / HOUR / 1e6:,.1f}"])
    print_table(["GPUs", "hours", "GPU hours", "MB/s of text"], rows)


if __name__ == "__main__":
    main()
