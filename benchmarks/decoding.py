"""How fast polyglass, CTranslate2 and Hugging Face translate the same text with the same weights, on one core.

Each system runs in a process of its own, pinned to one core, and does all that translating takes: cut into subwords,
search, join. They take turns, each with its best batch size (found on a part of the text), and each number is the
median over the rounds. Seconds are of processor time, which other programs on the machine disturb least.

  polyglass          our own decoder; it searches until no better output can come
  polyglass+ct2      the same with --engine ctranslate2
  ct2, ct2-int8      CTranslate2 by itself, as its documentation recommends it
  hugging-face       generate() with a copy of the weights
  same               sentences in which every word is as polyglass translates it
"""

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from polyglass.run.machine import available_cores
from process_memory import peak_bytes
from recipe import build_parser, finish, print_table, recipe
from workers import Worker, serve

SYSTEMS = ("polyglass", "polyglass+ct2", "ct2", "ct2-int8", "hugging-face")
COLUMNS = ("system", "search", "batch", "sent./s", "words/s", "median ms", "p95 ms", "start s", "MB", "same", "BLEU")
ALPHA = 0.6
Translate = Callable[[Sequence[str], int, int], list[str]]
"""(lines, beam size, sentences in a batch) -> translations."""


def worker_of(system: str, model: Path) -> Worker:
    """Start a system in a process of its own; it is ready when it has translated a sentence."""
    command = [sys.executable, __file__, "--worker", system, str(model), "-"]
    return Worker(system, command, first=_question(["A dog runs."], beam=1, batch=1))


def _question(lines: Sequence[str], *, beam: int, batch: int, single: bool = False) -> dict[str, Any]:
    return {"lines": list(lines), "beam": beam, "batch": batch, "single": single}


def work(system: str, model: Path) -> int:
    """Answer questions until there are no more."""
    import torch

    torch.set_num_threads(1)
    translate = _translate(system, model)

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        began, latencies, outputs = time.process_time(), [], []
        if asked["single"]:
            for text in asked["lines"]:
                one = time.process_time()
                outputs += translate([text], asked["beam"], 1)
                latencies.append(time.process_time() - one)
        else:
            outputs = translate(asked["lines"], asked["beam"], asked["batch"])
        seconds = time.process_time() - began
        return {"seconds": seconds, "outputs": outputs, "latencies": latencies, "memory": peak_bytes()}

    return serve(answer, sys.stdin, sys.stdout)


def _translate(system: str, model: Path) -> Translate:
    if system.startswith("ct2"):
        return _ctranslate2(model, "int8" if system.endswith("int8") else "float32")
    if system == "hugging-face":
        return _hugging_face(model)
    from polyglass.translator import Translator

    translator = Translator.load(model, engine="ctranslate2" if system.endswith("ct2") else "torch")

    def translate(lines: Sequence[str], beam: int, batch: int) -> list[str]:
        # A budget in tokens, as the program has it: so many sentences of 16 tokens.
        found = translator.translate(lines, beam_size=beam, length_penalty=ALPHA, batch_tokens=batch * 16 * beam)
        return [one.text for one in found]

    return translate


def _ctranslate2(model: Path, quantization: str) -> Translate:
    import ctranslate2

    from polyglass.bundle import load_bundle
    from polyglass.interop.engine import cached_export

    bundle = load_bundle(model)
    subwords, ids = bundle.subwords, bundle.subwords.ids
    program = ctranslate2.Translator(str(cached_export(bundle, model, quantization)), device="cpu", intra_threads=1)

    def translate(lines: Sequence[str], beam: int, batch: int) -> list[str]:
        pieces = [subwords.source_pieces([*read, ids.eos]) for read in subwords.encode_source(list(lines))]
        found = program.translate_batch(
            pieces, beam_size=beam, length_penalty=ALPHA, max_batch_size=batch, batch_type="examples"
        )
        written = [[number[piece] for piece in one.hypotheses[0]] for one in found]
        return [subwords.decode_target(row) for row in written]

    number = {piece: index for index, piece in enumerate(subwords.target_pieces(range(subwords.target_size)))}
    return translate


def _hugging_face(model: Path) -> Translate:
    import torch

    from hugging_face import copied
    from polyglass.bundle import load_bundle
    from polyglass.data.batch import pad

    bundle = load_bundle(model)
    theirs, subwords, ids = copied(bundle), bundle.subwords, bundle.subwords.ids

    def translate(lines: Sequence[str], beam: int, batch: int) -> list[str]:
        rows = [[*read, ids.eos] for read in subwords.encode_source(list(lines))]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        found: dict[int, str] = {}
        for first in range(0, len(order), batch):
            some = order[first : first + batch]
            source = pad([rows[index] for index in some], ids.pad)
            with torch.inference_mode():
                written = theirs.generate(
                    input_ids=source,
                    attention_mask=(source != ids.pad).long(),
                    num_beams=beam,
                    do_sample=False,
                    length_penalty=ALPHA if beam > 1 else None,
                    suppress_tokens=[ids.pad, ids.bos],
                    max_new_tokens=2 * source.shape[1] + 50,
                )
            for index, row in zip(some, written.tolist(), strict=True):
                ended = row.index(ids.eos) if ids.eos in row else len(row)
                found[index] = subwords.decode_target(row[1:ended])
        return [found[index] for index in range(len(rows))]

    return translate


