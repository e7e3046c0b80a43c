"""The law of the interface: reading a target token by token (`step`) equals reading it at once (`decode`)."""

import dataclasses
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from polyglass.errors import ShapeError
from polyglass.model.recurrent_decoder import RecurrentState
from polyglass.model.seq2seq import Seq2Seq
from polyglass.model.transformer import TransformerState
from polyglass.tap import Recorder
from tiny_recurrent import FAMILIES as RECURRENT
from tiny_recurrent import tiny_recurrent
from tiny_transformer import IDS, padded, sources, targets, tiny_model

STEPPED = 1e-5  # of 1 or of a larger number: matrix products of one row add up in another order than those of many
TRANSFORMERS: dict[str, dict[str, Any]] = {
    f"transformer {positions} {norm} {place}": {"positions": positions, "norm": norm, "norm_place": place}
    for positions, norm, place in product(
        ("sinusoidal", "learned", "rotary", "none"), ("layer", "rms", "batch"), ("post", "pre")
    )
}
FAMILIES = [*TRANSFORMERS, *RECURRENT]
SOME = [*list(TRANSFORMERS)[:3], "rnn none", "lstm none, context fed", "gru additive", "lstm general, input feeding"]


def model_of(family: str) -> Seq2Seq:
    """Return a tiny model of one of FAMILIES."""
    if family in RECURRENT:
        return tiny_recurrent(**RECURRENT[family])
    return tiny_model(**TRANSFORMERS[family])


def step_by_step(model: Seq2Seq, source: Tensor, target_in: Tensor) -> Tensor:
    """Return logits [B, T, V] of feeding `target_in` one column at a time."""
    state = model.start(model.encode(source))
    rows = []
    for token in target_in.T:
        logits, state = model.step(token, state)
        rows.append(logits)
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_reading_token_by_token_equals_teacher_forcing(family: str) -> None:
    model = model_of(family)
    source, target_in = padded(sources()), padded(targets((6, 6, 6)))
    with torch.no_grad():
        stepped, forced = step_by_step(model, source, target_in), model(source, target_in)
    torch.testing.assert_close(stepped, forced, atol=STEPPED, rtol=STEPPED)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shorter_target_is_padded_without_harm_because_causality_hides_the_padding(family: str) -> None:
    model = model_of(family)
    with torch.no_grad():
        forced = model(padded(sources()), padded(targets()))
        for row, (source, target_in) in enumerate(zip(sources(), targets(), strict=True)):
            stepped = step_by_step(model, padded([source]), padded([target_in]))
            torch.testing.assert_close(stepped[0], forced[row, : len(target_in)], atol=STEPPED, rtol=STEPPED)


@pytest.mark.parametrize("family", ["transformer rotary layer post", *SOME])
def test_selecting_rows_goes_on_as_if_those_sentences_had_been_read_from_the_start(family: str) -> None:
    model = model_of(family)
    source, target_in = padded(sources()), padded(targets((4, 4, 4)))
    rows = torch.tensor([2, 0, 0, 1, 2])
    with torch.no_grad():
        state = model.start(model.encode(source))
        for token in target_in.T[:3]:
            _, state = model.step(token, state)
        logits, _ = model.step(target_in[rows, 3], state.select(rows))
        expected = model(source, target_in)[rows, 3]
    torch.testing.assert_close(logits, expected, atol=STEPPED, rtol=STEPPED)


@pytest.mark.parametrize("family", SOME)
def test_rows_can_be_selected_before_the_first_token(family: str) -> None:
    model = model_of(family)
    rows = torch.tensor([1, 1, 0])
    with torch.no_grad():
        state = model.start(model.encode(padded(sources()))).select(rows)
        logits, _ = model.step(torch.full((3,), IDS.bos), state)
        expected = model(padded(sources()), torch.full((3, 1), IDS.bos))[rows, 0]
    torch.testing.assert_close(logits, expected, atol=STEPPED, rtol=STEPPED)


@pytest.mark.parametrize(
    "rows",
    [[0, 0, 1, 1, 2, 2], [2, 2, 2, 0, 0, 0], [1, 1], [0, 2, 0, 2], [0, 0, 1, 2], [2]],
    ids=["a beam", "sentences reordered", "one sentence left", "in turns", "unequal", "one row"],
)
@pytest.mark.parametrize("family", SOME)
def test_hypotheses_of_one_sentence_read_on_as_each_would_alone(family: str, rows: list[int]) -> None:
    model = model_of(family)
    source, target_in = padded(sources()), padded(targets((6, 6, 6)))
    which = torch.arange(3)
    with torch.no_grad():
        state = model.start(model.encode(source))
        for place in range(5):
            # Each selection picks from what the one before it left: rows of a beam, then of a smaller one.
            picked = torch.tensor(rows if place == 1 else list(range(len(which)))[:: -1 if place == 3 else 1])
            which, state = which[picked], state.select(picked)
            logits, state = model.step(target_in[which, place], state)
            torch.testing.assert_close(logits, model(source, target_in)[which, place], atol=STEPPED, rtol=STEPPED)


@pytest.mark.parametrize("family", SOME)
def test_a_state_is_never_changed_by_reading_on(family: str) -> None:
    model = model_of(family)
    with torch.no_grad():
        _, state = model.step(torch.full((3,), IDS.bos), model.start(model.encode(padded(sources()))))
        first, _ = model.step(torch.tensor([5, 6, 7]), state)
        model.step(torch.tensor([8, 9, 10]), state)
        again, _ = model.step(torch.tensor([5, 6, 7]), state)
    assert torch.equal(first, again)
    assert isinstance(state, TransformerState | RecurrentState)
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.position = 0  # type: ignore[misc]


def test_the_source_is_projected_once_for_each_layer_and_not_at_each_step() -> None:
    model = tiny_model()
    state = model.start(model.encode(padded(sources())))
    recorder = Recorder(("*.k",))
    with torch.no_grad():
        model.step(torch.full((3,), IDS.bos), state, tap=recorder)
    assert list(recorder.tensors) == [f"decoder.layers.{layer}.self_attention.k" for layer in range(2)]


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
def test_a_sentence_of_just_the_longest_length_is_read(positions: str) -> None:
    model = tiny_model(positions=positions, max_positions=5)
    source, target_in = torch.tensor([[7, 8, 9, 10, IDS.eos]]), torch.tensor([[IDS.bos, 7, 8, 9, 10]])
    with torch.no_grad():
        torch.testing.assert_close(
            step_by_step(model, source, target_in), model(source, target_in), atol=STEPPED, rtol=STEPPED
        )


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "none"])
def test_past_the_longest_length_no_position_is_reused_in_silence(positions: str) -> None:
    model = tiny_model(positions=positions, max_positions=5)
    message = (
        r"a sentence may have at most model\.max_positions = 5 tokens, but this one has 6\. "
        r"Split it, or train with a larger model\.max_positions\."
    )
    fits, too_long = torch.tensor([[7, 8, 9, 10, IDS.eos]]), torch.tensor([[7, 8, 9, 10, 11, IDS.eos]])
    memory = model.encode(fits)
    with pytest.raises(ShapeError, match=message):
        model.encode(too_long)
    with pytest.raises(ShapeError, match=message):
        model.decode(too_long, memory)
    state = model.start(memory)
    for token in fits.T:
        _, state = model.step(token, state)
    with pytest.raises(ShapeError, match=message):
        model.step(torch.tensor([7]), state)
