"""A model folder in, a model that can be looked at out: what it offers to a tap, and how often it read each piece."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from polyglass.bundle import Bundle, load_bundle
from polyglass.config import TransformerConfig
from polyglass.data.batch import pad
from polyglass.data.store import open_store
from polyglass.errors import PolyglassError
from polyglass.explorer.ask import SOURCE_TOKENS, Side
from polyglass.explorer.pieces import SPACE, label, merges
from polyglass.tap import Recorder

AttentionKind = Literal["encoder", "decoder", "cross"]
_ATTENTION = re.compile(r"((encoder|decoder)\.layers\.(\d+)\.(self|cross)_attention)\.weights")
RECURRENT_ATTENTION = "decoder.attention"
MOST_COUNTED_BYTES = 2**28  # of token ids; a larger corpus is not read through when the page opens
EXAMPLES = 6
EXAMPLE_WORDS = range(6, 15)


@dataclass(frozen=True)
class Attention:
    """One attention of the model: tap path, kind, layer, and how many heads it has."""

    path: str
    kind: AttentionKind
    layer: int
    heads: int


@dataclass(frozen=True)
class Layer:
    """The tap paths of x before and after one block."""

    stack: Literal["encoder", "decoder"]
    layer: int
    input: str
    output: str


@dataclass(frozen=True)
class Subject:
    """A model that is looked at. One lock: a model is asked by one thread at a time.

    counts: for each side how often each piece stands in the training data; empty if that is not known.
    examples: some sentences to begin with.
    """

    id: str
    name: str
    bundle: Bundle
    counts: tuple[NDArray[np.int64], ...] = ()
    examples: tuple[str, ...] = ()
    lock: Lock = field(default_factory=Lock)

    @cached_property
    def is_transformer(self) -> bool:
        """Whether this is a Transformer; the others are recurrent."""
        return isinstance(self.bundle.config.model, TransformerConfig)

    @property
    def longest_source(self) -> int:
        """The most subwords that a source may have here, eos included."""
        return min(self.bundle.model.max_positions, SOURCE_TOKENS)

    @cached_property
    def taps(self) -> dict[str, Tensor]:
        """What the model offers to a tap, by path in the order of the forward pass, for a source of two tokens."""
        model, ids = self.bundle.model, self.bundle.subwords.ids
        recorder = Recorder()
        with self.lock, torch.inference_mode():
            row = pad([[ids.unk, ids.eos]], ids.pad).to(model.device)
            model(row, torch.full_like(row, ids.bos), tap=recorder)
        return recorder.tensors

    @cached_property
    def attentions(self) -> tuple[Attention, ...]:
        """Every attention, encoder first, then the decoder's own, then that from target to source."""
        found = []
        for path, tensor in self.taps.items():
            if match := _ATTENTION.fullmatch(path):
                own: AttentionKind = "encoder" if match[2] == "encoder" else "decoder"
                kind: AttentionKind = "cross" if match[4] == "cross" else own
                found.append(Attention(match[1], kind, int(match[3]), tensor.shape[1]))
            elif path == f"{RECURRENT_ATTENTION}.weights":
                found.append(Attention(RECURRENT_ATTENTION, "cross", 0, tensor.shape[1]))
        return tuple(sorted(found, key=lambda one: (one.kind == "cross", one.path.startswith("decoder"), one.layer)))

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The blocks of both stacks of a Transformer."""
        config = self.bundle.config.model
        if not isinstance(config, TransformerConfig):
            return ()
        end = "residual" if config.norm_place == "pre" else "norm"
        found: list[Layer] = []
        for stack, depth in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
            before = f"{stack}.embedded"
            for number in range(depth):
                after = f"{stack}.layers.{number}.feed_forward_residual.{end}"
                found.append(Layer("encoder" if stack == "encoder" else "decoder", number, before, after))
                before = after
        return tuple(found)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Every parameter and statistic by its path; tied ones under each of their names."""
        return dict(self.bundle.model.state_dict())

    def count(self, side: Side, token: int) -> int | None:
        """Say how often a piece stands in the training data, if that is known."""
        return int(self.counts[side == "target"][token]) if self.counts else None

    def pieces(self, side: Side, tokens: Sequence[int]) -> list[str]:
        """Return the pieces of token ids."""
        subwords = self.bundle.subwords
        return subwords.source_pieces(tokens) if side == "source" else subwords.target_pieces(tokens)

    def size(self, side: Side) -> int:
        """Return how many pieces a vocabulary has."""
        return self.bundle.subwords.source_size if side == "source" else self.bundle.subwords.target_size

    def merges(self, side: Side, piece: str) -> list[list[str]] | None:
        """Return how BPE built a piece; None where it was not BPE that did."""
        if self.bundle.config.data.subwords != "bpe":
            return None
        return merges(piece, self._scores[side == "target"])

    @cached_property
    def _scores(self) -> tuple[dict[str, tuple[int, float]], dict[str, tuple[int, float]]]:
        subwords = self.bundle.subwords
        return subwords.source_scores(), subwords.target_scores()


def load_subject(folder: Path, *, name: str, device: str = "cpu") -> Subject:
    """Read a model folder, and from a run folder what the training data tells. Raises what `load_bundle` does."""
    bundle = load_bundle(folder, device=device)
    examples = _examples(folder) or (frequent_words(bundle),)
    return Subject(name, folder.resolve().name, bundle, _counts(folder, bundle), examples)


def frequent_words(bundle: Bundle) -> str:
    """Return a few words that a model without any text of its own surely knows: the first whole ones it has learnt.

    BPE learns frequent words first. It is no sentence, but something to look at.
    """
    subwords = bundle.subwords
    pieces = subwords.source_pieces(range(subwords.source_size))
    whole = [label(piece) for piece in pieces if piece.startswith(SPACE) and len(piece) > 3 and piece[1:].isalpha()]
    return " ".join(whole[: EXAMPLE_WORDS.start]) or label(pieces[-1])


def _counts(folder: Path, bundle: Bundle) -> tuple[NDArray[np.int64], ...]:
    """Count each piece in the corpus that lies in a run folder, if it is there, whole and not too large."""
    data = folder / "data" / "train"
    files = [data / f"{side}.ids" for side in ("source", "target")]
    if not all(file.is_file() for file in files) or sum(file.stat().st_size for file in files) > MOST_COUNTED_BYTES:
        return ()
    try:
        store = open_store(data)
    except PolyglassError:
        return ()
    if store.subwords_sha256 != bundle.subwords.sha256:
        return ()
    sizes = (bundle.subwords.source_size, bundle.subwords.target_size)
    sides = zip((store.source_ids, store.target_ids), sizes, strict=True)
    return tuple(np.bincount(ids, minlength=size)[:size].astype(np.int64) for ids, size in sides)


def _examples(folder: Path) -> tuple[str, ...]:
    """Return some short validation sentences of a run folder."""
    file = folder / "data" / "validation.source.txt"
    if not file.is_file():
        return ()
    with file.open("rb") as lines:
        texts = [line.decode("utf-8", "replace").strip() for line in lines.readlines(2**16)]
    short = [text for text in texts if len(text.split()) in EXAMPLE_WORDS and len(text) < 200]
    return tuple(short[:EXAMPLES])
