"""CTranslate2 in the place of our own search: the same words, the same n-best lists, the same scores."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from polyglass.bundle import save_bundle
from polyglass.cli import translate
from polyglass.errors import ConfigError, InputError
from polyglass.interop import engine
from polyglass.translator import Translation, Translator
from tiny_bundle import SENTENCES, tiny_bundle

ctranslate2 = pytest.importorskip("ctranslate2", reason="the package ctranslate2 is not installed")

SOURCES = [source for source, _ in SENTENCES]
CLOSE = 1e-4  # two float32 programs add up in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with the tiny model."""
    path = tmp_path_factory.mktemp("engine") / "model"
    save_bundle(path, tiny_bundle())
    return path


def said(found: Sequence[Translation]) -> list[list[tuple[tuple[str, ...], str]]]:
    return [[(one.pieces, one.finish_reason) for one in each.candidates] for each in found]


@pytest.mark.parametrize("name", ["auto", "ctranslate2"])
def test_greedy_search_writes_the_same_words_with_the_same_probability(folder: Path, name: str) -> None:
    own = Translator.load(folder).translate(SOURCES, beam_size=1)
    theirs = Translator.load(folder, engine=name).translate(SOURCES, beam_size=1)
    assert said(theirs) == said(own)
    for mine, other in zip(own, theirs, strict=True):
        assert other.candidates[0].score == pytest.approx(mine.candidates[0].score, abs=CLOSE)
        assert other.candidates[0].token_log_probs == pytest.approx(mine.candidates[0].token_log_probs, abs=CLOSE)


def test_outputs_that_reach_the_limit_and_empty_lines_are_as_ours(folder: Path) -> None:
    texts = [SOURCES[0], "", SOURCES[1]]
    options = {"beam_size": 2, "max_length_factor": 1e-6, "max_length_extra": 2}
    own = Translator.load(folder).translate(texts, **options)  # type: ignore[arg-type]
    theirs = Translator.load(folder, engine="ctranslate2").translate(texts, **options)  # type: ignore[arg-type]
    assert said(theirs) == said(own)


def test_samples_and_prefixes_are_searched_by_our_own_decoder(folder: Path) -> None:
    own, theirs = Translator.load(folder), Translator.load(folder, engine="ctranslate2")
    drawn = {"sample": True, "n_best": 3, "seed": 5}
    assert said(theirs.translate(SOURCES[:2], **drawn)) == said(own.translate(SOURCES[:2], **drawn))  # type: ignore[arg-type]
    prefix = ["das"]
    assert said(theirs.translate(SOURCES[:1], prefix=prefix)) == said(own.translate(SOURCES[:1], prefix=prefix))


def test_the_export_is_made_once_and_made_again_if_a_byte_of_it_changes(folder: Path) -> None:
    Translator.load(folder, engine="ctranslate2")
    (exported,) = (folder / ".ctranslate2").glob("*-float32-*")
    made = (exported / "model.bin").stat().st_mtime_ns
    Translator.load(folder, engine="ctranslate2")
    assert (exported / "model.bin").stat().st_mtime_ns == made
    content = (exported / "model.bin").read_bytes()
    (exported / "model.bin").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    Translator.load(folder, engine="ctranslate2")
    assert (exported / "model.bin").read_bytes() == content


def test_an_unknown_engine_is_refused_by_name(folder: Path) -> None:
    with pytest.raises(InputError, match="The engine must be one of torch, auto, ctranslate2, ctranslate2-int8, but"):
        Translator.load(folder, engine="marian")


def test_what_ctranslate2_lacks_is_refused_when_it_is_named_and_left_to_us_when_it_is_not(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", tiny_bundle(positions="rotary"))
    with pytest.raises(ConfigError, match=r"CTranslate2 has no place for model\.positions=rotary"):
        Translator.load(tmp_path / "model", engine="ctranslate2")
    assert Translator.load(tmp_path / "model", engine="auto").translate(SOURCES[:1])[0].candidates


def test_the_command_line_offers_every_engine() -> None:
    assert translate.ENGINES == engine.ENGINES
