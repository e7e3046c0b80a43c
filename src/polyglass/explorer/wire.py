"""Tensors in, bytes for the browser out: one line of JSON that says what follows, then raw little-endian blocks."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from polyglass.explorer.ask import REPLY_BYTES, TILE_CELLS, Wanted
from polyglass.explorer.refusal import RefusedError, too_much

Format = Literal["float32", "float16"]
ALIGNMENT = 8  # bytes; JavaScript wants a Float32Array to begin at a multiple of its element size
_DTYPES = {"float32": torch.float32, "float16": torch.float16}


@dataclass(frozen=True)
class Block:
    """A tensor, or a part of it, on its way. wanted: the part that was asked for. full: the shape of the whole."""

    wanted: Wanted
    tensor: Tensor
    full: tuple[int, ...]


def part_of(wanted: Wanted, tensor: Tensor) -> Block:
    """Cut the wanted part out of a tensor of a run. Raises RefusedError for places that it does not have."""
    full = tuple(tensor.shape)
    for name, places, axis in (("rows", wanted.rows, -2), ("cols", wanted.cols, -1), ("heads", wanted.heads, -3)):
        if places is None:
            continue
        if tensor.dim() < -axis:
            raise RefusedError("bad_request", f"{name}: a tensor of shape {list(full)} has no such axis.")
        if any(place >= tensor.shape[axis] for place in places):
            raise RefusedError("bad_request", f"{name}: this axis has the places 0 to {tensor.shape[axis] - 1}.")
        tensor = tensor.index_select(axis, torch.tensor(places, dtype=torch.int64, device=tensor.device))
    return Block(wanted, tensor, full)


def tile_of(wanted: Wanted, weight: Tensor) -> Block:
    """Cut a tile out of a weight. Raises RefusedError for one that is too large or does not lie inside."""
    full = tuple(weight.shape)
    if weight.dim() == 2:
        if wanted.tile is None:
            raise RefusedError(
                "bad_request", f"tile: say which part of a weight of shape {list(full)}, as [r0, r1, c0, c1]."
            )
        r0, r1, c0, c1 = wanted.tile
        if not (0 <= r0 < r1 <= full[0] and 0 <= c0 < c1 <= full[1]):
            raise RefusedError("bad_request", f"tile: it must lie inside a weight of shape {list(full)}.")
        weight = weight[r0:r1, c0:c1]
    if weight.numel() > TILE_CELLS:
        raise too_much("tile: it", "cells", limit=TILE_CELLS, value=weight.numel(), remedy="Ask for a part.")
    return Block(wanted, weight, full)


def pack(blocks: Sequence[Block], form: Format) -> bytes:
    """Return the reply to /api/tensors. Raises RefusedError if it were too long."""
    size = sum(block.tensor.numel() for block in blocks) * _DTYPES[form].itemsize
    if size > REPLY_BYTES:
        remedy = "Ask for rows, for single heads, or for float16."
        raise too_much("A reply", "bytes", limit=REPLY_BYTES, value=size, remedy=remedy)
    entries: list[Mapping[str, Any]] = []
    parts: list[bytes] = []
    offset = 0
    for block in blocks:
        raw = raw_bytes(block.tensor, form)
        filler = bytes(-len(raw) % ALIGNMENT)
        wanted = block.wanted
        entries.append(
            {
                "path": wanted.path,
                "shape": list(block.tensor.shape),
                "dtype": form,
                "offset": offset,
                "bytes": len(raw),
                "pooled": False,
                "rows": wanted.rows,
                "cols": wanted.cols,
                "heads": wanted.heads,
                "tile": wanted.tile,
                "full_shape": list(block.full),
            }
        )
        parts += [raw, filler]
        offset += len(raw) + len(filler)
    head = json.dumps({"tensors": entries}, separators=(",", ":")).encode()
    return b"".join([head, b" " * (-(len(head) + 1) % ALIGNMENT), b"\n", *parts])


def raw_bytes(tensor: Tensor, form: Format) -> bytes:
    """Return the numbers of a tensor, row by row, little-endian."""
    array = tensor.detach().to(device="cpu", dtype=_DTYPES[form]).contiguous().numpy()
    return (array if sys.byteorder == "little" else array.byteswap()).tobytes()
