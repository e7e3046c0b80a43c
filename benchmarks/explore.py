"""How long a person waits for the page of `polyglass explore`, in a real Chromium on this machine.

With a model folder: that model. Without: a model with the shape of --preset, random weights, and subwords of the demo
corpus. Random weights never end a sentence, so its outputs are cut when they are as long as their source.

  first paint   from asking for the page until something of it is on the screen
  first numbers from asking for the page until stage 1 is drawn with its numbers
  new numbers   from another sentence of about 15 pieces in the address until the stage is drawn, stage by stage
  long          the same for a sentence of about 200 pieces
  saved page    size of the file that --export writes, and how long that takes
  heap          memory of the page's JavaScript at the end
  assets        what the browser received of the page itself, in bytes on the line, by its own count

Beside each figure stands the bar that it must not pass.

Server and browser share the cores.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import torch

from polyglass.bundle import Bundle, save_bundle
from polyglass.config import DataConfig
from polyglass.data.demo_grammar import generate_pairs
from polyglass.data.subwords import Subwords
from polyglass.explorer.ask import RunRequest
from polyglass.explorer.describe import stages_of
from polyglass.explorer.export import export_page
from polyglass.explorer.look import Explorer
from polyglass.explorer.server import Server
from polyglass.explorer.subject import Subject, load_subject
from polyglass.model.build import build_model
from polyglass.settings import resolve
from recipe import build_parser, finish, print_table, recipe

SHORT, LONG = 15, 200  # pieces of a sentence
VOCABULARY = 2000
ROUNDS = 5
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
PATIENCE = 120_000  # milliseconds


@dataclass(frozen=True)
class Sentence:
    """A text. pieces: how many it has, eos included."""

    text: str
    pieces: int

    @property
    def address(self) -> str:
        """The part of the page's address that asks for it."""
        return urlencode({"text": self.text})


@dataclass(frozen=True)
class Waits:
    """Milliseconds for each stage of the page."""

    name: str
    by_stage: dict[str, float]


def random_folder(folder: Path, preset: str) -> None:
    """Write a model with random weights."""
    as_long = {"decode.max_length_factor": 1.0, "decode.max_length_extra": 0}
    config = resolve(preset=preset, overrides=as_long).config
    subwords = Subwords.train(lambda: _demo_texts(2000), DataConfig(), size=VOCABULARY)
    torch.manual_seed(1)
    model = build_model(config.model, (subwords.source_size, subwords.target_size), subwords.ids).eval()
    save_bundle(folder, Bundle(config, model, subwords, "en", "de", {}))


def _demo_texts(count: int) -> Iterator[tuple[str, str]]:
    return ((pair.source, pair.target) for pair in generate_pairs(count, seed=1))


def sentences_of(subject: Subject, pieces: int, count: int) -> list[Sentence]:
    """Return different texts of so many pieces, give or take a tenth."""
    encode = subject.bundle.subwords.encode_source
    found: list[Sentence] = []
    texts: list[str] = []
    for source, _ in _demo_texts(30_000):
        text = " ".join([*texts, source])
        length = len(encode([text])[0]) + 1
        if length > 1.1 * pieces:  # too much: this sentence is left out
            continue
        texts.append(source)
        if length >= 0.9 * pieces:
            found.append(Sentence(text, length))
            texts = []
        if len(found) == count:
            return found
    raise SystemExit(f"the demo corpus has too few sentences of {pieces} pieces for this model.")


