"""Who may come in now: how many requests are worked on, and whether the server is about to stop."""

from collections.abc import Iterator
from contextlib import contextmanager

from polyglass.serving.refusals import draining, too_busy


class Gate:
    """Counts requests that need the models. Lives on the event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0
        self.draining = False

    def check(self) -> None:
        """Raise Refusal if there are too many inside, or the server is stopping."""
        if self.draining:
            raise draining()
        if self.inside >= self._most:
            raise too_busy(1)

    @contextmanager
    def pass_through(self) -> Iterator[None]:
        """Count a request while the block lasts. Raises Refusal as `check` does."""
        self.check()
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
