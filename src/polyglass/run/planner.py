"""Choose what the user left open from the corpus, the machine and the time, and say why.

Sizes follow the study of small corpora (Sennrich and Zhang 2019; Araabi and Monz 2020; Wu et al. 2021): the less text,
the smaller the vocabulary and the model, and the more dropout. The figures were measured on two CPU cores with the
recipes in docs/recipes.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyglass.config import Config, ModelConfig, TransformerConfig
from polyglass.errors import ConfigError
from polyglass.presets import PRESETS
from polyglass.settings import DEFAULT, Settings, from_preset

SMALL_CORPUS, LARGE_CORPUS = 100_000, 1_000_000  # pairs
SMALL_CORPUS_TOKENS = 3_000_000  # target tokens; its batches stay small, however much time there is
VALIDATION_SHARE = 0.05  # of the time, at most, for judging the model on the way
SAVE_SECONDS = 120.0
DEFAULT_BUDGET_SECONDS = 3600.0
PLAN = "plan"  # the origin of what is chosen here
BATCHES = (4096, 2048, 1024, 512)  # target tokens
FEWEST_UPDATES = 8_000
SIZES = ("mini", "tiny", "small", "base")  # presets, each at least twice as costly as the one before
FEW_PASSES = 10  # over the corpus


class Planner:
    """Settings that fill up, and the reasons why."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reasons: list[str] = []
        self.size: int | None = None  # index in SIZES, if the model's size was chosen here

    @property
    def config(self) -> Config:
        """The options as chosen so far."""
        return self.settings.config

    def own(self, name: str, value: int) -> int:
        """Return what somebody has set for an option, or else `value`."""
        given = self.settings.value(name)
        return value if given is None else int(given)

    def _is_open(self, name: str) -> bool:
        """Whether nobody has set an option, or it was set to "unset"."""
        return self.settings.origins.get(name, DEFAULT) == DEFAULT or self.settings.value(name) is None

    def choose(self, values: Mapping[str, Any], reason: str) -> None:
        """Take those of `values` that are still as they were by default; keep the reason if any was taken."""
        free = {
            name: value for name, value in values.items() if self._is_open(name) and self.settings.value(name) != value
        }
        if free:
            self.settings = self.settings.with_values(free, PLAN)
            self.reasons.append(reason)

    def replace(self, values: Mapping[str, Any], reason: str) -> None:
        """Take those of `values` that no person has set, instead of what was chosen before."""
        free = {
            name: value for name, value in values.items() if self.settings.origins.get(name, DEFAULT) in (DEFAULT, PLAN)
        }
        self.settings = self.settings.with_values(free, PLAN)
        self.reasons.append(reason)


def choose_shape(planner: Planner, pairs: int, word_types: int) -> None:
    """Choose model and vocabulary for a corpus of `pairs` pairs with `word_types` different words on both sides."""
    if not any(origin.startswith("preset") for origin in planner.settings.origins.values()):
        planner.size = 1 if pairs < SMALL_CORPUS else 2 if pairs < LARGE_CORPUS else 3
        name = SIZES[planner.size]
        planner.choose(_shape_of(planner, name), f"the model of preset {name}, for {PRESETS[name].description}")
    if not planner.config.data.joint_vocabulary:
        planner.choose({"model.tie_embeddings": "two"}, "source words have vectors of their own, for two vocabularies")
    # Heaps' law: the number of different words grows with about the square root of the text. Where there are fewer
    # words than that, there is nothing to fill a larger vocabulary with.
    size = max(1_000, min(32_000, 35 * pairs**0.5, 1.5 * word_types))
    size = int(round(size, -2))
    planner.choose(
        {"data.vocabulary_size": size, "data.subword_sampling": 0.0},
        f"{size:,} subwords, cut in one way: {pairs:,} pairs with {word_types:,} different words",
    )


def _shape_of(planner: Planner, name: str) -> dict[str, object]:
    """Return what a preset sets for the family of model that was asked for."""
    return {given.name: given.value for given in from_preset(name, family=planner.config.model.family)}


def choose_protection(planner: Planner, *, has_placeholders: bool) -> None:
    """Choose whether the model learns to copy masks, by whether the corpus has placeholders."""
    if has_placeholders:
        reason = "placeholders in the corpus: the model also learns to copy masks that stand for them"
        planner.choose({"data.protect": True}, reason)


@dataclass(frozen=True)
class Outlook:
    """What the run can afford. target_tokens: in all updates together. passes: over the corpus."""

    target_tokens: float
    passes: float


def choose_learning(planner: Planner, outlook: Outlook) -> None:
    """Choose depth, batch and learning rate from how much can be read in the time."""
    _shrink(planner, outlook.passes)
    # Enough updates matter more than big batches; the largest batch that still leaves them wastes the least time.
    is_small = outlook.target_tokens < SMALL_CORPUS_TOKENS * outlook.passes
    sizes = BATCHES[1:] if is_small else BATCHES
    tokens = next((size for size in sizes if outlook.target_tokens / size >= FEWEST_UPDATES), sizes[-1])
    planner.choose(
        {"train.batch_tokens": tokens},
        f"batches of {tokens:,} tokens: few enough for many updates, enough to use the processor",
    )
    model = planner.config.model
    layers = model.encoder_layers + model.decoder_layers
    rate = float(f"{_peak_rate(model):.2g}")
    planner.choose(
        {"train.learning_rate": rate}, f"peak learning rate {rate:g}, for d_model {model.d_model} and {layers} layers"
    )


