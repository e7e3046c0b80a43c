"""A CorpusHealth in, the words or the JSON that `polyglass data check` prints out."""

import dataclasses
import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from polyglass.data.doctor import CorpusHealth
    from polyglass.data.findings import Finding
    from polyglass.data.side_statistics import Side, Spread

_FORMAT = 1
_WIDTH = 80
_LABEL = 14
_TEXT_CHARACTERS = 160
_FAULTY_CHARACTERS = 64  # of each side of a pair with a fault
_LINES = 5  # line numbers that are named


def as_json(health: "CorpusHealth") -> str:
    """Return everything as JSON; "format" counts up when a name changes its meaning."""
    content = {"format": _FORMAT, "healthy": health.healthy, **dataclasses.asdict(health)}
    return json.dumps(content, indent=2)


def as_text(health: "CorpusHealth", *, dropped: Path | None, findings: Path | None = None) -> str:
    """Return the page for people: at most 80 columns, no colours, control characters made visible."""
    from polyglass.data.odd_characters import visible

    parts = [_pairs(health, dropped), _sides(health), _alignment(health), _samples(health), _findings(health, findings)]
    lines = [line.rstrip() for part in parts for line in (*part, "")]
    return "\n".join(visible(line) for line in lines[:-1])


def _pairs(health: "CorpusHealth", dropped: Path | None) -> Iterator[str]:
    from polyglass.data.filters import REASONS

    yield from _wrapped("Files", " ".join(health.files))
    yield _row("Pairs", f"{health.read:,} read, {health.kept:,} kept")
    for reason, count in health.dropped.items():
        first = f"first: line {health.first_dropped[reason]:,}"
        yield _row("  dropped", f"{count:>9,} {reason:<13} {REASONS[reason]}")
        yield _row("", f"{'':>9} {'':<13} {first}")
    if health.dropped:
        yield _row("", f"written to {dropped}" if dropped else "--dropped FILE.tsv writes them all down")
    for name, count in health.held_out.items():
        yield _row({"valid": "Validation", "test": "Test"}[name], f"{count:,} pairs")


def _sides(health: "CorpusHealth") -> Iterator[str]:
    sides = (health.source, health.target)
    yield _columns(
        "", [f"{name} ({side.language or '?'})" for name, side in zip(("source", "target"), sides, strict=True)]
    )
    yield _columns("Characters", [_spread(side.characters) for side in sides])
    yield _columns("Words", [_spread(side.words) for side in sides])
    yield _columns("Word types", [f"{side.word_types:,}" for side in sides])
    if any(side.coverage is not None for side in sides):
        yield _columns(
            "Known words", ["" if side.coverage is None else f"{side.coverage:.1%} of validation" for side in sides]
        )
    for row, (left, right) in enumerate(_padded(*(_scripts(side) for side in sides))):
        yield _columns("Scripts" if row == 0 else "", [left, right])


def _alignment(health: "CorpusHealth") -> Iterator[str]:
    words = {
        "aligned": "line by line the sides fit",
        "slips": "the sides slip: see below",
        "patchy": "the sides fit, but for some lines: see below",
        "unrelated": "the sides do not fit: see below",
        "unknown": "too few or too uniform lines to judge",
    }
    correlation = f"(lengths correlate by {health.alignment.correlation:.2f}; aligned text: above 0.5)"
    yield from _wrapped("Alignment", f"{words[health.verdict]} {correlation}")


def _samples(health: "CorpusHealth") -> Iterator[str]:
    from polyglass.data.odd_characters import visible

    for sample in health.samples:
        for label, text in ((f"Line {sample.line:,}", sample.source), ("", sample.target)):
            yield from _wrapped(label, visible(text, _TEXT_CHARACTERS))


