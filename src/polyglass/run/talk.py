"""Whom a run talks to: a terminal (see `cli/train.py`), or nobody."""

from typing import Protocol

from polyglass.config import Config
from polyglass.data.doctor import CorpusHealth
from polyglass.training.events import Plan, Reporter, Validation
from polyglass.training.plan_view import Card
from polyglass.training.progress import Several


class Talk(Protocol):
    """What a run says, in this order."""

    def say(self, text: str) -> None:
        """A short line about what is being done."""

    def data(self, health: CorpusHealth) -> None:
        """What the corpus holds and what was dropped."""

    def plan(self, plan: Plan) -> None:
        """What is going to happen."""

    def training(self, config: Config, last: Validation | None) -> Reporter:
        """Open the reporter that is told of every step. last: the last validation of an earlier sitting."""
        ...

    def card(self, card: Card) -> None:
        """What came out."""


class Quiet:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def data(self, health: CorpusHealth) -> None:
        """Say nothing."""

    def plan(self, plan: Plan) -> None:
        """Say nothing."""

    def training(self, config: Config, last: Validation | None) -> Reporter:
        """Return a reporter that tells nobody."""
        return Several([])

    def card(self, card: Card) -> None:
        """Say nothing."""
