"""Named starting points: each preset sets some options; all others keep the default of `config.py`.

To change a preset, edit its lines here; to add one, add an entry to `PRESETS`.
"""

from collections.abc import Mapping
from typing import NamedTuple

Values = Mapping[str, int | float | bool | str | None]


class Preset(NamedTuple):
    """A line for people, and the options that it sets by name.

    recurrent: what it sets otherwise for an RNN, GRU or LSTM. Those learn better wide than deep, and cost as much with
    twice the width and a quarter of the layers. Options that a family does not have are left out.
    """

    description: str
    options: Values
    recurrent: Values = {}  # noqa: RUF012 (a NamedTuple's default)

    def values_for(self, family: str) -> Values:
        """Return what the preset sets for a model of this family."""
        return self.options if family == "transformer" else {**self.options, **self.recurrent}


# Vaswani et al. 2017: §3 and §5, `base` of table 3, decoding of §6.1. Written out in full, so that a changed default
# does not change the paper.
_PAPER: Values = {
    "data.subwords": "bpe",
    "data.joint_vocabulary": True,
    "data.vocabulary_size": 37_000,
    "data.subword_sampling": 0.0,
    "model.family": "transformer",
    "model.d_model": 512,
    "model.num_heads": 8,
    "model.d_ff": 2048,
    "model.encoder_layers": 6,
    "model.decoder_layers": 6,
    "model.dropout": 0.1,
    "model.attention_dropout": 0.0,
    "model.activation_dropout": 0.0,
    "model.norm": "layer",
    "model.norm_place": "post",
    "model.positions": "sinusoidal",
    "model.activation": "relu",
    "model.attention_bias": False,
    "model.tie_embeddings": "three",
    "train.batch_tokens": 25_000,
    "train.accumulate": 1,
    "train.steps": 100_000,
    "train.optimizer": "adam",
    "train.schedule": "paper",
    "train.warmup_steps": 4000,
    "train.beta1": 0.9,
    "train.beta2": 0.98,
    "train.epsilon": 1e-9,
    "train.weight_decay": 0.0,
    "train.clip_norm": 0.0,
    "train.label_smoothing": 0.1,
    "train.average": "checkpoints",
    "train.average_checkpoints": 5,
    "train.patience": 0,
    "decode.beam_size": 4,
    "decode.length_penalty": 0.6,
    "decode.max_length_factor": 1.0,
    "decode.max_length_extra": 50,
}

PRESETS: Mapping[str, Preset] = {
    "mini": Preset(
        "minutes of training: half the depth reads twice as much text in the same time",
        {
            "model.d_model": 128,
            "model.d_ff": 256,
            "model.num_heads": 4,
            "model.encoder_layers": 2,
            "model.decoder_layers": 2,
            "model.dropout": 0.1,
            "model.norm_place": "pre",
        },
        {
            "model.d_model": 256,
            "model.encoder_layers": 1,
            "model.decoder_layers": 1,
            "model.dropout": 0.2,
        },
    ),
    "tiny": Preset(
        "a few thousand to 100,000 pairs; trains on two CPU cores",
        {  # the shape that Wu et al. 2021 found best for the 29,000 pairs of Multi30k; larger ones were worse
            "model.d_model": 128,
            "model.d_ff": 256,
            "model.num_heads": 4,
            "model.encoder_layers": 4,
            "model.decoder_layers": 4,
            "model.dropout": 0.3,
            "model.norm_place": "pre",  # learns three times as fast as post-norm in the first epochs
        },
        {
            "model.d_model": 256,
            "model.encoder_layers": 1,
            "model.decoder_layers": 1,
            "model.dropout": 0.3,
        },
    ),
    "small": Preset(
        "100,000 to 1,000,000 pairs; a night on a CPU, or a GPU",
        {
            "model.d_model": 256,
            "model.d_ff": 1024,
            "model.num_heads": 4,
            "model.encoder_layers": 4,
            "model.decoder_layers": 4,
            "model.dropout": 0.2,
            "model.norm_place": "pre",
        },
        {
            "model.d_model": 512,
            "model.encoder_layers": 2,
            "model.decoder_layers": 2,
            "model.dropout": 0.3,
        },
    ),
    "base": Preset(
        "millions of pairs; a GPU. The paper's base shape, with the norm before each sub-layer",
        {
            "model.d_model": 512,
            "model.d_ff": 2048,
            "model.num_heads": 8,
            "model.encoder_layers": 6,
            "model.decoder_layers": 6,
            "model.dropout": 0.1,
            "model.norm_place": "pre",
        },
        {
            "model.d_model": 1024,
            "model.encoder_layers": 2,
            "model.decoder_layers": 2,
            "model.dropout": 0.2,
        },
    ),
    "big": Preset(
        "tens of millions of pairs; a large GPU. The paper's big shape, with the norm before each sub-layer",
        {
            "model.d_model": 1024,
            "model.d_ff": 4096,
            "model.num_heads": 16,
            "model.encoder_layers": 6,
            "model.decoder_layers": 6,
            "model.dropout": 0.3,
            "model.norm_place": "pre",
        },
        {
            "model.d_model": 1024,
            "model.encoder_layers": 4,
            "model.decoder_layers": 4,
            "model.dropout": 0.3,
        },
    ),
    "paper-base": Preset("Vaswani et al. 2017, base model, English-German, to the letter", _PAPER),
    "paper-big": Preset(
        "Vaswani et al. 2017, big model, English-German, to the letter",
        {
            **_PAPER,
            "model.d_model": 1024,
            "model.num_heads": 16,
            "model.d_ff": 4096,
            "model.dropout": 0.3,
            "train.steps": 300_000,
            "train.average_checkpoints": 20,
        },
    ),
}
