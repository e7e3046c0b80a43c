"""Texts in, 64-bit fingerprints out; and a set that remembers ten million of them in 85 MB.

A fingerprint is BLAKE2b of the text, so it is the same in every process and on every machine. Two different pairs
share one with a chance of 3 in a million among ten million pairs.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_PARTS = 64  # a merge copies one part at a time, so it needs 1/64 more memory, not twice as much
_PART_BITS = 6
_FEWEST_WAITING = 1 << 16
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
    """A set of fingerprints that only grows: 64 sorted arrays by leading bits, and a small one of the latest."""

    def __init__(self) -> None:
        empty = np.zeros(0, dtype=np.uint64)
        self._parts = [empty] * _PARTS
        self._waiting = empty
        self._merged = 0

    def __len__(self) -> int:
        return self._merged + len(self._waiting)

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Add all; return for each, [N], whether it was in the set before or stands earlier in `hashes`."""
        fresh, first = np.unique(hashes, return_index=True)
        known = _is_in(fresh, self._waiting)
        for part, (start, end) in zip(self._parts, _borders(fresh), strict=True):
            known[start:end] |= _is_in(fresh[start:end], part)
        repeated = np.ones(len(hashes), dtype=np.bool_)
        repeated[first[~known]] = False
        self._waiting = _merge(self._waiting, fresh[~known])
        if len(self._waiting) > max(_FEWEST_WAITING, self._merged // _WAITING_SHARE):
            self._merge_waiting()
        return repeated

    def _merge_waiting(self) -> None:
        for number, (start, end) in enumerate(_borders(self._waiting)):
            self._parts[number] = _merge(self._parts[number], self._waiting[start:end])
        self._merged += len(self._waiting)
        self._waiting = np.zeros(0, dtype=np.uint64)


def _borders(hashes: Hashes) -> list[tuple[int, int]]:
    """Return where each part begins and ends in sorted `hashes`."""
    starts = np.arange(_PARTS, dtype=np.uint64) << np.uint64(64 - _PART_BITS)
    cuts = [*np.searchsorted(hashes, starts).tolist(), len(hashes)]
    return list(pairwise(cuts))


def _is_in(hashes: Hashes, among: Hashes) -> NDArray[np.bool_]:
    if not len(among):
        return np.zeros(len(hashes), dtype=np.bool_)
    found: NDArray[np.bool_] = among[np.minimum(np.searchsorted(among, hashes), len(among) - 1)] == hashes
    return found


def _merge(sorted_hashes: Hashes, more: Hashes) -> Hashes:
    merged = np.concatenate([sorted_hashes, more])
    merged.sort(kind="stable")  # two runs that are sorted already are merged in one pass
    return merged
