"""A run in, one HTML file out that shows it without a server: what the page would ask is answered in advance.

Answers are put in by a fixed order, the most asked for first, as long as there is room; the file says what had none.
"""

import json
from collections.abc import Iterator, Mapping
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
from polyglass.explorer.one_file import one_file
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.saved import (
    core_tensors,
    logits,
    neurons,
    small_weights,
    tables_and_maps,
    what_family_has,
    wide_tensors,
)
from polyglass.explorer.view import run_view

FILE_BYTES = 3_000_000
FORMAT = 1
LIVE_ONLY = ("vocabulary", "batch", "edits")  # they ask the model something new
Saved = Mapping[str, Any]


@dataclass
class Box:
    """What goes into the file. room: bytes that are left. left_out: what had no room."""

    room: int
    replies: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def put(self, what: str, sections: Saved | None) -> bool:
        """Add to the sections of the file, all or nothing."""
        size = len(_json(sections).encode("utf-8", "replace"))
        if sections is None or size > self.room:
            self.left_out.append(what)
            return False
        self.room -= size
        _merge(self.replies, sections)
        return True


def export_page(explorer: Explorer, request: RunRequest, *, limit: int = FILE_BYTES) -> bytes:
    """Return the page of one run as one file of at most `limit` bytes.

    Raises RefusedError if there is no room for even the words of the sentence.
    """
    run = explorer.run(request)
    box = Box(limit - len(one_file(assets(), "").encode()) - 8192)
    if not box.put("page", _page(explorer, run)):
        raise RefusedError("too_much", f"This sentence is too long for a file of {limit:,} bytes. Take a part of it.")
    for what, sections in _answers(explorer, run, box):
        box.put(what, sections)
    left_out = [{"what": what, "why": "size"} for what in dict.fromkeys(box.left_out)]
    left_out += [
        {"what": what, "why": "float16"} for what in box.replies.pop("float16", ()) if what not in box.left_out
    ]
    left_out += [{"what": what, "why": "live"} for what in LIVE_ONLY]
    return one_file(assets(), _json(box.replies | {"left_out": left_out})).encode("utf-8", "replace")


def _page(explorer: Explorer, run: Run) -> dict[str, Any]:
    """Return what the page needs to draw anything at all."""
    request = run.request
    state = {"model": run.subject.id, "text": request.text, "target": request.target, "beam": request.beam_size}
    models = models_reply(explorer)
    # Of the sentences to try, only this one can be shown.
    models["models"] = [one | {"examples": [request.text]} for one in models["models"] if one["id"] == run.subject.id]
    plain = explorer.baseline(run)
    return {
        "format": FORMAT,
        "polyglass": __version__,
        "hash": "#" + urlencode({name: value for name, value in state.items() if value}),
        "models": models,
        "run": run.id,
        "runs": {run.id: run_reply(explorer, request, nobody_left)} | ({plain.id: run_view(plain)} if plain else {}),
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
    yield from neurons(run)


def _merge(into: dict[str, Any], more: Saved) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
