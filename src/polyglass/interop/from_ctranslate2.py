"""A CTranslate2 folder in, our Transformer out: somebody else's trained model, to decode and to look into.

Their fused projections are cut into ours, int8 and int16 weights are spread out again to float32, and positions come
as a table, for each program has its own: CTranslate2's default counts positions from 1 and puts all sines before all
cosines.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from polyglass.config import TransformerConfig
from polyglass.errors import BundleError
from polyglass.interop.ctranslate2_file import ModelFile, read_model_file
from polyglass.model.attention import MultiHeadAttention
from polyglass.model.feed_forward import FeedForward
from polyglass.model.layers import DecoderLayer, EncoderLayer, Residual
from polyglass.model.transformer import Decoder, Encoder, Transformer
from polyglass.reading import parse_json, read_bounded
from polyglass.special_ids import SpecialIds

MAX_VOCABULARY_BYTES = 64 * 2**20
MAX_POSITIONS = 1024
_OLD_HEADS = {"TransformerBase": 8, "TransformerBig": 16}  # before the number of heads was written into the file
_ACTIVATIONS: Mapping[int, str] = {0: "relu", 2: "silu", 3: "gelu"}
_ADVICE = "Only a Transformer without relative positions, gates and embedding norms can be read."


@dataclass(frozen=True)
class Imported:
    """A model of CTranslate2 in our classes, in eval mode; its vocabularies, a word at each id."""

    model: Transformer
    source_vocabulary: tuple[str, ...]
    target_vocabulary: tuple[str, ...]


class _Weights:
    """The variables of a model file under one scope ("decoder/layer_0"), as float32 tensors."""

    def __init__(self, variables: Mapping[str, NDArray[np.generic]], path: Path, scope: str = "") -> None:
        self.variables = variables
        self.path = path
        self.scope = scope

    def at(self, name: str) -> "_Weights":
        return _Weights(self.variables, self.path, f"{self.scope}{name}/")

    def has(self, name: str) -> bool:
        return self.scope + name in self.variables

    def number(self, name: str, default: int) -> int:
        """Return a setting that older files leave out."""
        return int(self.variables[self.scope + name].reshape(-1)[0]) if self.has(name) else default

    def tensor(self, name: str) -> Tensor:
        if not self.has(name):
            raise BundleError(f"{self.path} has no {self.scope}{name}. {_ADVICE}")
        values = torch.from_numpy(self.variables[self.scope + name].astype(np.float32))
        if self.has(f"{name}_scale"):  # quantised: what is stored is the number times its row's scale
            scale = torch.from_numpy(self.variables[f"{self.scope}{name}_scale"].astype(np.float32))
            values = values / (scale[:, None] if scale.dim() else scale)
        return values

    def count(self, name: str) -> int:
        """Return how many numbered parts (`name_0`, `name_1`, ...) there are."""
        found = 0
        while any(key.startswith(f"{self.scope}{name}_{found}/") for key in self.variables):
            found += 1
        return found


@torch.no_grad()
def read_ctranslate2(folder: Path) -> Imported:
    """Read model.bin and the vocabularies of a CTranslate2 folder.

    Raises BundleError if one is missing or damaged, or if the architecture is none that our Transformer can be.
    """
    file = read_model_file(folder / "model.bin")
    weights = _Weights(file.variables, folder / "model.bin")
    embeddings = {side: weights.at(side).at(_embeddings(weights.at(side))) for side in ("encoder", "decoder")}
    source = _vocabulary(folder, "source", len(embeddings["encoder"].tensor("weight")))
    target = _vocabulary(folder, "target", len(embeddings["decoder"].tensor("weight")))
    if relative := next((name for name in file.variables if "relative" in name or "linear_0_noact" in name), None):
        raise BundleError(f"{weights.path} holds {relative}. {_ADVICE}")
    config = _config(file, weights)
    try:
        model = Transformer(config, len(source), len(target), _special_ids(folder, target))
        model.output = nn.Linear(config.d_model, len(target), bias=weights.has("decoder/projection/bias"))
        model.source_embedding.weight.copy_(embeddings["encoder"].tensor("weight"))
        model.target_embedding.weight.copy_(embeddings["decoder"].tensor("weight"))
        _fill_stack(model.encoder, weights.at("encoder"), config)
        _fill_stack(model.decoder, weights.at("decoder"), config)
        _fill_linears([model.output], weights.at("decoder").at("projection"))
    except RuntimeError as error:  # torch's word for two shapes that differ
        raise BundleError(f"{weights.path} does not fit itself or its vocabularies: {error}") from error
    return Imported(model.requires_grad_(False).eval(), source, target)


def _config(file: ModelFile, weights: _Weights) -> TransformerConfig:
    encoder, decoder = weights.at("encoder"), weights.at("decoder")
    heads = encoder.number("num_heads", _OLD_HEADS.get(file.name, 0))
    activation = _ACTIVATIONS.get(encoder.number("activation", 0))
    layers = encoder.count("layer"), decoder.count("layer")
    if not heads or activation is None or not all(layers):
        raise BundleError(f"{weights.path} is a {file.name[:100]!r}, not a Transformer that can be read. {_ADVICE}")
    first = encoder.at("layer_0")
    d_ff, d_model = first.at("ffn").at("linear_0").tensor("weight").shape
    return TransformerConfig(
        d_model=d_model,
        num_heads=heads,
        d_ff=d_ff,
        encoder_layers=layers[0],
        decoder_layers=layers[1],
        norm="layer" if first.has("ffn/layer_norm/beta") else "rms",
        norm_place="pre" if encoder.has("layer_norm/gamma") else "post",
        positions="learned",
        max_positions=MAX_POSITIONS,
        activation=activation,
        attention_bias=first.has("self_attention/linear_0/bias"),
        tie_embeddings="none",
    )


def _special_ids(folder: Path, target: Sequence[str]) -> SpecialIds:
    """Find the special words: config.json names them in newer folders; OpenNMT's names are the default."""
    path = folder / "config.json"
    named = parse_json(read_bounded(path, MAX_VOCABULARY_BYTES), path) if path.is_file() else {}

    def place(key: str, default: str) -> int:
        word = str(named.get(key, default))
        return target.index(word) if word in target else len(target) - 1

    padding = next((word for word in ("<blank>", "<pad>") if word in target), None)
    begin = place("decoder_start_token", str(named.get("bos_token", "<s>")))
    # Without a word for padding, some id that no sentence holds must do; the begin word is one.
    return SpecialIds(
        pad=begin if padding is None else target.index(padding),
        bos=begin,
        eos=place("eos_token", "</s>"),
        unk=place("unk_token", "<unk>"),
    )


