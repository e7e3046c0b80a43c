"""What the pages say can be followed: commands parse, links lead somewhere, each claim names its test."""

import importlib
import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

import pytest

from polyglass.cli.main import VERBS, Parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CLAIMS = ROOT / "docs" / "notes" / "three-passes.md"
CLAIM_COUNT = 31
NOT_YET = "comes with experiments"

FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(polyglass [^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATHS = re.compile(r"`((?:tests|benchmarks)/[\w/.-]+)`")
ACTIONS = {"check", "clean", "convert", "demo", "fix", "options", "presets", "sample", "show", "split"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands_in(text: str) -> list[str]:
    """Return each `polyglass ...` of a page: lines of shell blocks (behind a pipe, too) and code spans."""
    lines = [part for block in FENCE.findall(text) for line in block.splitlines() for part in line.split(" | ")]
    return [line for line in [*lines, *SPAN.findall(text)] if line.startswith("polyglass ")]


def parser() -> ArgumentParser:
    """Return the parser of the whole command line, every verb loaded."""
    top = Parser(prog="polyglass")
    top.add_argument("--version", action="store_true")
    verbs = top.add_subparsers(required=True)
    for group in VERBS.values():
        for verb in group:
            importlib.import_module(f"polyglass.cli.{verb}").add_parser(verbs)
    return top


def refused(command: str) -> bool:
    """Whether the command line would refuse it. The name of a verb alone, as in a sentence, is no command."""
    words = shlex.split(command, comments=True)[1:]
    names = {verb for group in VERBS.values() for verb in group} | ACTIONS
    if words == ["--version"] or words[-1] == "--help" or set(words) <= names:
        return False
    try:
        parser().parse_args(words)
    except SystemExit as end:
        return end.code != 0
    return False


def anchors_of(page: Path) -> set[str]:
    return set(re.findall(r'<a id="([\w-]+)">', text_of(page)))


def claims() -> dict[int, str]:
    """Return number -> text of each claim."""
    parts = re.split(r'<a id="claim-(\d+)"></a>\n', text_of(CLAIMS))
    return dict(zip(map(int, parts[1::2]), parts[2::2], strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [command for command in commands_in(text_of(page)) if refused(command)]
    assert not wrong, capsys.readouterr().err


def test_the_readme_has_an_example_of_every_verb() -> None:
    shown = {command.split()[1] for command in commands_in(text_of(ROOT / "README.md"))}
    assert {verb for group in VERBS.values() for verb in group} - shown == set()


def test_a_misspelt_flag_would_be_found() -> None:
    assert refused("polyglass train a.en a.de --vallid b.en b.de --out x")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors_of(file), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_and_benchmark_that_a_page_names_exists(page: Path) -> None:
    assert [name for name in PATHS.findall(text_of(page)) if not (ROOT / name).exists()] == []


def test_every_claim_has_its_anchor() -> None:
    assert list(claims()) == list(range(1, CLAIM_COUNT + 1))


@pytest.mark.parametrize("number", range(1, CLAIM_COUNT + 1))
def test_every_claim_names_a_test_or_says_that_there_is_none_yet(number: int) -> None:
    text = claims()[number]
    assert "Shown by: " in text
    assert PATHS.findall(text) or NOT_YET in text


def test_every_source_file_that_the_quiz_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", text_of(ROOT / "docs" / "code-quiz.md"))
    missing = [name for name in named if not any((base / name).exists() for base in (ROOT, ROOT / "src" / "polyglass"))]
    assert named
    assert missing == []


def test_the_quiz_has_twenty_questions_with_hidden_answers() -> None:
    text = text_of(ROOT / "docs" / "code-quiz.md")
    assert (len(re.findall(r"^\*\*\d+\. .*\?\*\*$", text, re.MULTILINE)), text.count("<details>")) == (20, 20)


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {path.name for path in folder.glob("0*.md")}
    assert set(LINK.findall(text_of(folder / "README.md"))) == pages
