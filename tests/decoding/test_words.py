"""The quick top-k against torch's, and the log-probabilities that a search may choose from."""

import pytest
import torch

from polyglass.decoding.words import BLOCK, largest, next_log_probs
from tiny import IDS


@pytest.mark.parametrize("columns", [1, 5, 100, 4 * BLOCK, 1000, 1024, 8000, 8001, 8063])
@pytest.mark.parametrize("k", [1, 3, 10, 33])
def test_the_quick_top_k_is_the_plain_one(columns: int, k: int) -> None:
    values = torch.randn(7, columns, generator=torch.Generator().manual_seed(columns * k))
    expected, places = values.topk(min(k, columns))
    found, found_places = largest(values, k)
    assert torch.equal(found, expected)
    assert torch.equal(found_places, places)


def test_the_quick_top_k_finds_values_in_the_last_incomplete_block() -> None:
    values = torch.zeros(2, 64 * 64 + 3)
    values[0, -1], values[1, -3], values[1, 70] = 3, 2, 1
    found, places = largest(values, 2)
    assert (found[0, 0], places[0, 0]) == (3, 64 * 64 + 2)
    assert (found[1].tolist(), places[1].tolist()) == ([2, 1], [64 * 64, 70])


def test_the_quick_top_k_keeps_impossible_words_behind_possible_ones() -> None:
    values = torch.full((1, 8000), -torch.inf)
    values[0, [5, 7999]] = torch.tensor([-1.0, -2.0])
    found, places = largest(values, 4)
    assert places[0, :2].tolist() == [5, 7999]
    assert found[0].isneginf().tolist() == [False, False, True, True]


def test_half_precision_logits_give_float32_log_probabilities() -> None:
    log_probs = next_log_probs(torch.randn(2, 9).bfloat16(), IDS, forced=None)
    assert log_probs.dtype == torch.float32


def test_a_forced_word_keeps_its_probability_and_no_other_is_possible() -> None:
    logits = torch.randn(3, 9, generator=torch.Generator().manual_seed(1))
    free = next_log_probs(logits, IDS, forced=None)
    forced = next_log_probs(logits, IDS, forced=torch.tensor([-1, 5, 8]))
    assert torch.equal(forced[0], free[0])
    for row, word in ((1, 5), (2, 8)):
        assert forced[row, word] == free[row, word] == logits[row].log_softmax(-1)[word]
        assert forced[row].isneginf().sum() == 8
