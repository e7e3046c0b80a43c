"""I11, I12: a damaged or hostile model folder ends in an error with the file's name; the process lives, and small."""

import hashlib
import json
import random
import resource
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults import in_child
from polyglass.bundle import load_bundle
from polyglass.data.subwords import Subwords
from polyglass.errors import BundleError
from polyglass.weights import load_weights, save_weights
from tiny_bundle import tiny_folder, tiny_subwords

MUTATIONS = 60
IN_ONE_CHILD = 20
GROWTH_KB = 300_000  # what a refused file may cost in memory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("made") / "m")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, overwrite, cut out, insert or double a stretch."""
    changed = bytearray(content)
    at = chance.randrange(len(changed))
    length = chance.randrange(1, 64)
    match chance.randrange(5):
        case 0:
            for _ in range(chance.randrange(1, 9)):
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        case 1:
            changed[at : at + length] = chance.randbytes(length)
        case 2:
            del changed[at : at + length]
        case 3:
            changed[at:at] = chance.randbytes(length)
        case _:
            changed[at:at] = changed[at : at + length] * chance.randrange(1, 50)
    return bytes(changed)


def memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("name", ["config.json", "tokenizer.model", "model.safetensors"])
def test_mutated_files_are_refused_by_name_and_kill_nobody(made: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "m"))
    content = (folder / name).read_bytes()
    for seed in range(0, MUTATIONS, IN_ONE_CHILD):

        def try_some(seed: int = seed) -> None:
            before = memory_kb()
            for number in range(seed, seed + IN_ONE_CHILD):
                bad = mutated(content, random.Random(number))
                (folder / name).write_bytes(bad)
                if bad != content:
                    with pytest.raises(BundleError, match=name):
                        load_bundle(folder)
            assert memory_kb() - before < GROWTH_KB

        assert in_child(try_some, seconds=20) == 0, f"{name}, mutations {seed} to {seed + IN_ONE_CHILD}"


def test_a_mutated_tokenizer_whose_hash_was_forged_kills_nobody(made: Path, tmp_path: Path) -> None:
    """The bytes reach SentencePiece itself; it may refuse them or take them, but it must not crash."""
    folder = tmp_path / "m"
    folder.mkdir()
    content = (made / "tokenizer.model").read_bytes()
    for seed in range(0, MUTATIONS, IN_ONE_CHILD):

        def try_some(seed: int = seed) -> None:
            for number in range(seed, seed + IN_ONE_CHILD):
                (folder / "tokenizer.model").write_bytes(mutated(content, random.Random(number)))
                with suppress(BundleError):
                    Subwords.load(folder).encode_source(["A small dog.", "\0\u2028" * 50])

        assert in_child(try_some, seconds=20) == 0, f"mutations {seed} to {seed + IN_ONE_CHILD}"


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, 10).map(lambda power: 10**power),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
PATHS = st.sampled_from(
    [
        ("config", "model", name)
        for name in ("d_model", "num_heads", "d_ff", "encoder_layers", "decoder_layers", "max_positions", "norm", "x")
    ]
    + [("vocabulary", "source"), ("vocabulary", "target"), ("vocabulary",), ("config",), ("config", "model")]
    + [("config", "decode", "beam_size"), ("format",), ("source_lang",), ("tokenizer_sha256",), ("config", "train")]
)


@given(st.lists(st.tuples(PATHS, VALUES), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_config_takes_memory_that_the_weights_do_not_justify(
    made: Path, tmp_path: Path, changes: list[tuple[tuple[str, ...], Any]]
) -> None:
    folder = tmp_path / "m"
    if not folder.exists():
        shutil.copytree(made, folder)
    document = json.loads((made / "config.json").read_bytes())
    for path, value in changes:
        place = document
        for key in path[:-1]:
            place = place[key] if isinstance(place, dict) and isinstance(place.get(key), dict) else {}
        place[path[-1]] = value
    content = json.dumps(document).encode()
    (folder / "config.json").write_bytes(content)
    tensors, notes = load_weights(made / "model.safetensors")
    save_weights(folder / "model.safetensors", tensors, {**notes, "config_sha256": hashlib.sha256(content).hexdigest()})
    before = memory_kb()
    with suppress(BundleError):
        assert sum(parameter.numel() for parameter in load_bundle(folder).model.parameters()) == 14_976
    assert memory_kb() - before < GROWTH_KB


def test_hostile_shapes_in_the_weights_take_no_memory(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "m"))
    tensors, notes = load_weights(made / "model.safetensors")
    name = next(iter(tensors))
    for wrong in (torch.zeros(0, 2**40), torch.zeros(()), torch.zeros([1] * 30)):
        save_weights(folder / "model.safetensors", {**tensors, name: wrong}, notes)
        with pytest.raises(BundleError, match=f"tensor '{name}' should be"):
            load_bundle(folder)
    save_weights(folder / "model.safetensors", {**tensors, "x" * 5000: torch.zeros(1)}, notes)
    with pytest.raises(BundleError, match=r"tensor 'x{100}' should be absent"):
        load_bundle(folder)


def test_every_swapped_tokenizer_is_refused(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "m"))
    for size in range(332, 352, 4):
        tiny_subwords(size=size).save(folder)
        with pytest.raises(BundleError, match="is not the tokenizer that this model was trained with"):
            load_bundle(folder)
