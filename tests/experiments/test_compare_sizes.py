"""Equal numbers of parameters: for each family a width is found, and the count is the count of the real model."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from polyglass.errors import ConfigError
from polyglass.experiments.compare_sizes import TOLERANCE, count_parameters, find_size
from polyglass.model.build import build_model
from polyglass.settings import resolve
from toy_corpus import toy_subwords

MODELS = {
    "transformer": {},
    "rotary": {"model.positions": "rotary"},
    "deep": {"model.encoder_layers": 6, "model.decoder_layers": 3},
    "one head": {"model.num_heads": 1},
    "rnn": {"model.family": "rnn"},
    "gru, general": {"model.family": "gru", "model.attention": "general"},
    "lstm, one direction": {"model.family": "lstm", "model.bidirectional": False},
    "lstm, additive": {"model.family": "lstm", "model.attention": "additive"},
}


@dataclass(frozen=True)
class Words:
    """As many subwords as a real vocabulary has; only their number counts here."""

    source_size: int = 4000
    target_size: int = 4000
    ids: Any = toy_subwords().ids


@pytest.mark.parametrize(("name", "wanted"), list(product(MODELS, (400_000, 1_234_567, 20_000_000))))
def test_a_width_is_found_at_which_the_model_has_the_parameters_that_were_wanted(name: str, wanted: int) -> None:
    config = resolve(preset="tiny", overrides=MODELS[name]).config
    sized = find_size(config, wanted, Words(), name=name)  # type: ignore[arg-type]
    assert abs(sized.parameters - wanted) <= TOLERANCE * wanted
    changed = resolve(preset="tiny", overrides={**MODELS[name], **sized.values}).config.model
    assert count_parameters(changed, Words()) == sized.parameters  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_counting_without_making_room_counts_the_real_model(name: str) -> None:
    model = resolve(preset="tiny", overrides=MODELS[name]).config.model
    subwords = toy_subwords()
    built = build_model(model, (subwords.source_size, subwords.target_size), subwords.ids)
    assert count_parameters(model, subwords) == sum(parameter.numel() for parameter in built.parameters())


def test_layers_and_heads_stay_and_the_feed_forward_layer_keeps_its_proportion() -> None:
    config = resolve(preset="tiny").config
    sized = find_size(config, 2_600_000, Words(), name="transformer")  # type: ignore[arg-type]
    assert set(sized.values) == {"model.d_model", "model.d_ff"}
    assert sized.values["model.d_ff"] / sized.values["model.d_model"] == pytest.approx(2, rel=0.1)


def test_a_count_that_no_width_reaches_is_refused_with_the_nearest() -> None:
    config = resolve(preset="tiny").config
    with pytest.raises(ConfigError, match=r"deep cannot be brought to 5,000 parameters: the nearest is [\d,]+, and"):
        find_size(config, 5_000, Words(), name="deep")  # type: ignore[arg-type]