def _embeddings(weights: _Weights) -> str:
    return "embeddings" if weights.has("embeddings/weight") else "embeddings_0"


def _vocabulary(folder: Path, side: str, size: int) -> tuple[str, ...]:
    """Return the words; CTranslate2 itself adds the unknown word at the end where a list leaves it out."""
    words = _words(folder, side)
    return (*words, "<unk>") if len(words) == size - 1 and "<unk>" not in words else words


def _words(folder: Path, side: str) -> tuple[str, ...]:
    for name in (f"{side}_vocabulary", "shared_vocabulary"):
        listed, lines = folder / f"{name}.json", folder / f"{name}.txt"
        if listed.is_file():
            content = b'{"words":' + read_bounded(listed, MAX_VOCABULARY_BYTES) + b"}"
            return tuple(map(str, parse_json(content, listed)["words"]))
        if lines.is_file():
            text = read_bounded(lines, MAX_VOCABULARY_BYTES).decode("utf-8", "replace")
            return tuple(text.removesuffix("\n").split("\n"))
    raise BundleError(f"{folder} holds no vocabulary of the {side}. Is it a whole CTranslate2 folder?")


def _fill_stack(stack: Encoder | Decoder, weights: _Weights, config: TransformerConfig) -> None:
    encodings = weights.at("position_encodings")
    table = encodings.tensor("encodings") if encodings.has("encodings") else _default_positions(config.d_model)
    rows = min(len(table), MAX_POSITIONS)
    stack.positions.weight[:rows] = table[:rows]
    if rows < MAX_POSITIONS:
        stack.positions.max_positions = rows
    if weights.number("scale_embeddings", 1) == 0:
        raise BundleError(f"{weights.path} does not scale its embeddings. {_ADVICE}")
    if stack.norm is not None:
        _fill_norm(stack.norm, weights.at("layer_norm"))
    for index, layer in enumerate(stack.layers):
        assert isinstance(layer, EncoderLayer | DecoderLayer)
        _fill_layer(layer, weights.at(f"layer_{index}"))


def _fill_layer(layer: EncoderLayer | DecoderLayer, weights: _Weights) -> None:
    _fill_attention(layer.self_attention, layer.self_attention_residual, weights.at("self_attention"), fused=3)
    if isinstance(layer, DecoderLayer):
        _fill_attention(layer.cross_attention, layer.cross_attention_residual, weights.at("attention"), fused=1)
    feed_forward: FeedForward = layer.feed_forward
    _fill_linears([feed_forward.w_1], weights.at("ffn").at("linear_0"))
    _fill_linears([feed_forward.w_2], weights.at("ffn").at("linear_1"))
    _fill_norm(layer.feed_forward_residual.norm, weights.at("ffn").at("layer_norm"))


def _fill_attention(attention: MultiHeadAttention, residual: Residual, weights: _Weights, *, fused: int) -> None:
    """Their linear_0 holds `fused` of W^Q, W^K, W^V one below the other, the next one the others, the last W^O."""
    projections = [attention.w_q, attention.w_k, attention.w_v]
    groups = [group for group in (projections[:fused], projections[fused:], [attention.w_o]) if group]
    for index, group in enumerate(groups):
        _fill_linears(group, weights.at(f"linear_{index}"))
    _fill_norm(residual.norm, weights.at("layer_norm"))


def _fill_linears(linears: Sequence[nn.Linear], weights: _Weights) -> None:
    for linear, rows in zip(linears, weights.tensor("weight").chunk(len(linears)), strict=True):
        linear.weight.copy_(rows)
    if linears[0].bias is not None:
        for linear, part in zip(linears, weights.tensor("bias").chunk(len(linears)), strict=True):
            linear.bias.copy_(part)


def _fill_norm(norm: nn.Module, weights: _Weights) -> None:
    for own, theirs in (("weight", "gamma"), ("bias", "beta")):
        parameter = getattr(norm, own, None)
        if parameter is not None:
            parameter.copy_(weights.tensor(theirs))


def _default_positions(d_model: int) -> Tensor:
    """CTranslate2's own sinusoids, those of Tensor2Tensor: wavelengths 2 pi to 10000 * 2 pi, sines, then cosines."""
    half = d_model // 2
    position = torch.arange(1, MAX_POSITIONS + 1, dtype=torch.float64)[:, None]
    angle = position * torch.exp(torch.arange(half, dtype=torch.float64) * (-math.log(10000) / max(1, half - 1)))
    return torch.cat((angle.sin(), angle.cos()), dim=1).float()
