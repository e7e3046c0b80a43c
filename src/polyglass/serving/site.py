"""Everything that one server is made of, put together once."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable
from typing import Any

from polyglass.config import ServeConfig
from polyglass.serving.batcher import Batcher
from polyglass.serving.cache import Cache
from polyglass.serving.callers import Callers, Proxies
from polyglass.serving.desk import Desk
from polyglass.serving.gate import Gate
from polyglass.serving.keys import KeyRing
from polyglass.serving.ledger import QueueLimits
from polyglass.serving.metrics import Metrics
from polyglass.serving.models import Shelf, translate_group
from polyglass.serving.orders import Order, Sentence
from polyglass.serving.papers import Papers
from polyglass.serving.readiness import Readiness
from polyglass.serving.refusals import Refusal
from polyglass.serving.service import Service
from polyglass.translator import Translation

logger = logging.getLogger("polyglass.serving")


class Site:
    """One server: its models, its limits, its keys, and what it counts. Built before the event loop starts.

    explore: the name of a model in, an address that shows it out; None where nobody may look. Called on any thread.
    """

    def __init__(
        self, shelf: Shelf, config: ServeConfig, keys: KeyRing, *, explore: Callable[[str], str] | None = None
    ) -> None:
        self.config, self.shelf, self.keys, self.explore = config, shelf, keys, explore
        self.proxies = Proxies(config.trusted_proxy)
        self.callers = Callers(config.connections_each)
        self.metrics = Metrics()
        self.gate = Gate(config.max_requests)
        self.desk: Desk[Translation] = Desk(self._batcher, time_limit=config.time_limit_seconds)
        self.service = Service(shelf, self.desk, max_cost=config.max_cost)
        self.readiness = Readiness(shelf, self.desk, self.gate, trusted=config.ready_seconds)
        self.metrics.watch(self.desk.batcher, inside=lambda: self.gate.inside, ready=lambda: self.readiness.last)
        self.papers = Papers(max_bytes=int(config.documents_mb * 2**20), seconds=config.document_seconds)
        self.tasks: set[asyncio.Task[None]] = set()
        self.characters = 0  # translated since the start; DeepL's clients ask

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on after its request was answered."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def count(self, texts: Iterable[str]) -> None:
        """Remember how many characters were translated."""
        self.characters += sum(map(len, texts))

    def check_key(self, key: str) -> None:
        """Raise Refusal (401) unless the key is one of ours, or there are none."""
        if not self.keys or self.keys.knows(key):
            return
        if not key:
            raise Refusal(401, "key_missing", "This server asks for an API key.", hint="Ask its operator for one.")
        raise Refusal(401, "key_invalid", "The API key is not known here.", hint="Ask the operator for a new one.")

    def _batcher(self, deliver: Callable[[Collection[Order[Translation]]], None]) -> Batcher[Translation]:
        config = self.config
        limits = QueueLimits(
            batch=config.batch_tokens,
            queue=config.queue_cost,
            wait_seconds=config.queue_seconds,
            gather_seconds=config.gather_seconds,
        )
        cache = Cache(int(config.cache_mb * 2**20), size_of)
        return Batcher(translate_group, limits=limits, cache=cache, deliver=deliver, observe=self.metrics.batch)


def size_of(key: Hashable, answer: Translation) -> int:
    """Return about how many bytes an answer takes in memory."""
    text = len(key.text) if isinstance(key, Sentence) else 0
    pieces = len(answer.source_pieces) + sum(len(one.pieces) for one in answer.candidates)
    cells = sum(len(row) for one in answer.candidates for row in one.alignment or ())
    return 1000 + 8 * text + 120 * pieces + 32 * cells
