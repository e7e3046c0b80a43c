"""How much of what is wrong with a corpus does `polyglass data check` find, and how fast?

    python benchmarks/doctor.py ~/corpora                     # faults of twelve kinds put into real corpora
    python benchmarks/doctor.py ~/corpora --pairs 1000000     # time and memory of one check

The folder holds `multi30k`, `tatoeba-en-de`, `debian-ddtp-en-de`, `-it` and `-ja`; what is not there is left out. Each
corpus is checked twice: as it is, and with faults. Recall: the share of the faults put in whose lines are found under
their own name. Precision: the share of the lines found that had the fault put in, or had it before: corpora are not
perfect, and what is found in the untouched one is listed apart, to be looked at (`--show`).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from doctor_faults import Material, Row, Texts, inject, shift
from polyglass.config import DataConfig
from polyglass.data.corpus import open_corpus
from polyglass.data.doctor import CorpusHealth, Thorough, check_corpus

# Folder, languages, the name of the validation set, and a corpus whose target side is another language.
CORPORA = (
    ("multi30k", "en", "de", "val", "debian-ddtp-en-it", "cp1252"),
    ("tatoeba-en-de", "en", "de", "valid", "debian-ddtp-en-it", "cp1252"),
    ("debian-ddtp-en-de", "en", "de", "valid", "debian-ddtp-en-it", "cp1252"),
    ("debian-ddtp-en-it", "en", "it", "valid", "debian-ddtp-en-de", "cp1252"),
    ("debian-ddtp-en-ja", "en", "ja", "valid", "debian-ddtp-en-de", "cp932"),
)
KINDS = (
    *("shift", "swapped", "language", "bad_encoding", "twice_encoded", "near_duplicates", "leak"),
    *("numbers", "tags", "copies", "truncated", "boilerplate"),
)
SHIFT_PAIRS, NEAR = 5000, 50  # pairs of an excerpt that is shifted; lines that a place may be off
_FOREIGN = (20, 120)


@dataclass(frozen=True)
class Score:
    """What became of one kind of fault in one corpus."""

    corpus: str
    kind: str
    injected: int
    recall: float
    precision: float
    before: int  # found in the untouched corpus


def main() -> int:
    """Measure, and print a table or JSON."""
    arguments = _arguments()
    if arguments.timed:
        return _timed(arguments.timed)
    if arguments.pairs:
        return _speed(arguments)
    scores = []
    for name, *rest in CORPORA:
        if (not arguments.corpora or name in arguments.corpora) and (arguments.data / name).is_dir():
            for seed in arguments.seeds:
                scores += list(measure(arguments, name, *rest, seed=seed))
    means = list(_means(scores))
    print(json.dumps([asdict(score) for score in means], indent=2) if arguments.json else table(means))
    return 0 if all(score.recall >= 0.95 and score.precision >= 0.9 for score in means) else 1


def measure(arguments: argparse.Namespace, *corpus: str, seed: int) -> Iterator[Score]:
    """Check one corpus untouched, with faults, and shifted."""
    name, source, target, valid, other, old = corpus
    folder = arguments.data / name
    pairs = _read(folder, "train", source, target)
    rng = random.Random(f"{seed} {name}")
    if arguments.most and len(pairs) > arguments.most:
        start = rng.randrange(len(pairs) - arguments.most)
        pairs = pairs[start : start + arguments.most]
    held_out = _read(folder, valid, source, target)
    foreign = [
        text
        for _, text in _read(arguments.data / other, "train", "en", other[-2:])
        if _FOREIGN[0] <= len(text) <= _FOREIGN[1]
    ]
    rows = inject(pairs, Material(foreign, held_out, old, rng))
    with tempfile.TemporaryDirectory() as name_of_folder:
        place = Path(name_of_folder)
        clean = [Row(*pair, number) for number, pair in enumerate(pairs)]
        before = _check(place, clean, held_out, (source, target))
        after = _check(place, rows, held_out, (source, target))
        if arguments.show:
            _show(name, before, clean, arguments.show)
        for kind in KINDS[1:]:
            yield _score(name, kind, rows, before[kind], after[kind])
        yield _score_shifts(place, name, pairs, (source, target), rng=rng, trials=arguments.trials)


def _score(corpus: str, kind: str, rows: Sequence[Row], before: set[int], after: set[int]) -> Score:
    injected = {number for number, row in enumerate(rows, start=1) if row.fault == kind}
    was = {number for number, row in enumerate(rows, start=1) if row.origin + 1 in before}
    right = after & (injected | was)
    return Score(
        corpus,
        kind,
        len(injected),
        len(after & injected) / max(1, len(injected)),
        len(right) / max(1, len(after)),
        len(before),
    )


def _score_shifts(
    place: Path, corpus: str, pairs: Sequence[Texts], languages: Texts, *, rng: random.Random, trials: int
) -> Score:
    """Shift excerpts, each at one place; a break anywhere else is a false one."""
    found = told = before = 0
    for _ in range(trials):
        size = min(SHIFT_PAIRS, len(pairs))
        start = rng.randrange(len(pairs) - size + 1)
        excerpt = pairs[start : start + size]
        before += len(_breaks(place, excerpt, languages))
        shifted, line = shift(excerpt, rng)
        breaks = _breaks(place, shifted, languages)
        found += any(abs(at - line) <= NEAR for at in breaks)
        told += len(breaks)
    return Score(corpus, "shift", trials, found / trials, min(1.0, (found + before) / max(1, told)), before)


def _breaks(place: Path, pairs: Sequence[Texts], languages: Texts) -> list[int]:
    paths = _write(place, [Row(*pair, 0) for pair in pairs], languages)
    health = check_corpus(open_corpus(paths), DataConfig())
    is_told = any(finding.name == "slips" for finding in health.findings)
    return [at.line for at in health.alignment.breaks] if is_told else []


def _check(place: Path, rows: Sequence[Row], held_out: Sequence[Texts], languages: Texts) -> dict[str, set[int]]:
    """Run the doctor; return the lines that it names for each kind."""
    paths = _write(place, rows, languages)
    valid = _write(place, [Row(*pair, 0) for pair in held_out], languages, name="valid")
    health: CorpusHealth = check_corpus(
        open_corpus(paths, errors="skip"),
        DataConfig(),
        held_out={"valid": open_corpus(valid)},
        thorough=Thorough(strict=False),
    )
    lines = {kind: set[int]() for kind in KINDS}
    for finding in health.findings:
        if finding.name in lines:
            lines[finding.name] = set(finding.lines)
    return lines


def _write(place: Path, rows: Sequence[Row], languages: Texts, *, name: str = "train") -> list[Path]:
    paths = [place / f"{name}.{language}" for language in languages]
    paths[0].write_text("".join(f"{row.source}\n" for row in rows), encoding="utf-8", newline="\n")
    paths[1].write_bytes(b"".join(row.target.encode(row.encoding) + b"\n" for row in rows))
    return paths


def _read(folder: Path, name: str, source: str, target: str) -> list[Texts]:
    paths = [next(folder.glob(f"{name}.{language}*")) for language in (source, target)]
    return [(pair.source, pair.target) for pair in open_corpus(paths)]


def _show(name: str, before: dict[str, set[int]], clean: Sequence[Row], count: int) -> None:
    rng = random.Random(1)
    for kind, lines in before.items():
        for line in rng.sample(sorted(lines), min(count, len(lines))):
            print(f"{name} {kind} {line}\n    {clean[line - 1].source}\n    {clean[line - 1].target}", file=sys.stderr)


def _means(scores: Sequence[Score]) -> Iterator[Score]:
    """Average over seeds."""
    for corpus, kind in dict.fromkeys((score.corpus, score.kind) for score in scores):
        own = [score for score in scores if (score.corpus, score.kind) == (corpus, kind)]
        recall, precision = (sum(getattr(score, name) for score in own) / len(own) for name in ("recall", "precision"))
        yield Score(corpus, kind, sum(score.injected for score in own), recall, precision, own[0].before)


def table(scores: Sequence[Score]) -> str:
    """Return recall / precision (found before) for each kind and corpus, as Markdown."""
    corpora = list(dict.fromkeys(score.corpus for score in scores))
    of = {(score.corpus, score.kind): score for score in scores}
    lines = ["| Fault | " + " | ".join(corpora) + " |", "|---" * (len(corpora) + 1) + "|"]
    for kind in KINDS:
        cells = [
            f"{of[corpus, kind].recall:.3f} / {of[corpus, kind].precision:.3f} ({of[corpus, kind].before:,})"
            for corpus in corpora
        ]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _speed(arguments: argparse.Namespace) -> int:
    """Write a large corpus of real sentences, and check it in a fresh process."""
    sentences = _read(arguments.data / "tatoeba-en-de", "train", "en", "de")
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for number in range(arguments.pairs):
            pair = sentences[number % len(sentences)]
            if number >= len(sentences):  # two sentences that never stood together
                other = rng.choice(sentences)
                pair = (f"{pair[0]} {other[0]}", f"{pair[1]} {other[1]}")
            rows.append(Row(*pair, number))
        paths = _write(Path(folder), rows, ("en", "de"))
        del rows, sentences
        command = [sys.executable, __file__, str(arguments.data), "--timed", *map(str, paths)]
        return subprocess.run(command, check=False).returncode


def _timed(paths: Sequence[Path]) -> int:
    from process_memory import peak_bytes

    wall, processor = time.monotonic(), time.process_time()
    health = check_corpus(open_corpus(paths), DataConfig(), thorough=Thorough())
    spent = time.monotonic() - wall, time.process_time() - processor
    found = {finding.name: len(finding.lines) for finding in health.findings if finding.lines}
    print(
        f"{health.read:,} pairs: {spent[0]:.1f} s, {spent[1]:.1f} s of processor, "
        f"{peak_bytes() / 2**20:,.0f} MiB at the peak; found: {found}"
    )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of corpora")
    parser.add_argument("--corpora", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--seeds", nargs="+", type=int, default=[11, 12, 13], metavar="N")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="pairs of each corpus (default: all)")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="shifts for each corpus and seed")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print so many finds of the untouched corpora")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="measure time and memory instead")
    parser.add_argument("--timed", nargs=2, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