def best_batch(worker: Worker, lines: Sequence[str], beam: int, sizes: Sequence[int]) -> int:
    """Return the batch size with which a part of the text is translated soonest."""
    return min(sizes, key=lambda size: worker.ask(_question(lines, beam=beam, batch=size))["seconds"])


def measure(workers: Sequence[Worker], lines: Sequence[str], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Let the systems take turns and sum up."""
    results = []
    for beam in arguments.beams:
        sizes = {one.system: best_batch(one, lines[:: arguments.part], beam, arguments.batches) for one in workers}
        found: dict[str, list[dict[str, Any]]] = {one.system: [] for one in workers}
        singles: dict[str, list[float]] = {one.system: [] for one in workers}
        chosen = lines[:: max(1, len(lines) // arguments.latency_sentences)][: arguments.latency_sentences]
        for _ in range(arguments.rounds):
            for one in workers:
                found[one.system].append(one.ask(_question(lines, beam=beam, batch=sizes[one.system])))
                singles[one.system] += one.ask(_question(chosen, beam=beam, batch=1, single=True))["latencies"]
        for one in workers:
            seconds = statistics.median(turn["seconds"] for turn in found[one.system])
            taken, last = sorted(singles[one.system]), found[one.system][-1]
            results.append(
                {
                    "system": one.system,
                    "beam": beam,
                    "batch": sizes[one.system],
                    "sentences_per_second": len(lines) / seconds,
                    "words_per_second": sum(len(text.split()) for text in last["outputs"]) / seconds,
                    "median_seconds": statistics.median(taken),
                    "p95_seconds": taken[math.ceil(0.95 * len(taken)) - 1],
                    "start_seconds": one.start_seconds,
                    "peak_memory_bytes": last["memory"],
                    "outputs": last["outputs"],
                }
            )
    return results


def judge(results: list[dict[str, Any]], references: Sequence[str]) -> None:
    """Replace outputs by how many are as polyglass writes them, and their BLEU."""
    from sacrebleu.metrics import BLEU

    own = {one["beam"]: one["outputs"] for one in results if one["system"] == "polyglass"}
    for one in results:
        outputs = one.pop("outputs")
        one["same"] = sum(a == b for a, b in zip(outputs, own[one["beam"]], strict=True)) if own else None
        one["bleu"] = BLEU().corpus_score(outputs, [list(references[: len(outputs)])]).score if references else None


def row_of(one: dict[str, Any], sentences: int) -> tuple[str, ...]:
    """Return a line of the table."""
    return (
        one["system"],
        "greedy" if one["beam"] == 1 else f"beam {one['beam']}",
        str(one["batch"]),
        f"{one['sentences_per_second']:.0f}",
        f"{one['words_per_second']:,.0f}",
        f"{one['median_seconds'] * 1e3:.1f}",
        f"{one['p95_seconds'] * 1e3:.1f}",
        f"{one['start_seconds']:.1f}",
        f"{one['peak_memory_bytes'] / 1e6:,.0f}",
        "-" if one["same"] is None else f"{one['same']}/{sentences}",
        "-" if one["bleu"] is None else f"{one['bleu']:.1f}",
    )


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("model", type=Path, help="model folder")
    parser.add_argument("text", type=Path, help="source text, one sentence a line")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="its translation, for BLEU")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), help="which (default: all)")
    parser.add_argument("--beams", nargs="+", type=int, default=[1, 5], help="1 is greedy (default: 1 5)")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 32, 64, 128, 256], help="sizes to try")
    parser.add_argument("--sentences", type=int, default=1000, help="of the text (default: 1000)")
    parser.add_argument("--part", type=int, default=5, help="batch sizes are tried on every so many lines (default: 5)")
    parser.add_argument("--latency-sentences", type=int, default=50, help="one at a time (default: 50)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each system takes (default: 3)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="pin to this core")
    parser.add_argument("--worker", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.sentences, arguments.latency_sentences, arguments.rounds = 16, 4, 1
        arguments.part, arguments.batches = 1, [8, 16]
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    arguments = arguments_of(argv)
    if arguments.worker:
        return work(arguments.worker, arguments.model)
    cores = available_cores()
    os.sched_setaffinity(0, {arguments.core})
    lines = [line for line in arguments.text.read_text(encoding="utf-8").split("\n") if line][: arguments.sentences]
    references = (
        arguments.reference.read_text(encoding="utf-8").split("\n")[: len(lines)] if arguments.reference else []
    )
    workers = [worker_of(system, arguments.model) for system in arguments.systems]
    results = measure(workers, lines, arguments)
    for worker in workers:
        worker.close()
    judge(results, references)
    print_table(COLUMNS, [row_of(one, len(lines)) for one in results])
    notes = recipe() | {"cores": cores, "model": arguments.model.name, "sentences": len(lines), "versions": _versions()}
    finish(notes, {"results": results}, arguments.json)
    return 0


def _versions() -> str:
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("ctranslate2", "transformers"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} missing")
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
