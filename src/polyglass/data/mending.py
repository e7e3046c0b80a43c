"""Pairs with faults in, pairs with those put right, or marked so that `filter_pairs` drops and counts them, out."""

import codecs
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from polyglass.config import DataConfig
from polyglass.data import mojibake
from polyglass.data.alignment import MAX_SHIFT, Alignment, AlignmentScan, Break
from polyglass.data.corpus import CorpusFiles
from polyglass.data.exam import KINDS, Exam
from polyglass.data.filters import FilterReport, filter_pairs, held_out_sources
from polyglass.data.findings import judge
from polyglass.data.formats.opening import raw_lines
from polyglass.data.pair import Pair, in_batches
from polyglass.data.unequal import WINDOW, refine
from polyglass.errors import DataError, InputError
from polyglass.files import open_atomically

MENDABLE = ("slips", *(name for name, how in KINDS.items() if how == "mend"))
DROPPABLE = ("slips", *(name for name, how in KINDS.items() if how in ("mend", "drop")))
REASONS = {
    "slips": "no line fits, or the lines slip near here",
    "swapped": "the sides are the wrong way round",
    "twice_encoded": "text that was encoded twice",
    "language": "a side in another language",
    "copies": "not translated",
    "truncated": "the end of one side is missing",
    "numbers": "other numbers on one side",
    "tags": "other placeholders or tags on one side",
    "boilerplate": "a text that stands beside many different ones",
    "near_duplicates": "nearly the same as an earlier pair",
    "leak": "nearly the same as a sentence held out",
}
_MOST_REFINED = 20  # breaks that are placed to the line; further ones to the block
_NEAR_EXACT, _NEAR_ROUGH = 2, 12  # pairs on each side of a break that are left out


@dataclass(frozen=True)
class Plan:
    """Which lines are put right, and which are dropped for which reason; and where the lines slip."""

    mended: Mapping[str, Collection[int]]
    dropped: Mapping[int, str]
    alignment: Alignment | None = None


class Mended:
    """The pairs of a corpus as a plan wants them; each `for` reads the files again. counts: how many were put right."""

    def __init__(self, files: CorpusFiles, plan: Plan) -> None:
        self._files = files
        self._plan = plan
        self.counts: dict[str, int] = {}

    def __iter__(self) -> Iterator[Pair]:
        return (pair for pair in self.with_damaged() if pair.damage is None)

    def with_damaged(self) -> Iterator[Pair]:
        """Yield every pair; those to be dropped have their fault as damage."""
        self.counts = dict.fromkeys(self._plan.mended, 0)
        pairs = self._files.with_damaged()
        if self._plan.alignment is not None:
            pairs = realign(pairs, self._plan.alignment.breaks, exact=_MOST_REFINED)
        for pair in pairs:
            for kind, lines in self._plan.mended.items():
                if pair.line in lines:
                    pair = _put_right(pair, kind)
                    self.counts[kind] += 1
            reason = self._plan.dropped.get(pair.line)
            yield pair if reason is None or pair.damage else replace(pair, damage=reason)


def plan_mending(
    files: CorpusFiles,
    config: DataConfig,
    *,
    held_out: Mapping[str, CorpusFiles],
    mend: Sequence[str],
    drop: Sequence[str],
) -> Plan:
    """Read the corpus and decide. Raises InputError for a kind of fault that does not exist or cannot be looked for."""
    _check_kinds(mend, drop, held_out)
    alignment = None
    if "slips" in (*mend, *drop):
        alignment = _scan(files)
        alignment = None if judge(alignment) not in ("slips", "patchy") else alignment
    exam = Exam({name: [pair.source for pair in corpus] for name, corpus in held_out.items()})
    aligned = Mended(files, Plan({}, {}, alignment)) if "slips" in mend else files
    apart = held_out_sources(*held_out.values())
    for batch in in_batches(filter_pairs(aligned, config, FilterReport(), held_out=apart, on_drop=exam.note)):
        exam.add(batch)
    faults = exam.finish()
    dropped = {line: fault.name for fault in reversed(faults) if fault.name in drop for line in fault.lines}
    if alignment is not None and "slips" in drop:
        dropped.update(dict.fromkeys(_out_of_place(files, alignment), "slips"))
    mended = {fault.name: frozenset(fault.lines) for fault in faults if fault.name in mend}
    return Plan(mended, dropped, alignment if "slips" in mend else None)


