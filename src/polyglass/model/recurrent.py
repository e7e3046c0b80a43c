"""Recurrent encoder-decoders: the source is read word by word into states, the target is written word by word.

Without attention (Sutskever et al. 2014; Cho et al. 2014) the decoder knows of the source only the encoder's last
state. With it (Bahdanau et al. 2015; Luong et al. 2015) it looks back at all of them at each step.

What a tap sees, beside the cells' own names (`cells.NAMES`) at `encoder.layers.0`, `decoder.layers.0`, ...:

    encoder.embedding, decoder.embedding    vectors of the words [B, S, D], [B, T, D]
    decoder.attention.keys                  source states, made ready for comparing [B, S, D]
    decoder.attention.query                 what the decoder compares them with [B, T, D]
    decoder.attention.scores, weights       how well each fits; the softmax of that [B, 1, T, S]
    decoder.attention.context               source states, mixed by weight [B, T, D]
    decoder.readout                         hidden state and context together [B, T, D]

Letters: B batch, S source length, T target length, D d_model, V vocabulary, N rows of a search, K numbers that a cell
carries (1, or 2 for an LSTM).
"""

from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from polyglass.config import RecurrentConfig
from polyglass.model.dropout import Dropout
from polyglass.model.embedding import TokenEmbedding, refuse_longer, tie
from polyglass.model.masks import padding_visible, real_tokens
from polyglass.model.recurrent_decoder import RecurrentDecoder, RecurrentState
from polyglass.model.recurrent_layer import RecurrentLayer
from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap


class RecurrentEncoder(nn.Module):
    """A stack of recurrent layers that reads the source."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(
            RecurrentLayer(config.family, config.d_model, config.d_model, bidirectional=config.bidirectional)
            for _ in range(config.encoder_layers)
        )

    def forward(
        self, embedded: Float[Tensor, "B S D"], real: Bool[Tensor, "B S"], *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "B S D"], tuple[Float[Tensor, "B K D"], ...]]:
        """Return the top layer's state above each position, and every layer's last state."""
        x: Tensor = tap("embedding", embedded)
        final = []
        for index, layer in enumerate(self.layers):
            # Dropout stands between layers only, never on the way through time (Zaremba et al. 2014).
            x, last = layer(self.dropout(x), None, real, tap=tap.at(f"layers.{index}"))
            final.append(last)
        return self.dropout(x), tuple(final)


class Recurrent(Seq2Seq):
    """Encoder, decoder, embeddings and output layer of an RNN, GRU or LSTM translator."""

    def __init__(self, config: RecurrentConfig, source_size: int, target_size: int, ids: SpecialIds) -> None:
        super().__init__()
        self.ids = ids
        self.max_positions = config.max_positions
        self.source_embedding = TokenEmbedding(source_size, config.d_model)
        self.target_embedding = TokenEmbedding(target_size, config.d_model)
        self.encoder = RecurrentEncoder(config)
        self.decoder = RecurrentDecoder(config)
        self.output = nn.Linear(config.d_model, target_size, bias=False)
        self.alignment_path = None if config.attention == "none" else "decoder.attention.weights"
        tie(self.source_embedding, self.target_embedding, self.output, kind=config.tie_embeddings)

    def encode(self, source: Int64[Tensor, "B S"], *, tap: Tap = no_tap) -> Memory:
        """Read the source, which ends in eos and is padded on the right."""
        refuse_longer(source.shape[1], self.max_positions)
        real = real_tokens(source, self.ids.pad)
        states, final = self.encoder(self.source_embedding(source), real, tap=tap.at("encoder"))
        return Memory(states, padding_visible(real), final)

    def decoder_states(
        self, target_in: Int64[Tensor, "B T"], memory: Memory, *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T D"]:
        """Read bos and the target's tokens (teacher forcing); return the vector above each."""
        refuse_longer(target_in.shape[1], self.max_positions)
        tap = tap.at("decoder")
        states: Tensor = self.decoder(self.target_embedding(target_in), self.decoder.start(memory, tap=tap), tap=tap)
        return states

    def start(self, memory: Memory) -> RecurrentState:
        """Open a search with one row for each sentence."""
        return self.decoder.start(memory)

    def step(
        self, token: Int64[Tensor, " N"], state: DecoderState, *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "N V"], RecurrentState]:
        """Read one token for each row and return the logits of the next one."""
        assert isinstance(state, RecurrentState)
        refuse_longer(state.position + 1, self.max_positions)
        states, after = self.decoder.step(self.target_embedding(token[:, None]), state, tap=tap.at("decoder"))
        return self.logits(states[:, 0], tap=tap), after
