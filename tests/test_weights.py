"""A weights file proves itself."""

import json
import pickle
import random
import struct
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from faults import PowerCuts, call_fails, refusal
from polyglass.errors import BundleError
from polyglass.files import LEFTOVER_PREFIX
from polyglass.weights import load_weights, read_notes, read_shapes, save_weights

TENSORS = {
    "a.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "b": torch.tensor(7),
    "c": torch.zeros(0, 3),
    "d": torch.tensor([True, False]),
    "e": torch.ones(5, dtype=torch.bfloat16),
    "f": torch.arange(6.0).reshape(2, 3).T,
}
NOTES = {"step": "12", "facts": '{"Größe": "ü\\n"}'}


def with_header(header: object, payload: bytes = b"") -> bytes:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(text)) + text + payload


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(tmp_path / "model.safetensors", TENSORS, NOTES)
    return tmp_path / "model.safetensors"


def test_what_was_saved_comes_back_bit_for_bit(path: Path) -> None:
    tensors, notes = load_weights(path)
    assert notes == NOTES
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_equal_content_gives_equal_bytes(path: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "again", dict(reversed(TENSORS.items())), dict(reversed(NOTES.items())))
    tensors, notes = load_weights(tmp_path / "again")
    save_weights(tmp_path / "third", tensors, notes)
    assert (tmp_path / "third").read_bytes() == (tmp_path / "again").read_bytes()


def test_any_safetensors_reader_can_open_the_file(path: Path) -> None:
    assert torch.equal(safetensors.torch.load_file(path)["a.weight"], TENSORS["a.weight"])


def test_the_header_alone_tells_notes_and_shapes(path: Path) -> None:
    assert read_notes(path) == NOTES
    assert read_shapes(path) == {name: tuple(tensor.shape) for name, tensor in TENSORS.items()}


def test_one_flipped_bit_anywhere_is_found(path: Path) -> None:
    content = path.read_bytes()
    for place in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        path.write_bytes(flipped)
        with pytest.raises(BundleError, match=r"model\.safetensors"):
            load_weights(path)


def test_a_file_cut_at_any_length_is_found(path: Path) -> None:
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(BundleError, match=r"model\.safetensors"):
            load_weights(path)


def test_swapped_names_types_and_notes_are_found(path: Path) -> None:
    same = {"x": torch.zeros(2), "y": torch.ones(2)}
    save_weights(path, same, {"note": "1"})
    content = path.read_bytes()
    for old, new in ((b'"x"', b'"z"'), (b'"F32"', b'"I32"'), (b'"note":"1"', b'"note":"2"')):
        assert old in content
        path.write_bytes(content.replace(old, new))
        with pytest.raises(BundleError, match="SHA-256"):
            load_weights(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends after 0 bytes"),
        (b"\1\0\0", "ends after 3 bytes"),
        (struct.pack("<Q", 2**62) + b"{}", "before its header does"),
        (struct.pack("<Q", 2**63 + 5) + b"{}", "before its header does"),
        (with_header(b"[" * 100_000), "is not JSON"),
        (with_header(b"9" * 5000), "is not JSON"),
        (with_header([1, 2]), "must hold a JSON object"),
        (with_header(b"\xff\xfe{}"), "is not JSON"),
        (with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)), "own SHA-256"),
        (with_header({"__metadata__": {"sha256": "0"}, "a": 3}), "is damaged"),
        (
            with_header(
                {
                    "__metadata__": {"sha256": "0"},
                    "a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]},
                },
                bytes(8),
            ),
            "is damaged",
        ),
        (
            with_header(
                {
                    "__metadata__": {"sha256": "0"},
                    "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                    "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                },
                bytes(8),
            ),
            "is damaged",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(30), "PyTorch pickle"),
        (pickle.dumps({"state": [1.0] * 50}), "PyTorch pickle"),
    ],
)
def test_what_is_no_weights_file_is_refused_by_name(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(BundleError, match=reason) as caught:
        load_weights(path)
    assert str(path) in str(caught.value)


def test_a_header_that_claims_more_than_the_limit_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.weights.MAX_HEADER_BYTES", 100)
    with pytest.raises(BundleError, match="its header may have at most 100 bytes"):
        read_notes(path)


def test_shapes_that_are_no_numbers_are_refused(path: Path) -> None:
    for shape in ("2", [-1], [1.5], [None]):
        path.write_bytes(with_header({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}, bytes(8)))
        with pytest.raises(BundleError, match="'a' has no shape"):
            read_shapes(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (load_weights, read_notes, read_shapes):
        with pytest.raises(BundleError, match=r"absent\.safetensors is missing"):
            read(tmp_path / "absent.safetensors")


def test_every_system_call_of_a_save_may_fail_and_the_old_weights_load(path: Path) -> None:
    new: dict[str, Tensor] = {"new": torch.ones(3)}
    for number in range(1, 50):
        save_weights(path, TENSORS, NOTES)
        with call_fails(number) as counter:
            message = refusal(lambda: save_weights(path, new, {}))
        assert not counter.failed or str(path) in message
        assert set(load_weights(path)[0]) in (set(TENSORS), {"new"})
        assert not list(path.parent.glob(LEFTOVER_PREFIX + "*"))
        if not counter.failed:
            return
    pytest.fail("the save never succeeded")


def test_after_a_power_cut_at_any_moment_old_or_new_weights_load(path: Path) -> None:
    cuts = PowerCuts(path.parent)
    with cuts.recording():
        save_weights(path, {"new": torch.ones(3)}, {})
    seen = set()
    for disk in list(cuts.disks()):
        path.write_bytes(disk[path.name])
        seen.add("new" in load_weights(path)[0])
    assert seen == {True, False}


def test_random_bytes_never_crash_the_reader(path: Path) -> None:
    chance = random.Random(1)
    content = path.read_bytes()
    for _ in range(300):
        mutated = bytearray(content)
        for _ in range(chance.randint(1, 20)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        path.write_bytes(mutated)
        if bytes(mutated) != content:
            with pytest.raises(BundleError):
                load_weights(path)
