"""The gradients of one update: batches in, `.grad` of every parameter out; batches that do not fit are cut."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from polyglass.config import TrainConfig
from polyglass.data.batch import Batch
from polyglass.errors import OutOfSpaceError
from polyglass.training.distributed import Team
from polyglass.training.state import TrainState

MOST_PIECES = 8


def add_up_gradients(
    state: TrainState, loss: nn.Module, batches: list[Batch], config: TrainConfig, *, team: Team
) -> Tensor:
    """Add the gradients of the mean loss over all target tokens of `batches`; return the loss sum in nats.

    Where memory does not suffice, every batch is cut into two, four, eight pieces from now on (`state.pieces`): the
    same gradient, more slowly. Raises OutOfSpaceError if that is not enough.
    """
    while True:
        try:
            return _one_pass(state, loss, batches, config, team=team)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            state.optimizer.zero_grad(set_to_none=True)
            longest = max(batches, key=lambda batch: batch.source.shape[1] + batch.target_in.shape[1])
            # Processes that train together must run backward equally often, so none may cut on its own.
            if state.pieces == MOST_PIECES or team.size > 1 or len(longest.pairs) == 1:
                raise OutOfSpaceError(_advice(state, longest)) from error
            state.pieces *= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _one_pass(state: TrainState, loss: nn.Module, batches: list[Batch], config: TrainConfig, *, team: Team) -> Tensor:
    device = state.model.device
    target_tokens = sum(batch.target_tokens for batch in batches)
    total = torch.zeros((), device=device)
    for number, batch in enumerate(batches):
        # Seeded by place, not by what was drawn before: a resumed run silences the same units.
        torch.manual_seed(_seed(config.seed, state.progress.step, number, team.rank))
        for piece in _cut(team.share(batch).to(device), state.pieces):
            with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
                smoothed, _ = loss(piece.source, piece.target_in, piece.target_out)
            # DDP takes the mean over processes; times their number it is the sum, as if one had seen all rows.
            (smoothed * (team.size / target_tokens)).backward()
            total += smoothed.detach()
    return total


def _cut(batch: Batch, pieces: int) -> list[Batch]:
    if pieces == 1:
        return [batch]
    rows = math.ceil(len(batch.source) / pieces)
    places = [slice(first, first + rows) for first in range(0, len(batch.source), rows)]
    return [
        Batch(batch.source[at], batch.target_in[at], batch.target_out[at], batch.target_tokens, batch.pairs)
        for at in places
    ]


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _advice(state: TrainState, batch: Batch) -> str:
    length = max(batch.source.shape[1], batch.target_in.shape[1])
    step = state.progress.step + 1
    if len(batch.pairs) == 1:
        return (
            f"out of memory at step {step}: pair {batch.pairs[0] + 1} of the prepared corpus alone has {length} "
            f"tokens. Leave such pairs out: --set data.max_length_tokens={length // 2}."
        )
    return (
        f"out of memory at step {step}, though each batch was cut into {state.pieces} pieces: {len(batch.pairs)} pairs "
        f"of up to {length} tokens. Set a smaller train.batch_tokens with a larger train.accumulate, or take a "
        "smaller --preset."
    )


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
