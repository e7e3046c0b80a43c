"""The kinds of models that experiments compare: one line each in `FAMILIES`, as options of the config."""

from collections.abc import Mapping
from dataclasses import dataclass

NUM_HEADS = 4


@dataclass(frozen=True)
class Family:
    """One kind of model. name: short, for files. label: for people. options: what makes it this kind.

    attends: whether it looks back at the source. heads: whether it has them, and a feed-forward layer with them.
    """

    name: str
    label: str
    options: Mapping[str, object]
    attends: bool = False
    heads: bool = False

    def sized(self, d_model: int, *, layers: int = 1) -> dict[str, object]:
        """Return all options of a small model of this kind: `layers` on each side, every vector `d_model` wide."""
        size: dict[str, object] = {
            "model.d_model": d_model,
            "model.encoder_layers": layers,
            "model.decoder_layers": layers,
        }
        if self.heads:
            size |= {"model.d_ff": 2 * d_model, "model.num_heads": NUM_HEADS}
        return {**self.options, **size}


FAMILIES = (
    Family("rnn", "RNN", {"model.family": "rnn"}),
    Family("gru", "GRU", {"model.family": "gru"}),
    Family("lstm", "LSTM", {"model.family": "lstm"}),
    Family("lstm-attention", "LSTM + attention", {"model.family": "lstm", "model.attention": "general"}, attends=True),
    Family(
        "transformer",
        "Transformer",
        {"model.family": "transformer", "model.norm_place": "pre"},
        attends=True,
        heads=True,
    ),
)
"""To add a kind, add a line: every experiment then measures it, too."""
