"""A bench in, the contestants as they will run out: in which batches, at which rate, how long, and how often judged.

The batch, the number of judgements and of judged sentences are the same for all, chosen for the slowest: what a model
is given must not depend on how it happened to be measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from polyglass.experiments.compare_bench import COMPARE, Bench, seconds_per_token
from polyglass.experiments.compare_contestants import Contestant
from polyglass.experiments.compare_folder import Entry, slugs
from polyglass.run import planner as plans
from polyglass.run.judge import validation_seconds
from polyglass.run.probe import Speed, steps_per_epoch
from polyglass.run.train import LONG_STEP_SECONDS, batch_source, new_model

PROBE_SHARE, SHORTEST_PROBE, LONGEST_PROBE = 0.05, 1.0, 8.0  # of the time of one run; seconds
JUDGING_SHARE, FEWEST_VALIDATIONS, MOST_VALIDATIONS = 0.25, 6, 20  # on top of the training time
FEWER_SENTENCES = (200, 100)  # that are judged where a run is too short for more
SCORINGS = 4  # judgements that scoring at the end takes as long as, roughly


@dataclass(frozen=True)
class Timed:
    """A contestant whose learning is settled and whose speed is known."""

    planner: plans.Planner
    parameters: int
    speed: Speed
    judging_seconds: float
    steps_per_epoch: float


def settle_entries(bench: Bench, preset: str | None) -> tuple[Entry, ...]:
    """Settle width, batch, learning rate and number of updates of every contestant. preset: where all start from."""
    contestants, sizes = bench.terms.contestants, bench.sizes(preset)
    speeds = {one.name: bench.rough(bench.planner(one, preset, sizes.get(one.name))) for one in contestants}
    slowest = bench.outlook(max(speeds.values(), key=seconds_per_token))
    timed = []
    for one in contestants:
        values = {**sizes.get(one.name, {}), **_batch(bench, one, preset, slowest)}
        planner = bench.planner(one, preset, values)
        planner.reasons += _reasons(bench, preset, values)
        timed.append(_timed(bench, planner, speeds[one.name]))
    timed = _affordable(bench, timed)
    validations = max(FEWEST_VALIDATIONS, min(MOST_VALIDATIONS, *_judgements(bench, timed)))
    slugged = zip(contestants, slugs([one.name for one in contestants]), timed, strict=True)
    return tuple(
        _entry(bench, contestant, done, slug=slug, limits=(_steps(bench, done, timed), validations))
        for contestant, slug, done in slugged
    )


def _batch(bench: Bench, contestant: Contestant, preset: str | None, slowest: plans.Outlook) -> dict[str, int]:
    """Return the batch that the slowest contestant needs, for all that were not given another."""
    planner = bench.planner(contestant, preset)
    if planner.config.train.batch_tokens is not None:
        return {}
    planner.size = None  # the size is settled
    plans.choose_learning(planner, slowest)
    chosen = planner.config.train.batch_tokens
    assert chosen is not None
    return {"train.batch_tokens": chosen}


def _reasons(bench: Bench, preset: str | None, values: Mapping[str, Any]) -> list[str]:
    """Say why what was settled here is as it is."""
    found = []
    if preset is not None:
        found.append(f"preset {preset} unless another was named: the largest that all can use in their time")
    if "model.d_model" in values:
        found.append(f"d_model {values['model.d_model']}: searched for, so that the number of parameters is equal")
    if "train.batch_tokens" in values:
        found.append(f"batches of {values['train.batch_tokens']:,} tokens, as the slowest model needs them")
    return found


def _timed(bench: Bench, planner: plans.Planner, rough: Speed) -> Timed:
    """Choose the learning rate and measure the real batch for longer."""
    planner.size = None
    plans.choose_learning(planner, bench.outlook(rough))
    train = planner.config.train
    assert train.batch_tokens is not None
    speed = rough.times(train.batch_tokens * train.accumulate / rough.tokens_per_step)
    if speed.seconds_per_step < LONG_STEP_SECONDS:
        share = PROBE_SHARE * (bench.terms.budget_seconds or 0.0)
        seconds = min(LONGEST_PROBE, max(SHORTEST_PROBE, share))
        speed = bench.probe(planner, batch_tokens=train.batch_tokens, seconds=seconds)
    corpus = bench.prepared.corpus
    model = new_model(planner.config, corpus).to(bench.device)
    return Timed(
        planner,
        sum(parameter.numel() for parameter in model.parameters()),
        speed,
        validation_seconds(train.validate_sentences, model, corpus.validation),
        steps_per_epoch(batch_source(planner.config, corpus), train.accumulate),
    )


def _steps(bench: Bench, done: Timed, everybody: Sequence[Timed]) -> int:
    """Return how many updates a contestant makes."""
    if bench.terms.steps is not None:
        return bench.terms.steps
    slowest = max(one.speed.seconds_per_step for one in everybody)
    own = slowest if bench.terms.equal == "steps" else done.speed.seconds_per_step
    return max(1, int((bench.terms.budget_seconds or 0.0) / own))


def _affordable(bench: Bench, timed: list[Timed]) -> list[Timed]:
    """Let fewer sentences be judged on the way where the runs are too short for all; the same number for all."""
    is_given = any(given.name == "train.validate_sentences" for given in bench.terms.common)
    for sentences in FEWER_SENTENCES:
        if is_given or min(_judgements(bench, timed)) >= FEWEST_VALIDATIONS:
            break
        timed = [_with_sentences(bench, one, sentences) for one in timed]
    return timed


def _with_sentences(bench: Bench, done: Timed, sentences: int) -> Timed:
    planner, corpus = done.planner, bench.prepared.corpus
    planner.settings = planner.settings.with_values({"train.validate_sentences": sentences}, COMPARE)
    model = new_model(planner.config, corpus).to(bench.device)
    return replace(done, judging_seconds=validation_seconds(sentences, model, corpus.validation))


def _judgements(bench: Bench, timed: Sequence[Timed]) -> list[int]:
    """Return how often each contestant can be judged in a share of its training time."""
    found = []
    for done in timed:
        seconds = _steps(bench, done, timed) * done.speed.seconds_per_step
        found.append(int(JUDGING_SHARE * seconds / max(done.judging_seconds, 1e-3)))
    return found


def _entry(bench: Bench, contestant: Contestant, done: Timed, *, slug: str, limits: tuple[int, int]) -> Entry:
    """Put everything together. limits: updates, and judgements on the way."""
    planner, (steps, validations) = done.planner, limits
    values: dict[str, Any] = {"train.steps": steps}
    if planner.config.train.validate_every is None:
        values["train.validate_every"] = max(1, -(-steps // validations))
    if bench.device.type == "cpu" and planner.config.train.threads == 0:
        values["train.threads"] = torch.get_num_threads()  # also if other cores are free when a run begins
    if planner.config.train.average != "checkpoints":
        values["train.keep_checkpoints"] = 1  # there may be many runs on one disk
    planner.settings = planner.settings.with_values(values, COMPARE)
    step, judging = done.speed.seconds_per_step, done.judging_seconds
    plans.choose_time(planner, plans.Measured(steps * step, step, judging, done.steps_per_epoch))
    preset = {"preset": contestant.preset} if contestant.preset else {}
    return Entry(
        name=contestant.name,
        slug=slug,
        config=planner.config,
        parameters=done.parameters,
        seconds_per_step=step,
        extra_seconds=(validations + SCORINGS) * judging,
        steps_per_epoch=done.steps_per_epoch,
        changes={**preset, **dict(contestant.options)},
        reasons=tuple(planner.reasons),
    )
