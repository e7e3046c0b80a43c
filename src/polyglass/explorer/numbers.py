"""A request for tensors in, their bytes out: taps of a run, views derived from them, and tiles of weights."""

from collections.abc import Sequence

import torch
from torch import Tensor

from polyglass.explorer.ask import TensorsRequest, Wanted
from polyglass.explorer.capture import Check, Run
from polyglass.explorer.derive import attention_sides, derived_views, merge_words
from polyglass.explorer.pieces import Span, kind, words
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.wire import Block, pack, part_of, tile_of


@torch.inference_mode()
def tensors_reply(run: Run, asked: TensorsRequest, check: Check) -> bytes:
    """Return the reply to /api/tensors. Raises RefusedError for what does not exist or is too much."""
    wanted = [_own_fields(one, asked) for one in asked.want]
    values = whole_tensors(
        run, [one.path for one in wanted if one.path not in run.subject.weights], check, sentence=asked.sentence
    )
    blocks: list[Block] = []
    for one in wanted:
        if one.path in run.subject.weights:
            blocks.append(tile_of(one, run.subject.weights[one.path]))
            continue
        tensor = values[one.path]
        if asked.words:
            tensor = merged(run, one.path, tensor, sentence=asked.sentence)
        blocks.append(part_of(one, tensor))
    return pack(blocks, asked.dtype)


def whole_tensors(run: Run, paths: Sequence[str], check: Check, *, sentence: int = 0) -> dict[str, Tensor]:
    """Return tap tensors and derived views of one sentence, by path, without a batch axis."""
    if sentence >= len(run.sources):
        raise RefusedError("bad_request", f"sentence: this run has the sentences 0 to {len(run.sources) - 1}.")
    views = derived_views(run.subject)
    derived = {path: views[path] for path in paths if path in views}
    needed = [path for path in paths if path not in views]
    needed += [need for view in derived.values() for need in view.needs]
    tapped = {
        # A table of positions has no batch axis: it is the same for every sentence.
        path: tensor[sentence] if len(run.shapes[path]) > 2 else tensor
        for path, tensor in run.tensors(list(dict.fromkeys(needed)), check).items()
    }
    made = {path: view.make(*(tapped[need] for need in view.needs)) for path, view in derived.items()}
    return {path: made[path] if path in made else tapped[path] for path in paths}


def merged(run: Run, path: str, tensor: Tensor, *, sentence: int) -> Tensor:
    """Return attention between words instead of pieces. Raises RefusedError for anything but weights."""
    sides = attention_sides(path)
    if sides is None:
        raise RefusedError("bad_request", "words: only attention weights and rollouts can be merged to words.")
    if len(run.sources) > 1:
        raise RefusedError("bad_request", "words: ask for a run of one sentence.")
    rows, columns = (spans_of(run, side) for side in sides)
    return merge_words(tensor, rows, columns)


def spans_of(run: Run, side: str) -> list[Span]:
    """Return the words of "source", "output" (what was written) or "input" (what the decoder read, bos first)."""
    ids = run.subject.bundle.model.ids
    tokens = {
        "source": run.source,
        "output": run.hypothesis.ids,
        "input": (ids.bos, *run.hypothesis.ids[:-1]),
    }[side]
    pieces = run.subject.pieces("source" if side == "source" else "target", tokens)
    return words(pieces, [kind(token, piece, ids) for token, piece in zip(tokens, pieces, strict=True)])


def _own_fields(one: Wanted | str, asked: TensorsRequest) -> Wanted:
    """Return what is wanted of one tensor: its own fields, or those of the whole request."""
    own = Wanted(path=one) if isinstance(one, str) else one
    return Wanted(
        path=own.path,
        rows=asked.rows if own.rows is None else own.rows,
        cols=asked.cols if own.cols is None else own.cols,
        heads=asked.heads if own.heads is None else own.heads,
        tile=asked.tile if own.tile is None else own.tile,
    )
