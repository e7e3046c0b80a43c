"""Each preset is a configuration that can be used."""

import pytest

from polyglass.presets import PRESETS
from polyglass.settings import resolve


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_valid_configuration(name: str) -> None:
    settings = resolve(preset=name)
    assert [settings.value(option) for option in PRESETS[name].options] == list(PRESETS[name].options.values())


def test_the_paper_presets_are_the_papers_models() -> None:
    base, big = resolve(preset="paper-base").config, resolve(preset="paper-big").config
    assert (base.model.d_model, base.model.d_ff, base.model.num_heads, base.model.dropout) == (512, 2048, 8, 0.1)
    assert (big.model.d_model, big.model.d_ff, big.model.num_heads, big.model.dropout) == (1024, 4096, 16, 0.3)
    assert (base.train.average_checkpoints, big.train.average_checkpoints) == (5, 20)
    assert (base.train.schedule, base.train.warmup_steps, base.model.norm_place) == ("paper", 4000, "post")
