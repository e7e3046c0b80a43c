"""Sentences that wait for the model in, batches out: who comes next, and with whom.

Each sentence is due at the moment at which it would begin if its request had its fair share of the model: when the
request came, plus the time for the sentences before it. The one that is due first leads the next batch. So a single
sentence passes a book that came before it, and the book still gets on: its due times do not move, while later requests
are due later and later (virtual clock of fair queueing, Demers et al. 1989). What is due already is what a newcomer
has to wait for.

The leader's batch is filled with sentences of its group, those first that are due, too, and whose length is nearest to
its own: little padding, and nobody short waits until somebody long is finished.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Generic, TypeVar

from polyglass.serving.orders import Order, Sentence

R = TypeVar("R")

WINDOW = 512
"""Sentences of a group that are looked at for one batch, those due first."""
_FEW = 1000


@dataclass(eq=False)
class Job(Generic[R]):
    """One sentence and everybody who wants its answer: (order, place in it). due, since: time.monotonic."""

    sentence: Sentence
    due: float
    since: float
    waiters: list[tuple[Order[R], int]] = field(default_factory=list)
    is_due: bool = False
    is_waiting: bool = False


class Waiting(Generic[R]):
    """All jobs that wait, by group. Not safe for threads: the batcher holds its lock."""

    def __init__(self) -> None:
        self.weight = 0
        self.count = 0
        self._weight_due = 0
        self._groups: dict[Hashable, dict[Sentence, Job[R]]] = {}
        self._later: list[tuple[float, int, Job[R]]] = []  # a heap by due; those that left stay in it for a while
        self._numbers = count()

    def __iter__(self) -> Iterator[Job[R]]:
        for group in self._groups.values():
            yield from group.values()

    def find(self, sentence: Sentence) -> Job[R] | None:
        """Return the job of an equal sentence."""
        return self._groups.get(sentence.group, {}).get(sentence)

    def add(self, job: Job[R]) -> None:
        """Let a job wait."""
        self._groups.setdefault(job.sentence.group, {})[job.sentence] = job
        job.is_waiting = True
        self.weight += job.sentence.weight
        self.count += 1
        self._expect(job)

    def hasten(self, job: Job[R], due: float) -> None:
        """Let a job come earlier, because somebody else wants it, too."""
        if due < job.due:
            job.due = due
            self._expect(job)

    def remove(self, job: Job[R]) -> None:
        """Take a job out."""
        group = self._groups[job.sentence.group]
        del group[job.sentence]
        if not group:
            del self._groups[job.sentence.group]
        job.is_waiting = False
        self.weight -= job.sentence.weight
        self.count -= 1
        self._weight_due -= job.sentence.weight if job.is_due else 0

    def weight_due(self, now: float) -> int:
        """Return the weight of the jobs that are due: what comes before somebody who comes now."""
        while self._later and self._later[0][0] <= now:
            job = heappop(self._later)[2]
            if job.is_waiting and not job.is_due:
                job.is_due = True
                self._weight_due += job.sentence.weight
        return self._weight_due

    def take(self, budget: int, now: float) -> list[Job[R]]:
        """Remove and return the next batch: jobs of one group, at most `budget` in weight with padding, or one job."""
        if not self.count:
            return []
        self.weight_due(now)
        leader = min(self, key=lambda job: job.due)
        group = self._groups[leader.sentence.group].values()
        window = sorted(group, key=lambda job: job.due)[:WINDOW]
        batch = list(_companions(leader, window, budget))
        for job in batch:
            self.remove(job)
        return batch

    def _expect(self, job: Job[R]) -> None:
        if job.is_due:
            return
        heappush(self._later, (job.due, next(self._numbers), job))
        if len(self._later) > 2 * self.count + _FEW:
            self._later = [entry for entry in self._later if entry[2].is_waiting]
            heapify(self._later)


def _companions(leader: Job[R], window: list[Job[R]], budget: int) -> Iterator[Job[R]]:
    """Yield the leader and those of like length, what is due first and the likest first, while they fit together."""
    length, width = leader.sentence.tokens, leader.sentence.width
    least, most = length // 2 - 4, length * 2 + 8
    longest, rows = 0, 0
    for job in sorted(window, key=lambda job: (job is not leader, not job.is_due, abs(job.sentence.tokens - length))):
        tokens = job.sentence.tokens
        if rows and not least <= tokens <= most:
            continue
        if rows and max(longest, tokens) * (rows + 1) * width > budget:
            return
        longest, rows = max(longest, tokens), rows + 1
        yield job
