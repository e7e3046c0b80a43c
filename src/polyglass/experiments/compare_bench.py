"""Where the contestants of a comparison are measured: the prepared corpus, the machine, what they say of a model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from polyglass.experiments.compare_contestants import Contestant
from polyglass.experiments.compare_data import Prepared
from polyglass.experiments.compare_sizes import count_parameters, find_size
from polyglass.experiments.compare_terms import Terms
from polyglass.run import planner as plans
from polyglass.run.machine import choose_precision
from polyglass.run.probe import Speed, probe_speed
from polyglass.run.train import batch_source, new_model

COMPARE = "compare"  # the origin of what is settled here
ROUGH_TOKENS = 1024  # in the updates that a first measurement makes


@dataclass(frozen=True)
class Bench:
    """Where the contestants are measured. shared: the data options of all. shape: kept pairs, different words.

    known: speeds that were measured before, by model.
    """

    terms: Terms
    prepared: Prepared
    device: torch.device
    shared: Mapping[str, Any]
    shape: tuple[int, int]
    known: dict[str, Speed] = field(default_factory=dict)

    def planner(
        self, contestant: Contestant, preset: str | None, values: Mapping[str, Any] | None = None
    ) -> plans.Planner:
        """Return a contestant's settings with the shared ones, ready to be filled up."""
        settings = self.terms.settle(contestant, preset).with_values({**self.shared, **(values or {})}, COMPARE)
        planner = plans.Planner(settings)
        plans.choose_shape(planner, *self.shape)
        plans.choose_precision(planner, choose_precision(planner.config.train.precision, self.device))
        return planner

    def common_size(self) -> str | None:
        """Return the preset that all start from who named none: what the slowest reads often enough in its time.

        One for all: a model must not lose because the planner gave it another size. None: nobody starts from one.
        """
        planners = [self.planner(contestant, None) for contestant in self.terms.contestants]
        open_ones = [planner for planner in planners if planner.size is not None]
        if not open_ones:
            return None
        size = max(planner.size or 0 for planner in open_ones)
        if size > 0 and self.terms.steps is None:
            slowest = max((self.rough(planner) for planner in open_ones), key=seconds_per_token)
            passes = self.outlook(slowest).passes
            while passes < plans.FEW_PASSES and size > 0:
                size -= 1
                passes *= 2
        return plans.SIZES[size]

    def sizes(self, preset: str | None) -> dict[str, Mapping[str, Any]]:
        """Return the widths that were searched for, by contestant; nothing unless parameters are held equal."""
        terms, subwords = self.terms, self.prepared.corpus.subwords
        if terms.equal != "parameters":
            return {}
        first = count_parameters(self.planner(terms.contestants[0], preset).config.model, subwords)
        wanted = terms.parameters or first
        found: dict[str, Mapping[str, Any]] = {}
        for contestant in terms.contestants[0 if terms.parameters else 1 :]:
            config = self.planner(contestant, preset).config
            found[contestant.name] = find_size(config, wanted, subwords, name=contestant.name).values
        return found

    def rough(self, planner: plans.Planner) -> Speed:
        """Measure a few updates of a moderate batch, once for each model."""
        key = planner.config.model.model_dump_json()
        if key not in self.known:
            given = planner.config.train.batch_tokens or ROUGH_TOKENS
            self.known[key] = self.probe(planner, batch_tokens=min(given, ROUGH_TOKENS), seconds=0.0)
        return self.known[key]

    def probe(self, planner: plans.Planner, *, batch_tokens: int, seconds: float) -> Speed:
        """Measure updates of this many tokens for some time."""
        values = {"train.batch_tokens": batch_tokens}
        config = planner.settings.with_values(values, COMPARE).config
        model = new_model(config, self.prepared.corpus).to(self.device)
        return probe_speed(model, batch_source(config, self.prepared.corpus), config.train, seconds=seconds)

    def outlook(self, speed: Speed) -> plans.Outlook:
        """Say how much of the corpus a run will read."""
        once = self.prepared.corpus.store.target_tokens
        if self.terms.steps is not None:
            tokens = self.terms.steps * speed.tokens_per_step
        else:
            tokens = (self.terms.budget_seconds or 0.0) * speed.tokens_per_step / speed.seconds_per_step
        return plans.Outlook(tokens, tokens / once)


def seconds_per_token(speed: Speed) -> float:
    """Return how long a model takes for a target token."""
    return speed.seconds_per_step / speed.tokens_per_step
