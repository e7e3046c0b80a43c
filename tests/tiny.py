"""A Seq2Seq whose every probability stands in a table, so that tests can work out by hand what a search must find."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Tap, no_tap

IDS = SpecialIds()
FIRST_KEY = 4
"""The source token FIRST_KEY + i stands for table i: the first id that is no special symbol."""


@dataclass(frozen=True)
class TableState:
    """table [N]: which table each row reads from. position: how many tokens have been read."""

    table: Tensor
    position: int

    def select(self, rows: Tensor) -> "TableState":
        return TableState(self.table[rows], self.position)


class TableModel(Seq2Seq):
    """Logits of the next token, by source, position and previous token: table [sources, positions, V, V].

    The first source token chooses the table; other source tokens only make the source longer. Position counts too,
    because in a plain bigram table a-b-a-a and a-a-b-a have equal probability, and ties have no right order.
    Positions behind the table's end start again at its beginning.
    """

    def __init__(self, table: Tensor, *, max_positions: int = 256) -> None:
        super().__init__()
        self.ids = IDS
        self.max_positions = max_positions
        self.table = nn.Parameter(table, requires_grad=False)

    @classmethod
    def random(cls, *shape: int, seed: int, scale: float = 1.0) -> "TableModel":
        """Make a model of shape (sources, positions, V) with normally distributed logits."""
        generator = torch.Generator().manual_seed(seed)
        return cls(torch.randn(*shape, shape[-1], generator=generator) * scale)

    def that_never_ends(self) -> "TableModel":
        """Return the model with an eos that is never likely."""
        table = self.table.clone()
        table[..., IDS.eos] = -1e9
        return TableModel(table, max_positions=self.max_positions)

    def with_nan(self, source: int, *, position: int) -> "TableModel":
        """Return the model whose logits for one source are not numbers from a position on."""
        table = self.table.clone()
        table[source, position:] = float("nan")
        return TableModel(table, max_positions=self.max_positions)

    def encode(self, source: Tensor, *, tap: Tap = no_tap) -> Memory:
        table = (source[:, :1] - FIRST_KEY).expand_as(source)
        return Memory(table[:, :, None].float(), (source != IDS.pad)[:, None, None, :])

    def decoder_states(self, target_in: Tensor, memory: Memory, *, tap: Tap = no_tap) -> Tensor:
        position = torch.arange(target_in.shape[1]) % self.table.shape[1]
        return self.table[memory.states[:, :1, 0].long(), position, target_in]

    def logits(self, states: Tensor, *, tap: Tap = no_tap) -> Tensor:
        return states

    def start(self, memory: Memory) -> TableState:
        return TableState(memory.states[:, 0, 0].long(), 0)

    def step(self, token: Tensor, state: DecoderState, *, tap: Tap = no_tap) -> tuple[Tensor, TableState]:
        assert isinstance(state, TableState)
        logits = self.table[state.table, state.position % self.table.shape[1], token]
        return logits, TableState(state.table, state.position + 1)


def sources(*lengths: int, tables: Sequence[int] | None = None, padding: int = 0) -> Tensor:
    """Make a batch of sources of these lengths (eos counted, so at least 2), by default with tables 0, 1, 2, ..."""
    table = torch.full((len(lengths), max(lengths, default=0) + padding), IDS.pad)
    for row, length in enumerate(lengths):
        table[row, : length - 1] = IDS.unk
        table[row, 0] = FIRST_KEY + (row if tables is None else tables[row])
        table[row, length - 1] = IDS.eos
    return table
