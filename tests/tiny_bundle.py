"""A model folder small enough for every test: a random Transformer of two layers with subwords of a few sentences."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch

from polyglass.bundle import Bundle, save_bundle
from polyglass.config import Config, DataConfig, DecodeConfig
from polyglass.data.subwords import Subwords
from polyglass.model.seq2seq import Seq2Seq
from polyglass.model.transformer import Transformer
from tiny_recurrent import tiny_recurrent, tiny_recurrent_config
from tiny_transformer import tiny_config, tiny_model

SENTENCES = (
    ("A small dog runs over the green meadow.", "Ein kleiner Hund läuft über die grüne Wiese."),
    ("Two men are sitting in the old boat.", "Zwei Männer sitzen in dem alten Boot."),
    ("The girl reads a book under a tree.", "Das Mädchen liest unter einem Baum ein Buch."),
    ("He sees the bird and the bird sees him.", "Er sieht den Vogel, und der Vogel sieht ihn."),
)
FACTS: dict[str, Any] = {
    "step": 1200,
    "epochs": 3.5,
    "seconds": 754.0,
    "target_tokens": 91_000,
    "device": "2 CPU threads",
    "data": {"files": ["train.en", "train.de"], "read": 29_000, "kept": 28_914, "dropped": {"duplicate": 86}},
    "scores": [
        {
            "metric": "chrF",
            "value": 59.84,
            "low": 58.9,
            "high": 60.6,
            "signature": "nrefs:1|case:mixed",
            "on": "test.en",
        }
    ],
    "validation": {"loss": 1.912, "chrf": 58.1, "bleu": 31.0},
    "latency": {"median_ms": 38.4, "p95_ms": 71.0, "device": "2 CPU threads"},
    "history": [
        {"step": step, "loss": 3 - step / 1000, "chrf": step / 30, "bleu": 1.0} for step in range(50, 1250, 50)
    ],
}


@cache
def tiny_subwords(*, joint: bool = True, size: int = 330) -> Subwords:
    """Return subwords of the sentences above; 256 of them spell bytes."""
    config = DataConfig(joint_vocabulary=joint)
    return Subwords.train(lambda: iter(SENTENCES), config, size=size)


def tiny_bundle(*, joint: bool = True, size: int = 330, seed: int = 1, **changes: Any) -> Bundle:
    """Return a bundle with random weights; `changes` are options of the model, and may name a family."""
    subwords = tiny_subwords(joint=joint, size=size)
    changes = {"tie_embeddings": "three" if joint else "two", **changes}
    sizes = (subwords.source_size, subwords.target_size)
    model: Seq2Seq
    if "family" in changes:
        model = tiny_recurrent(sizes, ids=subwords.ids, seed=seed, **changes)
        config = Config(model=tiny_recurrent_config(**changes), data=DataConfig(joint_vocabulary=joint))
    else:
        model = tiny_model(sizes, ids=subwords.ids, seed=seed, **changes)
        config = Config(model=tiny_config(**changes), data=DataConfig(joint_vocabulary=joint))
    return Bundle(config, model, subwords, "en", "de", FACTS)


def tiny_talker() -> Bundle:
    """Return a bundle that ends its (meaningless) sentences, with a search that tests can wait for."""
    made = tiny_bundle(tie_embeddings="none", joint=False)
    model = cast(Transformer, made.model)
    last_norm = [parameter for name, parameter in model.decoder.named_parameters() if "norm" in name][-1]
    with torch.no_grad():
        model.output.weight[made.subwords.ids.eos] = 2 * last_norm / last_norm.norm()
    short = DecodeConfig(beam_size=4, max_length_factor=0.5, max_length_extra=3)
    return replace(made, config=made.config.model_copy(update={"decode": short}))


def tiny_folder(folder: Path, **settings: Any) -> Path:
    """Write a tiny bundle into `folder` and return it."""
    save_bundle(folder, tiny_bundle(**settings))
    return folder
