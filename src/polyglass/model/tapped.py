"""A model under changes: all that it computes goes through an `Edit` of its tap, in a search, too; no weight changes.

Letters in shapes: B batch, S source length, T target length, D d_model, V target vocabulary, N rows of a search.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.tap import Edit, Tap, no_tap

Change = Callable[[Tensor], Tensor]
Changes = Callable[[int], Mapping[str, Change]]
"""(how many target tokens were read before) -> tap path -> what becomes of the tensor."""


@dataclass(frozen=True)
class TappedState:
    """The inner model's state, and how many tokens have been read."""

    inner: DecoderState
    position: int

    def select(self, rows: Int64[Tensor, " N"]) -> "TappedState":
        """Return the state whose row i is this state's row rows[i]."""
        return TappedState(self.inner.select(rows), self.position)


class Tapped(Seq2Seq):
    """A model under changes: everything it computes, step by step or at once, goes through an `Edit`.

    check: called before each step of a search; it may raise, if nobody waits for the result any more.
    """

    def __init__(self, inner: Seq2Seq, changes: Changes, *, check: Callable[[], None]) -> None:
        super().__init__()
        self.inner = inner
        self.ids = inner.ids
        self.max_positions = inner.max_positions
        self.alignment_path = inner.alignment_path
        self.output = inner.output
        self.training = inner.training
        self._changes = changes
        self._check = check

    def encode(self, source: Int64[Tensor, "B S"], *, tap: Tap = no_tap) -> Memory:
        """Read the source under the changes."""
        return self.inner.encode(source, tap=self._edit(tap))

    def decoder_states(
        self, target_in: Int64[Tensor, "B T"], memory: Memory, *, tap: Tap = no_tap
    ) -> Float[Tensor, "B T D"]:
        """Read a whole target under the changes."""
        return self.inner.decoder_states(target_in, memory, tap=self._edit(tap))

    def logits(self, states: Float[Tensor, "*N D"], *, tap: Tap = no_tap) -> Float[Tensor, "*N V"]:
        """Return the logits under the changes."""
        return self.inner.logits(states, tap=self._edit(tap))

    def start(self, memory: Memory) -> TappedState:
        """Open a search."""
        return TappedState(self.inner.start(memory), 0)

    def step(
        self, token: Int64[Tensor, " N"], state: DecoderState, *, tap: Tap = no_tap
    ) -> tuple[Float[Tensor, "N V"], TappedState]:
        """Read one token for each row under the changes."""
        self._check()
        assert isinstance(state, TappedState)
        logits, inner = self.inner.step(token, state.inner, tap=self._edit(tap, state.position))
        return logits, TappedState(inner, state.position + 1)

    def _edit(self, tap: Tap, position: int = 0) -> Tap:
        changes = self._changes(position)
        return Edit(changes, tap) if changes else tap
