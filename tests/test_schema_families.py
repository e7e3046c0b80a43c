"""What is derived from a schema: durations, and sections that are one of several families."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from polyglass import settings as settings_module
from polyglass.config import Config, DataConfig, DecodeConfig, RecurrentConfig, Section, TrainConfig, TransformerConfig
from polyglass.errors import ConfigError
from polyglass.options import options_of, parse_duration
from polyglass.presets import PRESETS
from polyglass.settings import resolve


def complaint(flag: str) -> str:
    """Return the message with which this flag is refused."""
    with pytest.raises(ConfigError) as caught:
        resolve(flags=[flag])
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45m", 2700), ("1h30m", 5400), ("90s", 90), ("3h", 10_800), ("2700", 2700), ("1.5h", 5400), ("1d 2h", 93_600)],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "m", "5x", "30m1h", "nan", "inf", "1.2.3h", "9" * 400 + "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="A duration must be longer than 0 and look like 45m, 1h30m, 90s or 2700"):
        parse_duration(text)


class Recurrent(Section):
    """A second family, as the schema may get one."""

    family: Literal["recurrent"] = Field("recurrent", description="architecture")
    cell: Literal["gru", "lstm"] = Field("lstm", description="kind of cell")
    dropout: float = Field(0.4, ge=0, lt=1, description="share of numbers silenced")


class TwoFamilies(Section):
    """A schema whose model section is one of two."""

    data: DataConfig = DataConfig()
    model: Annotated[TransformerConfig | Recurrent, Field(discriminator="family")] = TransformerConfig()
    train: TrainConfig = TrainConfig()
    decode: DecodeConfig = DecodeConfig()


@pytest.fixture
def two_families(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "Config", TwoFamilies)


@pytest.mark.usefixtures("two_families")
def test_a_family_brings_its_own_options_and_defaults() -> None:
    settings = resolve(flags=["model.family=recurrent", "model.cell=gru"])
    assert [settings.value(f"model.{field}") for field in ("family", "cell", "dropout")] == ["recurrent", "gru", 0.4]
    assert "model.d_ff" not in settings.origins
    assert resolve().value("model.d_ff") == 2048


@pytest.mark.usefixtures("two_families")
def test_an_option_of_the_other_family_is_refused() -> None:
    assert complaint("model.cell=gru") == (
        'model.cell = "gru" (from flag --set model.cell=gru): only recurrent has this option, '
        "but model.family is transformer. Leave it out, or set model.family=recurrent."
    )
    assert complaint("model.family=recurent") == (
        'model.family = "recurent" (from flag --set model.family=recurent): must be one of transformer, recurrent; '
        "did you mean recurrent?"
    )


def test_the_options_of_two_families_are_listed_once() -> None:
    options = options_of(TwoFamilies)
    assert options["model.family"].choices == ("transformer", "recurrent")
    assert options["model.family"].default == "transformer"
    assert options["model.cell"].families == ("recurrent",)
    assert options["model.dropout"].families == ()


def test_a_family_that_has_another_default_is_named_beside_it() -> None:
    options = options_of(TwoFamilies)
    assert options["model.dropout"].default_words == "0.1 (recurrent: 0.4)"
    assert options["model.d_ff"].default_words == "2048"
    assert options_of(Config)["model.encoder_layers"].default_words == "6 (rnn, gru, lstm: 1)"


def test_the_families_of_the_schema_stand_in_its_order() -> None:
    options = options_of(Config)
    assert options["model.family"].choices == ("transformer", "rnn", "gru", "lstm")
    assert options["model.attention"].families == ("rnn", "gru", "lstm")
    assert (options["model.d_ff"].is_for("lstm"), options["model.d_ff"].is_for("transformer")) == (False, True)
    assert options["train.seed"].is_for("lstm")


@pytest.mark.parametrize("family", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_gives_sizes_to_every_family_and_leaves_out_what_the_family_lacks(preset: str, family: str) -> None:
    settings = resolve(preset=preset, flags=[f"model.family={family}"])
    model = settings.config.model
    assert isinstance(model, RecurrentConfig)
    assert model.family == family
    wanted = {**PRESETS[preset].options, **PRESETS[preset].recurrent, "model.family": family}
    lacking = [name for name in wanted if name not in settings.origins]
    assert all(options_of(Config)[name].families == ("transformer",) for name in lacking)
    assert all(settings.value(name) == value for name, value in wanted.items() if name not in lacking)


def test_an_option_that_the_family_lacks_is_refused_from_anybody_but_a_preset() -> None:
    message = (
        "model.num_heads = 2 (from flag --set model.num_heads=2): only transformer has this option, "
        "but model.family is gru. Leave it out, or set model.family=transformer."
    )
    with pytest.raises(ConfigError) as caught:
        resolve(preset="tiny", flags=["model.family=gru", "model.num_heads=2"])
    assert str(caught.value) == message
    with pytest.raises(ConfigError, match=r"model.attention = \"dot\" \(from Python\): only rnn, gru, lstm have this"):
        resolve(overrides={"model.attention": "dot"})


def test_a_misspelt_family_beside_a_preset_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match=r"must be one of transformer, rnn, gru, lstm; did you mean lstm\?"):
        resolve(preset="tiny", flags=["model.family=lstn"])
