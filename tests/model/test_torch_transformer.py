"""Encoder and decoder against `torch.nn.Transformer` with the same weights: another implementation, other hands."""

from typing import cast

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.attention import MultiHeadAttention
from polyglass.model.layers import DecoderLayer, EncoderLayer
from polyglass.model.transformer import Transformer
from tiny_transformer import IDS, padded, randomise, sources, targets, tiny_config, tiny_model

CLOSE = 1e-5  # float32; sums in another order


def _torch_transformer(norm_place: str, activation: str) -> nn.Transformer:
    """Return torch's Transformer of the size of our tiny one; post-norm as in the paper, without a last norm."""
    config = tiny_config()
    options = {
        "d_model": config.d_model,
        "nhead": config.num_heads,
        "dim_feedforward": config.d_ff,
        "dropout": 0.0,
        "activation": activation,
        "batch_first": True,
        "norm_first": norm_place == "pre",
    }
    last_norms = [nn.LayerNorm(config.d_model) if norm_place == "pre" else None for _ in range(2)]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**options), config.encoder_layers, last_norms[0], enable_nested_tensor=False
    )
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**options), config.decoder_layers, last_norms[1])
    return nn.Transformer(
        config.d_model, config.num_heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
    )


def _copy_attention(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    """torch keeps W^Q, W^K and W^V in one matrix, one below the other."""
    matrices = cast(Tensor, theirs.in_proj_weight).chunk(3)
    biases = cast(Tensor, theirs.in_proj_bias).chunk(3)
    for linear, matrix, bias in zip((ours.w_q, ours.w_k, ours.w_v), matrices, biases, strict=True):
        linear.weight.copy_(matrix)
        linear.bias.copy_(bias)
    ours.w_o.load_state_dict(theirs.out_proj.state_dict())


def _copy_layer(ours: EncoderLayer | DecoderLayer, theirs: nn.Module) -> None:
    _copy_attention(ours.self_attention, theirs.self_attn)  # type: ignore[arg-type]
    residuals = [ours.self_attention_residual, ours.feed_forward_residual]
    if isinstance(ours, DecoderLayer):
        _copy_attention(ours.cross_attention, theirs.multihead_attn)  # type: ignore[arg-type]
        residuals.insert(1, ours.cross_attention_residual)
    ours.feed_forward.w_1.load_state_dict(theirs.linear1.state_dict())  # type: ignore[union-attr]
    ours.feed_forward.w_2.load_state_dict(theirs.linear2.state_dict())  # type: ignore[union-attr]
    for number, residual in enumerate(residuals, start=1):
        residual.norm.load_state_dict(getattr(theirs, f"norm{number}").state_dict())


def _copy(ours: Transformer, theirs: nn.Transformer) -> None:
    with torch.no_grad():
        for our_stack, their_stack in ((ours.encoder, theirs.encoder), (ours.decoder, theirs.decoder)):
            for our_layer, their_layer in zip(our_stack.layers, their_stack.layers, strict=True):
                _copy_layer(our_layer, their_layer)  # type: ignore[arg-type]
            if our_stack.norm is not None:
                our_stack.norm.load_state_dict(their_stack.norm.state_dict())


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("norm_place", ["post", "pre"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_and_decoder_compute_what_torch_s_transformer_computes(
    training: bool, norm_place: str, activation: str
) -> None:
    torch.manual_seed(0)
    theirs = _torch_transformer(norm_place, activation)
    randomise(theirs, seed=4)
    ours = tiny_model(norm_place=norm_place, activation=activation, attention_bias=True)
    _copy(ours, theirs)
    theirs.train(training)
    ours.train(training)

    source, target_in = padded(sources()), padded(targets())
    padding = source == IDS.pad  # torch's masks say True where a position must NOT be looked at
    embedded = ours.encoder.positions(ours.source_embedding(source))
    embedded_target = ours.decoder.positions(ours.target_embedding(target_in))
    states = theirs.encoder(embedded, src_key_padding_mask=padding)
    decoded = theirs.decoder(
        embedded_target,
        states,
        tgt_mask=torch.ones(target_in.shape[1], target_in.shape[1]).triu(1).bool(),
        memory_key_padding_mask=padding,
    )

    memory = ours.encode(source)
    torch.testing.assert_close(memory.states[~padding], states[~padding], atol=CLOSE, rtol=CLOSE)
    torch.testing.assert_close(ours.decoder_states(target_in, memory), decoded, atol=CLOSE, rtol=CLOSE)


@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_the_gradients_are_torch_s_too(norm_place: str) -> None:
    torch.manual_seed(0)
    theirs = _torch_transformer(norm_place, "relu").train()
    ours = tiny_model(norm_place=norm_place, attention_bias=True).train()
    _copy(ours, theirs)
    source = padded(sources())
    real = source != IDS.pad
    embedded = ours.source_embedding(source).detach().requires_grad_()
    gradients = []
    for states in (
        ours.encoder(embedded, real),
        theirs.encoder(ours.encoder.positions(embedded), src_key_padding_mask=~real),
    ):
        (gradient,) = torch.autograd.grad((states[real] * torch.arange(16)).square().mean(), embedded)
        gradients.append(gradient[real])
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)
