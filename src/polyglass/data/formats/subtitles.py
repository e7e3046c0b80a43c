"""Subtitles of two languages in, one pair for each two that are shown at the same time out."""

import re
from collections.abc import Iterator
from pathlib import Path

from polyglass.data.formats.cues import Cue, read_cues
from polyglass.data.formats.opening import read_whole
from polyglass.data.pair import Pair

_SHARED = 0.5  # of the shorter one's time, for two subtitles to belong together
_TAGS = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


def read_subtitle_pairs(source: Path, target: Path) -> Iterator[Pair]:
    """Yield a pair for each subtitle of the source and the one of the target that is shown at the same time.

    Subtitles without a counterpart are no pairs. The line is the number of the source's subtitle.
    """
    ours, theirs = (
        list(read_cues(read_whole(path, convert=f"iconv -f cp1252 -t utf-8 {path}"), str(path)))
        for path in (source, target)
    )
    at = 0
    for number, cue in enumerate(ours, start=1):
        while at < len(theirs) and theirs[at].finish <= cue.begin:
            at += 1
        if at < len(theirs) and _belong_together(cue, theirs[at]):
            yield Pair(number, _text(cue), _text(theirs[at]))
            at += 1


def _belong_together(one: Cue, other: Cue) -> bool:
    shared = min(one.finish, other.finish) - max(one.begin, other.begin)
    return shared >= _SHARED * min(one.finish - one.begin, other.finish - other.begin) and shared > 0


def _text(cue: Cue) -> str:
    return " ".join(_TAGS.sub("", cue.text).split())
