"""Messages of ICU in, their parts out: `{count, plural, one {# dog} other {# dogs}}` (Unicode UTS 35, message format).

An apostrophe before a brace quotes it: `'{'` is text. A message whose braces do not match is no message.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_MESSAGE = 20_000  # characters; longer ones are text
MAX_DEPTH = 40
_ARGUMENT = re.compile(r"\s*[\w.-]{1,100}\s*(?:,\s*(?P<type>\w{1,30})\s*(?P<style>,.*)?)?", re.DOTALL)
_CHOICE = re.compile(r"\s*(?P<selector>=\d{1,18}|[\w-]{1,100})\s*\{", re.DOTALL)
_HEAD = re.compile(
    r"\{\s*[\w.-]{1,100}\s*,\s*(?P<type>plural|select|selectordinal)\s*,\s*(?:offset\s*:\s*\d{1,9}\s*)?", re.DOTALL
)
_TYPES = frozenset(["number", "date", "time", "duration", "ordinal", "spellout", "list", "choice"])
_BRANCHING = frozenset(["plural", "select", "selectordinal"])
_BRACE = re.compile(r"'[{}][^']{0,2000}'|[{}]")


@dataclass(frozen=True)
class Branch:
    """The text of one branch. start, end: where it stands in the message; plural: "#" stands for the number in it."""

    start: int
    end: int
    plural: bool


def find_messages(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each plural or select in a text, from left to right."""
    start = 0
    while found := _HEAD.search(text, start):
        start = matching_brace(text, found.start())
        if start and branches(text[found.start() : start]):
            yield found.start(), start
        start = max(start, found.end())


def matching_brace(text: str, at: int) -> int:
    """Return the end (exclusive) of what the brace at `at` opens, or 0 if nothing closes it near enough."""
    depth = 0
    for found in _BRACE.finditer(text, at, at + MAX_MESSAGE):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}":
            depth -= 1
        if depth == 0:
            return found.end()
        if depth > MAX_DEPTH:
            break
    return 0


def is_argument(inside: str) -> bool:
    """True for what may stand between the braces of an argument that has a type: `n, number` or `n, plural, ...`."""
    found = _ARGUMENT.fullmatch(inside)
    if found is None or found["type"] is None:
        return False
    if found["type"] in _BRANCHING:
        return branches("{" + inside + "}") is not None
    return found["type"] in _TYPES


def branches(message: str) -> list[Branch] | None:
    """Return the branches of a message that is one plural or select and nothing else; None if it is none."""
    head = _HEAD.match(message)
    if head is None or matching_brace(message, 0) != len(message):
        return None
    found: list[Branch] = []
    at, end = head.end(), len(message) - 1
    while (choice := _CHOICE.match(message, at, end)) is not None:
        close = matching_brace(message, choice.end() - 1)
        if not close or close > end:
            return None
        found.append(Branch(choice.end(), close - 1, head["type"] != "select"))
        at = close
    whole = bool(found) and not message[at:end].strip()
    return found if whole else None
