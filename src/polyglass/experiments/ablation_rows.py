"""Table 3 of the paper, row by row: its own figures, and what the row is for a model of an eighth of the width.

Figures: Vaswani et al. 2017, table 3; English-German, newstest2013 (development set), perplexity per word piece,
BLEU, millions of parameters. Paper's base: 6 layers, d_model 512, d_ff 2048, 8 heads, d_k 64.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Paper:
    """What the paper has for a row."""

    words: str
    perplexity: float
    bleu: float


@dataclass(frozen=True)
class Row:
    """One model of the table. group: "A" to "E" as in the paper, "base" or "root". options: what differs from base.

    key_size: another d_k than d_model / heads. root: whether scores are divided by the root of d_k.
    """

    name: str
    group: str
    label: str
    options: Mapping[str, object] = field(default_factory=dict)
    paper: Paper | None = None
    key_size: int | None = None
    root: bool = True


HEADS, WIDTH, INNER = "model.num_heads", "model.d_model", "model.d_ff"
LAYERS = ("model.encoder_layers", "model.decoder_layers")
DROPOUT, SMOOTHING, POSITIONS = "model.dropout", "train.label_smoothing", "model.positions"
PAPER_BASE = Paper("base", 4.92, 25.8)

BASE = Row("base", "base", "base", {}, PAPER_BASE)
ONE_HEAD = Row("heads-1", "A", "1 head", {HEADS: 1}, Paper("1 head", 5.29, 24.9))
FEW_HEADS = Row("heads-2", "A", "2 heads", {HEADS: 2}, Paper("4 heads", 5.00, 25.5))
MORE_HEADS = Row("heads-8", "A", "8 heads", {HEADS: 8}, Paper("16 heads", 4.91, 25.8))
MANY_HEADS = Row("heads-16", "A", "16 heads", {HEADS: 16}, Paper("32 heads", 5.01, 25.4))
QUARTER_KEYS = Row("keys-4", "B", "d_k 4", {}, Paper("d_k 16", 5.16, 25.1), key_size=4)
HALF_KEYS = Row("keys-8", "B", "d_k 8", {}, Paper("d_k 32", 5.01, 25.4), key_size=8)
FEW_LAYERS = Row("layers-1", "C", "1 layer", dict.fromkeys(LAYERS, 1), Paper("2 layers", 6.11, 23.7))
MORE_LAYERS = Row("layers-3", "C", "3 layers", dict.fromkeys(LAYERS, 3), Paper("8 layers", 4.88, 25.5))
NARROW = Row("width-32", "C", "d_model 32", {WIDTH: 32}, Paper("d_model 256", 5.75, 24.5))
WIDE = Row("width-128", "C", "d_model 128", {WIDTH: 128}, Paper("d_model 1024", 4.66, 26.0))
SMALL_INNER = Row("inner-128", "C", "d_ff 128", {INNER: 128}, Paper("d_ff 1024", 5.12, 25.4))
LARGE_INNER = Row("inner-512", "C", "d_ff 512", {INNER: 512}, Paper("d_ff 4096", 4.75, 26.2))
NO_DROPOUT = Row("dropout-0", "D", "dropout 0", {DROPOUT: 0.0}, Paper("dropout 0", 5.77, 24.6))
MORE_DROPOUT = Row("dropout-0.2", "D", "dropout 0.2", {DROPOUT: 0.2}, Paper("dropout 0.2", 4.95, 25.5))
NO_SMOOTHING = Row("smoothing-0", "D", "smoothing 0", {SMOOTHING: 0.0}, Paper("smoothing 0", 4.67, 25.3))
MORE_SMOOTHING = Row("smoothing-0.2", "D", "smoothing 0.2", {SMOOTHING: 0.2}, Paper("smoothing 0.2", 5.47, 25.7))
LEARNED = Row("learned", "E", "learned positions", {POSITIONS: "learned"}, Paper("learned positions", 4.92, 25.7))
NO_ROOT = Row("no-root", "root", "base without root", {}, root=False)
ONE_HEAD_NO_ROOT = Row("heads-1-no-root", "root", "1 head without root", {HEADS: 1}, root=False)

SMALLER = (FEW_LAYERS, NARROW, SMALL_INNER)
BIGGER = (MORE_LAYERS, WIDE, LARGE_INNER)
ROWS = (
    *(BASE, ONE_HEAD, FEW_HEADS, MORE_HEADS, MANY_HEADS, QUARTER_KEYS, HALF_KEYS),
    *(FEW_LAYERS, MORE_LAYERS, NARROW, WIDE, SMALL_INNER, LARGE_INNER),
    *(NO_DROPOUT, MORE_DROPOUT, NO_SMOOTHING, MORE_SMOOTHING, LEARNED, NO_ROOT, ONE_HEAD_NO_ROOT),
)
"""In the order of the table."""
FIRST = (BASE, ONE_HEAD, FEW_LAYERS, NO_DROPOUT, NO_SMOOTHING, LEARNED, QUARTER_KEYS, ONE_HEAD_NO_ROOT, NARROW)
"""The most telling: they are trained first in each repeat."""
QUICK_ROWS = (BASE, ONE_HEAD, QUARTER_KEYS, ONE_HEAD_NO_ROOT)
