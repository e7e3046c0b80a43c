"""One thread between many requests and the models: orders in, batches to a function, replies to their orders.

Plain Python: the function that translates a batch is handed in, and so is the way in which orders are told of their
replies. A reply finds its order through the job that it belongs to, never through a position in a queue.

A batch that fails as a whole is tried again sentence by sentence, so that an error stays with the sentence that has
it. If the thread itself dies, everybody who waits is told (`ModelThreadDied`), and `alive` is False from then on.
"""

import threading
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from polyglass.errors import PolyglassError
from polyglass.serving.cache import Cache
from polyglass.serving.ledger import Ledger, QueueLimits
from polyglass.serving.orders import Order, Sentence
from polyglass.serving.waiting import Job

R = TypeVar("R")

Translate = Callable[[Hashable, Sequence[Sentence]], Sequence[R | Exception]]
"""(group, sentences of that group) -> for each a result, or the error that it alone has."""


class ModelThreadDied(PolyglassError):  # noqa: N818 (it says what happened)
    """The thread that asks the models has ended; this process cannot translate any more."""


@dataclass(frozen=True)
class BatchRecord:
    """What one batch was, for whoever counts. waited: seconds of each of its sentences in the queue."""

    group: Hashable
    tokens: int
    waited: tuple[float, ...]
    worked: float
    failed: int


class Batcher(Generic[R]):
    """Owns the model thread and the queue. All methods may be called from any thread.

    deliver: told on the model thread which orders have new replies; it should call their `wake` where they live.
    observe: told on the model thread about each batch. death: what ended the thread before its time.
    """

    def __init__(
        self,
        translate: Translate[R],
        *,
        limits: QueueLimits,
        cache: Cache[R],
        deliver: Callable[[Collection[Order[R]]], None],
        observe: Callable[[BatchRecord], None],
    ) -> None:
        self._translate, self._deliver, self._observe = translate, deliver, observe
        self._gather_seconds = limits.gather_seconds
        self._ledger = Ledger(limits, cache)
        self._changed = threading.Condition()
        self._closing = False
        self.death: BaseException | None = None
        self._began: float | None = None
        self._last_batch = (0, 0.0)  # sentences, seconds
        self._thread = threading.Thread(target=self._run, name="polyglass-model", daemon=True)

    def start(self) -> None:
        """Start the model thread."""
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Finish what waits, end the thread, and say whether it ended in time. Later orders are refused."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        """Whether the model thread can still answer."""
        return self._thread.is_alive() and self.death is None

    @property
    def ledger(self) -> Ledger[R]:
        """The books, for reading single numbers."""
        return self._ledger

    def submit(self, order: Order[R], *, urgent: bool = False) -> None:
        """Take an order; replies from the cache are in it when this returns.

        urgent: it goes before all others, past the limits and past the cache. Raises QueueFullError, ModelThreadDied.
        """
        with self._changed:
            if self.death or self._closing:
                raise ModelThreadDied("The model thread has ended. Restart the server.")
            self._ledger.add(order, urgent=urgent)
            self._changed.notify()

    def overload(self) -> float:
        """Return by how many seconds somebody who comes now would wait longer than allowed; 0 if not at all."""
        with self._changed:
            return self._ledger.overload(time.monotonic())

    def cancel(self, order: Order[R]) -> None:
        """Forget an order; it gets no more replies."""
        with self._changed:
            self._ledger.cancel(order)

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                self._serve(batch)
        except BaseException as error:  # whatever it was, those who wait must hear of it
            with self._changed:
                self.death, self._began = error, None
                told = self._ledger.fail_all(ModelThreadDied("The model thread has ended."))
            self._deliver(told)

    def _next_batch(self) -> list[Job[R]]:
        """Wait for work and take it; empty when the batcher is closed and nothing is left."""
        while True:
            with self._changed:
                while not self._ledger.waiting.count and not self._closing:
                    self._changed.wait()
                if not self._ledger.waiting.count:
                    return []
            self._gather()
            with self._changed:
                now = time.monotonic()
                late = self._ledger.give_up_late(now)
                batch = self._ledger.take(now)
                self._began = now if batch else None
            if late:
                self._deliver(late)
            if batch:
                return batch

    def _gather(self) -> None:
        """Senders of the last batch who ask again do so at once: wait a moment for them, or batches fall apart."""
        sentences, seconds = self._last_batch
        until = time.monotonic() + min(self._gather_seconds, seconds / 5)
        while self._ledger.waiting.count < sentences and time.monotonic() < until and not self._closing:
            time.sleep(0.001)

    def _serve(self, batch: list[Job[R]]) -> None:
        group, sentences = batch[0].sentence.group, [job.sentence for job in batch]
        began = self._began or time.monotonic()
        answers = self._answers(group, sentences)
        worked = time.monotonic() - began
        with self._changed:
            told = self._ledger.finish(batch, answers, began=began, worked=worked)
            self._began, self._last_batch = None, (len(batch), worked)
        self._deliver(told)
        failed = sum(isinstance(answer, Exception) for answer in answers)
        tokens = sum(sentence.tokens for sentence in sentences)
        self._observe(BatchRecord(group, tokens, tuple(began - job.since for job in batch), worked, failed))

    def _answers(self, group: Hashable, sentences: Sequence[Sentence]) -> Sequence[R | Exception]:
        """Ask the model; if all fails together, ask for each sentence alone."""
        try:
            answers = self._translate(group, sentences)
            if len(answers) != len(sentences):
                raise RuntimeError(f"the model gave {len(answers)} answers to {len(sentences)} sentences")
        except Exception as error:
            if len(sentences) == 1:
                return [error]
            return [self._answers(group, [sentence])[0] for sentence in sentences]
        return answers
