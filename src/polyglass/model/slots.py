"""Keys and values of all that a search has read: written once, never moved while a beam reorders its rows.

Letters: L layers, A sentences, W rows (hypotheses) of each, H heads, C capacity, t slots in use, K d_k.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from polyglass.model.attention import KeyValue

ROOM = 16
"""A new buffer has room for so many more steps, or for as many slots as are in use, if that is more."""


@dataclass(frozen=True)
class Slots:
    """What the rows of a search have read. Each step writes W new slots for each sentence; none is ever overwritten.

    Hypotheses of one sentence share their slots, and `visible` says which of them a row has behind it: [A, 1, W, t],
    None where each row may see all. So reordering a beam moves a few booleans, where copying keys and values would
    take a fifth of the time of a search. written: how many slots of the buffers are taken, by whichever state; the
    only thing that changes.
    """

    keys: Tensor  # [L, A, H, C, K]
    values: Tensor
    written: list[int]
    used: int
    visible: Bool[Tensor, "A 1 W t"] | None

    @classmethod
    def empty(cls, layers: int, like: Tensor) -> "Slots":
        """Return no slots for so many layers; `like` [A, H, S, K] are the keys of the source in one of them."""
        buffers = [like.new_empty((layers, len(like), like.shape[1], ROOM, like.shape[3])) for _ in range(2)]
        return cls(buffers[0], buffers[1], [0], 0, None)

    def extended(self, rows_each: int) -> "Slots":
        """Return this with `rows_each` more slots for each sentence, of which each row sees its own; not yet filled."""
        used = self.used + rows_each
        keys, values, written = self.keys, self.values, self.written
        # Another state that came from this one has taken the next slots: go on in a buffer of our own.
        if written[0] != self.used or used > keys.shape[3]:
            room = used + max(ROOM * rows_each, self.used)
            keys, values, written = _wider(keys, self.used, room), _wider(values, self.used, room), [used]
        written[0] = used
        return Slots(keys, values, written, used, self._seen(rows_each))

    def layer(self, index: int) -> KeyValue:
        """Return the keys and values of all slots in use, [A, H, t, K] each, as views."""
        return KeyValue(self.keys[index, :, :, : self.used], self.values[index, :, :, : self.used])

    def fill(self, index: int, k: Tensor, v: Tensor) -> KeyValue:
        """Write k and v [A, W, H, K] of one layer into the slots that `extended` added; return the whole layer."""
        whole = self.layer(index)
        whole.k[:, :, -k.shape[1] :] = k.transpose(1, 2)
        whole.v[:, :, -v.shape[1] :] = v.transpose(1, 2)
        return whole

    def of_rows(self, places: Int64[Tensor, "A w"]) -> "Slots":
        """Return what these rows see: places[a] are rows of sentence a."""
        if self.visible is None:
            return self
        return self._with(self.visible.gather(2, places[:, None, :, None].expand(-1, -1, -1, self.used)))

    def of_sentences(self, sentences: Int64[Tensor, " a"]) -> "Slots":
        """Return the slots of these sentences, in buffers of their own."""
        keys, values = (buffer[:, :, :, : self.used].index_select(1, sentences) for buffer in (self.keys, self.values))
        visible = None if self.visible is None else self.visible.index_select(0, sentences)
        return Slots(keys, values, [self.used], self.used, visible)

    def by_row(self, rows_each: int) -> tuple[KeyValue, ...]:
        """Return each layer's keys and values row by row, [A * W, H, T, K]: what each row has read, in order."""
        found = []
        for index in range(len(self.keys)):
            both = [part.repeat_interleave(rows_each, dim=0) for part in self.layer(index)]  # [N, H, t, K]
            if self.visible is not None:
                seen = self.visible.flatten(0, 2)  # [N, t]
                both = [part.transpose(1, 2)[seen].unflatten(0, (len(seen), -1)).transpose(1, 2) for part in both]
            found.append(KeyValue(*both))
        return tuple(found)

    def _with(self, visible: Tensor) -> "Slots":
        return Slots(self.keys, self.values, self.written, self.used, visible)

    def _seen(self, rows_each: int) -> Tensor | None:
        if self.visible is None and rows_each == 1:
            return None
        sentences, device = self.keys.shape[1], self.keys.device
        before = self.visible
        if before is None:
            before = torch.ones((sentences, 1, rows_each, self.used), dtype=torch.bool, device=device)
        own = torch.eye(rows_each, dtype=torch.bool, device=device).expand(sentences, 1, -1, -1)
        return torch.cat((before, own), dim=3)


def _selected(buffer: Tensor, sentences: Tensor, used: int, room: int) -> Tensor:
    size = (len(buffer), len(sentences), buffer.shape[2], room, buffer.shape[4])
    selected = buffer.new_empty(size)
    torch.index_select(buffer[:, :, :, :used], 1, sentences, out=selected[:, :, :, :used])
    return selected


def _wider(buffer: Tensor, used: int, room: int) -> Tensor:
    wider = buffer.new_empty((*buffer.shape[:3], room, buffer.shape[4]))
    wider[:, :, :, :used] = buffer[:, :, :, :used]
    return wider
