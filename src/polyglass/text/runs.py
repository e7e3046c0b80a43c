"""What a text is cut into before anything is translated: runs of text, tags, codes and layout."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["plain", "html", "xml", "markdown"]
Role = Literal["text", "open", "close", "point", "code", "break"]


@dataclass(frozen=True)
class Run:
    """A stretch of the input. text: what a reader sees of it, "" for a tag; raw: the characters that stand there.

    role: "text"; "open" and "close" for a tag and its counterpart, which have the same `pair`; "point" for a tag by
    itself; "code" for what must be kept, yet counts as a word; "break" for what ends a sentence, and for all that is
    not to be read. values: where in raw there are attribute values for people. in_cdata: text that needs no escapes.
    """

    role: Role
    raw: str
    text: str = ""
    pair: int = -1
    values: tuple[tuple[int, int], ...] = ()
    in_cdata: bool = False


@dataclass(frozen=True)
class TagRules:
    """Which elements are kept as they are with all they hold, which end a sentence, and which do not, though blocks.

    pairs: elements of XML that stand for one tag of the original text each, as (opening, closing) names, such as
    ("bpt", "ept"); those with the same rid, i, startRef or id belong together.
    """

    opaque: frozenset[str] = frozenset()
    splitting: frozenset[str] = frozenset()
    joining: frozenset[str] = frozenset()
    pairs: tuple[tuple[str, str], ...] = ()