def _peak_rate(model: ModelConfig) -> float:
    """Return the peak learning rate: wide and deep models want smaller steps."""
    layers = model.encoder_layers + model.decoder_layers
    if isinstance(model, TransformerConfig):
        # Post-norm diverges where pre-norm still learns (Xiong et al. 2020).
        return 3e-3 * math.sqrt(128 / model.d_model * 8 / layers) * (1 if model.norm_place == "pre" else 1 / 3)
    return 4e-3 * math.sqrt(256 / model.d_model * 2 / layers)


def _shrink(planner: Planner, passes: float) -> None:
    """Take a smaller model where the chosen one would read the corpus only a few times."""
    if planner.size is None:
        return
    size, first = planner.size, passes
    while passes < FEW_PASSES and size > 0:
        size -= 1
        passes *= 2  # at least: each size costs half of the next one, or less
    if size < planner.size:
        before, name = SIZES[planner.size], SIZES[size]
        planner.replace(
            _shape_of(planner, name),
            f"the model of preset {name}: {before} would read the corpus only {first:.1f} times in the time given, and "
            "what is read more often is learnt better",
        )


def check_settings(settings: Settings) -> None:
    """Raise ConfigError if options of data and model do not fit together."""
    config = settings.config
    is_chosen = settings.origins.get("model.tie_embeddings", DEFAULT) != DEFAULT
    if is_chosen and config.model.tie_embeddings == "three" and not config.data.joint_vocabulary:
        raise ConfigError(
            "model.tie_embeddings=three needs one joint vocabulary, but data.joint_vocabulary is false. "
            "Set model.tie_embeddings=two."
        )
    longest, places = config.data.max_length_tokens, config.model.max_positions
    if longest >= places:
        raise ConfigError(
            "data.max_length_tokens must be smaller than model.max_positions (the end of the sentence needs a place, "
            f"too), but {longest} is not smaller than {places}. Set model.max_positions={longest + 1}."
        )


def choose_precision(planner: Planner, precision: str) -> None:
    """Settle the number format that "auto" stands for."""
    if planner.config.train.precision == "auto":
        planner.settings = planner.settings.with_values({"train.precision": precision}, PLAN)


def budget_of(planner: Planner) -> float:
    """Return the seconds that the whole run may take; a run without any limit gets one hour, and says so."""
    train, origins = planner.config.train, planner.settings.origins
    is_limited = train.budget_seconds is not None or train.epochs is not None
    if is_limited and origins.get("train.steps", "default").startswith("preset"):
        # A limit of the user's own is worth more than the preset's idea of a full run.
        planner.settings = planner.settings.with_values({"train.steps": None}, PLAN)
    if train.budget_seconds is not None:
        return train.budget_seconds
    if train.steps is None and train.epochs is None:
        planner.choose(
            {"train.budget_seconds": DEFAULT_BUDGET_SECONDS},
            "one hour, since no --budget, --steps or --epochs was given",
        )
    return DEFAULT_BUDGET_SECONDS


@dataclass(frozen=True)
class Measured:
    """What planning needs to know of machine and corpus. seconds_left: of the budget, for training."""

    seconds_left: float
    seconds_per_step: float
    seconds_per_validation: float
    steps_per_epoch: float


def choose_time(planner: Planner, measured: Measured) -> None:
    """Turn time or epochs into steps, so that the schedule is a function of the step; then warm-up, judging, saving."""
    train = planner.config.train
    if train.steps is None and train.epochs is not None:
        steps = max(1, round(train.epochs * measured.steps_per_epoch))
        planner.choose({"train.steps": steps}, f"{steps:,} steps: {train.epochs:g} passes over the corpus")
    elif train.steps is None:
        steps = max(1, int(measured.seconds_left * (1 - VALIDATION_SHARE) / measured.seconds_per_step))
        planner.choose(
            {"train.steps": steps},
            f"{steps:,} steps: one takes {measured.seconds_per_step:.3g} s here, "
            f"and {measured.seconds_left:,.0f} s are left for training",
        )
    planned = planner.config.train.steps
    assert planned is not None
    total = planned * measured.seconds_per_step
    validations = max(2, min(20, int(VALIDATION_SHARE * total / max(measured.seconds_per_validation, 1e-3))))
    # What the user has set is named in the reason, too.
    warmup = planner.own("train.warmup_steps", max(1, min(4000, planned // 20)))
    validate_every = planner.own("train.validate_every", max(1, -(-planned // validations)))
    save_every = planner.own("train.save_every", max(1, min(planned, round(SAVE_SECONDS / measured.seconds_per_step))))
    planner.choose(
        {"train.warmup_steps": warmup, "train.validate_every": validate_every, "train.save_every": save_every},
        f"warm-up {warmup:,} steps; a validation every {validate_every:,}, a checkpoint every {save_every:,}",
    )
