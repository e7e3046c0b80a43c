"""Options from five sides, one checked configuration out."""

from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.config import Config
from polyglass.errors import ConfigError
from polyglass.options import Option, options_of, show
from polyglass.settings import Settings, resolve, to_toml


def complaint(**sides: Any) -> str:
    """Return the message with which these settings are refused."""
    with pytest.raises(ConfigError) as caught:
        resolve(**sides)
    return str(caught.value)


def file_with(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def test_without_anything_given_all_values_are_the_defaults() -> None:
    settings = resolve()
    assert settings.config == Config()
    assert set(settings.origins.values()) == {"default"}
    assert list(settings.origins) == [
        option.name for option in options_of(Config).values() if option.is_for("transformer")
    ]


@pytest.mark.parametrize(
    ("sides", "value", "origin"),
    [
        ({}, 0.3, "preset tiny"),
        ({"file"}, 0.31, "file my.toml:2"),
        ({"file", "environment"}, 0.32, "environment POLYGLASS_MODEL_DROPOUT"),
        ({"file", "environment", "flags"}, 0.33, "flag --set model.dropout=0.33"),
        ({"file", "environment", "flags", "overrides"}, 0.34, "Python"),
    ],
    ids=["preset", "file", "environment", "flag", "python"],
)
def test_a_later_side_wins_and_is_named(
    sides: set[str], value: float, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file_with(tmp_path, "[model]\ndropout = 0.31\n")
    every: dict[str, Any] = {
        "file": Path("my.toml"),
        "environment": {"POLYGLASS_MODEL_DROPOUT": "0.32"},
        "flags": ["model.dropout=0.33"],
        "overrides": {"model.dropout": 0.34},
    }
    settings = resolve(preset="tiny", **{side: every[side] for side in sides})
    assert (settings.config.model.dropout, settings.origins["model.dropout"]) == (value, origin)


def test_the_last_of_two_flags_wins() -> None:
    assert resolve(flags=["train.seed=3", "train.seed=4"]).config.train.seed == 4


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train.steps=100_000", 100_000),
        ("train.steps=none", None),
        ("model.dropout= 0.25 ", 0.25),
        ("train.epochs=3", 3.0),
        ("data.joint_vocabulary=False", False),
        ("model.positions=none", "none"),
        ("train.budget_seconds=1h30m", 5400.0),
    ],
)
def test_text_is_read_by_the_type_of_the_option(text: str, value: object) -> None:
    assert resolve(flags=[text]).value(text.partition("=")[0]) == value


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (
            "model.dropuot=0.2",
            "unknown option model.dropuot (from flag --set model.dropuot=0.2); did you mean model.dropout?",
        ),
        ("dropout=0.2", "unknown option dropout (from flag --set dropout=0.2); did you mean model.dropout?"),
        (
            "zzz.zzz=1",
            'unknown option zzz.zzz (from flag --set zzz.zzz=1). "polyglass config options" lists all options.',
        ),
        ("model=1", "model is a section, not an option (from flag --set model=1): write [model], options below it."),
        (
            "model.d_ff=0",
            "model.d_ff = 0 (from flag --set model.d_ff=0): must be a whole number greater than 0 and at most 65536; "
            "the default is 2048.",
        ),
        (
            "train.steps=many",
            'train.steps = "many" (from flag --set train.steps=many): must be a whole number greater than 0, or none; '
            "the default is none.",
        ),
        (
            "model.norm=bach",
            'model.norm = "bach" (from flag --set model.norm=bach): must be one of layer, batch, rms; '
            "did you mean batch?",
        ),
        (
            "train.compile=1",
            'train.compile = "1" (from flag --set train.compile=1): must be true or false; the default is false.',
        ),
        (
            "model.dropout=nan",
            "model.dropout = NaN (from flag --set model.dropout=nan): must be a number at least 0.0 and less than 1.0; "
            "the default is 0.1.",
        ),
        (
            "train.budget_seconds=soon",
            'train.budget_seconds = "soon" (from flag --set train.budget_seconds=soon): must be a duration such as '
            "45m, 1h30m or 2700 (seconds) greater than 0, or none; the default is none.",
        ),
        (
            "model.d_model=500",
            "model.d_model must be a multiple of model.num_heads, but 500 is not a multiple of 8. Try 496 or 504. "
            "(model.d_model = 500 from flag --set model.d_model=500)",
        ),
        ("dropout", "flag --set dropout: must look like SECTION.FIELD=VALUE, for example --set model.dropout=0.2"),
    ],
)
def test_a_wrong_flag_is_refused_with_rule_value_origin_and_remedy(flag: str, message: str) -> None:
    assert complaint(flags=[flag]) == message


