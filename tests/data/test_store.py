"""Token ids on disk are the ids that were written, or refused."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyglass.data import store as stores
from polyglass.data.store import open_store, write_store
from polyglass.data.subwords import Subwords
from polyglass.errors import BundleError, DataError, OutOfSpaceError
from toy_corpus import toy_pairs, toy_subwords

PAIRS = toy_pairs(50)


class Numbers:
    """Subwords whose ids stand in the text."""

    sha256 = "of the numbers"

    def __init__(self, source_size: int = 1000, target_size: int = 1000) -> None:
        self.source_size = source_size
        self.target_size = target_size

    def encode_source(self, texts: list[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in texts]

    encode_target = encode_source


def numbers(source_size: int = 1000, target_size: int = 1000) -> Subwords:
    return cast(Subwords, Numbers(source_size, target_size))


def test_every_pair_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    subwords = toy_subwords()
    store = write_store(tmp_path / "store", PAIRS, subwords, max_length_tokens=64)
    sources, targets = (list(side) for side in zip(*PAIRS, strict=True))
    assert len(store) == len(PAIRS)
    assert [store.source(pair).tolist() for pair in range(len(store))] == subwords.encode_source(sources)
    assert [store.target(pair).tolist() for pair in range(len(store))] == subwords.encode_target(targets)
    again = open_store(tmp_path / "store")
    assert again.subwords_sha256 == subwords.sha256
    assert [again.target(pair).tolist() for pair in range(len(again))] == subwords.encode_target(targets)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(pairs=st.lists(st.tuples(st.lists(st.integers(0, 999), max_size=5), st.lists(st.integers(0, 999), max_size=5))))
def test_any_lengths_survive_even_none(tmp_path: Path, pairs: list[tuple[list[int], list[int]]]) -> None:
    texts = [(" ".join(map(str, source)), " ".join(map(str, target))) for source, target in pairs]
    if not pairs:
        return
    store = write_store(tmp_path / "store", texts, numbers(), max_length_tokens=64)
    found = [(store.source(pair).tolist(), store.target(pair).tolist()) for pair in range(len(store))]
    assert found == pairs
    lengths = store.lengths(np.arange(len(pairs), dtype=np.uint32))
    assert [side.tolist() for side in lengths] == [[len(pair[side]) for pair in pairs] for side in (0, 1)]
    assert store.target_tokens == sum(len(target) + 1 for _, target in pairs)


@pytest.mark.parametrize(
    ("sizes", "types"), [((65536, 65537), ("uint16", "uint32")), ((70000, 300), ("uint32", "uint16"))]
)
def test_a_vocabulary_of_up_to_65536_takes_two_bytes_for_an_id(
    tmp_path: Path, sizes: tuple[int, int], types: tuple[str, str]
) -> None:
    largest = [size - 1 for size in sizes]
    pairs = [(f"5 {largest[0]}", f"{largest[1]} 7")]
    store = write_store(tmp_path / "store", pairs, numbers(*sizes), max_length_tokens=9)
    assert (store.source_ids.dtype.name, store.target_ids.dtype.name) == types
    assert (store.source(0).tolist(), store.target(0).tolist()) == ([5, largest[0]], [largest[1], 7])


def test_ids_are_mapped_not_read(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store", PAIRS, toy_subwords(), max_length_tokens=64)
    assert isinstance(store.source_ids, np.memmap)
    assert isinstance(store.target_offsets, np.memmap)
    assert not store.source_ids.flags.writeable


@pytest.mark.parametrize("side", [0, 1])
def test_a_pair_with_a_side_over_the_limit_is_counted_and_left_out(tmp_path: Path, side: int) -> None:
    pairs = [("1 2", "3"), ("1 2 3", "4") if side == 0 else ("4", "1 2 3"), ("5", "6 7")]
    store = write_store(tmp_path / "store", pairs, numbers(), max_length_tokens=2)
    assert (len(store), store.too_long) == (2, 1)
    assert [store.source(pair).tolist() for pair in range(2)] == [[1, 2], [5]]
    assert open_store(tmp_path / "store").too_long == 1


def test_a_corpus_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no pair is left to train on: 2 pairs have more than data.max_length_tokens"):
        write_store(tmp_path / "store", [("1 2 3", "1"), ("1", "1 2 3")], numbers(), max_length_tokens=2)


@pytest.mark.parametrize("name", ["source.ids", "target.ids", "source.offsets", "target.offsets", "MANIFEST.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_store_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    write_store(tmp_path / "store", PAIRS, toy_subwords(), max_length_tokens=64)
    path = tmp_path / "store" / name
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content[:-1] if damage == "cut" else content)
    with pytest.raises(BundleError, match=name):
        open_store(tmp_path / "store")


def test_a_store_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, str]]:
        yield from PAIRS
        raise OutOfSpaceError("the disk is full")

    with pytest.raises(OutOfSpaceError):
        write_store(tmp_path / "store", broken(), toy_subwords(), max_length_tokens=64)
    assert list(tmp_path.iterdir()) == []


def test_writing_takes_memory_for_a_chunk_and_not_for_the_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "CHUNK_PAIRS", 100)
    text = " ".join(["7"] * 30)

    def peak(count: int) -> int:
        tracemalloc.start()
        store = write_store(
            tmp_path / str(count), ((text, text) for _ in range(count)), numbers(), max_length_tokens=64
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(store) == count
        return peak

    small, large = peak(1_000), peak(10_000)
    assert large < 1.3 * small + 100_000  # ids of the larger one alone have 1.2 MB
