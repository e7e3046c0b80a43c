"""A store in, batches out: pairs of like length together, in an order that is a pure function of seed and epoch.

A run that was interrupted goes on with the batch after its last one from (seed, epoch, batch number) alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from polyglass.data.batch import Batch, collate
from polyglass.data.sampling import SubwordSampler
from polyglass.data.store import TokenStore
from polyglass.special_ids import SpecialIds

POOL_PAIRS = 2**18
"""Pairs sorted by length together: enough that a batch holds one length, few enough to stay small in memory."""


@dataclass(frozen=True)
class Position:
    """Where training stands in the data: `batch` batches of epoch `epoch` (from 0) have been used.

    share: the part of the epoch's pairs that these batches hold.
    """

    epoch: int = 0
    batch: int = 0
    share: float = 0.0

    @property
    def epochs(self) -> float:
        """Passes over the corpus so far, with the part of the present one."""
        return self.epoch + self.share


class Pairs(Protocol):
    """Token ids of a corpus by pair: as stored, or as cut anew for one epoch."""

    def __len__(self) -> int: ...
    def source(self, pair: int) -> NDArray[Any]: ...
    def target(self, pair: int) -> NDArray[Any]: ...
    def lengths(self, pairs: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...


def batch_plan(store: Pairs, *, batch_tokens: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs of each batch of one epoch; every pair occurs exactly once.

    A batch is as many pairs as fit: pairs times the longest source or target (eos counted) <= batch_tokens. A pair
    longer than that is a batch of its own.
    """
    random = np.random.default_rng([seed, epoch])
    order = np.arange(len(store), dtype=np.uint32)
    random.shuffle(order)
    for first in range(0, len(order), POOL_PAIRS):
        pool = order[first : first + POOL_PAIRS].astype(np.int64)
        sources, targets = store.lengths(pool)
        # The pool is in random order and the sort is stable: pairs of equal lengths meet new neighbours each epoch.
        by_length = np.lexsort((sources, targets))
        pool, longest = pool[by_length], np.maximum(sources, targets)[by_length] + 1
        cuts = _cuts(longest, batch_tokens)
        for index in random.permutation(len(cuts) - 1):
            yield pool[cuts[index] : cuts[index + 1]]


def _cuts(longest: NDArray[np.int64], batch_tokens: int) -> list[int]:
    """Return the places where a new batch begins, and the end; `longest` is the length of each pair's longer side."""
    cuts = [0]
    first, widest = 0, 0
    for place, length in enumerate(longest.tolist()):
        widest = max(widest, length)
        if place > first and (place - first + 1) * widest > batch_tokens:
            cuts.append(place)
            first, widest = place, length
    return [*cuts, len(longest)]


def training_batches(
    store: TokenStore,
    ids: SpecialIds,
    *,
    batch_tokens: int,
    seed: int,
    start: Position = Position(),
    sampler: SubwordSampler | None = None,
) -> Iterator[tuple[Batch, Position]]:
    """Yield batches for ever, epoch after epoch, each with the position after it.

    start: where to go on. sampler: cuts the words of each batch anew (subword sampling); None: as stored.
    """
    epoch, skip = start.epoch, start.batch
    while True:
        corpus: Pairs = store if sampler is None else sampler.epoch(epoch)
        used = 0
        for number, pairs in enumerate(batch_plan(corpus, batch_tokens=batch_tokens, seed=seed, epoch=epoch)):
            used += len(pairs)
            if number >= skip:
                yield _batch(corpus, pairs, ids), Position(epoch, number + 1, used / len(corpus))
        epoch, skip = epoch + 1, 0


def plain_batches(store: TokenStore, ids: SpecialIds, *, batch_tokens: int) -> Iterator[Batch]:
    """Yield every pair once, sorted by length: for validation, where order does not matter and time does."""
    for pairs in batch_plan(store, batch_tokens=batch_tokens, seed=0, epoch=0):
        yield _batch(store, pairs, ids)


def _batch(corpus: Pairs, pairs: NDArray[np.int64], ids: SpecialIds) -> Batch:
    chosen = pairs.tolist()
    return collate([corpus.source(i) for i in chosen], [corpus.target(i) for i in chosen], ids, chosen)


BatchSource = Callable[[Position], Iterator[tuple[Batch, Position]]]
"""From a position in the data, the batches after it, each with the position after it."""