def test_all_mistakes_are_told_at_once() -> None:
    lines = complaint(flags=["model.d_ff=0", "model.dropout=2"]).split("\n")
    assert [line.partition(" (")[0] for line in lines] == ["model.d_ff = 0", "model.dropout = 2.0"]


def test_a_long_wrong_value_is_cut() -> None:
    assert len(complaint(flags=["train.steps=" + "9" * 10_000])) < 400
    assert "a number of thousands of digits" in complaint(overrides={"train.steps": -(10**10_000)})


def test_a_number_of_the_wrong_type_from_python_is_refused() -> None:
    assert "train.steps = 1.5 (from Python): must be a whole number" in complaint(overrides={"train.steps": 1.5})
    assert "train.seed = true (from Python): must be a whole number" in complaint(overrides={"train.seed": True})


def test_an_unknown_preset_is_refused_with_the_nearest_one() -> None:
    assert complaint(preset="tny") == (
        'unknown preset "tny"; did you mean tiny? The presets are mini, tiny, small, base, big, paper-base, paper-big.'
    )


def test_a_misspelt_environment_variable_is_refused_with_the_nearest_one() -> None:
    assert complaint(environment={"POLYGLASS_TRAIN_SEEED": "1"}) == (
        "unknown environment variable POLYGLASS_TRAIN_SEEED; did you mean POLYGLASS_TRAIN_SEED?"
    )


def test_other_environment_variables_are_left_alone() -> None:
    environment = {"POLYGLASS_TEST_DATA": "x", "POLYGLASS_DEBUG": "1", "POLYGLASS_SERVE_PORT": "1", "HOME": "x"}
    assert resolve(environment=environment).config == Config()


def test_an_empty_environment_variable_counts_as_unset() -> None:
    assert resolve(environment={"POLYGLASS_TRAIN_SEED": ""}).origins["train.seed"] == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[model]\n\nd_model = \n",
            "{path}:3: not TOML: Invalid value, column 11. An option looks like: dropout = 0.2, below a line [model].",
        ),
        (
            "[model]\ndropuot = 1",
            "unknown option model.dropuot (from file {path}:2); did you mean model.dropout?",
        ),
        (
            "dropout = 0.2",
            "unknown option dropout (from file {path}:1); did you mean model.dropout?",
        ),
        (
            "[train]\nsteps = 1.5",
            "train.steps = 1.5 (from file {path}:2): must be a whole number greater than 0, or none; "
            "the default is none.",
        ),
        (
            "[train]\nseed = 2020-01-01",
            'train.seed = "2020-01-01" (from file {path}:2): must be a whole number at least 0 and less than '
            "2147483648; the default is 1.",
        ),
        (
            "x = " + "[" * 100_000,
            "{path}: nested too deeply, or a number too long. An option is a plain value below its [section].",
        ),
        (
            "x = " + "9" * 5000,
            "{path}: nested too deeply, or a number too long. An option is a plain value below its [section].",
        ),
    ],
    ids=["not TOML", "unknown", "no section", "wrong type", "date", "deep", "long number"],
)
def test_a_wrong_file_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    path = file_with(tmp_path, text)
    assert complaint(file=path) == message.format(path=path)


