"""How memory grows with the corpus: the same work on a quarter, a half and the whole of generated pairs.

For each size one process does what `polyglass train` does before step 1 (filter, learn the subwords from a sample,
encode everything, read 200 batches), and another one does what `--resume` does (open the store, read 200 batches).
This process looks at their memory every few milliseconds.

  own     anonymous memory: what the process allocated itself and the machine must have; the peak of each stage
  mapped  resident pages of mapped files: the token store, and some hundred MB of libraries. The system takes them back
          whenever somebody needs the memory, so they cost nothing, but they are counted as resident (RSS)
  growth  bytes for each more pair, from one size to the next

SentencePiece holds its sample of the pairs in memory: all of them up to 1 million, from there on every second, third,
... one, so never more than a million. The stages after it inherit what the allocator did not give back, which `resume`
shows without. So the bar (10 bytes a pair) is on the last growth of own memory in filter and resume, and in the other
stages, too, where the sample did not grow any more.
Exit status 1 if it is broken; below 1 million pairs nothing is judged, since noise is larger than the bar.
Linux only: it reads /proc.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from process_memory import resident
from recipe import build_parser, finish, print_table, recipe

if TYPE_CHECKING:
    from polyglass.run.prepare import Corpus

BAR = 10.0
STAGES = ("filter", "subwords", "store", "batches", "resume")
BATCHES = 200
FEWEST_JUDGED = 1_000_000
LOOK_SECONDS = 0.005
SYLLABLES = [consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in "aeiou"]


@dataclass
class Stage:
    """The most memory while a stage went on, in bytes, and its time."""

    own: int = 0
    mapped: int = 0
    seconds: float = 0.0


@dataclass
class Size:
    """What was measured with so many pairs. first_batch_seconds: from opening the store anew, hashes checked."""

    pairs: int
    kept: int = 0
    sample: int = 0
    store_bytes: int = 0
    first_batch_seconds: float = 0.0
    stages: dict[str, Stage] = field(default_factory=lambda: {name: Stage() for name in STAGES})


def generated_pairs(count: int) -> Iterator[tuple[str, str]]:
    """Yield short sentences of made-up words with a word-for-word translation.

    Every other one has a number in it, so that there are ever new words, as in real text. What counts words is then
    full at a quarter of a million pairs, as it is in real text at about as many.
    """
    chance = random.Random(1)

    def word() -> str:
        return "".join(chance.choices(SYLLABLES, k=chance.randint(1, 4)))

    lexicon = [(word(), word()) for _ in range(5000)]
    for _ in range(count):
        chosen = chance.choices(lexicon, k=chance.randint(4, 9))
        if chance.random() < 0.5:
            number = str(chance.randrange(10_000_000))
            chosen.append((number, number))
        yield " ".join([source for source, _ in chosen]), " ".join([target for _, target in chosen])


def write_corpus(folder: Path, count: int) -> None:
    """Write `count` pairs as two text files."""
    names = (folder / "corpus.en", folder / "corpus.de")
    with (
        names[0].open("w", encoding="utf-8", newline="\n") as english,
        names[1].open("w", encoding="utf-8", newline="\n") as german,
    ):
        for source, target in generated_pairs(count):
            english.write(f"{source}\n")
            german.write(f"{target}\n")


def prepare(folder: Path) -> None:
    """Do in this process what `polyglass train` does before step 1, and say when a stage begins."""
    from polyglass.config import DataConfig
    from polyglass.data.subwords import Subwords
    from polyglass.run.folder import RunFolder
    from polyglass.run.prepare import CorpusPaths, filter_corpus, store_corpus

    config = DataConfig(vocabulary_size=2000, subword_sampling=0.0)
    paths = CorpusPaths((folder / "corpus.en", folder / "corpus.de"))
    run = RunFolder(folder / "run")
    run.create()
    say("stage", "filter")
    kept = filter_corpus(paths, config, run)
    kept.report.check()
    say("kept", kept.report.kept)
    save = Subwords.save

    def save_and_say(subwords: Subwords, to: Path) -> None:
        save(subwords, to)
        say("stage", "store")

    Subwords.save = save_and_say  # type: ignore[method-assign, assignment]  # where learning ends and encoding begins
    say("stage", "subwords")
    corpus = store_corpus(kept, paths, config, run, size=2000)
    say("stage", "batches")
    read_batches(corpus)


def resume(folder: Path) -> None:
    """Do in this process what `polyglass train --resume` does before its first step."""
    from polyglass.run.folder import RunFolder
    from polyglass.run.prepare import open_prepared

    say("stage", "resume")
    began = time.perf_counter()
    corpus = open_prepared(RunFolder(folder / "run"))
    read_batches(corpus, began=began)


def read_batches(corpus: "Corpus", *, began: float | None = None) -> None:
    """Read 200 batches of 4,096 target tokens."""
    from polyglass.data.batches import training_batches

    stream = training_batches(corpus.store, corpus.subwords.ids, batch_tokens=4096, seed=1)
    next(stream)
    if began is not None:
        say("first_batch_seconds", time.perf_counter() - began)
    for _ in islice(stream, BATCHES - 1):
        pass


def say(name: str, value: object) -> None:
    """Tell the parent."""
    print(name, value, flush=True)


def watch(child: str, folder: Path, size: Size) -> None:
    """Run a child process to its end, and write down the most memory of each stage. Exits if it fails."""
    command = [sys.executable, __file__, "--child", child, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    current = [Stage()]  # importing torch counts as no stage
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            now, stage = resident(process.pid), current[0]
            if now is not None:
                stage.own, stage.mapped = max(stage.own, now.own), max(stage.mapped, now.files)

    looking = threading.Thread(target=look)
    looking.start()
    began = time.perf_counter()
    for line in process.stdout:
        name, _, value = line.strip().partition(" ")
        if name == "stage":
            current[0].seconds = time.perf_counter() - began
            began, current[0] = time.perf_counter(), size.stages[value]
        elif name == "kept":
            size.kept = int(value)
        elif name == "first_batch_seconds":
            size.first_batch_seconds = float(value)
    current[0].seconds = time.perf_counter() - began
    ended.set()
    looking.join()
    if process.wait() != 0:
        raise SystemExit(f"the process that was measured failed while preparing {size.pairs:,} pairs; see above")


def measure(pairs: int, work: Path) -> Size:
    """Generate so many pairs, prepare them, and open them once more."""
    from polyglass.run.prepare import MAX_SAMPLED_PAIRS

    size = Size(pairs)
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        write_corpus(folder, pairs)
        watch("prepare", folder, size)
        size.store_bytes = sum(file.stat().st_size for file in (folder / "run" / "data" / "train").iterdir())
        watch("resume", folder, size)
    size.sample = min(size.kept, MAX_SAMPLED_PAIRS)
    return size


def growth(sizes: Sequence[Size], stage: str, kind: str) -> list[float]:
    """Return the bytes for each more pair, from each size to the next."""
    steps = pairwise(sizes)
    return [(getattr(b.stages[stage], kind) - getattr(a.stages[stage], kind)) / (b.pairs - a.pairs) for a, b in steps]


def judged(sizes: Sequence[Size]) -> dict[str, float]:
    """Return the last growth of own memory of each stage on which the bar is; none where there are too few pairs."""
    if sizes[-1].pairs < FEWEST_JUDGED:
        return {}
    full = sizes[-2].sample * 1.02 >= sizes[-1].sample  # the sample did not grow any more
    stages = STAGES if full else ("filter", "resume")
    return {stage: growth(sizes, stage, "own")[-1] for stage in stages}


def show(sizes: Sequence[Size]) -> None:
    """Print a line for each size and stage."""
    columns = ("stage", "pairs", "own MB", "mapped MB", "seconds", "own B/pair", "mapped B/pair")
    rows = []
    for stage in STAGES:
        grown = [("", ""), *zip(*(growth(sizes, stage, kind) for kind in ("own", "mapped")), strict=True)]
        for size, more in zip(sizes, grown, strict=True):
            one = size.stages[stage]
            cells = [f"{number:.1f}" if isinstance(number, float) else number for number in more]
            rows.append((stage, f"{size.pairs:,}", f"{one.own / 1e6:.1f}", f"{one.mapped / 1e6:.1f}"))
            rows[-1] += (f"{one.seconds:.1f}", *cells)
    print_table(columns, rows)
    for size in sizes:
        print(
            f"{size.pairs:,} pairs: {size.kept:,} kept, {size.sample:,} in the sample, store "
            f"{size.store_bytes / 1e6:.1f} MB, first batch {size.first_batch_seconds:.2f} s after opening"
        )


def arguments_of(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="the whole size (default: 1000000)")
    parser.add_argument("--work", type=Path, help="where files go, about 250 bytes a pair (default: temporary)")
    parser.add_argument("--child", choices=["prepare", "resume"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments.pairs = min(arguments.pairs, 8000)
    if arguments.pairs < 4000:
        parser.error(f"--pairs must be 4000 or more, but is {arguments.pairs}")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Measure three sizes, print, and say whether the bar is kept."""
    arguments = arguments_of(argv)
    if arguments.child:
        {"prepare": prepare, "resume": resume}[arguments.child](arguments.folder)
        return 0
    if not Path("/proc/self/status").exists():
        print("corpus_memory.py reads the memory of processes in /proc, which this system does not have.")
        return 2
    sizes = []
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        for parts in (2, 1) if arguments.quick else (4, 2, 1):
            sizes.append(measure(arguments.pairs // parts, Path(work)))
            print(f"... {sizes[-1].pairs:,} pairs measured", file=sys.stderr, flush=True)
    show(sizes)
    slopes = judged(sizes)
    broken = {stage: slope for stage, slope in slopes.items() if slope > BAR}
    verdict = f"broken by {', '.join(broken)}" if broken else f"kept by {', '.join(slopes)}" if slopes else "not judged"
    print(f"bar of {BAR:.0f} bytes a pair: {verdict}")
    report = {"sizes": [asdict(size) for size in sizes], "judged": slopes, "bar": BAR, "broken": sorted(broken)}
    finish(recipe(), report, arguments.json)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
