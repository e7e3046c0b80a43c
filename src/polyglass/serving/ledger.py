"""Who wants what: orders in, jobs out, replies back to the orders. Plain bookkeeping; the batcher holds the lock."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from polyglass.errors import PolyglassError
from polyglass.serving.cache import Cache
from polyglass.serving.orders import Order, Reply, Sentence
from polyglass.serving.waiting import Job, Waiting

R = TypeVar("R")

_FIRST_SPEED = 2000.0  # weight a second, until the first batches have told
_MEMORY = 0.8  # how much the batches before count against the last one
_FEW_BATCHES = 4
_MOST_SHARES = 4  # a long order is never planned at less than a quarter of the model, or it would not end in time


class QueueFullError(PolyglassError):
    """So much waits already that this would wait too long. retry_after: seconds until it may fit."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("More waits for the model than it can do in time. Try again later.")
        self.retry_after = retry_after


class DeadlinePassedError(PolyglassError):
    """It waited until its deadline and was given up."""


@dataclass(frozen=True)
class QueueLimits:
    """batch: largest batch. queue: the most that may wait in all; both in weight. wait: longest time that somebody who
    comes now may expect to wait.

    gather: after a batch of several sentences, how long their senders have to come again before the next one begins.
    """

    batch: int
    queue: int
    wait_seconds: float
    gather_seconds: float


class Ledger(Generic[R]):
    """What waits, what the model is at, and what is known from before."""

    def __init__(self, limits: QueueLimits, cache: Cache[R]) -> None:
        self._limits, self._cache = limits, cache
        self.waiting: Waiting[R] = Waiting()
        self._running: dict[Sentence, Job[R]] = {}
        self._worked = (_FIRST_SPEED, 1.0)  # weight and seconds; older ones count less
        self._batches = 0
        self._batch_seconds = 0.0
        self._open: set[Order[R]] = set()
        self.cached = self.joined = 0

    @property
    def load(self) -> int:
        """The weight of everything that waits or is in the model."""
        return self.waiting.weight + sum(sentence.weight for sentence in self._running)

    @property
    def speed(self) -> float:
        """Weight that the model does in a second, of late."""
        weight, seconds = self._worked
        return weight / seconds

    def overload(self, now: float) -> float:
        """Return by how many seconds somebody who comes now would wait longer than allowed; 0 if not at all."""
        ahead = self.waiting.weight_due(now) + sum(sentence.weight for sentence in self._running)
        # Where one batch takes longer than anybody may wait, a few must be allowed to wait all the same.
        allowed = max(self._limits.wait_seconds, _FEW_BATCHES * self._batch_seconds)
        return max(0.0, ahead / self.speed - allowed, self._surplus(0))

    def add(self, order: Order[R], *, urgent: bool) -> None:
        """Let the sentences of an order wait, unless an equal one waits already or its answer is known."""
        now = time.monotonic()
        if not urgent:
            self._refuse_too_much(order.sentences, now)
        shares = 1 + min(len(self._open), _MOST_SHARES - 1)
        ahead = 0
        for place, sentence in enumerate(order.sentences):
            known = None if urgent else self._cache.get(sentence)
            if known is not None:
                self.cached += 1
                order.settle(place, Reply(known))
                continue
            job = self._job(sentence)
            due = 0.0 if urgent else now + shares * ahead / self.speed
            if job is None:
                job = Job(sentence, due=due, since=now)
                self.waiting.add(job)
                ahead += sentence.weight
            elif job.is_waiting:
                self.waiting.hasten(job, due)
            self.joined += bool(job.waiters)
            job.waiters.append((order, place))
        if not order.done:
            self._open.add(order)

    def cancel(self, order: Order[R]) -> None:
        """Forget an order. What nobody else wants leaves the queue; what is in the model is finished for the cache."""
        self._open.discard(order)
        for sentence, reply in zip(order.sentences, order.replies, strict=True):
            job = None if reply else self._job(sentence)
            if job is not None:
                self._drop(job, lambda waiter: waiter is order)

    def give_up_late(self, now: float) -> set[Order[R]]:
        """Answer sentences whose deadline has passed; return the orders to be told."""
        told: set[Order[R]] = set()
        for job in list(self.waiting):
            late = [waiter for waiter in job.waiters if waiter[0].deadline < now]
            for order, place in late:
                self._settle(order, place, Reply(error=DeadlinePassedError("It waited longer than its time limit.")))
                told.add(order)
            if late:
                self._drop(job, told.__contains__)
        return told

    def take(self, now: float) -> list[Job[R]]:
        """Return the next batch, which now counts as running; empty if nothing waits."""
        batch = self.waiting.take(self._limits.batch, now)
        self._running = {job.sentence: job for job in batch}
        return batch

    def finish(
        self, batch: Sequence[Job[R]], answers: Sequence[R | Exception], *, began: float, worked: float
    ) -> set[Order[R]]:
        """Give the answers of a batch to everybody who wants them; return the orders to be told."""
        self._running = {}
        self._batches += 1
        self._batch_seconds = _MEMORY * self._batch_seconds + (1 - _MEMORY) * worked
        weight, seconds = self._worked
        weight = _MEMORY * weight + sum(job.sentence.weight for job in batch)
        self._worked = (weight, _MEMORY * seconds + worked)
        told: set[Order[R]] = set()
        for job, answer in zip(batch, answers, strict=True):
            result, error = (None, answer) if isinstance(answer, Exception) else (answer, None)
            if result is not None:
                self._cache.put(job.sentence, result)
            reply = Reply(result, error, self._batches, len(batch), max(0.0, began - job.since), worked)
            for order, place in job.waiters:
                self._settle(order, place, reply)
                told.add(order)
        return told

    def fail_all(self, error: Exception) -> set[Order[R]]:
        """Answer everything that waits or runs with this error; return the orders to be told."""
        told: set[Order[R]] = set()
        for job in [*self._running.values(), *self.waiting]:
            for order, place in job.waiters:
                self._settle(order, place, Reply(error=error))
                told.add(order)
        self._running, self.waiting = {}, Waiting()
        return told

    def _job(self, sentence: Sentence) -> Job[R] | None:
        return self._running.get(sentence) or self.waiting.find(sentence)

    def _drop(self, job: Job[R], unwanted: Callable[[Order[R]], bool]) -> None:
        job.waiters = [waiter for waiter in job.waiters if not unwanted(waiter[0])]
        if not job.waiters and job.sentence not in self._running:
            self.waiting.remove(job)

    def _settle(self, order: Order[R], place: int, reply: Reply[R]) -> None:
        order.settle(place, reply)
        if order.done:
            self._open.discard(order)

    def _surplus(self, weight: int) -> float:
        """Return how many seconds of work there would be more than may wait in all."""
        return (self.load + min(weight, self._limits.queue) - self._limits.queue) / self.speed

    def _refuse_too_much(self, sentences: Sequence[Sentence], now: float) -> None:
        """Refuse what would wait too long. With nothing before it, everything is taken: its size was checked."""
        if not self.load:
            return
        fresh = {one for one in sentences if self._job(one) is None and self._cache.get(one) is None}
        weight = sum(sentence.weight for sentence in fresh)
        seconds = max(self.overload(now), self._surplus(weight))
        if fresh and seconds > 0:
            raise QueueFullError(seconds)
