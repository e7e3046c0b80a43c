"""Words that do not belong in the project: notes to ourselves, and folders outside of it."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

SEARCHED = ("*.py", "*.md", "*.toml", "*.html", "*.js", "*.css", "*.txt", "*.tsv")
FOLDERS = ("src", "tests", "docs", "examples", "benchmarks")
NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")  # in two parts, so that this file does not find itself
HOMES = re.compile(r"(?<![\w.])/(home|Users|root)/\w")


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    for pattern in SEARCHED:
        for path in (*root.glob(pattern), *(found for folder in FOLDERS for found in (root / folder).rglob(pattern))):
            yield path.relative_to(root), path.read_text(encoding="utf-8", errors="replace")


def refuse(root: Path, pattern: re.Pattern[str]) -> None:
    found = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path, text in texts(root)
        for number, line in enumerate(text.split("\n"), start=1)
        if pattern.search(line)
    ]
    assert not found, "\n" + "\n".join(found)


def test_no_notes_to_ourselves_are_left(root: Path) -> None:
    refuse(root, NOTES)


def test_no_folder_outside_the_project_is_named(root: Path) -> None:
    refuse(root, HOMES)
    above = root.parent
    if above not in (Path("/"), Path(tempfile.gettempdir())):  # those two may be named
        refuse(root, re.compile(re.escape(f"{above}/")))
