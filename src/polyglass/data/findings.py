"""What was counted in a corpus in, sentences for people out: what to mend, where, and with which command."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from polyglass.data.alignment import FEWEST_PAIRS, MAX_SHIFT, Alignment, Break
from polyglass.data.corpus import CorpusFiles
from polyglass.data.filters import MAX_EMPTY_SHARE, FilterReport
from polyglass.data.scripts import expected_script
from polyglass.data.side_statistics import Side
from polyglass.data.unequal import describe_break, show_pairs

Level = Literal["error", "warning", "note"]
Verdict = Literal["aligned", "slips", "patchy", "unrelated", "unknown"]

# Calibrated on five corpora (English-German, -Italian, -Japanese) and 3,600 pieces of 100 to 2,000 lines of them:
# with these limits no piece is called unrelated, and every shuffled one whose lengths differ enough is.
_FEWEST_NATS = 60.0
_FEWEST_NATS_A_LINE = 0.05
_UNRELATED_CORRELATION = 0.3
_TELLING_SPREAD = 0.15  # below this all texts are about equally long, and lengths tell nothing
_BROKEN_SHARE = 0.02  # more lines than this out of place are an error, fewer a warning
_MUCH_DROPPED = 0.3
_FEW_PAIRS = 1000
_LOW_COVERAGE = 0.8
_WRONG_SCRIPT = 0.5
_MUCH_TWICE_ENCODED = 0.001


@dataclass(frozen=True)
class Shown:
    """A pair that shows a fault. repeats: what it is nearly the same as, in words, if that is the fault."""

    line: int
    source: str
    target: str
    repeats: str = ""


@dataclass(frozen=True)
class Finding:
    """Something a person should know. error: mend it before training. detail: lines that show it.

    lines: all the lines that it is about, where single ones are; samples: some of them; command: what mends it.
    """

    level: Level
    name: str
    text: str
    remedy: str
    detail: str = ""
    lines: tuple[int, ...] = ()
    samples: tuple[Shown, ...] = ()
    command: str = ""


def judge(alignment: Alignment) -> Verdict:
    """Say whether the two sides are translations of each other, line by line."""
    if alignment.pairs < FEWEST_PAIRS:
        return "unknown"
    nats = alignment.evidence * alignment.pairs
    too_few = nats < max(_FEWEST_NATS, _FEWEST_NATS_A_LINE * alignment.pairs)
    if too_few:
        telling = alignment.length_spread >= _TELLING_SPREAD and alignment.correlation < _UNRELATED_CORRELATION
        return "unrelated" if telling else "unknown"
    if alignment.pairs < 2 * FEWEST_PAIRS or not alignment.breaks:
        return "aligned"
    return "slips" if alignment.fitting_share < 1 - _BROKEN_SHARE else "patchy"


def find_all(
    files: CorpusFiles, report: FilterReport, alignment: Alignment, *, sides: tuple[Side, Side], drop_overlap: bool
) -> tuple[Finding, ...]:
    """List everything worth telling, errors first."""
    found = [*_about_filters(report, drop_overlap=drop_overlap), *_about_alignment(files, alignment)]
    for name, side in zip(("source", "target"), sides, strict=True):
        found += _about_side(name, side, report.kept)
    if ignored := files.count_ignored_columns():
        text = "Column 3 is not read." if ignored == 1 else f"Columns 3 to {ignored + 2} are not read."
        found.append(Finding("note", "columns", text, ""))
    return by_level(found)


def by_level(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Put errors first, then warnings."""
    order = ("error", "warning", "note")
    return tuple(sorted(findings, key=lambda finding: order.index(finding.level)))


