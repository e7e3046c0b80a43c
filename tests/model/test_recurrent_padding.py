"""Words to come, padding and neighbours in a batch must not change what a recurrent model says; word order must."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from polyglass.model.recurrent import Recurrent
from polyglass.tap import Edit, Recorder, Tap, no_tap
from tiny_recurrent import CELLS, FAMILIES, tiny_recurrent
from tiny_transformer import IDS, padded, random_sentences, sources, targets

BATCHED = 1e-5  # of 1 or of a larger number: matrix products of another size add up in another order
each_family = pytest.mark.parametrize("family", list(FAMILIES))
looked_at_or_not = pytest.mark.parametrize("looked_at", [False, True], ids=["nobody looks", "looked at"])


def logits_of(model: Recurrent, source: Tensor, target_in: Tensor, tap: Tap = no_tap) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(source, target_in, tap=tap)
    return logits


@each_family
@settings(deadline=None, max_examples=15)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=4),
    more=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    seed=st.integers(0, 2**31 - 1),
    looked_at=st.booleans(),
)
def test_neighbours_and_padding_never_change_the_output_of_a_sentence(
    family: str, pairs: list[tuple[int, int]], more: tuple[int, int], seed: int, looked_at: bool
) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    read = [[*words, IDS.eos] for words in random_sentences([source for source, _ in pairs], seed=seed)]
    written = [[IDS.bos, *words] for words in random_sentences([target for _, target in pairs], seed=seed + 1)]
    wide = [
        torch.nn.functional.pad(padded(sentences), (0, columns), value=IDS.pad)
        for sentences, columns in zip((read, written), more, strict=True)
    ]
    together = logits_of(model, *wide, Recorder() if looked_at else no_tap)
    for row, (source, target_in) in enumerate(zip(read, written, strict=True)):
        alone = logits_of(model, padded([source]), padded([target_in]))
        torch.testing.assert_close(together[row, : len(target_in)], alone[0], atol=BATCHED, rtol=BATCHED)


@each_family
@looked_at_or_not
def test_words_to_come_never_change_an_earlier_output_by_a_single_bit(family: str, looked_at: bool) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    source, target_in = padded(sources((6,))), padded(targets((7,)))
    before = logits_of(model, source, target_in, Recorder() if looked_at else no_tap)
    for t in range(1, target_in.shape[1]):
        changed = target_in.clone()
        changed[:, t:] = (changed[:, t:] + 7) % 19 + 4
        after = logits_of(model, source, changed, Recorder() if looked_at else no_tap)
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.equal(after[:, t:], before[:, t:])


@each_family
@looked_at_or_not
def test_the_gradient_of_an_output_with_respect_to_words_to_come_is_exactly_zero(family: str, looked_at: bool) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    embedded: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        embedded.append(tensor.detach().requires_grad_())
        return embedded[-1]

    target_in = padded(targets((5,)))
    tap = Edit({"decoder.embedding": keep}, Recorder() if looked_at else no_tap)
    logits = model(padded(sources((4,))), target_in, tap=tap)
    for t in range(target_in.shape[1]):
        (gradient,) = torch.autograd.grad(logits[0, t].square().sum(), embedded[-1], retain_graph=True)
        seen = gradient[0].abs().sum(-1) > 0
        assert seen.tolist() == [position <= t for position in range(target_in.shape[1])]


@each_family
def test_what_stands_in_the_vector_of_padding_never_reaches_a_real_position(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    source, target_in = padded(sources()), padded(targets())
    before = logits_of(model, source, target_in)
    with torch.no_grad():
        model.source_embedding.weight[IDS.pad] += 100.0  # tied: the target's and the output layer's vector, too
    after = logits_of(model, source, target_in)
    real, words = target_in != IDS.pad, torch.arange(before.shape[-1]) != IDS.pad
    assert torch.equal(before[real][:, words], after[real][:, words])


@each_family
def test_a_sentence_of_nothing_but_padding_gives_finite_numbers(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    source = torch.tensor([[5, 6, IDS.eos], [IDS.pad] * 3])
    for tap in (no_tap, Recorder()):
        assert model(source, padded(targets((2, 2))), tap=tap).isfinite().all()


@pytest.mark.parametrize("family", [name for name in FAMILIES if "none" not in name])
def test_attention_gives_no_weight_to_source_padding(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    recorder = Recorder(("decoder.attention.weights",))
    source = padded(sources())
    logits_of(model, source, padded(targets()), recorder)
    weights = recorder.tensors["decoder.attention.weights"]
    at_padding = weights.transpose(1, 3)[source == IDS.pad]
    assert torch.equal(at_padding, torch.zeros_like(at_padding))
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 1, 7))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["left to right", "both directions"])
def test_an_encoder_is_no_bag_of_words(cell: str, bidirectional: bool) -> None:
    model = tiny_recurrent(family=cell, bidirectional=bidirectional)
    source = torch.tensor([[7, 8, 7, 9, 10, IDS.eos]])
    order = torch.tensor([4, 2, 5, 0, 1, 3])
    with torch.no_grad():
        difference = model.encode(source).states[:, order] - model.encode(source[:, order]).states
    assert difference.abs().max() > 0.01


@pytest.mark.parametrize("cell", CELLS)
def test_only_an_encoder_that_reads_in_both_directions_knows_what_comes(cell: str) -> None:
    source, other = torch.tensor([[7, 8, 9, IDS.eos]]), torch.tensor([[7, 8, 10, IDS.eos]])
    for bidirectional in (False, True):
        model = tiny_recurrent(family=cell, bidirectional=bidirectional)
        with torch.no_grad():
            first, second = model.encode(source).states[:, 0], model.encode(other).states[:, 0]
        assert torch.equal(first, second) is not bidirectional
