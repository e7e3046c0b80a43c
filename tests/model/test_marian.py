"""Our model with the weights of a Hugging Face Marian model (the family of OPUS-MT) says and translates the same.

Marian's sinusoids are a half of sines and a half of cosines, ours alternate as in the paper's formula. The order of
the d_model dimensions has no meaning of its own, so every weight that reads or writes them is reordered alike.
"""

import pytest
import torch
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.model.transformer import Transformer
from polyglass.special_ids import SpecialIds
from tiny_transformer import padded, random_sentences, randomise, tiny_config

transformers = pytest.importorskip("transformers")

SIZE = 23
# As in the published models: padding is the last word, and it also begins the output.
IDS = SpecialIds(pad=SIZE - 1, bos=SIZE - 1, eos=0, unk=1)
CLOSE = 1e-5  # float32; sums in another order
LENGTHS = (5, 3, 8)

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


def _marian(activation: str, *, seed: int, sharpness: float = 1.0) -> torch.nn.Module:
    """Return a random Marian model: the sharper, the surer of its words; and eos is likely enough to end an output."""
    tiny = tiny_config()
    torch.manual_seed(seed)
    model = transformers.MarianMTModel(
        transformers.MarianConfig(
            vocab_size=SIZE,
            d_model=tiny.d_model,
            encoder_layers=tiny.encoder_layers,
            decoder_layers=tiny.decoder_layers,
            encoder_attention_heads=tiny.num_heads,
            decoder_attention_heads=tiny.num_heads,
            encoder_ffn_dim=tiny.d_ff,
            decoder_ffn_dim=tiny.d_ff,
            max_position_embeddings=tiny.max_positions,
            activation_function=activation,
            scale_embedding=True,
            init_std=0.25,
            dropout=0.0,
            pad_token_id=IDS.pad,
            bos_token_id=IDS.bos,
            eos_token_id=IDS.eos,
            decoder_start_token_id=IDS.bos,
            forced_eos_token_id=None,
        )
    ).eval()
    randomise(model, seed=seed)
    with torch.no_grad():
        # The output layer meets this bias in every vector: the logit of eos rises by 2.
        last_norm = model.model.decoder.layers[-1].final_layer_norm
        last_norm.weight.mul_(sharpness)
        bias = last_norm.bias
        model.model.shared.weight[IDS.eos] += 2.0 * bias / bias.square().sum()
        model.final_logits_bias.zero_()
    return model


def _ours(theirs: torch.nn.Module, activation: str) -> Transformer:
    """Return a Transformer of ours with the weights of a Marian model."""
    config = tiny_config(attention_bias=True, activation=activation)
    ours = Transformer(config, SIZE, SIZE, IDS).eval()
    state = theirs.state_dict()
    half = config.d_model // 2
    order = torch.stack((torch.arange(half), half + torch.arange(half)), dim=1).flatten()  # sine, cosine, sine, ...
    weights = {
        f"{name}.weight": state["model.shared.weight"][:, order]
        for name in ("source_embedding", "target_embedding", "output")
    }
    for name in ours.state_dict():
        if ".layers." in name:
            stack, _, layer, module, part, kind = name.split(".")
            tensor = state[f"model.{stack}.layers.{layer}.{NAMES[f'{module}.{part}']}.{kind}"]
            if part in READERS:
                weights[name] = tensor[:, order] if kind == "weight" else tensor
            else:
                weights[name] = tensor[order]
    ours.load_state_dict(weights)
    return ours


def _source(seed: int = 3) -> Tensor:
    sentences = random_sentences(LENGTHS, size=SIZE - 1, seed=seed)
    return padded([[*sentence, IDS.eos] for sentence in sentences], pad=IDS.pad)


@pytest.mark.parametrize(("theirs", "ours"), [("swish", "silu"), ("relu", "relu"), ("gelu", "gelu")])
def test_the_logits_are_those_of_marian_with_the_same_weights(theirs: str, ours: str) -> None:
    marian = _marian(theirs, seed=1)
    source = _source()
    target_in = padded([[IDS.bos, *sentence] for sentence in random_sentences((4, 7, 2), size=SIZE - 1, seed=5)])
    with torch.no_grad():
        expected = marian(
            input_ids=source, attention_mask=(source != IDS.pad).long(), decoder_input_ids=target_in
        ).logits
        actual = _ours(marian, ours)(source, target_in)
    torch.testing.assert_close(actual, expected, atol=CLOSE, rtol=CLOSE)


# Chosen so that outputs have 1 to 25 tokens, and no cut hypothesis is among the best: Hugging Face ranks those by score
# alone, we rank them behind whole outputs.
@pytest.mark.parametrize(("sharpness", "seed"), [(1.0, 1), (1.5, 3), (2.0, 5), (2.0, 9)])
@pytest.mark.parametrize("beam_size", [1, 2, 5])
def test_a_beam_finds_what_hugging_face_s_beam_finds_in_the_same_model(
    sharpness: float, seed: int, beam_size: int
) -> None:
    marian = _marian("swish", seed=seed, sharpness=sharpness)
    source = _source(seed)
    longest = 30
    theirs = marian.generate(
        input_ids=source,
        attention_mask=(source != IDS.pad).long(),
        num_beams=beam_size,
        num_return_sequences=beam_size,
        do_sample=False,
        length_penalty=0.0,  # the score is the sum of log-probabilities
        early_stopping="never" if beam_size > 1 else None,  # until no better output can come
        suppress_tokens=[IDS.pad],
        max_new_tokens=longest,
        return_dict_in_generate=True,
        output_scores=True,
    )
    options = DecodeConfig(
        beam_size=beam_size, n_best=beam_size, length_penalty=0.0, max_length_factor=1e-6, max_length_extra=longest
    )
    ours = [one for found in beam_search(_ours(marian, "silu"), source, options) for one in found]
    assert [_words(one.ids) for one in ours] == [_words(row[1:]) for row in theirs.sequences.tolist()]
    if beam_size > 1:
        assert [one.log_prob for one in ours] == pytest.approx(theirs.sequences_scores.tolist(), abs=1e-4)
        assert {one.finish_reason for one in ours} == {"end"}


def _words(ids: list[int] | tuple[int, ...]) -> list[int]:
    """Return the tokens before eos and padding."""
    return [token for token in ids if token not in (IDS.eos, IDS.pad)]
