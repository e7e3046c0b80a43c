"""A model folder of ours in, a CTranslate2 folder out; and the proof that both say the same.

CTranslate2 (Klein et al. 2020) is a C++ decoder. Its Python package writes the file; here our arrays are handed to it
under its names. What its architecture lacks is refused by name: batch norm, rotary positions, recurrence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from polyglass.bundle import Bundle
from polyglass.config import TransformerConfig
from polyglass.data.batch import pad
from polyglass.decoding.greedy import greedy
from polyglass.errors import ConfigError, InputError
from polyglass.files import folder_atomically
from polyglass.model.attention import MultiHeadAttention
from polyglass.model.layers import DecoderLayer, EncoderLayer
from polyglass.model.transformer import Decoder, Encoder, Transformer

QUANTIZATIONS = ("float32", "int8", "int8_float32", "int16", "float16", "int8_float16", "bfloat16", "int8_bfloat16")


@dataclass(frozen=True)
class Proof:
    """Greedy translations of the same sentences by both: how many are equal in every token.

    largest_difference: between the log-probabilities that both give to a token of our translations.
    differing: source, our tokens and theirs, for each sentence whose tokens differ.
    """

    sentences: int
    equal: int
    largest_difference: float
    differing: tuple[tuple[str, str, str], ...]


def write_ctranslate2(bundle: Bundle, folder: Path, *, quantization: str = "float32") -> None:
    """Write the model as a CTranslate2 folder, with our tokenizer beside it.

    quantization: one of `QUANTIZATIONS`, the type of the weights in the file. Raises InputError if ctranslate2 is not
    installed or the folder exists, ConfigError for an architecture that CTranslate2 does not have.
    """
    specs = _specs()
    if quantization not in QUANTIZATIONS:
        raise InputError(f"quantization must be one of {', '.join(QUANTIZATIONS)}, but it is {quantization!r}.")
    spec = _spec(bundle, specs)
    spec.validate()
    spec.optimize(quantization=None if quantization == "float32" else quantization)
    facts = {"from": "polyglass", "quantization": quantization}
    with folder_atomically(folder, facts) as temporary:
        spec.save(str(temporary))
        bundle.subwords.save(temporary)


def prove(bundle: Bundle, folder: Path, sources: Sequence[str]) -> Proof:
    """Translate `sources` greedily with our model and with the exported one, and compare token by token.

    The exported model also says how likely it finds each token of our translations. A translation that we cut at its
    length limit is compared up to there, for CTranslate2 has one limit for all.
    """
    engine = _ctranslate2().Translator(str(folder), device="cpu")
    subwords = bundle.subwords
    read = [[*ids, subwords.ids.eos] for ids in subwords.encode_source(list(sources))]
    pieces = [subwords.source_pieces(ids) for ids in read]
    ours = [one[0] for one in greedy(bundle.model, pad(read, subwords.ids.pad), bundle.config.decode)]
    words = [subwords.target_pieces(one.ids) for one in ours]
    answers = engine.translate_batch(
        pieces, beam_size=1, max_decoding_length=max(map(len, words)), return_end_token=True, length_penalty=0
    )
    theirs = [answer.hypotheses[0] for answer in answers]
    theirs = [
        other[: len(own)] if one.finish_reason == "length" else other
        for own, other, one in zip(words, theirs, ours, strict=True)
    ]
    ended = [own if one.finish_reason == "length" else own[:-1] for own, one in zip(words, ours, strict=True)]
    scored = engine.score_batch(pieces, ended)
    gaps = (
        abs(own - other)
        for one, answer in zip(ours, scored, strict=True)
        for own, other in zip(one.token_log_probs, answer.log_probs, strict=False)  # theirs ends with eos
    )
    rows = zip(sources, words, theirs, strict=True)
    differing = tuple((source, " ".join(own), " ".join(other)) for source, own, other in rows if own != other)
    return Proof(len(read), len(read) - len(differing), max(gaps, default=0.0), differing)


def _ctranslate2() -> Any:
    try:
        import ctranslate2
    except ImportError as error:
        raise InputError(
            "Writing CTranslate2 folders needs the package ctranslate2, which is not installed. "
            "Install it with: pip install 'polyglass[fast]'"
        ) from error
    return ctranslate2


def _specs() -> Any:
    _ctranslate2()
    from ctranslate2.specs import transformer_spec

    return transformer_spec


def _spec(bundle: Bundle, specs: Any) -> Any:
    """Return the model under CTranslate2's names."""
    from ctranslate2.specs import common_spec

    config, model, subwords = bundle.config.model, bundle.model, bundle.subwords
    if not isinstance(config, TransformerConfig) or not isinstance(model, Transformer):
        raise ConfigError(f"CTranslate2 has Transformers only, but model.family is {config.family}.")
    if config.norm == "batch" or config.positions == "rotary":
        lacking = "model.norm=batch" if config.norm == "batch" else "model.positions=rotary"
        raise ConfigError(f"CTranslate2 has no place for {lacking}. Translate with polyglass itself.")
    activation = {"relu": "RELU", "gelu": "GELU", "silu": "SWISH"}[config.activation]
    spec = specs.TransformerSpec.from_config(
        (config.encoder_layers, config.decoder_layers),
        config.num_heads,
        pre_norm=config.norm_place == "pre",
        activation=common_spec.Activation[activation],
        rms_norm=config.norm == "rms",
        alignment_layer=max(0, config.decoder_layers - 2),
        alignment_heads=config.num_heads,
    )
    _give_stack(spec.encoder, model.encoder, config)
    _give_stack(spec.decoder, model.decoder, config)
    spec.encoder.embeddings[0].weight = _numbers(model.source_embedding.weight)
    spec.decoder.embeddings.weight = _numbers(model.target_embedding.weight)
    _give_linears(spec.decoder.projection, model.output)
    target = subwords.target_pieces(range(subwords.target_size))
    spec.register_source_vocabulary(subwords.source_pieces(range(subwords.source_size)))
    spec.register_target_vocabulary(target)
    ids = subwords.ids
    spec.config.bos_token = spec.config.decoder_start_token = target[ids.bos]
    spec.config.eos_token, spec.config.unk_token = target[ids.eos], target[ids.unk]
    spec.config.layer_norm_epsilon = 1e-5
    return spec


