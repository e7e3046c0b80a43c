"""A config and the lengths of a batch in, floating-point operations of one forward pass out, by formula.

Counted are matrix products, a multiplication with its addition as two operations, as torch's FlopCounterMode counts
them (a test holds the two equal). Softmax, norms, activations and dropout are a few per cent and left out. A training
step costs three times as much: the backward pass has two products for each of the forward pass.
Letters: B batch, S source length, T target length, D d_model, F d_ff, V vocabulary.
"""

from dataclasses import dataclass

from polyglass.config import ModelConfig, RecurrentConfig, TransformerConfig

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


@dataclass(frozen=True)
class Shape:
    """The size of a batch, padding counted."""

    batch: int
    source: int
    target: int


def forward_flops(config: ModelConfig, shape: Shape, *, vocabulary: int) -> int:
    """Return the operations of reading a batch and scoring every word at every target position."""
    output = 2 * shape.batch * shape.target * config.d_model * vocabulary
    match config:
        case TransformerConfig():
            return output + attention_flops(config, shape) + _transformer_products(config, shape)
        case RecurrentConfig():
            return output + _recurrent_products(config, shape) + _recurrent_attention(config, shape)


def attention_flops(config: TransformerConfig, shape: Shape) -> int:
    """Return what grows with the square of the length: q k^T, and weights times v."""
    pairs = config.encoder_layers * shape.source**2
    pairs += config.decoder_layers * (shape.target**2 + shape.target * shape.source)
    return 4 * shape.batch * pairs * config.d_model


def _transformer_products(config: TransformerConfig, shape: Shape) -> int:
    """W^Q, W^K, W^V, W^O of each attention, and W_1 and W_2 of each feed-forward layer."""
    square, wide = config.d_model**2, 2 * config.d_model * config.d_ff
    encoder = shape.source * (4 * square + wide)
    # Cross-attention projects keys and values of the source, queries and output of the target.
    decoder = shape.target * (4 * square + 2 * square + wide) + shape.source * 2 * square
    return 2 * shape.batch * (config.encoder_layers * encoder + config.decoder_layers * decoder)


def _recurrent_products(config: RecurrentConfig, shape: Shape) -> int:
    """W_x and W_h of each layer; a direction of a bidirectional layer has half the width, but reads whole vectors."""
    gates, square = GATES[config.family], config.d_model**2
    encoder = shape.source * gates * (3 * square // 2 if config.bidirectional else 2 * square)
    is_wide = config.attention == "additive" or config.input_feeding or config.feed_context
    decoder = shape.target * gates * (2 * square * config.decoder_layers + (square if is_wide else 0))
    return 2 * shape.batch * (config.encoder_layers * encoder + decoder)


def _recurrent_attention(config: RecurrentConfig, shape: Shape) -> int:
    """Keys, scores, context and read-out of attention; context feeding has only the read-out."""
    square, pairs = config.d_model**2, shape.source * shape.target * config.d_model
    if config.attention == "none":
        return 2 * shape.batch * shape.target * 2 * square if config.feed_context else 0
    products = 2 * pairs + shape.target * 2 * square
    products += shape.source * square if config.attention != "dot" else 0
    products += shape.target * square if config.attention == "additive" else 0
    return 2 * shape.batch * products
