"""Every family goes the whole way: corpus, plan, training, folder, translations, alignment, card."""

from pathlib import Path
from typing import Any

import pytest

from polyglass.bundle import load_bundle
from polyglass.cli.main import main
from polyglass.translator import Translator
from toy_corpus import Told, Toy, train_toy

LEARNS: dict[str, Any] = {
    "model.d_model": 32,
    "train.steps": 150,
    "train.warmup_steps": 10,
    "train.learning_rate": 0.01,
    "train.save_every": 150,
    "train.validate_every": 150,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "rnn": {"model.family": "rnn"},
    "gru": {"model.family": "gru", "model.feed_context": True},
    "gru with additive attention": {"model.family": "gru", "model.attention": "additive"},
    "lstm": {"model.family": "lstm"},
    "lstm with general attention": {"model.family": "lstm", "model.attention": "general"},
    "lstm with input feeding": {"model.family": "lstm", "model.attention": "dot", "model.input_feeding": True},
}


@pytest.fixture(scope="module", params=list(FAMILIES))
def trained(request: pytest.FixtureRequest, toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Told]:
    """A finished run of one family: its folder, and what it said."""
    folder, talk = tmp_path_factory.mktemp("family") / "model", Told()
    assert train_toy(toy, folder, {**LEARNS, **FAMILIES[request.param]}, talk=talk).finished
    return folder, talk


def test_it_learns(trained: tuple[Path, Told]) -> None:
    _, talk = trained
    first, last = talk.steps[0].loss, talk.steps[-1].loss
    assert last < 0.75 * first
    assert all(step.grad_norm < 100 for step in talk.steps)


def test_its_folder_translates_and_shows_an_alignment_where_there_is_attention(trained: tuple[Path, Told]) -> None:
    translator = Translator.load(trained[0])
    has_attention = translator.bundle.config.model.attention != "none"  # type: ignore[union-attr]
    for translation in translator.translate(["a b c", "d"], alignment=True, n_best=2):
        for candidate in translation.candidates:
            if not has_attention:
                assert candidate.alignment is None
                continue
            assert candidate.alignment is not None
            assert len(candidate.alignment) == len(candidate.pieces)
            for row in candidate.alignment:
                assert len(row) == len(translation.source_pieces)
                assert sum(row) == pytest.approx(1, abs=1e-5)
    assert translator.score(["a b"], ["b a"])[0].log_prob < 0
    assert translator.trace("a b", keep=("decoder.layers.*",)).tensors


def test_the_command_line_says_where_nobody_looked(
    trained: tuple[Path, Told], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trained
    has_attention = load_bundle(folder).model.alignment_path is not None
    code = main(["translate", str(folder), "a b c", "--alignment"])
    printed = capsys.readouterr()
    if has_attention:
        assert (code, "\t" in printed.out) == (0, True)
    else:
        assert code != 0
        assert printed.err == (
            "polyglass: error: --alignment shows where a model's attention looked, but this model has none "
            "(model.attention=none). Leave --alignment out, or train with --set model.attention=additive.\n"
        )


def test_its_card_names_cell_and_attention(trained: tuple[Path, Told], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trained
    model = load_bundle(folder).config.model
    assert main(["info", str(folder)]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    [architecture] = [line for line in lines if line.startswith("architecture")]
    [attention] = [line for line in lines if line.startswith("attention ")]
    assert architecture.startswith(f"architecture {model.family}: ")
    assert model.attention in attention  # type: ignore[union-attr]
    assert max(map(len, lines[1:])) <= 80  # the first names the folder, which is as long as it is
    assert "layers 1 encoder (in both directions), 1 decoder" in lines
