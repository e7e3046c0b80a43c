"""The map in ARCHITECTURE.md has one line for each source file, and no other."""

import re
from collections import Counter
from pathlib import Path

LINE = re.compile(r"^- `([\w/]+\.py)`: \S", re.MULTILINE)


def mapped(root: Path) -> list[str]:
    return LINE.findall((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def on_disk(root: Path) -> set[str]:
    package = root / "src" / "polyglass"
    return {path.relative_to(package).as_posix() for path in package.rglob("*.py")}


def test_every_source_file_has_a_line_in_the_map(root: Path) -> None:
    assert on_disk(root) - set(mapped(root)) == set()


def test_every_line_of_the_map_is_a_source_file(root: Path) -> None:
    assert set(mapped(root)) - on_disk(root) == set()


def test_no_file_is_mapped_twice(root: Path) -> None:
    assert [name for name, count in Counter(mapped(root)).items() if count > 1] == []
