"""A text in, the places that no translator may touch out: placeholders, addresses, codes.

Known are printf (`%s`, `%1$d`, `%(name)s`, `%@`), Qt and Ruby (`%1`, `%{name}`), braces (`{name}`, `{0:N2}`, `{{x}}`,
`${x}`, `#{x}`, `{% tag %}`), ICU messages, templates (`<%= x %>`), escapes (`\\n`), URLs, e-mail addresses, paths, and
what only looks like a word: `ABC-1234`, `0xFF`, `1.2.3`. Every pattern reads a character a bounded number of times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from polyglass.text.icu import MAX_MESSAGE, is_argument, matching_brace

FIRST_MASK, MASKS = 0xE000, 16
"""Characters of Unicode's private use area that stand for placeholders inside a model; they mean nothing elsewhere."""

_PATTERN = r"""
      (?P<mask> [\ue000-\ue00f] )
    | (?P<template> <%[^%<>]{0,300}%> | \{%[^%{}]{0,300}%\} | \{\#[^\#{}]{0,300}\#\} )
    | (?P<url> (?<![\w.]) (?: (?:https?|ftps?|file|ssh|git|irc|tel|data|urn) : (?=[/\w]) | mailto: | www\. )
        [^\s<>"“”«»{}|\\^`\x00-\x1f]{1,2000} (?<![.,;:!?'’)\]…。，、]) )
    | (?P<email> (?<![\w.+-]) [\w.+-]{1,64} @ [\w-]{1,63} (?: \.[\w-]{1,63} ){1,8} )
    | (?P<path> (?<![\w/.~\\]) (?: [A-Za-z]:\\ (?:[\w.$-]{1,99}\\){0,20} [\w.$-]{0,99}
        | ~?/ (?:[\w.+@-]{1,99}/){1,20} [\w.+@-]{0,99} ) (?<![.,;:!?]) )
    | (?P<dollar> \$\{[^{}\s]{1,100}\} | \$t\([^()]{1,100}\) | (?<![\w$]) \$[A-Za-z_]\w{0,99} )
    | (?P<brace> [#@]? \{ )
    | (?P<bracket> \[\[[^\[\]\n]{1,100}\]\] )
    | (?P<percent> %\([^()\s]{1,100}\)[-+\#0 ]{0,3}\d{0,3}(?:\.\d{1,3})?[A-Za-z] | %\{[^{}\s]{1,100}\}
        | %<[^<>\s]{1,100}>[-+\#0]{0,3}\d{0,3}(?:\.\d{1,3})?[A-Za-z]
        | %%[A-Za-z_]\w{1,60}%% | %[A-Za-z_]\w{2,60}%(?![\w$({%])
        | %\d{1,2}\$[-+\#0]{0,3}(?:\*|\d{1,3})?(?:\.(?:\*|\d{1,3}))?(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGaAcCsSpn@]
        | (?<!\d)%[-+\#0]{0,3}(?:\*|\d{1,3})?(?:\.(?:\*|\d{1,3}))?(?:hh?|ll?|[Lqjzt])?[diouxXeEfFgGaAcCsSpn@]
        | (?<=\d)%[diouxXeEfFgGcsp@](?![A-Za-z]) | %% | (?<!\d)%L?\d{1,2}(?!\d) )
    | (?P<escape> \\[nrt"'\\] )
    | (?P<entity> &(?:\#\d{1,7}|\#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31}); )
    | (?P<number> (?<![\w.,:/-]) (?: 0x[0-9A-Fa-f]{1,64} | v?\d{1,9}(?:\.\d{1,9}){2,8} | \d{1,9}(?:[-:/]\d{1,9}){2,8}
        | [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12} | \d{7,64} ) (?![\w]) )
    | (?P<word> (?<![\w-]) (?=[\w./-]{0,40}\d[\w./-]{0,40}\d) (?=[\w./-]{0,40}[A-Z])
        [A-Za-z0-9]{1,40}(?:[-_./][A-Za-z0-9]{1,40}){0,8} (?![\w-]) )
"""
_CODES = re.compile(_PATTERN, re.VERBOSE)
_ICU_CODES = re.compile(_PATTERN + r"| (?P<number_sign> \# )", re.VERBOSE)
_SIMPLE = re.compile(r"[\w.$!:,'\"()\[\]*+/<>=#%|?-]{0,100}")


@dataclass(frozen=True)
class Code:
    """A stretch of text that must come out as it went in. start, end: characters of the text, end exclusive."""

    start: int
    end: int
    kind: str


def find_codes(text: str, *, icu: bool = False) -> Iterator[Code]:
    """Yield the codes of a text from left to right; none overlaps another.

    icu: the text is a branch of an ICU plural, in which "#" stands for the number.
    """
    start = 0
    pattern = _ICU_CODES if icu else _CODES
    while found := pattern.search(text, start):
        kind = found.lastgroup or ""
        end = _end_of_brace(text, found.end() - 1) if kind == "brace" else found.end()
        if end > found.start():
            yield Code(found.start(), end, kind)
        start = max(end, found.start() + 1)


def _end_of_brace(text: str, at: int) -> int:
    """Return where what the brace at `at` opens is over, or 0 if it is no placeholder."""
    end = matching_brace(text, at)
    if not end:
        return 0
    inside = text[at + 1 : end - 1]
    if inside.startswith("{") and inside.endswith("}") and "\n" not in inside:
        return end  # {{ anything }}
    if is_argument(inside):
        return end
    return end if _SIMPLE.fullmatch(inside) and len(inside) < MAX_MESSAGE else 0
