"""A config in, a model out: one `match`, no registry."""

from polyglass.config import ModelConfig, RecurrentConfig, TransformerConfig
from polyglass.errors import ConfigError
from polyglass.model.recurrent import Recurrent
from polyglass.model.seq2seq import Seq2Seq
from polyglass.model.transformer import Transformer
from polyglass.special_ids import SpecialIds


def build_model(config: ModelConfig, sizes: tuple[int, int], ids: SpecialIds) -> Seq2Seq:
    """Build the model that `config` describes, with fresh random weights.

    sizes: number of subwords in the source and in the target vocabulary.
    Raises ConfigError if embeddings are tied three ways but the vocabularies differ.
    """
    source_size, target_size = sizes
    if config.tie_embeddings == "three" and source_size != target_size:
        raise ConfigError(
            f"model.tie_embeddings=three needs one joint vocabulary, but the source has {source_size} subwords and "
            f"the target {target_size}. Set data.joint_vocabulary=true or model.tie_embeddings=two."
        )
    match config:
        case TransformerConfig():
            return Transformer(config, source_size, target_size, ids)
        case RecurrentConfig():
            return Recurrent(config, source_size, target_size, ids)
