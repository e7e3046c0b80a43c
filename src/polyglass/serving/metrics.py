"""What the server counts about itself, for Prometheus. No label holds an address, a key or a text.

Labels are the template of a route, the name of a model, and a status, so their number does not grow with traffic.
"""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from polyglass.serving.batcher import Batcher, BatchRecord
from polyglass.serving.models import Group
from polyglass.translator import Translation

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
_SENTENCES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """All counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        r = self._registry
        self._requests = Counter("polyglass_requests", "Requests answered.", ["route", "status"], registry=r)
        self._latency = Histogram(
            "polyglass_request_seconds", "From the head of a request to its answer.", ["route"],
            buckets=_SECONDS, registry=r,
        )  # fmt: skip
        self._sentences = Counter("polyglass_sentences", "Sentences decoded.", ["model", "outcome"], registry=r)
        self._tokens = Counter("polyglass_source_tokens", "Source tokens decoded.", ["model"], registry=r)
        self._queue = Histogram(
            "polyglass_queue_seconds", "How long a sentence waited.", ["model"], buckets=_SECONDS, registry=r
        )
        self._batch = Histogram(
            "polyglass_batch_sentences", "Sentences in a batch.", ["model"], buckets=_SENTENCES, registry=r
        )
        self._model = Histogram(
            "polyglass_batch_seconds", "How long a batch took in the model.", ["model"], buckets=_SECONDS, registry=r
        )
        self._gone = Counter("polyglass_clients_gone", "Clients that left before their answer.", registry=r)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def client_gone(self) -> None:
        """Count a client that did not wait."""
        self._gone.inc()

    def batch(self, record: BatchRecord) -> None:
        """Count a batch; called on the model thread."""
        model = record.group.model.name if isinstance(record.group, Group) else "unknown"
        self._sentences.labels(model, "ok").inc(len(record.waited) - record.failed)
        self._sentences.labels(model, "failed").inc(record.failed)
        self._tokens.labels(model).inc(record.tokens)
        self._batch.labels(model).observe(len(record.waited))
        self._model.labels(model).observe(record.worked)
        for waited in record.waited:
            self._queue.labels(model).observe(waited)

    def watch(self, batcher: Batcher[Translation], *, inside: Callable[[], int], ready: Callable[[], bool]) -> None:
        """Also show how things stand at the moment of asking. inside: how many requests are worked on."""
        self._registry.register(_Live(batcher, inside, ready))

    def page(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Live:
    def __init__(self, batcher: Batcher[Translation], inside: Callable[[], int], ready: Callable[[], bool]) -> None:
        self._batcher, self._inside, self._ready = batcher, inside, ready

    def collect(self) -> list[Metric]:
        """Read the numbers."""
        ledger = self._batcher.ledger
        numbers = {
            "queue_cost": ("Source tokens times beam size that wait.", ledger.waiting.weight),
            "queue_sentences": ("Sentences that wait.", ledger.waiting.count),
            "speed": ("Source tokens times beam size done in a second, of late.", ledger.speed),
            "requests_in_flight": ("Requests that are worked on.", self._inside()),
            "ready": ("1 if /ready would say so.", float(self._ready())),
        }
        counts = {
            "cached_sentences": ("Sentences answered from the cache.", ledger.cached),
            "joined_sentences": ("Sentences that shared the decoding of an equal one.", ledger.joined),
        }
        return [
            *(GaugeMetricFamily(f"polyglass_{name}", text, value=value) for name, (text, value) in numbers.items()),
            *(CounterMetricFamily(f"polyglass_{name}", text, value=value) for name, (text, value) in counts.items()),
        ]
