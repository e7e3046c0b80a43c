"""Subtitles in SubRip (.srt) or WebVTT in, their cues out, each with the characters that its text takes.

A cue is a block of lines of which one has "-->" between two times; its text is what follows up to an empty line (W3C,
"WebVTT: The Web Video Text Tracks Format", §4). Notes, styles, numbers and settings are no text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from polyglass.errors import DataError

_TIME = r"(?:\d{1,4}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
_TIMES = re.compile(rf"^[ \t]*({_TIME})[ \t]*-->[ \t]*({_TIME})([^\r\n]*)\r?$", re.MULTILINE)
_END = re.compile(r"\r?\n[ \t]*\r?(?:\n|\Z)|\r?\n?\Z")


@dataclass(frozen=True)
class Cue:
    """A subtitle. begin, finish: seconds; text: its lines; start, end: the characters that they take in the file."""

    begin: float
    finish: float
    text: str
    start: int
    end: int


def read_cues(text: str, name: str) -> Iterator[Cue]:
    """Yield the cues of a file. Raises DataError if there is none in a file that is not empty."""
    at, count = 0, 0
    while found := _TIMES.search(text, at):
        start = found.end()
        line_end = re.compile(r"\r?\n").match(text, start)
        if line_end is None:
            start = end = len(text)
        else:
            start = line_end.end()
            # A cue without text has an empty line at once, or the times of the next cue.
            empty = re.compile(r"[ \t]*\r?(?:\n|\Z)").match(text, start)
            end = start if empty else _END.search(text, start).start()  # type: ignore[union-attr]
        yield Cue(_seconds(found[1]), _seconds(found[2]), text[start:end], start, end)
        at, count = max(end, found.end()), count + 1
    if not count and text.strip().removeprefix("WEBVTT").strip():
        raise DataError(f"{name} must hold subtitles, but no line has two times with --> between them.")


def _seconds(time: str) -> float:
    parts = [float(part.replace(",", ".")) for part in time.split(":")]
    return sum((part * 60.0**power for power, part in enumerate(reversed(parts))), 0.0)
