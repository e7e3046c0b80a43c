"""A model that answers with its question reversed: quick, and every mix-up shows."""

import random
import threading
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any

from polyglass.serving.batcher import Batcher
from polyglass.serving.cache import Cache
from polyglass.serving.ledger import QueueLimits
from polyglass.serving.orders import Order, Reply, Sentence

BOUNDLESS = QueueLimits(batch=400, queue=10**9, wait_seconds=1e9, gather_seconds=0.0)


def answer_to(group: Hashable, sentence: Sentence) -> str:
    """What the echo model says to this sentence."""
    return f"{group}|{sentence.prefix}|{sentence.alignment}|{sentence.text[::-1]}"


def echo(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
    return [answer_to(group, sentence) for sentence in sentences]


def slow_echo(seed: int, longest: float) -> Callable[[Hashable, Sequence[Sentence]], list[str | Exception]]:
    """Return an echo that takes a random time for each batch."""
    dice = random.Random(seed)

    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        time.sleep(dice.uniform(0, longest))
        return echo(group, sentences)

    return translate


def call_wake(orders: Collection[Order[Any]]) -> None:
    """Deliver on the spot."""
    for order in orders:
        order.wake()


def batcher_of(translate: Any, *, limits: QueueLimits = BOUNDLESS, cache_bytes: int = 0) -> Batcher[str]:
    """Return a batcher that is not started."""
    cache: Cache[str] = Cache(cache_bytes, lambda _, text: len(text))
    return Batcher(translate, limits=limits, cache=cache, deliver=call_wake, observe=lambda _: None)


def order_of(*sentences: Sentence, deadline: float = 1e18) -> tuple[Order[str], threading.Event]:
    done = threading.Event()
    return Order(sentences, deadline=deadline, wake=done.set), done


def wait(order: Order[str], done: threading.Event) -> list[Reply[str]]:
    """Block until every reply is there. done: what `wake` of the order sets."""
    while not order.done:
        done.wait()
        done.clear()
    return [reply for reply in order.replies if reply is not None]


def ask(batcher: Batcher[str], *sentences: Sentence) -> list[Reply[str]]:
    """Submit and wait."""
    order, done = order_of(*sentences)
    batcher.submit(order)
    return wait(order, done)
