"""Texts with tags and placeholders for property tests: trees of elements, drawn by hypothesis, and what is in them."""

import re
from collections import Counter
from typing import Any

from hypothesis import strategies as st

PLACEHOLDERS = (
    "%s",
    "%1$s",
    "%d",
    "%(name)s",
    "%@",
    "%.2f",
    "{name}",
    "{0}",
    "{{x}}",
    "${x}",
    "%{x}",
    "{n, number, integer}",
    "{n, plural, one {# dog} other {# dogs}}",
    "https://example.org/a?b=1&amp;c=2",
    "someone@example.org",
    "ABC-1234",
)
NAMES = ("b", "i", "g", "span", "a-b", "x:y")
WORDS = st.sampled_from(
    ["A", "dog", "runs.", "Hello,", "Ä", "don't", "&amp;", "&lt;b&gt;", "5", "犬", "مرحبا", "e\u0301"]
)
SPACE = st.sampled_from([" ", "", "  ", "\n", "\t", "\u00a0"])


def trees(*, empty: tuple[str, ...] = ("<x/>", '<ph id="1"/>', "<!-- c -->")) -> st.SearchStrategy[str]:
    """Draw well-formed XML content; each placeholder and tag that stands alone has spaces around it."""
    leaf = st.one_of(
        st.tuples(WORDS, SPACE).map("".join),
        st.sampled_from(PLACEHOLDERS).map(lambda code: f" {code} "),
        st.sampled_from(empty),
    )
    return st.recursive(
        st.lists(leaf, max_size=5).map("".join),
        lambda inner: st.lists(st.one_of(inner, st.builds(_element, st.sampled_from(NAMES), inner)), max_size=4).map(
            "".join
        ),
        max_leaves=12,
    )


def _element(name: str, inner: str) -> str:
    return f'<{name} id="{len(inner)}">{inner}</{name}>'


def inventory(text: str) -> Counter[str]:
    """Count tags, comments and placeholders."""
    tags = re.findall(r"<[^<>]*>", text)
    rest = re.sub(r"<[^<>]*>", "\0", text)
    found: list[Any] = [*tags]
    for code in sorted(PLACEHOLDERS, key=len, reverse=True):
        found += [code] * rest.count(code)
        rest = rest.replace(code, "\0")
    return Counter(found)
