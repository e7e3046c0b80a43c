"""Numbers, times and corpus text in; what a person reads out. Used by the panel, the plain lines and the report."""

import difflib
import math
import re
from datetime import datetime, timedelta

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# A word, or one character of a script that writes words without spaces (kana, Han), or the space between.
_PIECES = re.compile(r"\s+|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\s\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+")
_WORDS = re.compile(r"\w+|[^\w\s]+")
_REPEATED_CHARACTERS = re.compile(r"([^\W\d_].{0,7}?)\1{3,}")
_LONGEST_REPEATED_BLOCK = 4  # words
_BLOCKS_THAT_ARE_A_LOOP = 3

# C0 controls have pictures of their own in Unicode; the others are spelled, because no font has a picture.
_SHOWN = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_SHOWN |= {code: f"\\x{code:02x}" for code in range(0x80, 0xA0)}
# Line separators, and the marks that turn the direction of what follows them: both can disguise a line.
_SHOWN |= {code: f"<U+{code:04X}>" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_SHOWN |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")  # half of a character; no stream can carry it


def visible(text: str, encoding: str = "utf-8") -> str:
    """Return corpus text that is safe to show on one line: control characters become symbols (ESC becomes ␛).

    What `encoding` cannot carry is spelled as an escape, so that writing never fails.
    """
    return text.translate(_SHOWN).encode(encoding, "backslashreplace").decode(encoding)


def duration(seconds: float) -> str:
    """Spell a time span in its two largest units: "45s", "12m 20s", "3h 05m", "2d 4h"; "?" if it is not known."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def about(seconds: float) -> str:
    """Spell an estimate, no finer than it is good for: "45s", "58m", "3h 05m", "2d 4h"."""
    return duration(seconds) if seconds < 60 or seconds >= 3570 else f"{round(seconds / 60)}m"


def clock_time(seconds_ahead: float, now: datetime) -> str:
    """Say when `seconds_ahead` are over: "14:32", "Wed 14:32" on another day, a date if it is a week or more away."""
    try:
        then = now + timedelta(seconds=seconds_ahead)
    except (OverflowError, ValueError):  # beyond the calendar, or not a number
        return "?"
    if then.date() == now.date():
        return f"{then:%H:%M}"
    if then - now < timedelta(days=6):
        return f"{WEEKDAYS[then.weekday()]} {then:%H:%M}"
    return f"{then:%Y-%m-%d %H:%M}"


def count(number: float) -> str:
    """Spell a count in full, with commas: "29,000"."""
    return f"{number:,.0f}"


def large(number: float) -> str:
    """Spell a large count in three digits: "29,000", "4.21 million", "1.30 billion"."""
    for limit, word in ((1e9, "billion"), (1e6, "million")):
        if number >= limit:
            value = number / limit
            return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {word}"
    return count(number)


def size(number: float) -> str:
    """Spell bytes: "812 bytes", "12.4 MB", "1.9 GB" (powers of ten)."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.0f} {unit}" if number >= 100 * limit else f"{number / limit:.1f} {unit}"
    return f"{number:.0f} bytes"


def percent(share: float) -> str:
    """Spell a share of 1: "7%"; one digit more below 10 %, where it matters: "0.4%"."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{100 * share:.0f}%" if share >= 0.0995 else f"{100 * share:.1f}%"


def rate(number: float) -> str:
    """Spell a learning rate: "4.9e-4"."""
    mantissa, exponent = f"{number:.1e}".split("e") if math.isfinite(number) and number else ("0", "")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def perplexity(loss: float) -> str:
    """Spell e to the loss, the number of words the model hesitates between: "31.7"."""
    if not math.isfinite(loss):
        return "?"
    value = math.exp(min(loss, 700.0))
    return f"{value:.3g}" if value >= 1e6 else f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"


def stream_is_gone(error: Exception, stream: object) -> bool:
    """Tell an error of the stream (disk full, pipe or file closed, letters it cannot carry) from a bug of ours."""
    return isinstance(error, (OSError, UnicodeError)) or bool(getattr(stream, "closed", False))


def changed_pieces(previous: str | None, now: str) -> list[tuple[str, bool]]:
    """Cut `now` into words and spaces, each with True if it was not there in `previous` (never, if that is None)."""
    pieces = _PIECES.findall(now)
    if previous is None:
        return [(piece, False) for piece in pieces]
    changed = [True] * len(pieces)
    for block in difflib.SequenceMatcher(None, _PIECES.findall(previous), pieces, autojunk=False).get_matching_blocks():
        changed[block.b : block.b + block.size] = [False] * block.size
    return [(piece, is_new and not piece.isspace()) for piece, is_new in zip(pieces, changed, strict=True)]


def marks(source: str, reference: str, output: str) -> list[str]:
    """Say in words what is plainly wrong with an output: empty, the source copied, or a repetition."""
    if not output.strip():
        return ["empty"] if source.strip() else []
    found = []
    if _folded(output) == _folded(source) and _folded(source) != _folded(reference):
        found.append("source copied")
    if _repeats(output) and not _repeats(reference):
        found.append("repetition")
    return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _repeats(text: str) -> bool:
    """True if a block of 1 to 4 words stands three times in a row, or letters four times within a word."""
    words = _WORDS.findall(text.casefold())
    for length in range(1, _LONGEST_REPEATED_BLOCK + 1):
        same = 0
        for here, later in zip(words, words[length:], strict=False):
            same = same + 1 if here == later else 0
            if same >= (_BLOCKS_THAT_ARE_A_LOOP - 1) * length:
                return True
    return any(len(match.group()) >= 8 for match in map(_REPEATED_CHARACTERS.search, words) if match)
