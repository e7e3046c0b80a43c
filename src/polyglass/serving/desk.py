"""Where the event loop meets the model thread: requests wait here for their replies without holding up each other."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from polyglass.serving.batcher import Batcher, ModelThreadDied
from polyglass.serving.ledger import DeadlinePassedError, QueueFullError
from polyglass.serving.orders import Order, Reply, Sentence
from polyglass.serving.refusals import broken, too_busy, too_slow

R = TypeVar("R")
Deliver = Callable[[Collection[Order[R]]], None]


class Desk(Generic[R]):
    """Hands in orders and waits for them. Lives on one event loop, which `open` is called on.

    make: builds the batcher around the way in which it delivers. time_limit: seconds that an order may take; with
    `each`, that every single reply may take.
    """

    def __init__(self, make: Callable[[Deliver[R]], Batcher[R]], *, time_limit: float) -> None:
        self.batcher = make(self._deliver)
        self._time_limit = time_limit
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Start the model thread; from now on replies arrive on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.batcher.start()

    def refuse_if_full(self) -> None:
        """Raise Refusal (429) if not even the smallest order would be taken; costs nothing."""
        seconds = self.batcher.overload()
        if seconds > 0:
            raise too_busy(max(1, math.ceil(seconds)))

    async def ask(self, sentences: Sequence[Sentence], *, urgent: bool = False) -> list[Reply[R]]:
        """Return the replies in the order of the sentences. Raises Refusal if they cannot all be had in time.

        A reply may hold the error of its own sentence. Whoever is cancelled while waiting frees the model's work.
        """
        arrived = asyncio.Event()
        order = self._submit(sentences, arrived.set, urgent=urgent)
        try:
            async with asyncio.timeout(self._time_limit):
                while not order.done:
                    await arrived.wait()
                    arrived.clear()
        except TimeoutError:
            raise too_slow(self._time_limit) from None
        finally:
            self._leave(order)
        return [self._checked(reply) for reply in order.replies]

    async def each(self, sentences: Sequence[Sentence]) -> AsyncIterator[Reply[R]]:
        """Yield the replies in the order of the sentences, each as soon as all before it are there."""
        arrived = asyncio.Event()
        order = self._submit(sentences, arrived.set, deadline=math.inf)
        try:
            for place in range(len(order.sentences)):
                async with asyncio.timeout(self._time_limit):
                    while order.replies[place] is None:
                        await arrived.wait()
                        arrived.clear()
                yield self._checked(order.replies[place])
        except TimeoutError:
            raise too_slow(self._time_limit) from None
        finally:
            self._leave(order)

    def _submit(
        self,
        sentences: Sequence[Sentence],
        wake: Callable[[], None],
        *,
        urgent: bool = False,
        deadline: float | None = None,
    ) -> Order[R]:
        until = time.monotonic() + self._time_limit if deadline is None else deadline
        order: Order[R] = Order(sentences, deadline=until, wake=wake)
        try:
            self.batcher.submit(order, urgent=urgent)
        except QueueFullError as full:
            raise too_busy(max(1, math.ceil(full.retry_after))) from None
        except ModelThreadDied:
            raise broken() from None
        return order

    def _leave(self, order: Order[R]) -> None:
        if not order.done:
            self.batcher.cancel(order)

    def _checked(self, reply: Reply[R] | None) -> Reply[R]:
        assert reply is not None
        if isinstance(reply.error, DeadlinePassedError):
            raise too_slow(self._time_limit)
        if isinstance(reply.error, ModelThreadDied):
            raise broken()
        return reply

    def _deliver(self, orders: Collection[Order[R]]) -> None:
        assert self._loop is not None
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_wake, orders)


def _wake(orders: Collection[Order[R]]) -> None:
    for order in orders:
        order.wake()
