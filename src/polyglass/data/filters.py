"""Pairs in, pairs worth training on out. Every pair that is dropped is counted by reason and written down."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from polyglass.config import DataConfig
from polyglass.data.hashes import SeenHashes, hash_pairs, hash_text
from polyglass.data.pair import Pair, WithDamaged, in_batches
from polyglass.errors import DataError
from polyglass.files import AtomicFile, open_atomically

# The first reason that is true of a pair is the one it is counted under.
REASONS = {
    "bad_encoding": "bytes that are not UTF-8",
    "malformed": "line or record without two texts",
    "empty_source": "source side is empty",
    "empty_target": "target side is empty",
    "too_long": "longer than data.max_length_chars",
    "length_ratio": "one side much longer than the other",
    "identical": "both sides are the same text",
    "duplicate": "the pair stood earlier in the corpus",
    "overlap": "source stands in validation or test",
}
MAX_EMPTY_SHARE = 0.2
_WRITTEN_CHARACTERS = 2000
_NAME_CHARACTERS = 25  # identical texts up to this length may be names, which translations keep
_NAME_WORDS = 3
_SHORT_SIDE = 10  # the ratio counts a side as at least so long: "No." and "Auf keinen Fall!" are fine
_SPREADSHEET_FORMULA = ("=", "+", "-", "@")
_ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"} | {
    code: f"\\x{code:02x}" for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160))
}
_ESCAPES |= {0x2028: "\\u2028", 0x2029: "\\u2029"} | {code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)}


@dataclass
class FilterReport:
    """What became of the pairs: `read` is `kept` plus the sum of `dropped`."""

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)  # reason -> pairs, only reasons that occurred
    first_line: dict[str, int] = field(default_factory=dict)  # reason -> line of the first such pair
    overlapping: int = 0  # pairs whose source stands in the held-out data, dropped or (data.drop_overlap=false) kept

    @property
    def empty_share(self) -> float:
        """Share of pairs with an empty side."""
        return (self.dropped["empty_source"] + self.dropped["empty_target"]) / max(1, self.read)

    def check_empty_share(self) -> None:
        """Raise DataError if so many sides are empty that the files are probably not what they should be."""
        if self.empty_share > MAX_EMPTY_SHARE:
            empty = self.dropped["empty_source"] + self.dropped["empty_target"]
            raise DataError(
                f"at most {MAX_EMPTY_SHARE:.0%} of the pairs may have an empty side, but {empty:,} of {self.read:,} "
                f"have ({self.dropped['empty_source']:,} empty source, {self.dropped['empty_target']:,} empty "
                "target). Look at the files: a side may have lost its text."
            )

    def _drop(self, pair: Pair, reason: str) -> None:
        self.dropped[reason] += 1
        self.first_line.setdefault(reason, pair.line)


def filter_pairs(
    pairs: Iterable[Pair],
    config: DataConfig,
    report: FilterReport,
    *,
    held_out: Collection[int] = frozenset(),
    dropped: Path | None = None,
    on_drop: Callable[[Pair, str], None] = lambda pair, reason: None,
) -> Iterator[Pair]:
    """Yield the pairs worth training on, in order, and fill `report` meanwhile.

    held_out: fingerprints from `held_out_sources`. dropped: a TSV file (reason, line, source, target) that appears
    when the last pair has been read. on_drop: is handed each dropped pair and the reason. Memory grows by about 8 bytes
    for each pair that is kept. Raises OutOfSpaceError.
    """
    seen = SeenHashes()
    every = pairs.with_damaged() if isinstance(pairs, WithDamaged) else iter(pairs)
    with nullcontext() if dropped is None else open_atomically(dropped) as file:
        rows = _DroppedRows(file)
        for chunk in in_batches(every):
            reasons = _reasons(chunk, config, seen)
            for pair, reason in zip(chunk, reasons, strict=True):
                report.read += 1
                if reason is None and held_out and hash_source(pair.source) in held_out:
                    report.overlapping += 1
                    reason = "overlap" if config.drop_overlap else None
                if reason is None:
                    report.kept += 1
                    yield pair
                else:
                    report._drop(pair, reason)
                    rows.add(pair, reason)
                    on_drop(pair, reason)
            rows.flush()
        rows.flush()


def held_out_sources(*corpora: Iterable[Pair]) -> frozenset[int]:
    """Return the fingerprints of all source texts of validation and test corpora."""
    return frozenset(hash_source(pair.source) for corpus in corpora for pair in corpus)


def hash_source(text: str) -> int:
    """Return the fingerprint of a source text in which case and spaces do not matter."""
    return hash_text(" ".join(text.casefold().split()))


def _reasons(chunk: list[Pair], config: DataConfig, seen: SeenHashes) -> list[str | None]:
    reasons = [_fault(pair, config) for pair in chunk]
    if config.drop_duplicates:
        good = [place for place, reason in enumerate(reasons) if reason is None]
        texts = [(chunk[place].source.strip(), chunk[place].target.strip()) for place in good]
        for place in np.array(good, dtype=np.int64)[seen.add(hash_pairs(texts))].tolist():
            reasons[place] = "duplicate"
    return reasons


def _fault(pair: Pair, config: DataConfig) -> str | None:
    """Return the first thing that is wrong with a pair by itself."""
    if pair.damage is not None:
        return pair.damage
    source, target = pair.source.strip(), pair.target.strip()
    if not source:
        return "empty_source"
    if not target:
        return "empty_target"
    shorter, longer = sorted((len(source), len(target)))
    if longer > config.max_length_chars:
        return "too_long"
    if longer > config.max_length_ratio * max(shorter, _SHORT_SIDE):
        return "length_ratio"
    if config.drop_identical and source == target and not _may_be_name(source):
        return "identical"
    return None


def _may_be_name(text: str) -> bool:
    return len(text) <= _NAME_CHARACTERS and len(text.split()) <= _NAME_WORDS


class _DroppedRows:
    """Collects rows of the TSV file of dropped pairs and writes them a chunk at a time."""

    def __init__(self, file: AtomicFile | None) -> None:
        self._file = file
        self._rows = ["reason\tline\tsource\ttarget\n"]

    def add(self, pair: Pair, reason: str) -> None:
        """Add the row of one pair."""
        if self._file is not None:
            self._rows.append(f"{reason}\t{pair.line}\t{escape_cell(pair.source)}\t{escape_cell(pair.target)}\n")

    def flush(self) -> None:
        """Hand the rows to the file."""
        if self._file is not None and self._rows:
            self._file.write("".join(self._rows).encode("utf-8"))
            self._rows.clear()


def escape_cell(text: str) -> str:
    r"""Make a text one cell of a TSV: tab and control characters become \t, \n, \x1b; a formula gets a quote before it.

    A cell that begins with = + - or @ would be computed by a spreadsheet. Very long texts are cut.
    """
    if len(text) > _WRITTEN_CHARACTERS:
        text = f"{text[:_WRITTEN_CHARACTERS]}… ({len(text):,} characters)"
    text = text.translate(_ESCAPES)
    return f"'{text}" if text.lstrip().startswith(_SPREADSHEET_FORMULA) else text
