"""A run in, one HTML file out that shows it without a server: what the page would ask is answered in advance.

Answers are put in by a fixed order, the most asked for first, as long as there is room; the file says what had none.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from polyglass._version import __version__
from polyglass.explorer.answers import run_reply, thumbnails_reply
from polyglass.explorer.ask import RunRequest, ThumbnailsRequest, WhyRequest
from polyglass.explorer.assets import assets
from polyglass.explorer.capture import Run
from polyglass.explorer.causes import why_reply
from polyglass.explorer.describe import models_reply
from polyglass.explorer.look import Explorer, nobody_left
from polyglass.explorer.one_file import one_file, packed_bytes
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.saved import (
    core_tensors,
    logits,
    small_weights,
    tables_and_maps,
    what_family_has,
    wide_tensors,
)
from polyglass.explorer.view import run_view

FILE_BYTES = 3_000_000
FORMAT = 2
MARGIN = 8192  # bytes for the list of what was left out
BY_NAME = ("tensors", "weights")  # sections in which the names of runs and models keep them apart
LIVE_ONLY = ("vocabulary", "batch", "edits")  # they ask the model something new
Saved = Mapping[str, Any]


@dataclass
class Box:
    """What goes into the file about one model. room: bytes that are left. left_out: what had no room."""

    room: int
    replies: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def put(self, what: str, sections: Saved | None) -> bool:
        """Add to the sections of the file, all or nothing."""
        size = 0 if sections is None else packed_bytes(_json(sections))
        if sections is None or size > self.room:
            self.left_out.append(what)
            return False
        self.room -= size
        _merge(self.replies, sections)
        return True

    def told(self, model: str) -> list[dict[str, str]]:
        """Say what is not in the file, or in fewer digits, and why."""
        shortened = [what for what in self.replies.pop("float16", ()) if what not in self.left_out]
        size = [{"model": model, "what": what, "why": "size"} for what in dict.fromkeys(self.left_out)]
        return size + [{"model": model, "what": what, "why": "float16"} for what in shortened]


def export_page(
    explorer: Explorer, request: RunRequest, *, beside: Sequence[str] = (), limit: int = FILE_BYTES
) -> bytes:
    """Return the page of one run as one file of at most `limit` bytes.

    beside: other models that read the same sentence; each gets an equal part of the room, and what the ones before
    did not need. Raises RefusedError if there is no room for even the words of the sentence.
    """
    runs = [explorer.run(request.model_copy(update={"model": name})) for name in (request.model, *beside)]
    saved = _page(explorer, runs)
    room = limit - len(one_file(assets(), "").encode()) - MARGIN - packed_bytes(_json(saved))
    if room < 0:
        raise RefusedError("too_much", f"This sentence is too long for a file of {limit:,} bytes. Take a part of it.")
    left_out: list[dict[str, str]] = []
    for number, run in enumerate(runs):
        box = Box(part := room // (len(runs) - number))
        for what, sections in _answers(explorer, run, box):
            box.put(what, sections)
        room -= part - box.room
        left_out += box.told(run.subject.id)
        shared = {name: box.replies.pop(name) for name in BY_NAME if name in box.replies}
        _merge(saved, shared | (box.replies if number == 0 else {"beside": {run.subject.id: box.replies}}))
    left_out += [{"model": "", "what": what, "why": "live"} for what in LIVE_ONLY]
    return one_file(assets(), _json(saved | {"left_out": left_out})).encode("utf-8", "replace")


def _page(explorer: Explorer, runs: Sequence[Run]) -> dict[str, Any]:
    """Return what the page needs to draw anything at all."""
    run, *others = runs
    request = run.request
    state: dict[str, object] = {"model": run.subject.id, "model_b": others[0].subject.id if others else None}
    state |= {"text": request.text, "target": request.target, "beam": request.beam_size}
    names = [one.subject.id for one in runs]
    models = models_reply(explorer)
    # Of the sentences to try, only this one can be shown.
    models["models"] = [one | {"examples": [request.text]} for one in models["models"] if one["id"] in names]
    shown: dict[str, Any] = {}
    for one in runs:
        shown[one.id] = run_reply(explorer, one.request, nobody_left)
        if (plain := explorer.baseline(one)) is not None:
            shown[plain.id] = run_view(plain)
    return {
        "format": FORMAT,
        "polyglass": __version__,
        "hash": "#" + urlencode({name: value for name, value in state.items() if value}),
        "models": models,
        "run": run.id,
        "runs": shown,
    }


def _answers(explorer: Explorer, run: Run, box: Box) -> Iterator[tuple[str, Saved | None]]:
    """Yield (name, sections) in the order in which they are put in; each is made when its turn comes."""
    for kind in dict.fromkeys(one.kind for one in run.subject.attentions):
        asked = ThumbnailsRequest(run=run.id, kind=kind)
        yield f"heads.{kind}", {"thumbnails": {kind: thumbnails_reply(run, asked, nobody_left)}}
    yield "attention", core_tensors(run)
    yield "weights.small", small_weights(run)
    for position in range(len(run.hypothesis.ids)):
        why = why_reply(run, WhyRequest(run=run.id, position=position), nobody_left)
        yield "why", {"why": {str(position): why}}
    yield from what_family_has(explorer, run)
    yield from tables_and_maps(explorer, run)
    yield from logits(run, box.room)
    yield from wide_tensors(run, lambda: box.room)


def _merge(into: dict[str, Any], more: Saved) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