def _give_stack(spec: Any, stack: Encoder | Decoder, config: TransformerConfig) -> None:
    if config.positions == "none":
        table: Tensor = torch.zeros(config.max_positions, config.d_model)
    else:
        # What is added to a zero vector at each place is the table, be it learned or sinusoids.
        table = stack.positions(torch.zeros(1, config.max_positions, config.d_model))[0]
    spec.position_encodings.encodings = _numbers(table)
    if stack.norm is not None:
        _give_norm(spec.layer_norm, stack.norm)
    for theirs, layer in zip(spec.layer, stack.layers, strict=True):
        assert isinstance(layer, EncoderLayer | DecoderLayer)
        _give_attention(theirs.self_attention, layer.self_attention, fused=3)
        _give_norm(theirs.self_attention.layer_norm, layer.self_attention_residual.norm)
        if isinstance(layer, DecoderLayer):
            _give_attention(theirs.attention, layer.cross_attention, fused=1)
            _give_norm(theirs.attention.layer_norm, layer.cross_attention_residual.norm)
        _give_linears(theirs.ffn.linear_0, layer.feed_forward.w_1)
        _give_linears(theirs.ffn.linear_1, layer.feed_forward.w_2)
        _give_norm(theirs.ffn.layer_norm, layer.feed_forward_residual.norm)


def _give_attention(spec: Any, attention: MultiHeadAttention, *, fused: int) -> None:
    projections = [attention.w_q, attention.w_k, attention.w_v]
    groups = [group for group in (projections[:fused], projections[fused:], [attention.w_o]) if group]
    for theirs, group in zip(spec.linear, groups, strict=True):
        _give_linears(theirs, *group)


def _give_linears(spec: Any, *linears: nn.Linear) -> None:
    spec.weight = np.concatenate([_numbers(linear.weight) for linear in linears])
    if linears[0].bias is not None:
        spec.bias = np.concatenate([_numbers(linear.bias) for linear in linears])


def _give_norm(spec: Any, norm: nn.Module) -> None:
    spec.gamma = _numbers(norm.weight)
    if getattr(norm, "bias", None) is not None:
        spec.beta = _numbers(norm.bias)


def _numbers(tensor: Tensor | nn.Module) -> NDArray[np.float32]:
    assert isinstance(tensor, Tensor)
    # A copy: the package scales arrays in place when it quantises them.
    return tensor.detach().float().cpu().numpy().copy()
