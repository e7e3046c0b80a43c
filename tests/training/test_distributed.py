"""How a batch is shared among processes; that they train as one is tested with real ones in tests/run."""

import os
from datetime import timedelta

import pytest
import torch

from polyglass.data.batch import Batch, collate
from polyglass.errors import PolyglassError
from polyglass.training import distributed
from polyglass.training.distributed import ALONE, Team, join_team
from tiny_transformer import IDS, random_sentences


def batch(rows: int) -> Batch:
    lengths = range(1, rows + 1)
    return collate(random_sentences(lengths, seed=1), random_sentences(lengths, seed=2), IDS, range(10, 10 + rows))


@pytest.mark.parametrize(("rows", "size"), [(8, 2), (7, 2), (5, 3), (3, 3), (1, 2), (2, 5)])
def test_every_row_is_read_by_one_process_and_none_by_two(rows: int, size: int) -> None:
    whole = batch(rows)
    shares = [Team(rank, size).share(whole) for rank in range(size)]
    busy = [share for share in shares if bool((share.target_out != IDS.pad).any())]
    read = [row.tolist() for share in busy for row in share.target_out]
    assert sorted(read) == sorted(whole.target_out.tolist())
    assert sum(int((share.target_out != IDS.pad).sum()) for share in shares) == whole.target_tokens
    assert {share.target_tokens for share in shares} == {whole.target_tokens}
    assert all(len(share.source) == len(share.target_in) == len(share.target_out) > 0 for share in shares)


def test_a_process_without_rows_reads_one_and_has_nothing_to_predict() -> None:
    share = Team(rank=2, size=3).share(batch(2))
    assert torch.equal(share.source, batch(2).source[:1])
    assert (share.target_out == IDS.pad).all()


def test_one_process_alone_gets_the_batch_itself() -> None:
    whole = batch(3)
    assert ALONE.share(whole) is whole
    assert ALONE.leads
    module = torch.nn.Linear(1, 1)
    assert ALONE.wrap(module) is module
    number = torch.tensor(3.0)
    assert ALONE.add_up(number) is number
    assert (ALONE.any(True), ALONE.any(False)) == (True, False)
    ALONE.wait()


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(os.environ, "WORLD_SIZE", raising=False)
    with join_team(torch.device("cpu"), timeout_seconds=1.0) as team:
        assert team is ALONE


@pytest.mark.parametrize(
    ("error", "known"),
    [
        (RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer"), True),
        (RuntimeError("[gloo/transport/tcp/unbound_buffer.cc:78] Timed out waiting 10000ms for recv"), True),
        (torch.distributed.DistBackendError("NCCL watchdog"), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_a_process_that_is_gone_is_said_and_a_bug_stays_a_bug(
    monkeypatch: pytest.MonkeyPatch, error: RuntimeError, known: bool
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("torch.distributed.init_process_group", lambda backend, **more: given.update(more))
    monkeypatch.setattr("torch.distributed.get_rank", lambda: 1)
    of_torchrun = torch.distributed.HashStore()
    monkeypatch.setattr(distributed, "rendezvous", lambda *_, timeout: iter([(of_torchrun, 1, 2)]))
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "3")
    expected = (
        pytest.raises(
            PolyglassError, match=r"^another of the 2 processes ended, or did not answer for 7 seconds \(train\."
        )
        if known
        else pytest.raises(RuntimeError, match=r"^shape mismatch$")
    )
    with expected, join_team(torch.device("cpu"), timeout_seconds=7.0) as team:
        assert team == Team(1, 2)
        raise error
    store = given.pop("store")
    assert given == {"timeout": timedelta(seconds=7), "rank": 1, "world_size": 2}
    assert isinstance(store, torch.distributed.Store)
    store.set("address", "here")  # beside what those wrote that were started before
    assert of_torchrun.check(["start 3/address"])
