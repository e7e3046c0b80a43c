"""§3 The Transformer: a stack of encoder layers reads the source, a stack of decoder layers writes the target.

Letters: B batch, S source length, T target length, D d_model, V vocabulary, N rows of a search, A its sentences,
H heads, K d_k.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from polyglass.config import TransformerConfig
from polyglass.model.attention import KeyValue
from polyglass.model.dropout import Dropout
from polyglass.model.embedding import Positions, TokenEmbedding, tie
from polyglass.model.layers import DecoderLayer, EncoderLayer, Sight
from polyglass.model.masks import causal_visible, padding_visible, real_tokens
from polyglass.model.norms import build_norm
from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap


@dataclass(frozen=True)
class TransformerState:
    """Where a step-by-step decoding stands, one row for each hypothesis.

    past: for each layer the keys and values of the target so far (None before the first step).
    memory: for each layer the keys and values of the source; once for each run of `rows_each` rows, which are
    hypotheses of one sentence. position: how many tokens have been read.
    """

    past: tuple[KeyValue | None, ...]
    memory: tuple[KeyValue, ...]
    memory_visible: Bool[Tensor, "A 1 1 S"]
    position: int
    rows_each: int = 1

    def select(self, rows: Int64[Tensor, " M"]) -> "TransformerState":
        """Return the state whose row i is this state's row rows[i]."""
        sentences, counts = torch.unique_consecutive(rows // self.rows_each, return_counts=True)
        rows_each = int(counts[0]) if len(counts) else 1
        if (counts != rows_each).any():
            sentences, rows_each = rows // self.rows_each, 1
        memory, visible = self.memory, self.memory_visible
        # A beam reorders its rows at every step, but sentences leave seldom: then nothing of the source is moved.
        if not torch.equal(sentences, torch.arange(len(visible), device=rows.device)):
            memory = tuple(kv.select(sentences) for kv in memory)
            visible = visible.index_select(0, sentences)
        past = tuple(kv and kv.select(rows) for kv in self.past)
        return TransformerState(past, memory, visible, self.position, rows_each)


class Encoder(nn.Module):
    """N layers in which the source looks at itself."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.positions = Positions(config.positions, config.d_model, config.max_positions)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        # Post-norm layers end in a norm; pre-norm layers leave a bare sum, which wants one last norm.
        self.norm = build_norm(config.norm, config.d_model) if config.norm_place == "pre" else None

    def forward(
        self, embedded: Float[Tensor, "B S D"], real: Bool[Tensor, "B S"], *, tap: Tap = no_tap
    ) -> Float[Tensor, "B S D"]:
        """Return one vector for each source position, full of its context."""
        x: Tensor = self.dropout(tap("embedded", self.positions(tap("embedding", embedded), tap=tap)))
        visible = padding_visible(real)
        for index, layer in enumerate(self.layers):
            x = layer(x, visible, real, tap=tap.at(f"layers.{index}"))
        if self.norm is not None:
            x = tap("norm", self.norm(x, real))
        return x


class Decoder(nn.Module):
    """N layers in which the target looks back at itself and at the source."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.positions = Positions(config.positions, config.d_model, config.max_positions)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.norm = build_norm(config.norm, config.d_model) if config.norm_place == "pre" else None

    def start(self, memory: Memory, *, tap: Tap = no_tap) -> TransformerState:
        """Compute every layer's keys and values of the source, once for the whole sentence."""
        keys_values = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, DecoderLayer)
            inner = tap.at(f"layers.{index}.cross_attention")
            keys_values.append(layer.cross_attention.keys_values(memory.states, memory.states, tap=inner))
        return TransformerState((None,) * len(self.layers), tuple(keys_values), memory.visible, 0)

    def forward(
        self,
        embedded: Float[Tensor, "B T D"],
        state: TransformerState,
        real: Bool[Tensor, "B T"] | None,
        *,
        tap: Tap = no_tap,
    ) -> tuple[Float[Tensor, "B T D"], TransformerState]:
        """Read T more target tokens after those in `state`: all of them (teacher forcing), or one (search).

        Several tokens may be read only at the start; each sees itself and those before it.
        """
        length = embedded.shape[1]
        x = self.positions(tap("embedding", embedded), first=state.position, tap=tap)
        x = self.dropout(tap("embedded", x))
        sight = Sight(state.memory_visible, causal_visible(length, x.device) if length > 1 else None, real)
        past = []
        for index, layer in enumerate(self.layers):
            x, present = layer(x, state.past[index], state.memory[index], sight, tap=tap.at(f"layers.{index}"))
            past.append(present)
        if self.norm is not None:
            x = tap("norm", self.norm(x, real))
        return x, replace(state, past=tuple(past), position=state.position + length)


class Transformer(Seq2Seq):
    """Encoder, decoder, embeddings and output layer (figure 1)."""

    def __init__(self, config: TransformerConfig, source_size: int, target_size: int, ids: SpecialIds) -> None:
        super().__init__()
        self.ids = ids
        self.max_positions = config.max_positions
        # In the last layer but one, the mean of the heads comes closest to a word alignment (Garg et al. 2019, §4.1 and
        # table 1).
        self.alignment_path = f"decoder.layers.{max(0, config.decoder_layers - 2)}.cross_attention.weights"
        self.source_embedding = TokenEmbedding(source_size, config.d_model)
        self.target_embedding = TokenEmbedding(target_size, config.d_model)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.output = nn.Linear(config.d_model, target_size, bias=False)
        for module in (*self.encoder.modules(), *self.decoder.modules()):
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        tie(self.source_embedding, self.target_embedding, self.output, kind=config.tie_embeddings)

    def encode(self, source: Int64[Tensor, "B S"], *, tap: Tap = no_tap) -> Memory:
        """Read the source, which ends in eos and is padded on the right."""
        real = real_tokens(source, self.ids.pad)
        states: Tensor = self.encoder(self.source_embedding(source), real, tap=tap.at("encoder"))
        return Memory(states, padding_visible(real))

    def decoder_states(
        self, target_in: Int64[Tensor, "B T"], memory: Memory, *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T D"]:
        """Read bos and the target's tokens (teacher forcing); return the vector above each."""
        tap = tap.at("decoder")
        real = real_tokens(target_in, self.ids.pad)
        states: Tensor
        states, _ = self.decoder(self.target_embedding(target_in), self.decoder.start(memory, tap=tap), real, tap=tap)
        return states

    def start(self, memory: Memory) -> TransformerState:
        """Open a search with one row for each sentence."""
        return self.decoder.start(memory)

    def step(
        self, token: Int64[Tensor, " N"], state: DecoderState, *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "N V"], TransformerState]:
        """Read one token for each row and return the logits of the next one."""
        assert isinstance(state, TransformerState)
        embedded = self.target_embedding(token[:, None])
        states, after = self.decoder(embedded, state, None, tap=tap.at("decoder"))
        return self.logits(states[:, 0], tap=tap), after
