"""The models in, what a page must know of them before it asks anything out."""

from typing import Any

from polyglass._version import __version__
from polyglass.config import RecurrentConfig
from polyglass.explorer import ask
from polyglass.explorer.derive import derived_views
from polyglass.explorer.look import Explorer
from polyglass.explorer.subject import Subject
from polyglass.parameters import parameters_by_part

STAGES = tuple(str(number) for number in range(1, 15))


def models_reply(explorer: Explorer) -> dict[str, Any]:
    """Return the reply to /api/models."""
    limits = {
        "source_tokens": ask.SOURCE_TOKENS,
        "target_tokens": ask.TARGET_TOKENS,
        "beam_size": ask.BEAM_SIZE,
        "reply_bytes": ask.REPLY_BYTES,
        "tile_cells": ask.TILE_CELLS,
        "body_bytes": ask.BODY_BYTES,
        "at_once": ask.AT_ONCE,
        "top": ask.TOP,
        "window": ask.WINDOW,
        "batch_tokens": ask.BATCH_TOKENS,
    }
    models = [subject_view(subject) for subject in explorer.subjects.values()]
    return {"version": __version__, "limits": limits, "models": models}


def subject_view(subject: Subject) -> dict[str, Any]:
    """Return what there is to say about one model."""
    bundle = subject.bundle
    config, subwords, ids = bundle.config, bundle.subwords, bundle.subwords.ids
    parts = parameters_by_part(bundle.model)
    q = subject.taps.get("encoder.layers.0.self_attention.q")
    return {
        "id": subject.id,
        "name": subject.name,
        "family": config.model.family,
        "source_lang": bundle.source_lang,
        "target_lang": bundle.target_lang,
        "config": config.model.model_dump(mode="json"),
        "decode": config.decode.model_dump(mode="json"),
        "d_k": None if q is None else q.shape[-1],
        "parameters": sum(parts.values()),
        "parts": parts,
        "vocabulary": [subwords.source_size, subwords.target_size],
        "joint": subwords.joint,
        "special": {"pad": ids.pad, "bos": ids.bos, "eos": ids.eos, "unk": ids.unk},
        "byte_fallback": config.data.byte_fallback,
        "subwords": config.data.subwords,
        "counts_known": bool(subject.counts),
        "longest_source": subject.longest_source,
        "examples": list(subject.examples),
        "tap_paths": list(subject.taps),
        "derived_paths": list(derived_views(subject)),
        "weight_paths": [{"path": path, "shape": list(weight.shape)} for path, weight in subject.weights.items()],
        "attention": [
            {"path": one.path, "kind": one.kind, "layer": one.layer, "heads": one.heads} for one in subject.attentions
        ],
        "layers": [
            {"stack": one.stack, "layer": one.layer, "input": one.input, "output": one.output} for one in subject.layers
        ],
        "alignment_path": bundle.model.alignment_path,
        "stages": list(stages_of(subject)),
    }


def stages_of(subject: Subject) -> tuple[str, ...]:
    """Return the stages of the page that make sense for a model; R marks those of recurrent models."""
    config = subject.bundle.config.model
    if not isinstance(config, RecurrentConfig):
        return STAGES
    gates = ("5R",) if config.family != "rnn" else ()
    alignment = ("8R",) if config.attention != "none" else ()
    return ("1", "2", "4R", *gates, "6R", *alignment, "6")
