"""A small world for tests of the explorer: tiny models to look at, and runs of them."""

from dataclasses import replace
from functools import cache
from typing import Any

from polyglass.bundle import Bundle
from polyglass.config import Config, DataConfig, DecodeConfig
from polyglass.explorer.ask import RunRequest, read_request
from polyglass.explorer.capture import Run
from polyglass.explorer.look import Explorer, nobody_left
from polyglass.explorer.subject import Subject
from tiny_bundle import FACTS, tiny_bundle, tiny_subwords, tiny_talker
from tiny_recurrent import tiny_recurrent, tiny_recurrent_config

TEXT = "The small dog sees a bird."
SHORT = DecodeConfig(beam_size=4, length_penalty=0.6, max_length_factor=1.0, max_length_extra=2)


@cache
def subject(**changes: Any) -> Subject:
    """Return a random Transformer of two layers; its outputs end at the length limit."""
    made = tiny_bundle(**changes)
    return Subject("a", "tiny", replace(made, config=made.config.model_copy(update={"decode": SHORT})))


@cache
def talker() -> Subject:
    """Return a random Transformer that ends its sentences."""
    return Subject("a", "talker", tiny_talker())


@cache
def recurrent_subject(**changes: Any) -> Subject:
    """Return a random recurrent model, an LSTM without attention but for `changes`."""
    subwords = tiny_subwords(joint=True)
    changes = {"tie_embeddings": "three", "bidirectional": True, **changes}
    model = tiny_recurrent((subwords.source_size, subwords.target_size), ids=subwords.ids, **changes)
    config = Config(model=tiny_recurrent_config(**changes), data=DataConfig(), decode=SHORT)
    return Subject("a", "recurrent", Bundle(config, model, subwords, "en", "de", FACTS))


def run_of(looked_at: Subject, text: str = TEXT, **fields: Any) -> Run:
    """Return a run of a model on a text."""
    return Explorer([looked_at]).run(request(text, **fields))


def request(text: str = TEXT, **fields: Any) -> RunRequest:
    """Return a request for a run; edits may be dictionaries."""
    import json

    return read_request(RunRequest, json.dumps({"model": "a", "text": text, **fields}).encode())


check = nobody_left
