"""T5: one flipped bit at 500 places and 200 cuts of a model folder and of a checkpoint: each is found, quickly."""

import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from polyglass.bundle import load_bundle
from polyglass.errors import BundleError
from polyglass.files import folder_atomically, read_manifest
from polyglass.weights import load_weights, save_weights
from tiny_bundle import tiny_folder

FLIPS, CUTS = 250, 100  # of each of two folders


def model(folder: Path) -> Callable[[], object]:
    tiny_folder(folder)
    (folder / "card.md").unlink()  # for people; never read back
    return lambda: load_bundle(folder)


def checkpoint(folder: Path) -> Callable[[], object]:
    with folder_atomically(folder, {"step": 8}) as inside:
        save_weights(inside / "model.safetensors", {"w": torch.rand(50, 40)}, {"step": "8"})
        save_weights(inside / "optimizer.safetensors", {"m": torch.rand(50, 40)}, {})
        (inside / "progress.json").write_bytes(b'{"step": 8}')
    return lambda: read_manifest(folder)


@pytest.mark.parametrize("make", [model, checkpoint])
def test_every_flipped_bit_and_every_cut_is_found_and_the_file_is_named(
    tmp_path: Path, make: Callable[[Path], Callable[[], object]]
) -> None:
    dice = random.Random(1)
    load = make(tmp_path / "made")
    load()
    files = sorted(path for path in (tmp_path / "made").iterdir() if path.is_file())
    found = 0
    for number in range(FLIPS + CUTS):
        path = dice.choice(files)
        good = path.read_bytes()
        damaged = bytearray(good)
        if number < FLIPS:
            damaged[dice.randrange(len(good))] ^= 1 << dice.randrange(8)
        else:
            del damaged[dice.randrange(len(good)) :]
        path.write_bytes(damaged)
        with pytest.raises(BundleError, match=path.name if make is model else "made"):
            load()
        path.write_bytes(good)
        found += 1
    load()
    assert found == FLIPS + CUTS


def test_damage_in_a_file_of_a_hundred_megabytes_is_found_in_little_time(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_weights(path, {"w": torch.zeros(25, 2**20)}, {})
    with path.open("r+b") as file:
        file.seek(60_000_000)
        file.write(b"\1")
    began = time.process_time()
    with pytest.raises(BundleError, match="its SHA-256 is not the one that it carries"):
        load_weights(path)
    assert time.process_time() - began < 2.0
    shutil.rmtree(tmp_path)
