"""Whom a comparison talks to: a terminal (see `cli/compare.py`), or nobody."""

from typing import Protocol

from polyglass.data.doctor import CorpusHealth
from polyglass.experiments.compare_folder import Plan, RunName
from polyglass.experiments.compare_record import Results
from polyglass.experiments.compare_runs import RunState


class CompareTalk(Protocol):
    """What a comparison says. Called from the thread that waits for the runs; must return quickly."""

    def say(self, text: str) -> None:
        """A short line about what is being done."""

    def data(self, health: CorpusHealth) -> None:
        """What the corpus holds and what was dropped."""

    def planned(self, plan: Plan) -> None:
        """What is going to happen."""

    def running(self, states: tuple[RunState, ...], now: RunName) -> None:
        """Where all runs stand, several times a second; `now` is the one that trains."""

    def ended(self, state: RunState, results: Results) -> None:
        """A run has ended, well or not; `results` holds what is known now."""

    def finished(self, results: Results) -> None:
        """What came out so far: at the end, and when somebody stopped it."""

    def close(self) -> None:
        """Nothing more will be said."""


class Silent:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def data(self, health: CorpusHealth) -> None:
        """Say nothing."""

    def planned(self, plan: Plan) -> None:
        """Say nothing."""

    def running(self, states: tuple[RunState, ...], now: RunName) -> None:
        """Say nothing."""

    def ended(self, state: RunState, results: Results) -> None:
        """Say nothing."""

    def finished(self, results: Results) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Do nothing."""
