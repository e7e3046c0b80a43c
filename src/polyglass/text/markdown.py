"""Markdown in, runs out: what is read and what is layout (CommonMark 0.31, with tables, front matter and footnotes).

Lines are sorted first: code, definitions, rules and the marks of headings, lists and quotes are layout. What is left is
paragraphs, in which emphasis and links are spans, and code and addresses are kept as they are.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from polyglass.text.runs import Run

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_FRONT = re.compile(
    r"\A(?:---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*|\+\+\+[ \t]*\r?\n.*?\n\+\+\+[ \t]*)(?=\r?\n|\Z)", re.DOTALL
)
_HIDDEN = re.compile(r"[ ]{0,3}<(?:!--|(script|style|pre|svg)\b|[?!])", re.IGNORECASE)
_DEFINITION = re.compile(r"[ ]{0,3}\[[^\]\n]{1,200}\]:[ \t]*\S")
_RULE = re.compile(r"[ >]*(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|=+[ \t]*|-+[ \t]*)$")
_DELIMITERS = re.compile(r"[ >]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_MARKS = re.compile(
    r"""[ \t]*(?:(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])|\#{1,6}(?=[ \t]|$)|:(?=[ \t])|\[\^[^\]\n]{1,60}\]:
    |\[[ xX]\](?=[ \t]))[ \t]*)*""",
    re.VERBOSE,
)
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)*[ \t]*")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_TOKEN = re.compile(
    r"""
      (?P<escape> \\[!-/:-@\[-`{-~] )
    | (?P<code> (?<!`)(?P<ticks>`{1,8})(?!`).{1,5000}?(?<!`)(?P=ticks)(?!`) )
    | (?P<auto> <[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]{0,2000}> | <[^\s<>@]{1,64}@[^\s<>]{1,255}> )
    | (?P<html> </?[A-Za-z][\w:-]{0,60}(?:\s[^<>]{0,1000})?/?> | <!--.{0,5000}?--> )
    | (?P<note> \[\^[^\]\s]{1,60}\] )
    | (?P<open> !?\[ )
    | (?P<close> \](?:\((?:[^()\s\\]|\\.|\([^()\s]{0,500}\)){0,2000}
        (?:\s+(?:"[^"]{0,500}"|'[^']{0,500}'|\([^()]{0,500}\)))?\s*\)
        |\[[^\[\]]{0,200}\])? )
    | (?P<mark> \*{1,3} | _{1,3} | ~~ | == )
    | (?P<entity> &(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31}); )
    | (?P<break> (?:[ ]{2,}|\\)\r?\n[ \t]*(?:>[ \t]?)* )
    | (?P<line> \r?\n[ \t]*(?:>[ \t]?)*[ \t]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_SPECIAL = re.compile(r"[\\*`\[\]<]|(?<!\w)_|_(?!\w)")


@dataclass
class _Piece:
    """A token of a paragraph. kind: the group of `_TOKEN` that found it, or "text"."""

    kind: str
    raw: str
    text: str = ""
    pair: int = -1
    opens: bool = False
    closes: bool = False


def read_markdown(text: str) -> Iterator[Run]:
    """Cut Markdown into runs; their raws, one after the other, are the text."""
    paragraph: list[str] = []
    first_pair = 0
    for line in (*_lines(text), _Layout("")):
        if isinstance(line, str):
            paragraph.append(line)
            continue
        if paragraph:
            runs, first_pair = _inline("".join(paragraph), first_pair)
            yield from runs
            paragraph = []
        if line.raw:
            yield Run("break", line.raw)


def escape_markdown(text: str) -> str:
    """Write text so that it means itself in a paragraph."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


@dataclass(frozen=True)
class _Layout:
    raw: str


def _lines(text: str) -> Iterator[str | _Layout]:
    """Yield layout, and stretches of paragraphs with what stands between their lines."""
    front = _FRONT.match(text)
    if front:
        yield _Layout(front[0])
    lines = _LINE.findall(text[front.end() if front else 0 :])
    ends: str | None = None  # what ends a block that is not read
    in_list = in_table = blank = False
    depth = 0
    for number, whole in enumerate(lines):
        line = whole.rstrip("\r\n")
        following = lines[number + 1].rstrip("\r\n") if number + 1 < len(lines) else ""
        if ends is not None:
            yield _Layout(whole)
            ends = None if _ends(line, ends) else ends
        elif not line.strip(" \t>"):
            yield _Layout(whole)
            blank, in_table, depth = True, False, 0
            continue
        elif found := _FENCE.match(line.lstrip(" \t>")) or _HIDDEN.match(line):
            yield _Layout(whole)
            ends = _end_of(found, line)
        elif _is_layout(line, in_table):
            yield _Layout(whole)
        elif blank and not in_list and re.match(r"(?: {4}|\t)", line):
            yield _Layout(whole)
            continue
        else:
            in_table = "|" in line and (in_table or ("-" in following and _DELIMITERS.match(following) is not None))
            before, depth = depth, _MARKS.match(line)[0].count(">")  # type: ignore[index]
            yield from _row(whole) if in_table else _prose(whole, starts=blank or number == 0 or depth > before)
        in_list = _is_item(line) or (in_list and line.startswith((" ", "\t")))
        blank = False


def _is_layout(line: str, in_table: bool) -> bool:
    """True for a line of signs, and for one that defines where a link leads."""
    defines = _DEFINITION.match(line) is not None and not line.lstrip().startswith("[^")
    return defines or _RULE.match(line) is not None or (in_table and _DELIMITERS.match(line) is not None)


def _end_of(found: "re.Match[str]", line: str) -> str | None:
    """Return what ends the block that this line begins, None if it is its own end."""
    if found.re is _FENCE:
        return found[1]
    end = f"</{found[1].lower()}>" if found[1] else "-->" if "<!--" in line else ">"
    return None if end in line.lower()[found.end() :] else end


def _ends(line: str, end: str) -> bool:
    if end[0] in "`~":
        closing = line.strip(" \t>")
        return len(closing) >= len(end) and set(closing) == {end[0]}
    return end in line.lower()


def _is_item(line: str) -> bool:
    return re.match(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]", line) is not None


def _prose(whole: str, *, starts: bool) -> Iterator[str | _Layout]:
    """Yield the marks of a line and its text; a line that only goes on keeps its end as a part of the text."""
    marks = _MARKS.match(whole)
    prefix = marks[0] if marks else ""
    is_quote = prefix.strip(" \t>") == ""
    heading = prefix.strip().startswith("#") or "#" in prefix
    if starts or not is_quote:
        yield _Layout(prefix)
    else:
        yield prefix
    rest = whole[len(prefix) :]
    if heading:
        found = re.search(r"(?:[ \t]+#+)?[ \t]*\r?\n?\Z", rest)
        cut = found.start() if found else len(rest)
        yield rest[:cut]
        yield _Layout(rest[cut:])
    else:
        yield rest


def _row(whole: str) -> Iterator[str | _Layout]:
    """Yield the cells of a row of a table."""
    at = 0
    for found in re.finditer(r"(?<!\\)\||\r?\n|\A[ \t>]+", whole):
        yield whole[at : found.start()]
        yield _Layout(found[0])
        at = found.end()
    yield whole[at:]


def _inline(text: str, first_pair: int) -> tuple[list[Run], int]:
    """Cut a paragraph into runs; pairs are counted from `first_pair` on."""
    pieces = list(_pieces(text))
    pairs = _pair_up(pieces, first_pair)
    return [_run(piece) for piece in pieces if piece.raw], pairs


def _pieces(text: str) -> Iterator[_Piece]:
    at = 0
    for found in _TOKEN.finditer(text):
        if at < found.start():
            yield _Piece("text", text[at : found.start()], text[at : found.start()])
        kind, raw = found.lastgroup or "", found[0]
        kind = "code" if kind == "ticks" else kind
        piece = _Piece(kind, raw, raw)
        before, behind = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        if kind == "mark":
            inside_word = raw[0] == "_" and before.isalnum() and behind.isalnum()
            piece.opens = bool(behind.strip()) and not inside_word and (raw[0] != "_" or not before.isalnum())
            piece.closes = bool(before.strip()) and not inside_word and (raw[0] != "_" or not behind.isalnum())
        elif kind == "html" and raw[1] != "!":
            piece.opens, piece.closes = raw[1] != "/" and raw[-2] != "/", raw[1] == "/"
        elif kind in ("open", "close"):
            piece.opens, piece.closes = kind == "open", kind == "close"
        yield piece
        at = found.end()
    if at < len(text):
        yield _Piece("text", text[at:], text[at:])


def _pair_up(pieces: Sequence[_Piece], number: int) -> int:
    """Give each mark of emphasis and each bracket of a link the number of its pair; return the next free number."""
    opened: list[_Piece] = []
    waiting: Counter[str] = Counter()
    for piece in pieces:
        key = _key(piece)
        if piece.closes and waiting[key]:
            while True:
                mate = opened.pop()
                waiting[_key(mate)] -= 1
                if _key(mate) == key:
                    break
            if piece.raw != "]":  # else the brackets are no link, but text
                mate.pair = piece.pair = number
                piece.opens, mate.closes = False, False
                number += 1
        elif piece.opens:
            opened.append(piece)
            waiting[key] += 1
    return number


def _key(piece: _Piece) -> str:
    """Return what an opening and a closing token have in common."""
    match piece.kind:
        case "open" | "close":
            return "["
        case "html":
            return "<" + "".join(re.findall(r"\A</?([\w:-]+)", piece.raw)).lower()
    return piece.raw


def _run(piece: _Piece) -> Run:
    if piece.pair >= 0:
        return Run("open" if piece.opens else "close", piece.raw, pair=piece.pair)
    match piece.kind:
        case "code" | "auto":
            return Run("code", piece.raw, "\ufffc")
        case "html" | "note":
            is_break = re.match(r"</?(?:br|hr|p|div|h\d|li|ul|ol|table|tr|td|th)\b", piece.raw, re.IGNORECASE)
            return Run("break" if is_break else "point", piece.raw)
        case "escape":
            return Run("text", piece.raw, piece.raw[1:])
        case "entity":
            return Run("text", piece.raw, html.unescape(piece.raw))
        case "break":
            return Run("break", piece.raw)
        case "line":
            return Run("text", piece.raw, " ")
    return Run("text", piece.raw, piece.raw)
