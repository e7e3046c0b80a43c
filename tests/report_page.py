"""A page of HTML taken apart, for tests: which elements and attributes it has, and whether they close in order."""

import re
from html.parser import HTMLParser
from pathlib import Path

from polyglass.training.report import write_report

OUR_ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title link style body main header footer section h1 h2 h3 p dl dt dd div span i b svg path "
        "rect figure figcaption table thead tbody tr th td pre code bdi mark ul li details summary",
    )
)


class Elements(HTMLParser):
    """Every element and attribute of a page, and whether they close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(name)
        self.attributes |= {key for key, _ in attributes}
        if name not in ("meta", "link"):
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


def page_of(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def elements_of(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser
