"""Models to and from CTranslate2; the judge is the real program."""

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polyglass.bundle import Bundle
from polyglass.config import DecodeConfig
from polyglass.decoding.search import search
from polyglass.errors import BundleError, ConfigError, InputError
from polyglass.interop.ctranslate2_file import read_model_file
from polyglass.interop.from_ctranslate2 import read_ctranslate2
from polyglass.interop.to_ctranslate2 import prove, write_ctranslate2
from tiny_bundle import SENTENCES, tiny_bundle

ctranslate2 = pytest.importorskip("ctranslate2", reason="the package ctranslate2 is not installed")

SOURCES = [source for source, _ in SENTENCES]
CLOSE = 1e-4  # two float32 programs add up in another order
VARIANTS = {
    "pre-norm, sinusoids": {"norm_place": "pre", "positions": "sinusoidal"},
    "post-norm, learned positions": {"norm_place": "post", "positions": "learned"},
    "RMS norm, no positions": {"norm_place": "pre", "norm": "rms", "positions": "none"},
    "biases, GELU, own matrices": {"attention_bias": True, "activation": "gelu", "tie_embeddings": "none"},
    "SiLU, two vocabularies": {"activation": "silu", "joint": False},
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Path]:
    """A tiny model and its float32 export."""
    bundle, folder = tiny_bundle(), tmp_path_factory.mktemp("ct2") / "model"
    write_ctranslate2(bundle, folder)
    return bundle, folder


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS.keys())
def test_ctranslate2_writes_the_same_words_with_the_same_probability(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    bundle = tiny_bundle(**changes)  # type: ignore[arg-type]
    write_ctranslate2(bundle, tmp_path / "model")
    proof = prove(bundle, tmp_path / "model", SOURCES)
    assert (proof.equal, proof.sentences, proof.differing) == (len(SOURCES), len(SOURCES), ())
    assert 0 < proof.largest_difference < CLOSE


def test_an_exported_model_read_back_is_the_same_model(exported: tuple[Bundle, Path]) -> None:
    bundle, folder = exported
    source, target = torch.tensor([[10, 20, 30, 2]]), torch.tensor([[1, 7, 9]])
    back = read_ctranslate2(folder)
    assert back.model.ids == bundle.subwords.ids
    torch.testing.assert_close(back.model(source, target), bundle.model(source, target), atol=1e-5, rtol=0)


def test_export_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    bundle = tiny_bundle()
    before = {name: tensor.clone() for name, tensor in bundle.model.state_dict().items()}
    write_ctranslate2(bundle, tmp_path / "model", quantization="int8")
    assert all(torch.equal(before[name], tensor) for name, tensor in bundle.model.state_dict().items())


@pytest.mark.parametrize("quantization", ["int8", "int16", "float16", "bfloat16"])
def test_quantised_numbers_are_read_back_close_to_what_they_were(tmp_path: Path, quantization: str) -> None:
    bundle = tiny_bundle()
    write_ctranslate2(bundle, tmp_path / "model", quantization=quantization)
    own, back = bundle.model.state_dict(), read_ctranslate2(tmp_path / "model").model.state_dict()
    for name in ("source_embedding.weight", "decoder.layers.0.cross_attention.w_k.weight"):
        row_step = own[name].abs().max() / 127  # the coarsest of the four: 127 steps to the largest number
        assert (own[name] - back[name]).abs().max() <= row_step


def test_a_real_model_of_strangers_gives_its_documented_outputs_and_scores(shared_data: Path) -> None:
    folder = shared_data / "aren-transliteration-ct2"
    imported = read_ctranslate2(folder)
    documented = {"آتزمون": ("a t z m o n", -0.1517), "آتشيسون": ("a c h i s o n", -0.1392)}
    for word, (letters, score) in documented.items():
        source = torch.tensor([[imported.source_vocabulary.index(letter) for letter in word]])
        best = search(imported.model, source, DecodeConfig(beam_size=2))[0][0]
        assert " ".join(imported.target_vocabulary[token] for token in best.ids[:-1]) == letters
        assert best.log_prob / len(best.ids) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "words"), [({"norm": "batch"}, "norm=batch"), ({"positions": "rotary"}, "positions=rotary")]
)
def test_what_ctranslate2_lacks_is_refused_by_name(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        write_ctranslate2(tiny_bundle(**changes), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_number_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="quantization must be one of float32, int8"):
        write_ctranslate2(tiny_bundle(), tmp_path / "model", quantization="int3")


@given(cut=st.integers(0, 5000))
def test_a_file_cut_anywhere_is_refused(exported: tuple[Bundle, Path], cut: int) -> None:
    whole = (exported[1] / "model.bin").read_bytes()
    path = exported[1].parent / "cut.bin"
    path.write_bytes(whole[: cut * len(whole) // 5001])
    with pytest.raises(BundleError, match=r"damaged|not a CTranslate2"):
        read_model_file(path)


@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_changed_byte_never_crashes_the_reader(exported: tuple[Bundle, Path], place: int, byte: int) -> None:
    content = bytearray((exported[1] / "model.bin").read_bytes())
    content[place] = byte
    path = exported[1].parent / "flipped.bin"
    path.write_bytes(content)
    with suppress(BundleError):  # any other error is a crash
        read_model_file(path)


def test_a_size_that_is_a_lie_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    name = struct.pack("<H", 2) + b"a\0"
    lie = name + struct.pack("<BIIBI", 2, 2**31, 2**31, 0, 2**32 - 4)
    path.write_bytes(struct.pack("<I", 6) + name + struct.pack("<II", 7, 1) + lie)
    with pytest.raises(BundleError, match="promises 4,294,967,292 more bytes"):
        read_model_file(path)


def test_the_oldest_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    values = np.arange(6, dtype="<f4")
    name = struct.pack("<H", 4) + b"a/b\0"
    variable = name + struct.pack("<BIIBI", 2, 2, 3, 4, 6) + values.tobytes()
    path.write_bytes(struct.pack("<I", 2) + name + struct.pack("<II", 2, 1) + variable)
    np.testing.assert_array_equal(read_model_file(path).variables["a/b"], values.reshape(2, 3))
