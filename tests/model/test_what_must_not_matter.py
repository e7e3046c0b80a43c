"""Words to come, padding and neighbours in a batch must not change an output; word order must."""

from typing import Any

import pytest
import torch
from torch import Tensor

from polyglass.model.masks import real_tokens
from polyglass.tap import Edit, Recorder, Tap, no_tap
from tiny_transformer import IDS, padded, sources, targets, tiny_model

BATCHED = 1e-5  # of 1 or of a larger number: matrix products of another size add up in another order
each_position = pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
each_norm_place = pytest.mark.parametrize("norm_place", ["post", "pre"])


def _logits(model: torch.nn.Module, source: Tensor, target_in: Tensor, tap: Tap = no_tap) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(source, target_in, tap=tap)
    return logits


@each_position
@each_norm_place
@pytest.mark.parametrize("looked_at", [False, True], ids=["fused", "written out"])
def test_words_to_come_never_change_an_earlier_output_by_a_single_bit(
    positions: str, norm_place: str, looked_at: bool
) -> None:
    model = tiny_model(positions=positions, norm_place=norm_place)
    source, target_in = padded(sources((6,))), padded(targets((7,)))
    before = _logits(model, source, target_in, Recorder() if looked_at else no_tap)
    for t in range(1, target_in.shape[1]):
        changed = target_in.clone()
        changed[:, t:] = (changed[:, t:] + 7) % 19 + 4
        after = _logits(model, source, changed, Recorder() if looked_at else no_tap)
        assert torch.equal(after[:, :t], before[:, :t])
        assert not torch.equal(after[:, t:], before[:, t:])


@each_norm_place
@pytest.mark.parametrize("looked_at", [False, True], ids=["fused", "written out"])
def test_the_gradient_of_an_output_with_respect_to_words_to_come_is_exactly_zero(
    norm_place: str, looked_at: bool
) -> None:
    model = tiny_model(norm_place=norm_place)
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


@each_position
@pytest.mark.parametrize("norm", ["layer", "rms", "batch"])
def test_neighbours_and_padding_never_change_the_output_of_a_sentence(positions: str, norm: str) -> None:
    model = tiny_model(positions=positions, norm=norm)
    together = _logits(model, padded(sources()), padded(targets()))
    for row, (source, target_in) in enumerate(zip(sources(), targets(), strict=True)):
        alone = _logits(model, padded([source]), padded([target_in]))
        torch.testing.assert_close(together[row, : len(target_in)], alone[0], atol=BATCHED, rtol=BATCHED)


@pytest.mark.parametrize("more", [1, 9])
def test_more_padding_on_the_right_of_the_source_changes_nothing(more: int) -> None:
    model = tiny_model()
    source, target_in = padded(sources()), padded(targets())
    wider = torch.cat((source, torch.full((len(source), more), IDS.pad)), dim=1)
    torch.testing.assert_close(
        _logits(model, wider, target_in), _logits(model, source, target_in), atol=BATCHED, rtol=BATCHED
    )


def test_what_stands_in_the_vector_of_padding_never_reaches_a_real_position() -> None:
    model = tiny_model()
    source, target_in = padded(sources()), padded(targets())
    before = _logits(model, source, target_in)
    with torch.no_grad():
        model.source_embedding.weight[IDS.pad] += 100.0  # tied: the target's and the output layer's vector, too
    after = _logits(model, source, target_in)
    real = real_tokens(target_in, IDS.pad)
    words = torch.arange(before.shape[-1]) != IDS.pad
    assert torch.equal(before[real][:, words], after[real][:, words])


def test_a_sentence_of_nothing_but_padding_gives_finite_numbers() -> None:
    model = tiny_model()
    source = torch.tensor([[5, 6, IDS.eos], [IDS.pad] * 3])
    for tap in (no_tap, Recorder()):
        assert model(source, padded(targets((2, 2))), tap=tap).isfinite().all()


def test_cross_attention_gives_no_weight_to_source_padding() -> None:
    model = tiny_model()
    recorder = Recorder(("*.weights",))
    source = padded(sources())
    _logits(model, source, padded(targets()), recorder)
    padding = ~real_tokens(source, IDS.pad)
    for name, weights in recorder.tensors.items():
        if not name.startswith("decoder.layers") or "cross" in name:
            at_padding = weights.transpose(1, 3)[padding]  # a row for each padded key
            assert torch.equal(at_padding, torch.zeros_like(at_padding)), name


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
def test_the_same_word_in_two_places_gets_two_different_vectors(positions: str) -> None:
    model = tiny_model(positions=positions)
    states = model.encode(torch.tensor([[7, 8, 7, 9, IDS.eos]])).states[0]
    assert (states[0] - states[2]).abs().max() > 0.01


def test_without_positions_the_encoder_sees_a_bag_of_words() -> None:
    model = tiny_model(positions="none")
    source = torch.tensor([[7, 8, 7, 9, 10, IDS.eos]])
    order = torch.tensor([4, 2, 5, 0, 1, 3])
    with torch.no_grad():
        states, shuffled = model.encode(source).states, model.encode(source[:, order]).states
    torch.testing.assert_close(states[:, order], shuffled, atol=1e-6, rtol=0)
    torch.testing.assert_close(states[0, 0], states[0, 2], atol=1e-6, rtol=0)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
def test_with_positions_the_encoder_is_no_bag_of_words(positions: str) -> None:
    model = tiny_model(positions=positions)
    source = torch.tensor([[7, 8, 7, 9, 10, IDS.eos]])
    order = torch.tensor([4, 2, 5, 0, 1, 3])
    with torch.no_grad():
        difference = model.encode(source).states[:, order] - model.encode(source[:, order]).states
    assert difference.abs().max() > 0.01


def test_the_feed_forward_layer_transforms_each_position_by_itself() -> None:
    feed_forward = tiny_model().encoder.layers[0].feed_forward
    x = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 1, 4, 0, 2])
    torch.testing.assert_close(feed_forward(x)[:, order], feed_forward(x[:, order]), atol=1e-6, rtol=0)
    torch.testing.assert_close(feed_forward(x)[:, 2:3], feed_forward(x[:, 2:3]), atol=1e-6, rtol=0)


def test_only_target_positions_get_vectors_from_the_decoder() -> None:
    model = tiny_model()
    memory = model.encode(padded(sources((9,))))
    assert model.decoder_states(padded(targets((4,))), memory).shape == (1, 5, 16)


def test_probabilities_of_the_next_word_sum_to_one() -> None:
    probabilities = _logits(tiny_model(), padded(sources()), padded(targets())).softmax(-1)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(3, 7), atol=1e-6, rtol=0)


def test_training_and_evaluation_agree_where_no_dropout_is_set() -> None:
    model = tiny_model()
    source, target_in = padded(sources()), padded(targets())
    before = _logits(model, source, target_in)
    assert torch.equal(_logits(model.train(), source, target_in), before)


@pytest.mark.parametrize("option", ["dropout", "attention_dropout", "activation_dropout"])
def test_each_kind_of_dropout_acts_in_training_and_never_in_evaluation(option: str) -> None:
    changes: dict[str, Any] = {option: 0.5}
    model, without = tiny_model(**changes), tiny_model()
    source, target_in = padded(sources()), padded(targets())
    torch.testing.assert_close(_logits(model, source, target_in), _logits(without, source, target_in))
    model.train()
    torch.manual_seed(0)
    once, again = _logits(model, source, target_in), _logits(model, source, target_in)
    assert (once - again).abs().max() > 0.01