def _about_filters(report: FilterReport, *, drop_overlap: bool) -> Iterator[Finding]:
    dropped = report.dropped
    if not report.read:
        yield Finding("error", "empty", "The corpus holds no pairs.", "Give files that hold text.")
        return
    if report.empty_share > MAX_EMPTY_SHARE:
        empty = f"{dropped['empty_source']:,} empty source, {dropped['empty_target']:,} empty target"
        text = f"{report.empty_share:.0%} of the pairs have an empty side ({empty}); {MAX_EMPTY_SHARE:.0%} are allowed."
        yield Finding("error", "empty_sides", text, "Look at the files: a side may have lost its text.")
    elif not report.kept:
        yield Finding("error", "nothing_left", "No pair is left to train on.", "See above for the reasons.")
    for reason, option in (("length_ratio", "data.max_length_ratio"), ("too_long", "data.max_length_chars")):
        if dropped[reason] > _MUCH_DROPPED * report.read:
            share = dropped[reason] / report.read
            yield Finding(
                "warning", reason, f"{share:.0%} of the pairs are dropped as {reason}.", f"Raise it: --set {option}=..."
            )
    if unread := dropped["bad_encoding"] + dropped["malformed"]:
        text = f"{_pairs(unread)} could not be read and were left out."
        yield Finding("warning", "unread", text, "Leave out --errors skip to see the first one and how to mend it.")
    if report.overlapping:
        text = f"The source of {_pairs(report.overlapping)} stands in the validation or test set, too."
        if drop_overlap:
            yield Finding("note", "overlap", text, "They are dropped, so that the scores stay honest.")
        else:
            yield Finding(
                "warning", "overlap", text, "Scores will be too good. Drop them: --set data.drop_overlap=true"
            )
    if 0 < report.kept < _FEW_PAIRS:
        text = f"{_pairs(report.kept)} are few: a model will learn them by heart rather than the language."
        yield Finding("warning", "few", text, f"Give at least {_FEW_PAIRS:,} pairs.")


def _about_alignment(files: CorpusFiles, alignment: Alignment) -> Iterator[Finding]:
    verdict = judge(alignment)
    names = ("the source", "the target") if files.kind != "lines" else (str(files.paths[0]), str(files.paths[1]))
    if verdict == "unrelated":
        text = (
            f"The sides do not look like translations of each other: their lengths correlate by "
            f"{alignment.correlation:.2f} (aligned text: above 0.5), and no shift by up to {MAX_SHIFT} lines fits. "
            "One of the files may be shuffled, or another text."
        )
        yield Finding("error", "unrelated", text, "Compare the first lines of both sides.", _shown(files, names, 2))
    elif verdict in ("slips", "patchy"):
        first = alignment.breaks[0]
        level: Level = "error" if verdict == "slips" else "warning"
        share = f"{1 - alignment.fitting_share:.1%} of the lines are out of place."
        text = f"{share} {describe_break(first, names)}{_end_of(first, alignment.breaks[1:])}"
        yield Finding(level, "slips", text, "Mend the files, then check again.", _shown(files, names, first.line))


def _about_side(name: str, side: Side, pairs: int) -> Iterator[Finding]:
    expected = expected_script(side.language)
    if expected and side.scripts and side.scripts.get(expected, 0.0) < _WRONG_SCRIPT and not _is_cjk(side, expected):
        main, share = next(iter(side.scripts.items()))
        text = f"The {name} side should be {side.language}, written in {expected}, but {share:.0%} of it is {main}."
        yield Finding(
            "warning",
            "script",
            text,
            "Are the files in the right order? Name the languages: --source-lang, --target-lang",
        )
    if side.twice_encoded:
        level: Level = "warning" if side.twice_encoded > _MUCH_TWICE_ENCODED * pairs else "note"
        text = f'The {name} side has {side.twice_encoded:,} places such as "Ã¼": UTF-8 that was converted twice.'
        yield Finding(level, "twice_encoded", text, "To mend it: pip install ftfy, then ftfy FILE > NEW_FILE")
    if side.odd_characters:
        counts = ", ".join(f"{character} ({count:,})" for character, count in list(side.odd_characters.items())[:8])
        remedy = (
            "U+FFFD stands where an earlier conversion lost a character." if "U+FFFD" in side.odd_characters else ""
        )
        yield Finding("note", "odd_characters", f"The {name} side holds {counts}; they are kept.", remedy)
    if side.coverage is not None and side.coverage < _LOW_COVERAGE:
        text = f"Only {side.coverage:.0%} of the words in the {name} side of the validation set occur in training."
        yield Finding("warning", "coverage", text, "Validate on text of the same kind, or train on more of it.")


def _is_cjk(side: Side, expected: str) -> bool:
    """Japanese mixes Hiragana with Katakana and Han: a few Hiragana letters prove it."""
    return expected == "Hiragana" and side.scripts.get("Hiragana", 0.0) > 0.05


def _shown(files: CorpusFiles, names: Sequence[str], line: int) -> str:
    first = max(1, line - 1)
    pairs = islice(files.with_damaged(), first - 1, first + 2)
    short = [name.rpartition("/")[2] for name in names]
    return show_pairs([(pair.source, pair.target) for pair in pairs], short, first=first)


def _end_of(first: Break, later: Sequence[Break]) -> str:
    end = next((at.line for at in later if at.after == first.before), None)
    others = len(later) - (end is not None)
    text = f" They fit again from about line {end:,} on." if end else ""
    return text + (f" There are {others} more such places." if others > 1 else "")


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
