"""A text file in, one text for each line out."""

from collections.abc import Iterator
from pathlib import Path

from polyglass.data.formats import bad_bytes
from polyglass.data.formats.opening import raw_lines
from polyglass.data.pair import DamagedText, Errors


def read_lines(path: Path, *, errors: Errors) -> Iterator[str]:
    """Yield each line, without its end. Only LF and CRLF end a line; U+2028, NUL and the like are text.

    A line that is not UTF-8 raises DataError, or with errors="skip" comes as a `DamagedText`, so that no line moves.
    """
    for number, raw in enumerate(raw_lines(path), start=1):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise bad_bytes.explain(path, number, raw, error) from None
            yield DamagedText(raw.decode("utf-8", "backslashreplace"))
