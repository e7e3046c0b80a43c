"""Every pair once in an epoch, in an order that seed and epoch decide, from any place on."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpus_files import captions
from polyglass.config import DataConfig
from polyglass.data import batches as batching
from polyglass.data.batch import Batch, collate, pad
from polyglass.data.batches import Position, batch_plan, plain_batches, training_batches
from polyglass.data.sampling import SubwordSampler
from polyglass.data.store import TokenStore, write_store
from polyglass.data.subwords import Subwords
from polyglass.special_ids import SpecialIds
from toy_corpus import toy_pairs, toy_subwords

IDS = SpecialIds()
START = Position()


class Lengths:
    """A corpus of which only the lengths are known."""

    def __init__(self, sources: list[int], targets: list[int]) -> None:
        self._sides = np.array(sources), np.array(targets)

    def __len__(self) -> int:
        return len(self._sides[0])

    def source(self, pair: int) -> NDArray[Any]:
        return np.full(self._sides[0][pair], 5)

    def target(self, pair: int) -> NDArray[Any]:
        return np.full(self._sides[1][pair], 6)

    def lengths(self, pairs: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._sides[0][pairs], self._sides[1][pairs]


def plan(corpus: Any, *, batch_tokens: int = 60, seed: int = 1, epoch: int = 0) -> list[list[int]]:
    return [pairs.tolist() for pairs in batch_plan(corpus, batch_tokens=batch_tokens, seed=seed, epoch=epoch)]


LENGTHS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=80)


@given(lengths=LENGTHS, batch_tokens=st.integers(16, 200), epoch=st.integers(0, 3), pool=st.sampled_from([7, 2**18]))
def test_every_pair_stands_in_one_batch_and_no_batch_is_over_the_limit(
    lengths: list[tuple[int, int]], batch_tokens: int, epoch: int, pool: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batching, "POOL_PAIRS", pool)
        batches = plan(Lengths(*map(list, zip(*lengths, strict=True))), batch_tokens=batch_tokens, epoch=epoch)
    assert sorted(itertools.chain(*batches)) == list(range(len(lengths)))
    for batch in batches:
        longest = max(max(lengths[pair]) + 1 for pair in batch)
        assert len(batch) * longest <= batch_tokens or len(batch) == 1


def test_a_pair_longer_than_a_batch_is_a_batch_of_its_own() -> None:
    batches = plan(Lengths([3, 500, 3, 3], [3, 3, 3, 3]), batch_tokens=40)
    assert [1] in batches
    assert len(batches) == 2


def test_the_order_depends_on_seed_and_epoch_and_nothing_else() -> None:
    chance = np.random.default_rng(3)
    corpus = Lengths(chance.integers(1, 9, 300).tolist(), chance.integers(1, 9, 300).tolist())
    first = plan(corpus)
    np.random.seed(99)
    assert plan(corpus) == first
    others = [plan(corpus, epoch=1), plan(corpus, seed=2), plan(corpus, seed=2, epoch=1)]
    assert len({str(batches) for batches in [first, *others]}) == 4


def test_pairs_meet_other_neighbours_in_each_epoch() -> None:
    corpus = Lengths([4] * 200, [4] * 200)
    neighbours = [{frozenset(batch) for batch in plan(corpus, epoch=epoch)} for epoch in (0, 1)]
    assert not neighbours[0] & neighbours[1]


def test_short_and_long_batches_come_in_random_order() -> None:
    corpus = Lengths(list(range(1, 200)), list(range(1, 200)))
    lengths = [batch[0] for batch in plan(corpus, batch_tokens=400)]
    assert lengths not in (sorted(lengths), sorted(lengths, reverse=True))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    """A store of 70 toy pairs."""
    folder = tmp_path_factory.mktemp("store") / "train"
    return write_store(folder, toy_pairs(70), toy_subwords(), max_length_tokens=64)


@pytest.fixture(scope="module", params=[False, True], ids=["as stored", "sampled"])
def sampler(request: pytest.FixtureRequest) -> SubwordSampler | None:
    """No sampler, or one that cuts words at random."""
    if not request.param:
        return None
    config = DataConfig(subword_sampling=0.5, byte_fallback=False)
    return SubwordSampler(toy_pairs(70), toy_subwords(), config, seed=3)


def taken(
    store: TokenStore, sampler: SubwordSampler | None, count: int, start: Position = START
) -> list[tuple[Batch, Position]]:
    stream = training_batches(store, IDS, batch_tokens=48, seed=3, start=start, sampler=sampler)
    return list(itertools.islice(stream, count))


def contents(batches: list[tuple[Batch, Position]]) -> list[Any]:
    return [(batch.source.tolist(), batch.target_in.tolist(), batch.pairs, position) for batch, position in batches]


def test_from_every_position_the_same_batches_follow(store: TokenStore, sampler: SubwordSampler | None) -> None:
    straight = taken(store, sampler, 40)
    assert straight[-1][1].epoch >= 1
    for number in range(30):
        resumed = taken(store, sampler, 10, straight[number][1])
        assert contents(resumed) == contents(straight[number + 1 : number + 11])


def test_a_position_counts_batches_and_pairs(store: TokenStore) -> None:
    seen: dict[int, set[int]] = {}
    for batch, position in taken(store, None, 60):
        pairs = seen.setdefault(position.epoch, set())
        assert not pairs & set(batch.pairs)
        pairs.update(batch.pairs)
        assert position.share == len(pairs) / len(store)
        assert position.epochs == position.epoch + position.share
    assert len(seen) > 2
    assert seen[0] == seen[1] == set(range(len(store)))


def test_the_rows_of_a_batch_are_the_pairs_that_it_names(store: TokenStore) -> None:
    for batch, _ in taken(store, None, 20):
        for row, pair in enumerate(batch.pairs):
            source, target = store.source(pair).tolist(), store.target(pair).tolist()
            assert [token for token in batch.source[row].tolist() if token != IDS.pad] == [*source, IDS.eos]
            assert [token for token in batch.target_in[row].tolist() if token != IDS.pad] == [IDS.bos, *target]
            assert [token for token in batch.target_out[row].tolist() if token != IDS.pad] == [*target, IDS.eos]
        assert batch.target_tokens == int((batch.target_out != IDS.pad).sum())


def test_plain_batches_give_every_pair_once(store: TokenStore) -> None:
    pairs = [pair for batch in plain_batches(store, IDS, batch_tokens=64) for pair in batch.pairs]
    assert sorted(pairs) == list(range(len(store)))


def test_padding_stands_on_the_right_and_eos_before_it() -> None:
    batch = collate([[5, 6], [7]], [[8], [9, 10, 11]], IDS, [4, 2])
    assert batch.source.tolist() == [[5, 6, IDS.eos], [7, IDS.eos, IDS.pad]]
    assert batch.target_in.tolist() == [[IDS.bos, 8, IDS.pad, IDS.pad], [IDS.bos, 9, 10, 11]]
    assert batch.target_out.tolist() == [[8, IDS.eos, IDS.pad, IDS.pad], [9, 10, 11, IDS.eos]]
    assert (batch.target_tokens, batch.pairs) == (6, (4, 2))


@pytest.mark.parametrize(("rows", "shape"), [([], (0, 0)), ([[]], (1, 0)), ([[1], [2, 3]], (2, 2))])
def test_rows_of_any_length_can_be_padded(rows: list[list[int]], shape: tuple[int, int]) -> None:
    assert tuple(pad(rows, IDS.pad).shape) == shape


def test_less_than_8_percent_of_real_captions_is_padding(shared_data: Path, tmp_path: Path) -> None:
    pairs = list(zip(*captions(shared_data, 29_000), strict=True))
    subwords = Subwords.train(lambda: iter(pairs), DataConfig(), size=6000)
    corpus = write_store(tmp_path / "store", pairs, subwords, max_length_tokens=256)
    places = words = 0
    for batch in batch_plan(corpus, batch_tokens=2048, seed=1, epoch=0):
        for side in corpus.lengths(batch):
            places += len(batch) * (int(side.max()) + 1)
            words += int(side.sum()) + len(batch)
    assert 1 - words / places < 0.08
