"""Forced decoding against the product of table entries, and what it refuses."""

import math

import pytest
import torch
from slow_search import SlowModel

from polyglass.decoding import forced
from polyglass.decoding.forced import force
from polyglass.errors import InputError, ShapeError
from tiny import IDS, TableModel, sources

FLOAT32 = 1e-5


def test_forced_decoding_multiplies_the_probabilities_of_the_target_and_its_end() -> None:
    model = TableModel.random(4, 9, 8, seed=1)
    source, targets = sources(3, 6, 2, 4), [[4, 5, 6], [], [7] * 8, [3]]
    found = force(model, source, targets, 0.6)
    for row, target in enumerate(targets):
        slow, ids = SlowModel(model, source[row]), (*target, IDS.eos)
        expected = [slow.next(ids[:place])[token] for place, token in enumerate(ids)]
        assert (found[row].ids, found[row].finish_reason) == (ids, "end")
        assert found[row].token_log_probs == pytest.approx(expected, abs=FLOAT32)
        assert found[row].log_prob == pytest.approx(sum(expected), abs=FLOAT32)
        assert found[row].score == pytest.approx(sum(expected) / ((5 + len(ids)) / 6) ** 0.6, abs=FLOAT32)


def test_the_logits_of_many_positions_are_made_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    model = TableModel.random(3, 9, 8, seed=1)
    source, targets = sources(3, 6, 2), [[4, 5, 6], [7], [3, 3]]
    whole = force(model, source, targets, 0.6)
    monkeypatch.setattr(forced, "POSITIONS_AT_ONCE", 2)
    assert force(model, source, targets, 0.6) == whole


def test_logits_that_are_no_numbers_give_minus_infinity_for_that_pair_alone() -> None:
    model = TableModel.random(2, 9, 8, seed=1)
    healthy = force(model, sources(3, 3), [[4, 5], [6]], 0.6)
    found = force(model.with_nan(0, position=1), sources(3, 3), [[4, 5], [6]], 0.6)
    assert found[0].token_log_probs == (healthy[0].token_log_probs[0], -math.inf, -math.inf)
    assert (found[0].log_prob, found[0].score) == (-math.inf, -math.inf)
    assert found[1] == healthy[1]


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([[4]], ShapeError, "one target for each source, but there are 1 for 2. Give both in the same order."),
        ([[4], [4] * 12], ShapeError, "at most 11 tokens, .* 12 positions .* but target 1 has 12. Shorten it."),
        ([[4, 2], [4]], InputError, "target 0 holds 2 .*eos 2.*eos is added"),
        ([[4], [0]], InputError, "target 1 holds 0 .padding is 0"),
    ],
)
def test_a_target_that_does_not_fit_is_refused(targets: list[list[int]], error: type[Exception], message: str) -> None:
    model = TableModel.random(2, 9, 8, seed=1)
    model.max_positions = 12
    with pytest.raises(error, match=message):
        force(model, sources(3, 3), targets, 0.6)


def test_no_pairs_give_no_hypotheses() -> None:
    assert force(TableModel.random(2, 9, 8, seed=1), torch.empty((0, 0), dtype=torch.int64), [], 0.6) == []