@contextmanager
def served(explorer: Explorer) -> Iterator[Server]:
    """Serve the page while the block runs."""
    server = Server(explorer, 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium while the block runs."""
    from playwright.sync_api import sync_playwright

    program = os.environ.get("POLYGLASS_TEST_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        raise SystemExit("no Chromium was found. Install it, or name it in POLYGLASS_TEST_CHROMIUM.")
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=program, args=QUIET.split())
        yield running
        running.close()


@dataclass(frozen=True)
class Look:
    """The first sight of the page: milliseconds to the first paint and the first numbers, bytes of the page itself."""

    paint: float
    numbers: float
    sent: int


def first_look(running: Any, server: Server, sentence: Sentence) -> Look:
    """Open the page in a fresh window."""
    context = running.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    began = time.perf_counter()
    page.goto(server.url(sentence.address), wait_until="commit")
    page.wait_for_selector("body[data-ready=true]", timeout=PATIENCE)
    numbers = 1000 * (time.perf_counter() - began)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    sent = page.evaluate(
        """() => ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
            .filter((one) => !one.name.includes("/api/")).reduce((sum, one) => sum + one.encodedBodySize, 0)"""
    )
    context.close()
    return Look(float(paint), numbers, int(sent))


def waits(page: Any, stages: Sequence[str], sentences: Sequence[Sentence], name: str) -> Waits:
    """Show each stage with a sentence that is new to it; return the milliseconds until it is drawn."""
    by_stage: dict[str, float] = {}
    for stage, sentence in zip(stages, sentences, strict=True):
        number = stage.removesuffix("R")
        state = f"stage={number}&{sentence.address}"
        page.evaluate(
            """state => new Promise((resolve) => {
                const began = performance.now();
                const drawn = () => { observer.disconnect(); window.waited = performance.now() - began; resolve(); };
                const observer = new MutationObserver(() => document.body.dataset.ready === "true" && drawn());
                document.body.dataset.ready = "false";
                observer.observe(document.body, { attributes: true });
                location.hash = state;
            })""",
            state,
        )
        by_stage[stage] = float(page.evaluate("window.waited"))
    return Waits(name, by_stage)


def measure(explorer: Explorer, *, rounds: int, stages: Sequence[str]) -> dict[str, Any]:
    """Return every figure."""
    subject = explorer.subjects["a"]
    needed = rounds * len(stages) + rounds + 1
    short = sentences_of(subject, SHORT, needed)
    long = sentences_of(subject, min(LONG, subject.longest_source - 20), len(stages))
    with served(explorer) as server, browser() as running:
        looks = [first_look(running, server, sentence) for sentence in short[:rounds]]
        context = running.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(server.url(short[rounds].address))
        page.wait_for_selector("body[data-ready=true]", timeout=PATIENCE)
        rest = iter(short[rounds + 1 :])
        new = [waits(page, stages, list(islice(rest, len(stages))), "new numbers") for _ in range(rounds)]
        many = waits(page, stages, long, "long")
        heap = page.evaluate("performance.memory ? performance.memory.usedJSHeapSize : 0")
        context.close()
    sentence = short[0]
    began = time.perf_counter()
    saved = export_page(explorer, RunRequest(model="a", text=sentence.text))
    return {
        "first_paint_ms": statistics.median(look.paint for look in looks),
        "first_numbers_ms": statistics.median(look.numbers for look in looks),
        "new_numbers_ms": {stage: statistics.median(one.by_stage[stage] for one in new) for stage in stages},
        "long_ms": many.by_stage,
        "short_pieces": statistics.median(one.pieces for one in short),
        "long_pieces": statistics.median(one.pieces for one in long),
        "saved_bytes": len(saved),
        "saved_seconds": time.perf_counter() - began,
        "heap_bytes": heap,
        "assets_bytes": max(look.sent for look in looks),
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    rows = [
        ["first paint", f"{figures['first_paint_ms']:,.0f} ms", "1,000 ms"],
        ["first numbers", f"{figures['first_numbers_ms']:,.0f} ms", ""],
        ["saved page", f"{figures['saved_bytes'] / 1e6:.2f} MB", "3 MB"],
        ["  written in", f"{figures['saved_seconds']:.1f} s", ""],
        ["heap", f"{figures['heap_bytes'] / 1e6:.0f} MB", "200 MB"],
        ["assets", f"{figures['assets_bytes'] / 1000:.0f} kB", "150 kB"],
    ]
    print_table(["", "figure", "bar"], rows)
    print()
    short, long = f"{figures['short_pieces']:.0f} pieces", f"{figures['long_pieces']:.0f} pieces"
    by_stage = [
        [stage, f"{wait:,.0f} ms", f"{figures['long_ms'][stage]:,.0f} ms"]
        for stage, wait in figures["new_numbers_ms"].items()
    ]
    slowest = [f"{max(figures[name].values()):,.0f} ms" for name in ("new_numbers_ms", "long_ms")]
    print_table(["stage", short, long], [*by_stage, ["slowest", *slowest], ["bar", "500 ms", "2,000 ms"]])


def main() -> None:
    """Measure and print."""
    parser = build_parser(__doc__)
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="a model folder (default: random weights)")
    parser.add_argument("--preset", default="small", help="shape of the random model (default: small)")
    parser.add_argument("--threads", type=int, help="CPU threads of the server (default: all cores)")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"times that each wait is measured (default: {ROUNDS})"
    )
    arguments: argparse.Namespace = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.model or Path(scratch) / "random"
        if arguments.model is None:
            random_folder(folder, arguments.preset)
        subject = load_subject(folder, name="a")
        stages = stages_of(subject)[:2] if arguments.quick else stages_of(subject)
        rounds = 1 if arguments.quick else arguments.rounds
        figures = measure(Explorer([subject]), rounds=rounds, stages=stages)
    show(figures)
    model = str(arguments.model) if arguments.model else f"random weights, shape of --preset {arguments.preset}"
    notes = recipe() | {"model": model, "threads": torch.get_num_threads(), "rounds": rounds}
    finish(notes, {"results": figures}, arguments.json)


if __name__ == "__main__":
    sys.exit(main())
