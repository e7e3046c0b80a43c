"""Several processes train one model: torchrun starts them, each takes its rows of every batch.

Written for NCCL on GPUs and gloo on CPUs; one process alone needs none of it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from polyglass.data.batch import Batch
from polyglass.errors import PolyglassError


@dataclass(frozen=True)
class Team:
    """This process among all that train together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return `module` so that gradients are averaged over the team."""
        return DistributedDataParallel(module) if self.size > 1 else module

    def share(self, batch: Batch) -> Batch:
        """Return this process' rows of a batch: every size-th one, beginning with its rank.

        A process for which no row is left gets the first row with nothing to predict, so that it keeps in step.
        """
        if self.size == 1:
            return batch
        rows = torch.arange(len(batch.pairs))[self.rank :: self.size]
        idle = len(rows) == 0
        rows = torch.zeros(1, dtype=torch.int64) if idle else rows
        target_out = torch.zeros_like(batch.target_out[rows]) if idle else batch.target_out[rows]
        return Batch(batch.source[rows], batch.target_in[rows], target_out, batch.target_tokens, batch.pairs)

    def add_up(self, numbers: Tensor) -> Tensor:
        """Return the sum of `numbers` over the team."""
        if self.size > 1:
            dist.all_reduce(numbers)
        return numbers

    def any(self, here: bool) -> bool:
        """Return whether something is so in any process of the team."""
        if self.size == 1:
            return here
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        return bool(self.add_up(torch.tensor(float(here), device=device)) > 0)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            dist.barrier()


ALONE = Team()


@contextmanager
def join_team(device: torch.device, *, timeout_seconds: float) -> Iterator[Team]:
    """Join the processes that torchrun started (environment WORLD_SIZE and RANK), or be alone.

    timeout_seconds: how long one waits for another; then it fails, and torchrun ends or restarts all.
    Raises PolyglassError where another process is gone or does not answer.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    try:
        patience = timedelta(seconds=timeout_seconds)
        store, rank, _ = next(rendezvous("env://", timeout=patience))
        # torchrun keeps its store when it starts all again; in it still stand the addresses of those that are gone.
        store = PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=patience)
        yield Team(dist.get_rank(), size)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise PolyglassError(
            f"another of the {size} processes ended, or did not answer for {timeout_seconds:.0f} seconds "
            "(train.team_timeout_seconds), so this one ends, too. All is saved up to the newest checkpoint; "
            "with --max-restarts torchrun goes on from there by itself."
        ) from error
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
