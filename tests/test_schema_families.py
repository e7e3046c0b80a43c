"""What is derived from a schema: durations, and sections that are one of several families."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from polyglass import settings as settings_module
from polyglass.config import DataConfig, DecodeConfig, Section, TrainConfig, TransformerConfig
from polyglass.errors import ConfigError
from polyglass.options import options_of, parse_duration
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
        "but model.family is transformer."
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