def test_a_file_that_is_not_utf8_is_refused_with_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(b"[model]\n# caf\xe9\n")
    assert complaint(file=path) == f"{path}:2: not UTF-8 text (byte 0xE9). Save it as UTF-8."


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert complaint(file=path) == f"cannot read the options file {path}: No such file or directory."


def test_a_file_with_a_byte_order_mark_and_dotted_keys_is_read(tmp_path: Path) -> None:
    path = file_with(tmp_path, '\ufeffmodel.dropout = "0.2"\n')
    assert resolve(file=path).config.model.dropout == 0.2


def test_values_filled_in_later_keep_the_other_origins_and_are_checked() -> None:
    before = resolve(preset="tiny", flags=["train.seed=5"])
    after = before.with_values({"train.steps": 100}, "planner: 29,000 pairs")
    assert (after.value("train.steps"), after.origins["train.steps"]) == (100, "planner: 29,000 pairs")
    assert after.origins["model.dropout"] == "preset tiny"
    assert after.value("train.seed") == 5
    assert before.value("train.steps") is None
    with pytest.raises(ConfigError, match=r"train.steps = 0 \(from planner\): must be a whole number greater than 0"):
        before.with_values({"train.steps": 0}, "planner")


def values_of(option: Option) -> st.SearchStrategy[Any]:
    """Draw values inside the limits that the schema states."""
    if option.choices:
        values: st.SearchStrategy[Any] = st.sampled_from(option.choices)
    elif option.kind == "boolean":
        values = st.booleans()
    else:
        limits = dict(option.limits)
        low = limits.get("at least", limits.get("greater than"))
        high = limits.get("at most", limits.get("less than", 10**9))
        if option.kind == "integer":
            values = st.integers(int(low or 0) + ("greater than" in limits), int(high) - ("less than" in limits))
        else:
            values = st.floats(
                low, high, exclude_min="greater than" in limits, exclude_max="less than" in limits, allow_nan=False
            )
    return values | st.none() if option.optional else values


@st.composite
def configs(draw: st.DrawFn) -> Settings:
    """Draw valid settings in which every option may have any value that it allows."""
    family = draw(st.sampled_from(options_of(Config)["model.family"].choices))
    values = {name: draw(values_of(option)) for name, option in options_of(Config).items() if option.is_for(family)}
    values["model.family"] = family
    values["model.d_model"] = 2 * values.get("model.num_heads", 1) * draw(st.integers(1, 32))
    if family != "transformer":
        values["model.input_feeding"] &= values["model.attention"] in ("dot", "general")
        values["model.feed_context"] &= values["model.attention"] == "none"
    values["decode.n_best"] = min(values["decode.n_best"], values["decode.beam_size"])
    return resolve(overrides=values)


@hypothesis.settings(deadline=None)
@given(settings=configs())
def test_what_is_written_as_toml_is_read_back_the_same(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("toml") / "my.toml"
    for text in (to_toml(settings.config), to_toml(settings.config, settings.origins)):
        path.write_text(text, encoding="utf-8", newline="\n")
        assert resolve(file=path).config == settings.config


@hypothesis.settings(deadline=None)
@given(settings=configs())
def test_every_value_can_be_given_as_a_flag(settings: Settings) -> None:
    flags = [
        f"{name}={value if isinstance(value := settings.value(name), str) else show(value)}"
        for name in settings.origins
    ]
    assert resolve(flags=flags).config == settings.config


def test_an_origin_in_a_toml_comment_cannot_become_a_line() -> None:
    settings = resolve().with_values({"train.seed": 2}, "file a\nmodel.dropout = 0.9 \x7f")
    assert "seed = 2  # file a\\nmodel.dropout = 0.9 \\u007f\n" in to_toml(settings.config, settings.origins)
