"""A batch that does not fit is cut; the update stays the same."""

import pytest
import torch
from torch import Tensor, nn

from polyglass.config import TrainConfig, TransformerConfig
from polyglass.data.batch import Batch, collate
from polyglass.errors import OutOfSpaceError
from polyglass.model.build import build_model
from polyglass.special_ids import SpecialIds
from polyglass.training.distributed import ALONE
from polyglass.training.gradients import add_up_gradients
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import TrainState

IDS = SpecialIds()
CONFIG = TrainConfig(average="none", precision="float32", batch_tokens=64)
ROUNDING = 1e-6  # sums of float32 in another order


class SmallMemory(nn.Module):
    """The real loss, on a machine that has room for `rows` sentences at a time."""

    def __init__(self, loss: nn.Module, rows: int) -> None:
        super().__init__()
        self.loss = loss
        self.rows = rows

    def forward(self, source: Tensor, target_in: Tensor, target_out: Tensor) -> tuple[Tensor, Tensor]:
        if len(source) > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory (as a test has it)")
        total: tuple[Tensor, Tensor] = self.loss(source, target_in, target_out)
        return total


def a_state() -> TrainState:
    torch.manual_seed(1)
    config = TransformerConfig(d_model=16, num_heads=2, d_ff=16, encoder_layers=1, decoder_layers=1, dropout=0.0)
    return TrainState(build_model(config, (30, 30), IDS), CONFIG)


def a_batch(pairs: int) -> Batch:
    return collate([[5, 6, 7 + n] for n in range(pairs)], [[8, 9 + n] for n in range(pairs)], IDS, range(pairs))


@pytest.mark.parametrize(("rows", "pieces"), [(8, 1), (4, 2), (2, 4), (1, 8)])
def test_a_batch_that_does_not_fit_gives_the_same_gradient_in_pieces(rows: int, pieces: int) -> None:
    whole, cut = a_state(), a_state()
    expected = add_up_gradients(whole, TranslationLoss(whole.model, 0.1), [a_batch(8)], CONFIG, team=ALONE)

    loss = add_up_gradients(cut, SmallMemory(TranslationLoss(cut.model, 0.1), rows), [a_batch(8)], CONFIG, team=ALONE)

    assert cut.pieces == pieces
    assert float(loss) == pytest.approx(float(expected), rel=ROUNDING)
    for one, other in zip(whole.model.parameters(), cut.model.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=0, atol=ROUNDING)


def test_after_three_halvings_training_ends_and_says_what_to_set() -> None:
    state = a_state()
    with pytest.raises(OutOfSpaceError, match=r"out of memory at step 1, .* 8 pieces: 16 pairs .*train.batch_tokens"):
        add_up_gradients(state, SmallMemory(TranslationLoss(state.model, 0.1), 0), [a_batch(16)], CONFIG, team=ALONE)


def test_one_pair_that_is_too_long_by_itself_is_named() -> None:
    state = a_state()
    batch = collate([[5] * 40], [[6]], IDS, [41])
    with pytest.raises(OutOfSpaceError, match=r"pair 42 .* has 41 tokens.*data.max_length_tokens=20"):
        add_up_gradients(state, SmallMemory(TranslationLoss(state.model, 0.1), 0), [batch], CONFIG, team=ALONE)


def test_another_error_is_not_taken_for_missing_memory() -> None:
    class Broken(nn.Module):
        def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
            raise RuntimeError("shapes do not match")

    state = a_state()
    with pytest.raises(RuntimeError, match="shapes do not match"):
        add_up_gradients(state, Broken(), [a_batch(2)], CONFIG, team=ALONE)
    assert state.pieces == 1