def _findings(health: "CorpusHealth", path: Path | None) -> Iterator[str]:
    for finding in health.findings:
        label = {"error": "ERROR", "warning": "Warning", "note": "Note"}[finding.level]
        short = _short(finding.command) if finding.level == "note" else ""
        yield from _wrapped(label, f"{finding.text}{_lines(finding)} {finding.remedy} {short}")
        if finding.level != "note":
            yield from _commands(finding.command)
            yield from finding.detail.split("\n") if finding.detail else ()
            yield from _faulty(finding)
    if any(finding.lines for finding in health.findings):
        yield _row("", f"every such line is in {path}" if path else "--findings FILE.tsv writes every such line down")
    if health.command:
        yield from _wrapped("All at once", "Errors and warnings, put right or left out:")
        yield from _commands(health.command)
    errors = sum(finding.level == "error" for finding in health.findings)
    if errors:
        yield f"{'One thing' if errors == 1 else f'{errors} things'} must be mended before training."
    else:
        yield "The corpus can be trained on."


def _lines(finding: "Finding") -> str:
    """Name the first lines."""
    if not finding.lines:
        return ""
    shown = ", ".join(f"{line:,}" for line in finding.lines[:_LINES])
    more = len(finding.lines) > _LINES
    return f" Line{'s' if len(finding.lines) > 1 else ''} {shown}{', ...' if more else '.'}"


def _short(command: str) -> str:
    """Return what matters of a command: "data clean --drop numbers"."""
    words = command.split()
    flags = [at for at, word in enumerate(words) if word in ("--drop", "--mend")]
    return f"data clean {words[flags[0]]} {words[flags[0] + 1]}" if flags else command


def _commands(command: str) -> Iterator[str]:
    """Show commands so that they can be copied: no word is cut, and a row that goes on ends with a backslash."""
    for part in command.split("; ") if command else ():
        rows = [""]
        for word in map(shlex.quote, shlex.split(part)):
            if rows[-1] and len(rows[-1]) + 1 + len(word) > _WIDTH - _LABEL - 4:
                rows.append(word)
            else:
                rows[-1] = f"{rows[-1]} {word}".lstrip()
        for number, row in enumerate(rows):
            yield _row("", ("  " if number else "") + row + (" \\" if number < len(rows) - 1 else ""))


def _faulty(finding: "Finding") -> Iterator[str]:
    """Show the pairs of a finding, a row for each side."""
    from polyglass.data.odd_characters import visible

    for sample in finding.samples:
        label = f"  {sample.line:,}"
        for text in (sample.source, sample.target, f"(repeats {sample.repeats})" if sample.repeats else ""):
            if text or label:
                yield _row(label, next(_fitted(visible(text, _FAULTY_CHARACTERS), _WIDTH - _LABEL), ""))
            label = ""


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"


def _columns(label: str, cells: Sequence[str]) -> str:
    return _row(label, "".join(f"{cell:<33}" for cell in cells))


def _wrapped(label: str, text: str) -> Iterator[str]:
    """Wrap a text beside its label; wide characters (Chinese, Japanese, Korean) take two columns."""
    for row in _fitted(text, _WIDTH - _LABEL):
        yield _row(label, row)
        label = ""


def _fitted(text: str, room: int) -> Iterator[str]:
    """Break a text into rows of at most `room` columns, at spaces where there are any."""
    from rich.cells import cell_len, chop_cells

    row, used = "", 0
    for word in text.split(" "):
        for piece in chop_cells(word, room) or [""]:
            wide = cell_len(piece)
            joined = used + 1 + wide if row else wide
            if row and joined > room:
                yield row
                row, used = piece, wide
            else:
                row, used = f"{row} {piece}" if row else piece, joined
    yield row


def _spread(spread: "Spread") -> str:
    return f"mean {spread.mean:.3g}, 95 % to {spread.p95:,}, max {spread.max:,}"


def _scripts(side: "Side") -> list[str]:
    shown = [f"{name} {share:.1%}" for name, share in side.scripts.items() if share >= 0.0005][:4]
    return shown or ["none"]


def _padded(left: list[str], right: list[str]) -> Iterator[tuple[str, str]]:
    for row in range(max(len(left), len(right))):
        yield (left[row] if row < len(left) else "", right[row] if row < len(right) else "")
