"""An outcome in, one self-contained page out: the verdict first, then what it rests on. No script, nothing fetched."""

from collections.abc import Sequence
from pathlib import Path

from polyglass._version import __version__
from polyglass.experiments.charts import draw_all
from polyglass.experiments.outcome import Finding, Outcome, Section, save_outcome
from polyglass.experiments.style import STYLE
from polyglass.files import write_atomically
from polyglass.training.markup import Html, tag
from polyglass.training.report import POLICY

PAGE = "index.html"

__all__ = ["PAGE", "STYLE", "document", "outcome_page", "write_outcome"]


def document(title: str, parts: Sequence[Html], *, footer: str = "", style: str = "") -> str:
    """Return a whole HTML document with our style sheet and a policy that forbids scripts and fetching.

    style: what this page needs beside it.
    """
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        '<link rel="icon" href="data:,">'
    )
    ending = f"{footer} Made by polyglass {__version__}. This page fetches nothing.".strip()
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}{tag("title", title)}<style>{STYLE}{style}</style></head>'
        f"<body>{tag('main', *parts, tag('footer', ending))}</body></html>\n"
    )


def outcome_page(outcome: Outcome) -> str:
    """Return the page of one experiment."""
    parts = [_header(outcome), *map(_finding, outcome.findings), *map(_section, outcome.sections), _method(outcome)]
    return document(f"{outcome.title}: {outcome.verdict}", parts)


def write_outcome(folder: Path, outcome: Outcome) -> Path:
    """Write index.html and results.json into `folder`; return the path of the page.

    Each file is replaced in one step, so that a page that is refreshed while trials go on is always whole.
    """
    save_outcome(folder, outcome)
    path = folder / PAGE
    write_atomically(path, outcome_page(outcome).encode())
    return path


def _header(outcome: Outcome) -> Html:
    parts = [tag("h1", outcome.title), tag("p", outcome.question, class_="quiet")]
    if outcome.unfinished:
        parts.append(tag("p", outcome.unfinished, class_="banner"))
    return tag("header", *parts)


def _finding(finding: Finding) -> Html:
    kind = finding.verdict.split()[0] if finding.verdict != "confirmed with a condition" else "condition"
    rule = tag("details", tag("summary", "How this is decided"), tag("p", finding.rule))
    claim = tag("p", f"{finding.whose}: ", tag("q", finding.claim), class_="quiet")
    return tag(
        "section", tag("h2", _capital(finding.verdict)), claim, tag("p", finding.words), rule, class_=f"verdict {kind}"
    )


def _section(section: Section) -> Html:
    words = [tag("p", paragraph) for paragraph in section.paragraphs]
    return tag("section", tag("h2", section.title), *words, draw_all(section.figures))


def _method(outcome: Outcome) -> Html:
    words = [tag("p", paragraph) for paragraph in outcome.method]
    rows = [tag("tr", tag("th", fact.name, scope="row"), tag("td", fact.value)) for fact in outcome.settings]
    settings = tag("details", tag("summary", "All settings"), tag("table", tag("tbody", *rows)))
    command = [tag("p", "This command makes it again:"), tag("pre", outcome.command)]
    signature = tag("p", outcome.signature, class_="quiet small")
    return tag("section", tag("h2", "How it was measured"), *words, settings, *command, signature)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
