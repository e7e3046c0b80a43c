"""A Transformer of ours as a Hugging Face model with the same weights, to compare what both do with them.

Norm after each sub-layer is Marian's architecture, norm before it is Pegasus'; both are the same code otherwise. Their
sinusoids are a half of sines and a half of cosines, ours alternate as in the paper: since the order of the d_model
numbers has no meaning of its own, every weight that reads or writes them is reordered alike.
"""

from typing import Any

import torch
from torch import Tensor, nn

from polyglass.bundle import Bundle
from polyglass.config import TransformerConfig

NAMES = {  # ours: theirs
    "self_attention.w_q": "self_attn.q_proj",
    "self_attention.w_k": "self_attn.k_proj",
    "self_attention.w_v": "self_attn.v_proj",
    "self_attention.w_o": "self_attn.out_proj",
    "self_attention_residual.norm": "self_attn_layer_norm",
    "cross_attention.w_q": "encoder_attn.q_proj",
    "cross_attention.w_k": "encoder_attn.k_proj",
    "cross_attention.w_v": "encoder_attn.v_proj",
    "cross_attention.w_o": "encoder_attn.out_proj",
    "cross_attention_residual.norm": "encoder_attn_layer_norm",
    "feed_forward.w_1": "fc1",
    "feed_forward.w_2": "fc2",
    "feed_forward_residual.norm": "final_layer_norm",
}
READERS = ("w_q", "w_k", "w_v", "w_1")  # take a vector of d_model numbers; all others give one


def empty_model(config: TransformerConfig, words: int, *, pad: int, bos: int, eos: int) -> Any:
    """Return a Hugging Face model of this shape with random weights."""
    import transformers

    family = "Marian" if config.norm_place == "post" else "Pegasus"
    shape = getattr(transformers, f"{family}Config")(
        vocab_size=words,
        d_model=config.d_model,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        encoder_attention_heads=config.num_heads,
        decoder_attention_heads=config.num_heads,
        encoder_ffn_dim=config.d_ff,
        decoder_ffn_dim=config.d_ff,
        max_position_embeddings=config.max_positions,
        activation_function={"silu": "swish"}.get(config.activation, config.activation),
        scale_embedding=True,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        activation_dropout=config.activation_dropout,
        pad_token_id=pad,
        bos_token_id=bos,
        eos_token_id=eos,
        decoder_start_token_id=bos,
        forced_eos_token_id=None,
    )
    name = "MarianMTModel" if family == "Marian" else "PegasusForConditionalGeneration"
    return getattr(transformers, name)(shape)


def copied(bundle: Bundle) -> Any:
    """Return the model of a bundle as a Hugging Face model. Refuses what that does not have."""
    config, ids = bundle.config.model, bundle.subwords.ids
    if not isinstance(config, TransformerConfig) or (config.positions, config.norm) != ("sinusoidal", "layer"):
        raise SystemExit("Hugging Face's models of this kind have sinusoids and layer norm only.")
    if config.tie_embeddings != "three":
        raise SystemExit("Hugging Face's models of this kind have one matrix for both embeddings and the output layer.")
    theirs = empty_model(config, bundle.subwords.target_size, pad=ids.pad, bos=ids.bos, eos=ids.eos).eval()
    ours = bundle.model.state_dict()
    half = config.d_model // 2
    place = torch.arange(config.d_model)
    order = torch.where(place < half, 2 * place, 2 * (place - half) + 1)  # sines first, then cosines
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.zero_()  # biases that ours lacks
        for stack in ("encoder", "decoder"):
            part = getattr(theirs.model, stack)
            _fill(part, {name.removeprefix(f"{stack}."): one for name, one in ours.items()}, order)
        # Filled with zeros above where they are parameters; sinusoids are computed again.
        for stack in (theirs.model.encoder, theirs.model.decoder):
            stack.embed_positions.weight.copy_(_sinusoids(stack.embed_positions.weight))
        theirs.model.shared.weight.copy_(ours["target_embedding.weight"][:, order])
    return theirs


def _fill(stack: nn.Module, ours: dict[str, Tensor], order: Tensor) -> None:
    for name, tensor in ours.items():
        if name.startswith("norm."):
            getattr(stack.layer_norm, name.removeprefix("norm.")).copy_(tensor[order])
        if not name.startswith("layers."):
            continue
        _, layer, module, part, kind = name.split(".")
        reads = part in READERS
        target = stack.get_submodule(f"layers.{layer}.{NAMES[f'{module}.{part}']}")
        if reads:
            getattr(target, kind).copy_(tensor[:, order] if kind == "weight" else tensor)
        else:
            getattr(target, kind).copy_(tensor[order])


def _sinusoids(table: Tensor) -> Tensor:
    length, width = table.shape
    place = torch.arange(length, dtype=torch.float64)[:, None]
    angle = place / 10000.0 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.cat((angle.sin(), angle.cos()), dim=1).to(table.dtype)
