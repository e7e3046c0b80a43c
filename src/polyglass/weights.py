"""Tensors in, one safetensors file out, and back; the file proves itself.

safetensors runs no code and checks its own structure, but it has no checksum: a flipped bit in a weight loads in
silence. So the file's metadata carries "sha256" over every name, type, shape and number, and over the other notes.
Any safetensors reader opens the file; only one that knows about the note can tell that it is whole.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from polyglass.errors import BundleError
from polyglass.files import open_atomically
from polyglass.reading import parse_json, read_bounded, regular_file_size

MAX_HEADER_BYTES = 16 * 2**20  # safetensors itself allows 100 MB; names, shapes and notes of our models need less
MAX_FILE_BYTES = 2**40
PROOF = "sha256"
_LENGTH_BYTES = 8


def save_weights(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Write tensors and notes to `path` in one step; the old file stands until the new one is on the disk.

    tensors: by name, each memory once (pass a tied weight under one of its names); any device.
    notes: texts that travel in the file's header, such as its config's SHA-256; "sha256" is reserved.
    Raises OutOfSpaceError if the disk is full or forbidden.
    """
    assert PROOF not in notes
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = safetensors.torch.save(on_cpu)
    header = _parse_header(path, content)
    # safetensors writes notes in random order; written here, in sorted order, equal content gives equal bytes.
    header["__metadata__"] = dict(sorted({**notes, PROOF: _proof(on_cpu, notes)}.items()))
    start = _render(header)
    assert len(start) <= MAX_HEADER_BYTES
    with open_atomically(path) as file:
        file.write(start)
        file.write(memoryview(content)[_LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little") :])


def load_weights(path: Path, *, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and notes of `path` after proving every bit of them.

    The whole file is read before anything is trusted, so nobody can change it between proof and use; this takes
    twice the file's size for a moment. Raises BundleError if it is damaged, cut, foreign or not safetensors.
    """
    _header(path)  # names what is wrong better than safetensors does, and bounds the work
    content = read_bounded(path, MAX_FILE_BYTES)
    try:
        tensors = safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError, OverflowError, RuntimeError) as error:
        raise _damaged(path, str(error)) from error
    header = _parse_header(path, content)
    notes = _notes(path, header)
    proof = notes.pop(PROOF)
    # The header must be written as we write it: then a flipped bit is found even where it changes no meaning.
    if proof != _proof(tensors, notes) or not content.startswith(_render(header)):
        raise _damaged(path, "its SHA-256 is not the one that it carries")
    return {name: tensor.to(device) for name, tensor in tensors.items()}, notes


def read_notes(path: Path) -> dict[str, str]:
    """Return the notes in the header of `path`, read but not proven. Raises BundleError like `load_weights`."""
    notes = _notes(path, _header(path))
    del notes[PROOF]
    return notes


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor in `path`, read but not proven. Raises BundleError like `load_weights`."""
    shapes = {}
    for name, entry in _header(path).items():
        if name == "__metadata__":
            continue
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise _damaged(path, f"tensor {name[:100]!r} has no shape")
        shapes[name] = tuple(shape)
    return shapes


def _proof(tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> str:
    """Return the SHA-256 of meaning, not of layout: notes, then each tensor's name, type, shape and bytes, sorted."""
    proof = hashlib.sha256(json.dumps(dict(notes), sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        proof.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        proof.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return proof.hexdigest()


def _header(path: Path) -> dict[str, Any]:
    """Read no more than the header."""
    size = regular_file_size(path)
    try:
        with path.open("rb") as file:
            start = file.read(_LENGTH_BYTES)
            length = int.from_bytes(start, "little")
            _check_start(path, start, size)
            return _parse_header(path, start + file.read(length))
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror or error}. Check its permissions.") from error


def _check_start(path: Path, start: bytes, size: int) -> None:
    """Refuse by name what is no safetensors file, before a length from a stranger is believed."""
    length = int.from_bytes(start, "little")
    if len(start) == _LENGTH_BYTES and length <= min(size - _LENGTH_BYTES, MAX_HEADER_BYTES):
        return
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise BundleError(
            f"{path} is a PyTorch pickle, which can run programs when it is opened, so polyglass never opens one. "
            "Ask its author for safetensors."
        )
    if start.startswith(b"version "):
        raise BundleError(f"{path} is a Git LFS pointer, not the file itself. Fetch it with: git lfs pull")
    if len(start) < _LENGTH_BYTES or length > size - _LENGTH_BYTES:
        raise _damaged(path, f"it ends after {size:,} bytes, before its header does")
    raise _damaged(path, f"its header may have at most {MAX_HEADER_BYTES:,} bytes, but it claims {length:,}")


def _render(header: Mapping[str, Any]) -> bytes:
    """Return how a safetensors file with this header begins: length, JSON, spaces up to a multiple of 8."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def _parse_header(path: Path, content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    return parse_json(content[_LENGTH_BYTES : _LENGTH_BYTES + length], path)


def _notes(path: Path, header: dict[str, Any]) -> dict[str, str]:
    notes = header.get("__metadata__")
    if not isinstance(notes, dict) or not isinstance(notes.get(PROOF), str):
        raise BundleError(
            f"{path} was not written by polyglass: it does not carry its own SHA-256. Use a model trained by polyglass."
        )
    return {str(key): str(value) for key, value in notes.items()}


def _damaged(path: Path, reason: str) -> BundleError:
    return BundleError(f"{path} is damaged: {reason[:300]}. Use another copy.")
