"""The list of all options: a new one is a visible line here."""

from polyglass.config import Config
from polyglass.options import options_of

OPTIONS = [
    "data.max_length_chars",
    "data.max_length_tokens",
    "data.max_length_ratio",
    "data.drop_identical",
    "data.drop_duplicates",
    "data.drop_overlap",
    "data.subwords",
    "data.joint_vocabulary",
    "data.vocabulary_size",
    "data.byte_fallback",
    "data.character_coverage",
    "data.subword_sampling",
    "data.protect",
    "model.family",
    "model.d_model",
    "model.num_heads",
    "model.d_ff",
    "model.encoder_layers",
    "model.decoder_layers",
    "model.dropout",
    "model.attention_dropout",
    "model.activation_dropout",
    "model.norm",
    "model.norm_place",
    "model.positions",
    "model.max_positions",
    "model.activation",
    "model.attention_bias",
    "model.tie_embeddings",
    "model.bidirectional",
    "model.attention",
    "model.input_feeding",
    "model.feed_context",
    "train.seed",
    "train.device",
    "train.threads",
    "train.precision",
    "train.compile",
    "train.batch_tokens",
    "train.accumulate",
    "train.budget_seconds",
    "train.steps",
    "train.epochs",
    "train.optimizer",
    "train.learning_rate",
    "train.schedule",
    "train.warmup_steps",
    "train.decay_share",
    "train.beta1",
    "train.beta2",
    "train.epsilon",
    "train.weight_decay",
    "train.clip_norm",
    "train.label_smoothing",
    "train.average",
    "train.ema_decay",
    "train.average_checkpoints",
    "train.save_every",
    "train.keep_checkpoints",
    "train.validate_every",
    "train.validate_sentences",
    "train.patience",
    "train.team_timeout_seconds",
    "decode.beam_size",
    "decode.length_penalty",
    "decode.n_best",
    "decode.sample",
    "decode.temperature",
    "decode.top_k",
    "decode.top_p",
    "decode.seed",
    "decode.max_length_factor",
    "decode.max_length_extra",
    "decode.batch_tokens",
]


def test_the_options_are_pinned() -> None:
    assert list(options_of(Config)) == OPTIONS


def test_every_option_has_a_meaning_a_type_and_a_default_inside_its_limits() -> None:
    for option in options_of(Config).values():
        assert option.meaning, option.name
        assert option.optional or option.default is not None, option.name
    assert Config()  # pydantic checks defaults, too
