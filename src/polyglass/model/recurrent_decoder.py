"""The recurrent decoder: the target so far and what it knows of the source in, a vector for the next word out.

Letters: B batch, S source length, T target length, D d_model, N rows of a search, K numbers that a cell carries.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from polyglass.config import RecurrentConfig
from polyglass.model.cells import State, stacked, unstacked
from polyglass.model.dropout import Dropout
from polyglass.model.recurrent_attention import RecurrentAttention
from polyglass.model.recurrent_layer import RecurrentLayer
from polyglass.model.seq2seq import Memory
from polyglass.model.unroll import Steps, unroll
from polyglass.tap import Tap, no_tap


@dataclass(frozen=True)
class RecurrentState:
    """Where a step-by-step decoding stands, one row for each hypothesis.

    layers: each layer's state. fed: what the next step reads beside its word (input feeding: the last read-out; context
    feeding: the encoder's last state), or None. keys, values, visible: the source, as attention wants it; None without
    attention. position: how many tokens have been read.
    """

    layers: tuple[Float[Tensor, "N K D"], ...]
    fed: Float[Tensor, "N 1 D"] | None
    keys: Float[Tensor, "N S D"] | None
    values: Float[Tensor, "N S D"] | None
    visible: Bool[Tensor, "N 1 1 S"] | None
    position: int

    def select(self, rows: Int64[Tensor, " M"]) -> "RecurrentState":
        """Return the state whose row i is this state's row rows[i]."""

        def pick(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.index_select(0, rows)

        return RecurrentState(
            layers=tuple(layer.index_select(0, rows) for layer in self.layers),
            fed=pick(self.fed),
            keys=pick(self.keys),
            values=pick(self.values),
            visible=pick(self.visible),
            position=self.position,
        )


class RecurrentDecoder(nn.Module):
    """A stack of recurrent layers, attention if there is any, and the read-out tanh(W [hidden; context]).

    Bahdanau et al. 2015 look at the source with the state of the step before, and the cell reads the context. Luong
    et al. 2015 look with the new state. The read-out is Luong's (eq. 5) for all: Bahdanau's maxout layer and Cho's deep
    output did the same work. Without any context the top layer's hidden state is the read-out (Sutskever et al. 2014).
    """

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.looks_first = config.attention == "additive"
        self.feeds_readout = config.input_feeding
        self.feeds_context = config.feed_context
        self.dropout = Dropout(config.dropout)
        is_fed = self.looks_first or self.feeds_readout or self.feeds_context
        widths = [config.d_model * (2 if is_fed else 1), *[config.d_model] * (config.decoder_layers - 1)]
        self.layers = nn.ModuleList(
            RecurrentLayer(config.family, width, config.d_model, bidirectional=False) for width in widths
        )
        attends = config.attention != "none"
        self.attention = RecurrentAttention(config.attention, config.d_model) if attends else None
        self.readout = None
        if attends or self.feeds_context:
            self.readout = nn.Linear(2 * config.d_model, config.d_model)
            nn.init.xavier_uniform_(self.readout.weight)
            nn.init.zeros_(self.readout.bias)

    def start(self, memory: Memory, *, tap: Tap = no_tap) -> RecurrentState:
        """Begin with the encoder's last states.

        Layers are paired from the top; where the decoder has more of them, the rest begin like the encoder's top layer.
        """
        final, count = memory.final, len(self.layers)
        skipped = max(0, len(final) - count)
        layers = tuple(final[min(index + skipped, len(final) - 1)] for index in range(count))
        top = layers[-1][:, :1]  # [B, 1, D]
        fed = top if self.feeds_context else torch.zeros_like(top) if self.feeds_readout else None
        if self.attention is None:
            return RecurrentState(layers, fed, None, None, None, 0)
        keys = self.attention.keys(memory.states, tap=tap.at("attention"))
        return RecurrentState(layers, fed, keys, memory.states, memory.visible, 0)

    def forward(
        self, embedded: Float[Tensor, "B T D"], state: RecurrentState, *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T D"]:
        """Read the whole target; return the vector above each position. Only what feeds on itself goes step by step."""
        x: Tensor = tap("embedding", embedded)
        if self.looks_first or self.feeds_readout:
            together, _ = unroll(lambda steps: self._step_by_step(x, state, steps=steps), tap)
            return self._dropped(together)
        x = self._dropped(x)
        if state.fed is not None:
            x = torch.cat((x, state.fed.expand_as(x)), dim=-1)
        for index, layer in enumerate(self.layers):
            x = self._dropped(x) if index else x
            x, _ = layer(x, state.layers[index], None, tap=tap.at(f"layers.{index}"))
        context = state.fed if self.attention is None else self._look(x, state, tap=tap)
        return self._dropped(self._read_out(x, context, tap=tap))

    def step(
        self, embedded: Float[Tensor, "N 1 D"], state: RecurrentState, *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "N 1 D"], RecurrentState]:
        """Read one token for each row."""
        x = tap("embedding", embedded)
        return unroll(lambda steps: self._step_by_step(x, state, steps=steps), tap)

    def _step_by_step(self, x: Tensor, state: RecurrentState, *, steps: Steps) -> tuple[Tensor, RecurrentState]:
        x = self._dropped(x)
        layers: list[State] = [unstacked(layer) for layer in state.layers]
        fed, vectors = state.fed, []
        for place in range(x.shape[1]):
            tap = steps.at_step(place)
            below, context = x[:, place : place + 1], fed  # [B, 1, D]
            if self.looks_first:
                context = self._look(layers[-1][0], state, tap=tap)
            if context is not None:
                below = torch.cat((below, context), dim=-1)
            for index, layer in enumerate(self.layers):
                assert isinstance(layer, RecurrentLayer)
                below = self._dropped(below) if index else below
                layers[index] = layer.step(below, layers[index], tap=tap.at(f"layers.{index}"))
                below = layers[index][0]
            if self.attention is not None and not self.looks_first:
                context = self._look(below, state, tap=tap)
            vectors.append(self._read_out(below, context, tap=tap))
            fed = vectors[-1] if self.feeds_readout else fed
        after = tuple(stacked(layer) for layer in layers)
        return torch.cat(vectors, dim=1), replace(state, layers=after, fed=fed, position=state.position + x.shape[1])

    def _dropped(self, x: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(x)
        return dropped

    def _look(self, hidden: Tensor, state: RecurrentState, *, tap: Tap) -> Tensor:
        assert self.attention is not None
        context: Tensor = self.attention(hidden, state.keys, state.values, state.visible, tap=tap.at("attention"))
        return context

    def _read_out(self, hidden: Tensor, context: Tensor | None, *, tap: Tap) -> Tensor:
        if self.readout is None:
            return hidden
        assert context is not None
        together = torch.cat((hidden, context.expand_as(hidden)), dim=-1)
        return tap("readout", torch.tanh(self.readout(together)))
