"""Faults of single pairs in, findings for people out: how many, which lines, three of them, and what mends it.

One more reading of the files finds the texts of the lines that are shown, and writes all of them down if asked to.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from polyglass.data.corpus import CorpusFiles, open_corpus
from polyglass.data.exam import KINDS, Fault
from polyglass.data.filters import escape_cell
from polyglass.data.findings import Finding, Level, Shown
from polyglass.data.formats.languages import bare_name
from polyglass.errors import DataError
from polyglass.files import open_atomically

SAMPLES = 3
_MUCH = 0.003  # of the pairs: more than this is a warning
_FEW = 3  # pairs that are a note in any corpus
_MUCH_REPEATED = 0.2
_MUCH_LEAKED = 0.02  # of the held-out sentences
_MOST_SWAPPED = 0.2
_WORDS = {
    "malformed": (
        "is none: its line or record holds no two texts",
        "are none: their lines or records hold no two texts",
    ),
    "bad_encoding": ("holds bytes that are not UTF-8", "hold bytes that are not UTF-8"),
    "swapped": ("has its sides the wrong way round", "have their sides the wrong way round"),
    "twice_encoded": (
        'holds text such as "Ã¼": UTF-8 that was converted twice',
        'hold text such as "Ã¼": UTF-8 that was converted twice',
    ),
    "language": ("has a side in another language", "have a side in another language"),
    "copies": ("is not translated: both sides are the same", "are not translated: both sides are the same"),
    "truncated": ("seems to have lost the end of one side", "seem to have lost the end of one side"),
    "numbers": ("has other numbers on one side than on the other", "have other numbers on one side than on the other"),
    "tags": ("has other placeholders or tags on one side", "have other placeholders or tags on one side"),
    "boilerplate": (
        "has a text that stands beside many different ones",
        "have a text that stands beside many different ones",
    ),
    "near_duplicates": ("is nearly the same as an earlier one", "are nearly the same as an earlier one"),
    "leak": (
        "has a source that is the same, or nearly, as a sentence held out",
        "have a source that is the same, or nearly, as a sentence held out",
    ),
}
_REMEDIES = {
    "fix": "Read those lines as what they are:",
    "mend": "Put them right:",
    "drop": "Leave them out:",
    "skip": "Leave them out:",
}
# What encoding files of a language were mostly in before UTF-8.
_ENCODINGS = {
    **dict.fromkeys(("ru", "uk", "be", "bg", "sr", "mk"), "cp1251"),
    **dict.fromkeys(("pl", "cs", "sk", "hu", "ro", "hr", "sl", "bs"), "cp1250"),
    **dict.fromkeys(("lt", "lv", "et"), "cp1257"),
    **{"el": "cp1253", "tr": "cp1254", "he": "cp1255", "ar": "cp1256", "fa": "cp1256", "vi": "cp1258"},
    **{"ja": "cp932", "ko": "cp949", "zh": "gb18030", "th": "cp874"},
}


@dataclass(frozen=True)
class Circumstances:
    """What a finding depends on besides its lines. kept: pairs; held_out: sentences; strict: bad bytes are an error."""

    files: CorpusFiles
    held_out_files: Mapping[str, CorpusFiles]
    kept: int
    held_out: int
    strict: bool


def report_faults(faults: Sequence[Fault], around: Circumstances, *, path: Path | None) -> tuple[Finding, ...]:
    """Return a finding for each fault. path: a TSV file for all lines (fault, line, repeats, source, target)."""
    shown = _read_again(faults, around.files, path)
    return tuple(_finding(fault, shown[fault.name], around) for fault in faults)


def mending_command(kinds: Sequence[str], around: Circumstances) -> str:
    """Return the command that mends these kinds of faults; "" if there is none."""
    files = around.files
    parts = ["polyglass", "data", "clean", *map(str, files.paths)]
    if "leak" in kinds:
        for name, corpus in around.held_out_files.items():
            parts += [f"--{name}", *map(str, corpus.paths)]
    for verb in ("mend", "drop"):
        if chosen := [kind for kind in kinds if KINDS.get(kind, "mend") == verb]:
            parts += [f"--{verb}", ",".join(chosen)]
    if "bad_encoding" in kinds or "malformed" in kinds:
        parts += ["--errors", "skip"]
    for side, language in zip(("source", "target"), files.given_languages, strict=True):
        parts += [f"--{side}-lang", language] if language else []
    return shlex.join([*parts, "--out", *_new_names(files)])


def _finding(fault: Fault, shown: tuple[Shown, ...], around: Circumstances) -> Finding:
    count = len(fault.lines)
    text = f"1 pair {_WORDS[fault.name][0]}." if count == 1 else f"{count:,} pairs {_WORDS[fault.name][1]}."
    if fault.name == "leak":
        different = len(set(fault.of))
        text = f"{text} It touches {different:,} of {around.held_out:,} such sentences."
    if fault.name == "bad_encoding":
        text, command = f"{text} {_first_bad_byte(around.files)}", _fix_command(fault, around)
    else:
        command = mending_command([fault.name], around)
    return Finding(
        _level(fault, around),
        fault.name,
        text,
        _REMEDIES[KINDS[fault.name]],
        lines=fault.lines,
        samples=shown,
        command=command,
    )


def _level(fault: Fault, around: Circumstances) -> Level:
    count, kept = len(fault.lines), max(1, around.kept)
    match fault.name:
        case "bad_encoding" | "malformed":
            return "error" if around.strict else "warning"
        case "swapped" if count > _MOST_SWAPPED * kept:
            return "error"
        case "near_duplicates":
            return "warning" if count > _MUCH_REPEATED * kept else "note"
        case "leak":
            return "warning" if len(set(fault.of)) > _MUCH_LEAKED * around.held_out else "note"
    return "warning" if count > max(_FEW, _MUCH * kept) else "note"


def _fix_command(fault: Fault, around: Circumstances) -> str:
    files = around.files
    languages = files.guess_languages()
    sides = [0] if len(files.paths) == 1 else [side for side in (0, 1) if fault.sides[side]]
    commands = []
    for side in sides:
        encoding = _ENCODINGS.get((languages[side] or "").split("-")[0], "cp1252")
        new = f"fixed{''.join(bare_name(files.paths[side]).suffixes[-1:]) or '.txt'}"
        commands.append(
            shlex.join(["polyglass", "data", "fix", str(files.paths[side]), "--from", encoding, "--out", new])
        )
    return "; ".join(commands)


def _first_bad_byte(files: CorpusFiles) -> str:
    """Say which byte of which line is no UTF-8, and what it looks like."""
    try:
        for _ in open_corpus(files.paths, languages=files.given_languages):
            pass
    except DataError as error:
        what, closed, _ = str(error).partition("). ")
        return f"{what})." if closed else what
    return ""


def _new_names(files: CorpusFiles) -> list[str]:
    endings = [bare_name(path).suffix for path in files.paths]
    if files.kind == "lines":
        return (
            [f"clean{ending}" for ending in endings] if len({*endings, ""}) == 3 else ["clean.source", "clean.target"]
        )
    return [f"clean{endings[0]}" if files.kind in ("tsv", "jsonl", "tmx") else "clean.tsv"]


def _read_again(faults: Sequence[Fault], files: CorpusFiles, path: Path | None) -> dict[str, tuple[Shown, ...]]:
    """Read the corpus once more for the texts of some lines (or, for the file, of all)."""
    wanted: dict[int, list[tuple[Fault, int]]] = {}
    for fault in faults:
        for row in range(len(fault.lines)) if path else _chosen(len(fault.lines)):
            wanted.setdefault(fault.lines[row], []).append((fault, row))
    chosen = {fault.name: set(_chosen(len(fault.lines))) for fault in faults}
    shown: dict[str, list[Shown]] = {fault.name: [] for fault in faults}
    with nullcontext() if path is None else open_atomically(path) as file:
        if file:
            file.write(b"fault\tline\trepeats\tsource\ttarget\n")
        for fault, row, source, target in _texts(wanted, files):
            of = fault.of[row] if fault.of else ""
            if row in chosen[fault.name]:
                shown[fault.name].append(Shown(fault.lines[row], source, target, of))
            if file:
                cells = (fault.name, str(fault.lines[row]), of, escape_cell(source), escape_cell(target))
                file.write(("\t".join(cells) + "\n").encode())
    return {name: tuple(samples) for name, samples in shown.items()}


def _texts(wanted: Mapping[int, list[tuple[Fault, int]]], files: CorpusFiles) -> Iterator[tuple[Fault, int, str, str]]:
    last = max(wanted, default=0)
    if not wanted:
        return
    for pair in files.with_damaged():
        for fault, row in wanted.get(pair.line, ()):
            yield fault, row, pair.source, pair.target
        if pair.line >= last:
            return


def _chosen(count: int) -> list[int]:
    """Pick rows from the beginning, the middle and the end."""
    return sorted({0, count // 2, count - 1}) if count else []
