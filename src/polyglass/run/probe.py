"""How fast is this machine at this model? A few real updates on a copy tell."""

import copy
import time
from dataclasses import dataclass
from itertools import islice

from polyglass.config import TrainConfig
from polyglass.data.batches import BatchSource, Position
from polyglass.device import peak_memory
from polyglass.model.seq2seq import Seq2Seq
from polyglass.training.distributed import ALONE
from polyglass.training.loop import update
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState

WARM_UP_STEPS = 2
FEWEST_STEPS = 3
LONGEST_SECONDS = 12.0  # then a few steps have to do, or even one


@dataclass(frozen=True)
class Speed:
    """What the probe measured: seconds for one update and target tokens in it, on average, and the most memory."""

    seconds_per_step: float
    tokens_per_step: float
    peak_memory_bytes: int

    def times(self, factor: float) -> "Speed":
        """Return the speed of updates that read `factor` times as much."""
        return Speed(self.seconds_per_step * factor, self.tokens_per_step * factor, self.peak_memory_bytes)


def probe_speed(model: Seq2Seq, batches: BatchSource, config: TrainConfig, *, seconds: float) -> Speed:
    """Time updates for about `seconds`, on a copy of the model, with the batches that training will begin with."""
    state = TrainState(copy.deepcopy(model), config)
    loss = TranslationLoss(state.model, config.label_smoothing)
    stream = batches(Position())
    taken: list[float] = []
    tokens: list[int] = []
    began, elapsed = time.perf_counter(), 0.0
    while elapsed < seconds or not taken or (len(taken) < WARM_UP_STEPS + FEWEST_STEPS and elapsed < LONGEST_SECONDS):
        outcome, _ = update(state, loss, stream, config, rate=0.0, team=ALONE)
        taken.append(outcome.seconds)
        tokens.append(outcome.target_tokens)
        elapsed = time.perf_counter() - began
    first = min(WARM_UP_STEPS, len(taken) - 1)
    counted, kept = taken[first:], tokens[first:]
    return Speed(sum(counted) / len(counted), sum(kept) / len(kept), peak_memory(state.model.device))


def steps_per_epoch(batches: BatchSource, accumulate: int) -> float:
    """Return how many updates one pass over the corpus takes, from the share that the first batches cover."""
    sample = list(islice(batches(Position()), 32))
    position = sample[-1][1]
    return len(sample) / (position.epochs * accumulate)
