"""A table of texts in (source TAB target), one pair for each line out.

The first line says how many columns there are. From the third on they are ignored (download sites put attributions
there); a line with another number of columns holds a tab inside a text and is refused. There are no quotes and no
escapes: what stands between two tabs is the text. A first line such as "en TAB de" or "source TAB target" is a header.
"""

from collections.abc import Iterator
from pathlib import Path

from polyglass.data.formats.languages import is_language
from polyglass.data.formats.lines import read_lines
from polyglass.data.pair import DamagedText, Errors, Pair
from polyglass.errors import DataError


def read_tsv(path: Path, *, errors: Errors) -> Iterator[Pair]:
    """Yield a pair for each line; DataError, or a damaged pair with errors="skip", for a line that holds none."""
    columns = 0
    for number, line in enumerate(read_lines(path, errors=errors), start=1):
        cells = line.split("\t")
        if isinstance(line, DamagedText):
            yield Pair(number, cells[0], "\t".join(cells[1:]), "bad_encoding")
        elif not line:
            yield Pair(number, "", "")
        elif not columns and header(line):
            columns = len(cells)
        else:
            columns = columns or len(cells)
            if len(cells) == columns >= 2:
                yield Pair(number, cells[0], cells[1])
            elif errors == "skip" and columns >= 2:
                yield Pair(number, line, "", "malformed")
            else:
                raise _wrong_columns(path, number, len(cells), columns)


def count_columns(path: Path) -> int:
    """Return the number of columns of the first line that is not empty."""
    return next((line.count("\t") + 1 for line in read_lines(path, errors="skip") if line), 0)


def header(line: str) -> tuple[str | None, str | None] | None:
    """Return the languages that a header line names, (None, None) if it names none, or None if it is no header."""
    cells = line.split("\t")
    if len(cells) >= 2 and is_language(cells[0]) and is_language(cells[1]) and cells[0] != cells[1]:
        return cells[0], cells[1]
    if [cell.lower() for cell in cells[:2]] == ["source", "target"]:
        return None, None
    return None


def _wrong_columns(path: Path, line: int, found: int, columns: int) -> DataError:
    if columns < 2:
        return DataError(
            f"{path}:{line}: a TSV line must be SOURCE, tab, TARGET, but this line has no tab. "
            "Is it one side of a corpus? Then give two text files."
        )
    return DataError(
        f"{path}:{line}: every line must have as many columns as the first ({columns}), but this one has {found}. "
        "A text must not hold a tab: replace it by a space, or give JSONL. Or leave such lines out: --errors skip"
    )
