"""Subtitles in SubRip or WebVTT in, their texts out; translations take their place and keep to the length of a line.

A line that begins with a dash is somebody else speaking and stays a line of its own; other lines of a cue are one text.
Times, numbers, settings, notes and styles stay.
"""

import re
from functools import partial

from polyglass.data.formats.cues import Cue, read_cues
from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, read_original
from polyglass.text.parts import Kind

SHORTEST_LINE = 37  # characters that every player can show; a file with longer lines may have longer ones
_TAG = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")
_DASH = re.compile(r"(?m)^[ \t]*(?:<[^<>]*>|\{\\[^{}]*\})*[ \t]*[-–—]")


def read_subtitles(content: bytes, name: str) -> Document:
    """Read subtitles. Raises DataError if there are none."""
    original = read_original(content, name)
    is_vtt = original.text.startswith("WEBVTT")
    cues = list(read_cues(original.text, name))
    longest = max((len(_TAG.sub("", line)) for cue in cues for line in cue.text.splitlines()), default=0)
    kind: Kind = "html" if is_vtt else "plain"
    units = [_unit(cue, f"{name}:{original.line_of(cue.start)}", max(SHORTEST_LINE, longest)) for cue in cues]
    return Document(original, "WebVTT" if is_vtt else "SubRip", (None, None), lambda *_: units, kind, in_place=True)


def _unit(cue: Cue, place: str, width: int) -> Unit:
    has_dashes = len(_DASH.findall(cue.text)) > 1
    reason = "" if cue.text.strip() else "empty source"
    segment = Segment(cue.text, "closed" if reason else "open", reason)
    return Unit(place, (segment,), partial(_write, cue, width), "keep" if has_dashes else "space")


def _write(cue: Cue, width: int, texts: Translated, language: str) -> list[Edit]:
    text = texts[0] or ""
    line_end = "\r\n" if "\r\n" in cue.text else "\n"
    lines = text.splitlines()
    if text != cue.text:
        lines = [part for line in lines for part in break_lines(line, width)]
    # An empty line would end the cue, and an arrow would begin another one.
    written = line_end.join(line for line in lines if line.strip()).replace("-->", "->")
    return [Edit(cue.start, cue.end, cue.text if text == cue.text else written)]


def break_lines(text: str, width: int) -> list[str]:
    """Break a text into as few lines as `width` allows, all about as long; tags have no width.

    A text without spaces is broken where it must be.
    """
    words = re.findall(r"(?:<[^<>]*>|\{\\[^{}]*\}|[^\s<{]|[<{])+", text)
    if _width(text) <= width or not words:
        return [text] if text else []
    if len(words) == 1 or max(map(_width, words)) > width:
        words = [part for word in words for part in _chopped(word, width)]
    joint = "" if " " not in text.strip() else " "
    count = -(-_width(text) // width)
    while True:
        target = max(-(-_width(text) // count), max(map(_width, words)))
        lines = _filled(words, target, width, joint)
        if len(lines) <= count or target >= width:
            return lines
        lines = _filled(words, width, width, joint)
        if len(lines) <= count:
            return _balanced(words, count, width, joint)
        count += 1


def _filled(words: list[str], target: int, width: int, joint: str) -> list[str]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]}{joint}{word}" if lines[-1] else word
        if lines[-1] and _width(longer) > target:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _balanced(words: list[str], count: int, width: int, joint: str) -> list[str]:
    """Return the lines with the smallest width that still gives `count` of them."""
    low, high = 1, width
    while low < high:
        middle = (low + high) // 2
        if len(_filled(words, middle, width, joint)) <= count:
            high = middle
        else:
            low = middle + 1
    return _filled(words, high, width, joint)


def _chopped(word: str, width: int) -> list[str]:
    if _width(word) <= width or "<" in word or "{" in word:
        return [word]
    return [word[at : at + width] for at in range(0, len(word), width)]


def _width(text: str) -> int:
    return len(_TAG.sub("", text))
