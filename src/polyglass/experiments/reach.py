"""How far does one source word reach? Gradients and attention of a model, by distance.

influence   the norm of d output / d input: how much a vector (or the log-probability of a word) moves when the vector
            of a source word is moved a little. For a recurrence it shrinks or grows with each step between them
            (Bengio et al. 1994; Pascanu et al. 2013).
attention   the share of the attention weights that goes to words at a distance.

Both are shares: over all source words they add up to 1, for each output. Distance is counted in tokens. For the
encoder it is |i - j| between the word at i and the vector at j. For the translation it is counted from the place in the
source that lies as far along as the output word: t S / T for word t of T, in a source of S.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from polyglass.data.batch import pad
from polyglass.model.seq2seq import Seq2Seq
from polyglass.tap import Edit, Recorder

SOURCE_VECTORS = "encoder.embedding"
"""The tap path at which every architecture offers the vectors of the source words."""
ENCODER_ATTENTION = "encoder.layers.*.self_attention.weights"
CROSS_ATTENTION = ("decoder.layers.*.cross_attention.weights", "decoder.attention.weights")

FEWEST_PAIRS = 40


@dataclass
class ByDistance:
    """Shares added up by distance. total: of all rows. rows: how many rows were added, each of which sums to 1.

    pairs: how many (output, source word) pairs there were at each distance.
    """

    total: dict[int, float] = field(default_factory=dict)
    pairs: dict[int, int] = field(default_factory=dict)
    rows: int = 0

    def add(self, shares: Tensor, distances: Tensor) -> None:
        """Add rows of shares [R, S] with the distance of each entry [R, S]."""
        for distance in torch.unique(distances).tolist():
            at = distances == distance
            self.total[distance] = self.total.get(distance, 0.0) + float(shares[at].sum())
            self.pairs[distance] = self.pairs.get(distance, 0) + int(at.sum())
        self.rows += len(shares)

    def share(self) -> dict[int, float]:
        """Return distance -> share of everything that lies at this distance; they add up to 1."""
        return {distance: self.total[distance] / self.rows for distance in sorted(self.total)}

    def per_word(self) -> dict[int, float]:
        """Return distance -> mean share of one word at this distance, where there were enough pairs for a mean."""
        enough = min(FEWEST_PAIRS, max(self.pairs.values(), default=0))
        known = (distance for distance in sorted(self.total) if self.pairs[distance] >= enough)
        return {distance: self.total[distance] / self.pairs[distance] for distance in known}

    def within(self, wanted: float) -> int:
        """Return the distance within which at least `wanted` of everything lies."""
        reached = 0.0
        for distance, share in self.share().items():
            reached += share
            if reached >= wanted - 1e-9:
                return distance
        return max(self.total)


def encoder_influence(model: Seq2Seq, sources: Sequence[Sequence[int]], *, seed: int) -> ByDistance:
    """Measure how much each encoder vector depends on each source word. sources: token ids, eos included.

    The norm of the Jacobian is estimated along one random direction for each vector (Hutchinson 1990); the mean over
    the vectors of all sentences has little noise.
    """
    found = ByDistance()
    random = torch.Generator().manual_seed(seed)
    for source in sources:
        length = len(source)
        vectors, states = _watched(model, source, rows=length)  # row j is for vector j
        chosen = states[torch.arange(length), torch.arange(length)]  # [S, D]
        direction = torch.randn(chosen.shape, generator=random).to(chosen)
        found.add(_shares((chosen * direction).sum(), vectors), encoder_distances(length))
    return found


def translation_influence(
    model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> ByDistance:
    """Measure how much the log-probability of each target word depends on each source word.

    sources: eos included. targets: eos included, without bos.
    """
    found = ByDistance()
    for source, target in zip(sources, targets, strict=True):
        length = len(target)
        edit, vectors = _leaf(model, source, rows=length)  # row t is for word t
        memory = model.encode(_repeated(model, source, length), tap=edit)
        target_in = _repeated(model, [model.ids.bos, *target[:-1]], length)
        places = torch.arange(length)
        states = model.decoder_states(target_in, memory)[places, places]  # [T, D]
        log_probs = model.logits(states).log_softmax(dim=-1)
        chosen = log_probs[places, torch.tensor(target, device=model.device)].sum()
        found.add(_shares(chosen, vectors[0]), translation_distances(length, len(source)))
    return found


@torch.inference_mode()
def attention_by_distance(
    model: Seq2Seq, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]
) -> dict[str, ByDistance]:
    """Return what each kind and layer of attention gives to each distance, as the mean of its heads.

    Keys are "encoder 1", "encoder 2", ... for self-attention and "translation 1", ... for attention from target words
    to source words. A model without attention has none.
    """
    found: dict[str, ByDistance] = {}
    for source, target in zip(sources, targets, strict=True):
        recorder = Recorder((ENCODER_ATTENTION, *CROSS_ATTENTION))
        model(_repeated(model, source, 1), _repeated(model, [model.ids.bos, *target[:-1]], 1), tap=recorder)
        for path, weights in recorder.tensors.items():
            layer = next((int(word) + 1 for word in path.split(".") if word.isdigit()), 1)
            inside = path.startswith("encoder")
            distances = encoder_distances(len(source)) if inside else translation_distances(len(target), len(source))
            name = f"{'encoder' if inside else 'translation'} {layer}"
            found.setdefault(name, ByDistance()).add(weights[0].mean(dim=0).cpu(), distances)  # [T, S]
    return found


def encoder_distances(length: int) -> Tensor:
    """Return |i - j| for every vector j (rows) and word i (columns)."""
    places = torch.arange(length)
    return (places[:, None] - places[None, :]).abs()


def translation_distances(target: int, source: int) -> Tensor:
    """Return how far each source word (columns) is from the place of each target word (rows), in whole tokens."""
    along = torch.arange(target, dtype=torch.float64) * source / target
    return (along.floor()[:, None] - torch.arange(source)[None, :]).abs().long()


def _watched(model: Seq2Seq, source: Sequence[int], *, rows: int) -> tuple[Tensor, Tensor]:
    """Encode a source in `rows` equal rows; return its word vectors, which collect gradients, and the states."""
    edit, vectors = _leaf(model, source, rows=rows)
    states = model.encode(_repeated(model, source, rows), tap=edit).states
    return vectors[0], states


def _leaf(model: Seq2Seq, source: Sequence[int], *, rows: int) -> tuple[Edit, list[Tensor]]:
    """Return a tap that makes the source's vectors the start of the graph, and the list that it puts them into."""
    kept: list[Tensor] = []

    def begin(vectors: Tensor) -> Tensor:
        kept.append(vectors.detach().requires_grad_())
        return kept[-1]

    return Edit({SOURCE_VECTORS: begin}), kept


def _shares(outputs: Tensor, vectors: Tensor) -> Tensor:
    """Return [R, S]: the norm of the gradient at each source word as a share of its row."""
    gradient = torch.autograd.grad(outputs, vectors)[0]  # [R, S, D]; a row's output depends on its own row alone
    norms = gradient.norm(dim=-1).double().cpu()
    whole = norms.sum(dim=1, keepdim=True).clamp_min(1e-300)
    return torch.div(norms, whole)


def _repeated(model: Seq2Seq, ids: Sequence[int], rows: int) -> Tensor:
    return pad([ids], model.ids.pad).expand(rows, -1).to(model.device)
