"""Parts of a saved page: answers in advance, and tensors as base64.

Functions yield (name, sections of the file), or (name, None) for what they leave out by themselves.
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from polyglass.explorer.answers import map_reply, neighbours_reply
from polyglass.explorer.ask import MapRequest, NeighboursRequest, RunOnly, Side
from polyglass.explorer.capture import Run
from polyglass.explorer.causes import held_reply
from polyglass.explorer.derive import derived_views
from polyglass.explorer.look import Explorer, nobody_left
from polyglass.explorer.numbers import whole_tensors
from polyglass.explorer.what_if import leak_reply
from polyglass.explorer.wire import Format, raw_bytes

LOGITS_SHARE = 0.15  # of the room that is left
LARGE_SHARE = 0.35
Named = tuple[str, Mapping[str, Any] | None]
_MASKED = ("weights", "scores")
_STREAM_ENDS = (
    ".residual",
    ".norm",
    ".output",
    ".embedded",
)
_CORE_ENDS = (".weights", ".scores", ".rollout", ".cosine", ".norms", ".contribution_norms", ".embedding", ".positions")


def core_tensors(run: Run) -> Mapping[str, Any]:
    """Return attention weights and other small tensors, all in float32: the pictures are made of them."""
    return _saved(run, [path for path in _paths(run) if path.endswith(_CORE_ENDS)], form="float32")


def small_weights(run: Run) -> Mapping[str, Any]:
    """Return biases and norms, and the first row of each matrix that leads out of a feed-forward layer."""
    entries: dict[str, Any] = {}
    for path, weight in run.subject.weights.items():
        if weight.dim() == 1:
            entries[path] = _entry(weight, "float32")
        elif path.endswith("feed_forward.w_2.weight"):
            entries[path] = {**_entry(weight[:1], "float32"), "tile": [0, 1, 0, weight.shape[1]]}
    return {"weights": {run.subject.id: entries}}


def logits(run: Run, room: int) -> Iterator[Named]:
    """Yield the logits, in as many digits as there is room for; a large vocabulary has none."""
    size = sum(tensor.numel() for tensor in _values(run, ["logits"]).values())
    form: Format = "float32" if _bytes(size, "float32") < LOGITS_SHARE * room else "float16"
    fits = _bytes(size, form) < 2 * LOGITS_SHARE * room
    yield from _in_form("logits", form)
    yield "logits", _saved(run, ["logits"], form=form) if fits else None


def what_family_has(explorer: Explorer, run: Run) -> Iterator[Named]:
    """Yield the lifted mask of a Transformer, or what the last state of a recurrent model holds."""
    asked = RunOnly(run=run.id)
    if not run.subject.is_transformer:
        yield "held", {"held": held_reply(run, asked, nobody_left)}
        return
    leak = leak_reply(explorer, asked, nobody_left)
    lifted = explorer.known_run(leak["run"])
    paths = [f"{one.path}.{name}" for one in run.subject.attentions if one.kind == "decoder" for name in _MASKED]
    yield "leak", {"leak": leak, **_saved(lifted, paths, form="float32")}


def tables_and_maps(explorer: Explorer, run: Run) -> Iterator[Named]:
    """Yield the neighbours of each piece, and the map of each side."""
    sides: tuple[tuple[Side, Sequence[int]], ...] = (("source", run.source), ("target", run.hypothesis.ids))
    for side, ids in sides:
        own = tuple(dict.fromkeys(ids))
        asked = MapRequest(model=run.subject.id, side=side, ids=own)
        yield "map", {"map": {side: map_reply(explorer, asked, nobody_left)}}
        for token in own:
            one = NeighboursRequest(model=run.subject.id, side=side, id=token)
            yield "neighbours", {"neighbours": {f"{side}:{token}": neighbours_reply(explorer, one, nobody_left)}}


def wide_tensors(run: Run, room: Callable[[], int]) -> Iterator[Named]:
    """Yield the other tensors and the weights, the most asked for first.

    These are the stream of vectors from block to block; then all of the first encoder block and the first decoder
    block; then the other tensors, the other weights of attention, and the rest. room: bytes that are left; a part
    that would take much of them is kept in float16.
    """
    blocks = _blocks(run)
    first = [name for name in blocks if name.endswith(".0")]
    stream = [path for paths in blocks.values() for path in paths if path.endswith(_STREAM_ENDS)]
    yield from _fitting("tensors.stream", _Part(run, stream), room())
    for name in first:
        yield from _fitting(f"tensors.{name}", _Part(run, _inner(blocks[name])), room())
        for module, part in _modules(run, name).items():
            if _is_attention(module):
                yield from _fitting(f"weights.{module}", part, room())
    for name in blocks:
        if name not in first:
            yield from _fitting(f"tensors.{name}", _Part(run, _inner(blocks[name])), room())
    rest = {module: part for name in blocks for module, part in _modules(run, name).items()}
    for module in sorted(rest, key=lambda module: not _is_attention(module)):
        if not (_is_attention(module) and module.startswith(tuple(f"{name}." for name in first))):
            yield from _fitting(f"weights.{module}", rest[module], room())


@dataclass(frozen=True)
class _Part:
    """Tensors and weights that are kept together or not at all."""

    run: Run
    tensors: Sequence[str]
    weights: Sequence[str] = ()

    def saved(self, form: Format) -> Mapping[str, Any]:
        """Return the sections of the file."""
        subject = self.run.subject
        weights = {path: _entry(subject.weights[path], form) for path in self.weights}
        return {**_saved(self.run, self.tensors, form=form), "weights": {subject.id: weights}}

    def bytes(self, form: Format) -> float:
        """Return how long they become."""
        tensors = [
            *_values(self.run, self.tensors).values(),
            *(self.run.subject.weights[path] for path in self.weights),
        ]
        return sum(_bytes(tensor.numel(), form) for tensor in tensors)


def _fitting(name: str, part: _Part, room: int) -> Iterator[Named]:
    """Yield a part in as many digits as there is room for."""
    form: Format = "float32" if part.bytes("float32") < LARGE_SHARE * room else "float16"
    yield from _in_form(name, form)
    yield name, part.saved(form) if part.bytes(form) < room else None


def _modules(run: Run, block: str) -> dict[str, _Part]:
    """Return the weights of each module of a block.

    Those of an attention come in two parts: what makes q, k and v, and W^O with what the heads contribute through it.
    """
    found: dict[str, list[str]] = {}
    for path, weight in run.subject.weights.items():
        if path.startswith(f"{block}.") and weight.dim() > 1:
            module = f"{block}.{path.removeprefix(f'{block}.').partition('.')[0]}"
            found.setdefault(f"{module}.w_o" if path.endswith("w_o.weight") else module, []).append(path)
    known = derived_views(run.subject)
    return {
        module: _Part(run, [path for path in (module.removesuffix("w_o") + "contributions",) if path in known], weights)
        for module, weights in found.items()
    }


def _is_attention(module: str) -> bool:
    return module.removesuffix(".w_o").endswith("attention")


def _inner(paths: Sequence[str]) -> list[str]:
    """Return what is inside a block: neither its stream nor what comes with the weights."""
    return [path for path in paths if not path.endswith((*_STREAM_ENDS, ".contributions"))]


def _in_form(name: str, form: Format) -> Iterator[Named]:
    """Write down what is kept with fewer digits."""
    if form == "float16":
        yield name, {"float16": {name: True}}


def _bytes(numbers: int, form: Format) -> float:
    """Return how long so many numbers become as base64; packing them saves next to nothing."""
    return numbers * (4 if form == "float32" else 2) * 1.36


def _paths(run: Run) -> list[str]:
    return [*run.shapes, *derived_views(run.subject)]


def _blocks(run: Run) -> dict[str, list[str]]:
    """Return the wide tensors of each block of the model: the first and the last block of each stack come first."""
    blocks: dict[str, list[str]] = {}
    for path in _paths(run):
        if path != "logits" and not path.endswith(_CORE_ENDS):
            stack, _, rest = path.partition(".layers.")
            blocks.setdefault(f"{stack}.layers.{rest.partition('.')[0]}" if rest else "ends", []).append(path)
    depth = {stack: sum(name.startswith(stack) for name in blocks) for stack in ("encoder", "decoder")}

    def order(name: str) -> tuple[int, bool]:
        number = int(name.rpartition(".")[2]) if name != "ends" else 0
        return (
            0 if number == 0 else 1 if number == depth[name.partition(".")[0]] - 1 else 2 + number,
            name.startswith("decoder"),
        )

    return {name: blocks[name] for name in sorted(blocks, key=order)}


def _saved(run: Run, paths: Sequence[str], *, form: Format) -> Mapping[str, Any]:
    return {"tensors": {run.id: {path: _entry(tensor, form) for path, tensor in _values(run, paths).items()}}}


@torch.inference_mode()
def _values(run: Run, paths: Sequence[str]) -> dict[str, Tensor]:
    return whole_tensors(run, paths, nobody_left)


def _entry(tensor: Tensor, form: Format) -> Mapping[str, Any]:
    data = base64.b64encode(raw_bytes(tensor, form)).decode("ascii")
    return {"shape": list(tensor.shape), "dtype": form, "tile": None, "data": data}
