"""Texts in, 64-bit fingerprints out; and a set that remembers ten million of them in 85 MB.

A fingerprint is BLAKE2b of the text, so it is the same in every process and on every machine. Two different pairs
share one with a chance of 3 in a million among ten million pairs.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Kind = TypeVar("Kind", bound=np.generic)

_FEWEST_WAITING = 1 << 15
_WAITING_SHARE = 32


def hash_text(text: str) -> int:
    """Return the fingerprint of one text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def hash_pairs(pairs: Sequence[tuple[str, str]]) -> Hashes:
    """Return the fingerprint of each (source, target), [N]."""
    # Half a surrogate pair stands in no text that was read: ("ab", "c") and ("a", "bc") come out different.
    digests = [
        blake2b(f"{source}\udcff{target}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for source, target in pairs
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


class SeenHashes:
    """A set of fingerprints that only grows: one long sorted array, and a short one of those that came last."""

    def __init__(self) -> None:
        self._sorted = np.zeros(0, dtype=np.uint64)
        self._waiting = np.zeros(0, dtype=np.uint64)

    def __len__(self) -> int:
        return len(self._sorted) + len(self._waiting)

    @property
    def bytes(self) -> int:
        """Memory in bytes."""
        return self._sorted.nbytes + self._waiting.nbytes

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Add all; return for each, [N], whether it was in the set before or stands earlier in `hashes`."""
        different, first = np.unique(hashes, return_index=True)
        fresh = ~(is_in(different, self._waiting) | is_in(different, self._sorted))
        repeated = np.ones(len(hashes), dtype=np.bool_)
        repeated[first[fresh]] = False
        _merge(self._waiting, different[fresh])
        if len(self._waiting) > max(_FEWEST_WAITING, len(self._sorted) // _WAITING_SHARE):
            _merge(self._sorted, self._waiting)
            self._waiting = np.zeros(0, dtype=np.uint64)
        return repeated


def is_in(values: NDArray[Kind], among: NDArray[Kind]) -> NDArray[np.bool_]:
    """Tell for each value, [N], whether it is in `among`, which is sorted."""
    if not len(among):
        return np.zeros(len(values), dtype=np.bool_)
    found: NDArray[np.bool_] = among[np.minimum(np.searchsorted(among, values), len(among) - 1)] == values
    return found


def _merge(hashes: Hashes, more: Hashes) -> None:
    """Put `more` into `hashes`; both are sorted."""
    end = len(hashes)
    # Growing in place, and a sort that merges two sorted runs through a buffer of the shorter one's size: a copy
    # would need twice the memory.
    hashes.resize(end + len(more), refcheck=False)
    hashes[end:] = more
    hashes.sort(kind="stable")
