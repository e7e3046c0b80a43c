"""What a long run says on stderr while it works, where a person looks; and errors that say how far it got."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from polyglass.errors import PolyglassError


class Progress:
    """Counts finished things; on a terminal it rewrites one line of stderr, four times a second at most.

    prints: whether something else is written to standard output meanwhile; if that is a terminal, too, nothing shows.
    """

    def __init__(self, thing: str, *, prints: bool = True) -> None:
        self.done = 0
        self._thing = thing
        self._shows = sys.stderr.isatty() and not (prints and sys.stdout.isatty())
        self._began = self._shown = time.perf_counter()

    def __enter__(self) -> "Progress":
        return self

    def advance(self, count: int) -> None:
        """Count `count` more."""
        self.done += count
        now = time.perf_counter()
        if self._shows and now - self._shown >= 0.25:
            self._shown = now
            rate = self.done / (now - self._began)
            self._rewrite(f"{self.done:,} {self._thing}s, {rate:,.1f} a second")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shows:
            self._rewrite("")

    def _rewrite(self, text: str) -> None:
        sys.stderr.write(f"\r{text:<60}\r")
        sys.stderr.flush()


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Begin the message of an error of ours with the place where it happened."""
    try:
        yield
    except PolyglassError as error:
        raise type(error)(f"{place}: {error}") from error
