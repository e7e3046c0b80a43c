"""Reach on models whose reach is known by hand, and against torch's own Jacobian."""

import pytest
import torch
from torch import Tensor, nn

from polyglass.experiments.families import FAMILIES, Family
from polyglass.experiments.reach import (
    ByDistance,
    attention_by_distance,
    encoder_distances,
    encoder_influence,
    translation_distances,
    translation_influence,
)
from polyglass.experiments.trial import fresh_model, lesson_of, trial_config
from polyglass.model.seq2seq import DecoderState, Memory, Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Recorder, Tap, no_tap

IDS = SpecialIds()
SIZE = 12
SOURCE, TARGET = [4, 5, 6, 7, 8, 9, IDS.eos], [7, 6, 5, 4, IDS.eos]


class CopyBack(Seq2Seq):
    """Encoder vector j is the word vector `back` places before it, half of it where `leak` says so; nothing else."""

    def __init__(self, back: int, *, leak: float = 0.0) -> None:
        super().__init__()
        self.ids = IDS
        self.max_positions = 64
        self.back, self.leak = back, leak
        self.embedding = nn.Embedding(SIZE, SIZE)
        self.output = nn.Linear(SIZE, SIZE, bias=False)

    def encode(self, source: Tensor, *, tap: Tap = no_tap) -> Memory:
        vectors = tap.at("encoder")("embedding", self.embedding(source))
        moved = torch.zeros_like(vectors)
        moved[:, self.back :] = vectors[:, : vectors.shape[1] - self.back]
        return Memory(moved + self.leak * vectors, (source != IDS.pad)[:, None, None, :])

    def decoder_states(self, target_in: Tensor, memory: Memory, *, tap: Tap = no_tap) -> Tensor:
        return memory.states[:, : target_in.shape[1]]

    def start(self, memory: Memory) -> DecoderState:
        raise NotImplementedError

    def step(self, token: Tensor, state: DecoderState, *, tap: Tap = no_tap) -> tuple[Tensor, DecoderState]:
        raise NotImplementedError


def real_model(family: Family) -> Seq2Seq:
    options = {**family.sized(8), "model.dropout": 0.0}
    lesson = lesson_of([[4]], [[4]], sizes=(SIZE, SIZE), ids=IDS)
    return fresh_model(trial_config(options, seed=1, steps=1), lesson, torch.device("cpu")).eval()


@pytest.mark.parametrize("back", [0, 1, 3])
def test_a_model_that_copies_from_some_places_back_reaches_just_so_far(back: int) -> None:
    found = encoder_influence(CopyBack(back), [SOURCE], seed=1)
    # The first `back` vectors depend on nothing at all; of the others, all lies at one distance.
    whole = (len(SOURCE) - back) / len(SOURCE)
    assert found.share()[back] == pytest.approx(whole)
    assert sum(share for distance, share in found.share().items() if distance != back) == 0
    assert found.within(whole) == back


def test_influence_is_shared_as_the_weights_say() -> None:
    """Vector j is word j - 2 plus a quarter of word j: four fifths of the influence lie 2 away, one fifth here."""
    found = encoder_influence(CopyBack(2, leak=0.25), [SOURCE], seed=1)
    share = found.share()
    inside = len(SOURCE) - 2
    assert share[2] == pytest.approx(0.8 * inside / len(SOURCE))
    assert share[0] == pytest.approx((0.2 * inside + 2) / len(SOURCE))  # the first two have nothing else


def test_a_translation_that_copies_its_own_place_has_all_influence_at_distance_zero() -> None:
    found = translation_influence(CopyBack(0), [SOURCE], [SOURCE])
    assert found.share()[0] == pytest.approx(1.0)


def test_a_translation_that_copies_from_two_back_has_it_there() -> None:
    found = translation_influence(CopyBack(2), [SOURCE], [SOURCE])
    assert found.share()[2] == pytest.approx((len(SOURCE) - 2) / len(SOURCE))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_influence_on_a_translation_is_the_norm_of_torchs_jacobian(family: Family) -> None:
    model = real_model(family)
    recorder = Recorder(("encoder.embedding",))
    source, target_in = torch.tensor([SOURCE]), torch.tensor([[IDS.bos, *TARGET[:-1]]])
    model(source, target_in, tap=recorder)
    vectors = recorder.tensors["encoder.embedding"]

    class Put:
        """Hands the encoder other vectors."""

        def __init__(self, inside: Tensor, path: str = "") -> None:
            self.inside, self.path = inside, path

        def __call__(self, name: str, tensor: Tensor) -> Tensor:
            return self.inside if self.path + name == "encoder.embedding" else tensor

        def at(self, name: str) -> "Put":
            return Put(self.inside, f"{self.path}{name}.")

        def wants(self, name: str) -> bool:
            return self.path + name == "encoder.embedding"

    def log_probs(inside: Tensor) -> Tensor:
        logits = model.decode(target_in, model.encode(source, tap=Put(inside)))
        return logits.log_softmax(-1)[0].gather(1, torch.tensor(TARGET)[:, None])[:, 0]

    jacobian = torch.autograd.functional.jacobian(log_probs, vectors)[:, 0]  # [T, S, D]
    norms = jacobian.norm(dim=-1).double()
    expected = ByDistance()
    expected.add(norms / norms.sum(dim=1, keepdim=True), translation_distances(len(TARGET), len(SOURCE)))
    found = translation_influence(model, [SOURCE], [TARGET])
    assert found.share() == pytest.approx(expected.share(), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_shares_add_up_to_one_for_every_model(family: Family) -> None:
    model = real_model(family)
    sources, targets = [SOURCE, SOURCE[2:]], [TARGET, TARGET[1:]]
    found = [encoder_influence(model, sources, seed=1), translation_influence(model, sources, targets)]
    found += attention_by_distance(model, sources, targets).values()
    assert [sum(one.share().values()) for one in found] == pytest.approx([1.0] * len(found))


def test_only_what_attends_has_attention() -> None:
    names = {family.name: list(attention_by_distance(real_model(family), [SOURCE], [TARGET])) for family in FAMILIES}
    assert names == {
        "rnn": [],
        "gru": [],
        "lstm": [],
        "lstm-attention": ["translation 1"],
        "transformer": ["encoder 1", "translation 1"],
    }


def test_distances_are_counted_by_hand() -> None:
    assert encoder_distances(3).tolist() == [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    # Two target words over four source words: they stand at source places 0 and 2.
    assert translation_distances(2, 4).tolist() == [[0, 1, 2, 3], [2, 1, 0, 1]]


def test_the_middle_of_shares_is_found() -> None:
    shares = ByDistance()
    shares.add(torch.tensor([[0.4, 0.3, 0.2, 0.1]]), torch.tensor([[0, 1, 2, 3]]))
    assert [shares.within(wanted) for wanted in (0.4, 0.5, 0.7, 0.9, 1.0)] == [0, 1, 1, 2, 3]
