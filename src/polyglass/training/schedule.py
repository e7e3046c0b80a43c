"""The learning rate as a pure function of the step (§5.3): nothing to save, nothing to restore."""

from collections.abc import Callable

from polyglass.config import Config

Schedule = Callable[[int], float]
"""From a step (from 1) to its learning rate."""


def paper_rate(step: int, *, d_model: int, warmup_steps: int) -> float:
    """Return d_model^-0.5 min(step^-0.5, step warmup_steps^-1.5) (Vaswani et al. 2017, eq. 3)."""
    return float(d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))


def budget_rate(step: int, *, steps: int, peak: float, warmup_steps: int, decay_share: float) -> float:
    """Return a rate that rises to `peak`, stays, and falls in a straight line to zero at the end.

    The fall covers the last `decay_share` of the run: the whole run is planned, so no step is spent at a rate that is
    too high to settle or too low to learn.
    """
    rising = step / warmup_steps if warmup_steps else 1.0
    falling = (steps - step + 1) / max(1.0, decay_share * steps)
    return peak * min(1.0, rising, falling)


def build_schedule(config: Config) -> Schedule:
    """Return the schedule of a planned run (no option of it is unset)."""
    train = config.train
    assert train.steps is not None
    assert train.warmup_steps is not None
    assert train.learning_rate is not None
    steps, warmup_steps, peak = train.steps, train.warmup_steps, train.learning_rate
    if train.schedule == "paper":
        return lambda step: paper_rate(step, d_model=config.model.d_model, warmup_steps=max(1, warmup_steps))
    return lambda step: budget_rate(
        step, steps=steps, peak=peak, warmup_steps=warmup_steps, decay_share=train.decay_share
    )
