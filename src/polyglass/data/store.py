"""Token ids on disk, memory-mapped: a corpus larger than memory is trained from as if it were a list.

A store is a folder of flat files for each side: ids one after another, and for each pair the place where its ids
begin. It appears as a whole or not at all (see `files.folder_atomically`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyglass.data.subwords import Subwords
from polyglass.errors import BundleError, DataError
from polyglass.files import folder_atomically, read_manifest

CHUNK_PAIRS = 10_000  # encoded and written together
SIDES = ("source", "target")


@dataclass(frozen=True)
class TokenStore:
    """Token ids of all pairs, without special symbols.

    ids: one flat array for each side. offsets: pair i of a side is ids[offsets[i] : offsets[i + 1]].
    too_long: pairs that were left out because a side has more than data.max_length_tokens subwords.
    subwords_sha256: of the tokenizer that made the ids.
    """

    source_ids: NDArray[Any]
    source_offsets: NDArray[np.uint64]
    target_ids: NDArray[Any]
    target_offsets: NDArray[np.uint64]
    too_long: int
    subwords_sha256: str

    def __len__(self) -> int:
        return len(self.source_offsets) - 1

    def source(self, pair: int) -> NDArray[Any]:
        """Return the source ids of one pair."""
        return self.source_ids[self.source_offsets[pair] : self.source_offsets[pair + 1]]

    def target(self, pair: int) -> NDArray[Any]:
        """Return the target ids of one pair."""
        return self.target_ids[self.target_offsets[pair] : self.target_offsets[pair + 1]]

    def lengths(self, pairs: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of source and of target ids of each of `pairs`."""
        following = pairs.astype(np.int64) + 1
        return (
            (self.source_offsets[following] - self.source_offsets[pairs]).astype(np.int64),
            (self.target_offsets[following] - self.target_offsets[pairs]).astype(np.int64),
        )

    @property
    def target_tokens(self) -> int:
        """Target tokens in the store, one eos for each pair included."""
        return len(self.target_ids) + len(self)


def write_store(
    folder: Path, texts: Iterable[tuple[str, str]], subwords: Subwords, *, max_length_tokens: int
) -> TokenStore:
    """Encode (source, target) texts once and write them to `folder`, in bounded memory; return the opened store."""
    kept = too_long = 0
    types = [np.uint16 if size <= 65536 else np.uint32 for size in (subwords.source_size, subwords.target_size)]
    facts: dict[str, Any] = {}
    with folder_atomically(folder, facts) as unfinished, ExitStack() as files:
        ids = [files.enter_context((unfinished / f"{side}.ids").open("wb")) for side in SIDES]
        offsets = [files.enter_context((unfinished / f"{side}.offsets").open("wb")) for side in SIDES]
        ends = [0, 0]
        for file in offsets:
            file.write(np.zeros(1, np.uint64).tobytes())
        for sources, targets in _chunks(texts):
            encoded = (subwords.encode_source(sources), subwords.encode_target(targets))
            for pair in zip(*encoded, strict=True):
                if max(map(len, pair)) > max_length_tokens:
                    too_long += 1
                    continue
                kept += 1
                for side, row in enumerate(pair):
                    ids[side].write(np.array(row, types[side]).tobytes())
                    ends[side] += len(row)
                    offsets[side].write(np.array(ends[side], np.uint64).tobytes())
        facts |= {"pairs": kept, "too_long": too_long, "subwords_sha256": subwords.sha256}
        facts["types"] = [np.dtype(kind).name for kind in types]
    return open_store(folder)


def open_store(folder: Path) -> TokenStore:
    """Open a store that `write_store` wrote. Raises BundleError if a file is damaged, DataError if no pair is in it."""
    facts = read_manifest(folder)["facts"]
    if not facts.keys() >= {"pairs", "too_long", "types", "subwords_sha256"}:
        raise BundleError(f"{folder} was prepared by another version of polyglass. Start the run anew in a new folder.")
    if facts["pairs"] == 0:
        raise DataError(
            f"no pair is left to train on: {facts['too_long']} pairs have more than data.max_length_tokens subwords."
        )
    arrays: dict[str, NDArray[Any]] = {}
    for side, kind in zip(SIDES, facts["types"], strict=True):
        arrays[f"{side}_ids"] = _mapped(folder / f"{side}.ids", np.dtype(kind))
        arrays[f"{side}_offsets"] = _mapped(folder / f"{side}.offsets", np.dtype(np.uint64))
    return TokenStore(**arrays, too_long=facts["too_long"], subwords_sha256=facts["subwords_sha256"])


def _mapped(path: Path, kind: "np.dtype[Any]") -> NDArray[Any]:
    if path.stat().st_size == 0:  # all texts of a side are empty: there is nothing to map
        return np.zeros(0, kind)
    return np.memmap(path, dtype=kind, mode="r")


def _chunks(texts: Iterable[tuple[str, str]]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, CHUNK_PAIRS)):
        yield [source for source, _ in chunk], [target for _, target in chunk]