def realign(pairs: Iterable[Pair], breaks: Sequence[Break], *, exact: int) -> Iterator[Pair]:
    """Put each source beside the target that fits it. Pairs near a break, or where nothing fits, come as damaged.

    breaks: in order; the first `exact` of them are right to the line.
    """
    targets: dict[int, str] = {}
    waiting: list[Pair] = []

    def fitted(pair: Pair, number: int) -> Pair:
        target = targets.get(number + (_shift_at(breaks, number) or 0))
        if target is None or _is_doubtful(breaks, number, exact):
            return replace(pair, damage=pair.damage or "slips")
        return replace(pair, target=target)

    number = 0
    for number, pair in enumerate(pairs, start=1):
        targets[number] = pair.target
        targets.pop(number - 3 * MAX_SHIFT, None)
        waiting.append(pair)
        if len(waiting) > MAX_SHIFT:
            yield fitted(waiting.pop(0), number - MAX_SHIFT)
    for place, pair in enumerate(waiting, start=number - len(waiting) + 1):
        yield fitted(pair, place)


def fix_encoding(path: Path, new: Path, *, encoding: str) -> tuple[int, int]:
    """Write a text file as UTF-8: a line that is none is read as `encoding`. Returns all lines and those changed.

    Raises InputError for an unknown encoding, DataError for a line that is neither.
    """
    try:
        name = codecs.lookup(encoding).name
        "a".encode(name)
    except LookupError:
        raise InputError(
            f"--from must be an encoding that Python knows, but is {encoding}. Try cp1252, cp1251, koi8-r or cp932."
        ) from None
    total = changed = 0
    with open_atomically(new) as file:
        for raw in raw_lines(path):
            total += 1
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError:
                changed += 1
                raw = _decode(raw, name, f"{path}:{total}").encode("utf-8")
            file.write(raw + b"\n")
    return total, changed


def _decode(raw: bytes, encoding: str, where: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte 0x{raw[error.start]:02X} at byte {error.start + 1} is neither UTF-8 nor {encoding}. "
            "Ask who made the file which encoding it has: --from NAME"
        ) from None


def _check_kinds(mend: Sequence[str], drop: Sequence[str], held_out: Mapping[str, CorpusFiles]) -> None:
    for flag, kinds, known in (("--mend", mend, MENDABLE), ("--drop", drop, DROPPABLE)):
        for kind in kinds:
            if kind not in known:
                raise InputError(f"{flag} takes {', '.join(known)}, but {kind} was given.")
    if both := set(mend) & set(drop):
        raise InputError(f"a fault is put right or dropped, but {min(both)} stands after --mend and --drop.")
    if "leak" in drop and not held_out:
        raise InputError("--drop leak needs the sets that are held out, but none was given. Add --valid or --test.")


def _put_right(pair: Pair, kind: str) -> Pair:
    if kind == "swapped":
        return replace(pair, source=pair.target, target=pair.source)
    return replace(pair, source=mojibake.mend(pair.source), target=mojibake.mend(pair.target))


def _scan(files: CorpusFiles) -> Alignment:
    """Find where the lines slip, the first places to the line."""
    scan = AlignmentScan()
    for batch in in_batches(files.with_damaged()):
        scan.add([pair.source for pair in batch], [pair.target for pair in batch])
    alignment = scan.finish()
    exact = []
    for number, rough in enumerate(alignment.breaks):
        if rough.line > 1 and number < _MOST_REFINED:
            start = max(1, rough.line - WINDOW)
            window = islice(files.with_damaged(), start - 1, rough.line + WINDOW)
            rough = refine(((pair.source, pair.target) for pair in window), rough)
        exact.append(rough)
    return replace(alignment, breaks=tuple(sorted(exact, key=lambda at: at.line)))


def _out_of_place(files: CorpusFiles, alignment: Alignment) -> Iterator[int]:
    for number, pair in enumerate(files.with_damaged(), start=1):
        breaks = alignment.breaks
        if _shift_at(breaks, number) != 0 or _is_doubtful(breaks, number, _MOST_REFINED):
            yield pair.line


def _shift_at(breaks: Sequence[Break], line: int) -> int | None:
    shift: int | None = 0
    for at in breaks:
        if at.line > line:
            break
        shift = at.after
    return shift


def _is_doubtful(breaks: Sequence[Break], line: int, exact: int) -> bool:
    """True near a break, and where nothing fits."""
    if _shift_at(breaks, line) is None:
        return True
    return any(
        at.line > 1 and abs(line - at.line) <= (_NEAR_EXACT if number < exact else _NEAR_ROUGH)
        for number, at in enumerate(breaks)
    )
