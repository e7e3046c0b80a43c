"""Names of contestants: what is read from them, and what is said of those that cannot be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.errors import ConfigError
from polyglass.experiments.compare_contestants import Contestant, read_contestants

FAMILIES = ("transformer", "rnn", "gru", "lstm")


def one(text: str) -> Contestant:
    (contestant,) = read_contestants(text)
    return contestant


@pytest.mark.parametrize(
    ("text", "options", "preset"),
    [
        ("transformer", {"model.family": "transformer"}, None),
        ("lstm", {"model.family": "lstm", "model.attention": "none"}, None),
        ("lstm+attention", {"model.family": "lstm", "model.attention": "additive"}, None),
        ("gru+general", {"model.family": "gru", "model.attention": "general"}, None),
        (
            "transformer[norm=batch,learning_rate=1e-3]",
            {"model.family": "transformer", "model.norm": "batch", "train.learning_rate": "1e-3"},
            None,
        ),
        (
            "rnn+dot[preset=small,decode.beam_size=1]",
            {"model.family": "rnn", "model.attention": "dot", "decode.beam_size": "1"},
            "small",
        ),
        (
            " lstm [ input_feeding = false ] ",
            {"model.family": "lstm", "model.attention": "none", "model.input_feeding": "false"},
            None,
        ),
    ],
)
def test_a_name_says_family_attention_and_changes(text: str, options: dict[str, str], preset: str | None) -> None:
    contestant = one(text)
    assert dict(contestant.options) == options
    assert contestant.preset == preset
    assert contestant.name == text.replace(" ", "")
    assert contestant.family == options["model.family"]


def test_commas_inside_brackets_do_not_end_a_name() -> None:
    names = [one.name for one in read_contestants("rnn,transformer[norm=rms,dropout=0.2],lstm+attention")]
    assert names == ["rnn", "transformer[norm=rms,dropout=0.2]", "lstm+attention"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transfomer", "unknown model transfomer; did you mean transformer? The families are"),
        ("lstn+attention", "did you mean lstm?"),
        ("lstm+atention", "unknown attention +atention; did you mean attention?"),
        ("lstm+bahdanau", "It is one of attention, additive, dot, general."),
        ("transformer+attention", "transformer takes no +attention; it has the attention that it has."),
        ("transformer[nrom=batch]", "unknown option nrom; did you mean model.norm?"),
        ("transformer[preset=tny]", "unknown preset tny; did you mean tiny? The presets are mini,"),
        ("transformer[norm]", "norm must look like OPTION=VALUE."),
        ("transformer[]", "an empty change must look like OPTION=VALUE."),
        ("transformer[norm=batch", "a bracket is not closed. A contestant looks like lstm,"),
        ("transformer]", "a bracket too many."),
        ("transformer[norm=a[b]]", "a bracket too many."),
        ("lstm,,rnn", "an empty name is no contestant."),
        ("", "an empty name is no contestant."),
        ("a=b", "a=b is no contestant."),
        ("lstm,lstm", "Each model takes part once, but lstm was named 2 times."),
        ("lstm,lstm+none", "unknown attention +none"),
        (
            "transformer[norm=batch],transformer[model.norm=batch]",
            "are the same model. Leave one out; seeds are given by --seeds N.",
        ),
        ("lstm[seed=3]", "train.seed is the comparison's own affair. Use --seeds, and --budget or --steps."),
        ("lstm[train.steps=3]", "train.steps is the comparison's own affair."),
        ("lstm[data.subwords=bpe]", "must be the same for all models. Give it once: --set data.subwords=..."),
        ("lstm[threads=2]", "train.threads must be the same for all models."),
        ("transformer[norm=batch,norm=rms]", "model.norm is set twice. Set it once."),
        (f"transformer[dropout=0.{'1' * 80}]", "a name has at most 100 characters"),
        (",".join(f"lstm[dropout=0.{number}]" for number in range(10, 35)), "takes 1 to 24 models, but 25 were named"),
    ],
)
def test_a_name_that_cannot_be_read_is_answered_with_the_way_out(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_contestants(text)
    assert said in str(raised.value)


@given(st.text(max_size=80))
def test_whatever_is_typed_is_read_or_refused_with_words(text: str) -> None:
    if text.strip().endswith(".toml"):
        return
    try:
        found = read_contestants(text)
    except ConfigError:
        return
    assert all(contestant.family in FAMILIES for contestant in found)


NAMES = st.builds(
    lambda family, attention, dropout, rate: (family, attention, dropout, rate),
    st.sampled_from(FAMILIES),
    st.sampled_from(("", "attention", "additive", "dot", "general")),
    st.none() | st.integers(0, 9),
    st.none() | st.sampled_from(("1e-3", "0.002")),
)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_what_was_put_into_a_list_of_names_comes_out_of_it(
    parts: list[tuple[str, str, int | None, str | None]],
) -> None:
    names, expected = [], []
    for family, attention, dropout, rate in parts:
        attention = "" if family == "transformer" else attention
        changes = [f"dropout=0.{dropout}"] * (dropout is not None) + [f"train.learning_rate={rate}"] * (
            rate is not None
        )
        names.append(family + (f"+{attention}" if attention else "") + (f"[{','.join(changes)}]" if changes else ""))
        kind = {"attention": "additive", "": "none"}.get(attention, attention)
        options = {"model.family": family} | ({} if family == "transformer" else {"model.attention": kind})
        options |= {} if dropout is None else {"model.dropout": f"0.{dropout}"}
        expected.append(options | ({} if rate is None else {"train.learning_rate": rate}))
    if len({tuple(sorted(options.items())) for options in expected}) < len(expected):
        with pytest.raises(ConfigError):
            read_contestants(",".join(names))
        return
    assert [dict(one.options) for one in read_contestants(",".join(names))] == expected


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_toml_file_holds_a_table_for_each_contestant(tmp_path: Path) -> None:
    text = """
    [wide]
    preset = "small"
    model = { family = "lstm", attention = "additive", d_model = 512 }
    train = { learning_rate = 1e-3 }
    ["batch norm"]
    model.norm = "batch"
    [plain]
    """
    wide, batch, plain = read_contestants(write(tmp_path / "models.toml", text))
    assert (wide.name, wide.preset, wide.family) == ("wide", "small", "lstm")
    assert dict(wide.options)["train.learning_rate"] == 1e-3
    assert dict(batch.options) == {"model.norm": "batch", "model.family": "transformer"}
    assert (plain.name, dict(plain.options)) == ("plain", {"model.family": "transformer"})


def test_a_recurrent_family_in_a_file_does_without_attention_unless_it_asks(tmp_path: Path) -> None:
    (one,) = read_contestants(write(tmp_path / "m.toml", '[a]\nmodel.family = "gru"\n'))
    assert dict(one.options)["model.attention"] == "none"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[wide\n", "not TOML"),
        ("wide = 3\n", "must be a table with a name"),
        ("[wide]\nmodle = { norm = 'batch' }\n", "unknown option modle.norm; did you mean model.norm?"),
        ("[wide]\nnorm = 'batch'\n", "norm must be one of the tables model, train, decode, or preset"),
        ("[wide]\npreset = 3\n", "preset must be a name, but it is 3."),
        ("[wide]\nmodel.norm = [1]\n", "model.norm must be a plain value"),
        ("[wide]\nmodel.family = 'lsmt'\n", "did you mean lstm?"),
        ("[wide]\ntrain.seed = 3\n", "train.seed is the comparison's own affair"),
        ("", "takes 1 to 24 models, but 0 were named"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_contestants(write(tmp_path / "models.toml", text))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: the file cannot be read"):
        read_contestants(str(tmp_path / "none.toml"))
