"""torch.compile can take the whole loss in, for batches of any shape. Its C++ backend is left out: it takes minutes."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch

from polyglass.config import ModelConfig, RecurrentConfig, TransformerConfig
from polyglass.model.build import build_model
from polyglass.special_ids import SpecialIds
from polyglass.training.loss import TranslationLoss

IDS = SpecialIds()
ROUNDING = 1e-6  # float32 sums in another order


@pytest.fixture(autouse=True)
def shapes_are_not_checked() -> Iterator[None]:
    """The checks of the test run are code that the compiler cannot see through; users have none."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.parametrize(
    "config",
    [
        TransformerConfig(d_model=8, num_heads=2, d_ff=8, encoder_layers=1, decoder_layers=1, dropout=0.0),
        RecurrentConfig(family="gru", d_model=8, dropout=0.0),
        RecurrentConfig(family="lstm", d_model=8, dropout=0.0, attention="additive"),
    ],
    ids=["transformer", "gru", "lstm with additive attention"],
)
@pytest.mark.filterwarnings("ignore")  # of torch about its own inner doings
def test_the_compiled_loss_and_its_gradient_are_those_of_the_plain_one(config: ModelConfig) -> None:
    torch.manual_seed(3)
    torch.compiler.reset()
    plain = TranslationLoss(build_model(config, (30, 30), IDS), 0.1)
    compiled = torch.compile(plain, dynamic=True, backend="aot_eager")
    for batch, length in ((3, 5), (4, 7)):
        source, target_in, target_out = (torch.randint(4, 30, (batch, length)) for _ in range(3))
        target_out[0, -1] = IDS.pad

        expected, _ = plain(source, target_in, target_out)
        expected.backward()
        gradients = [parameter.grad.clone() for parameter in plain.parameters() if parameter.grad is not None]
        plain.zero_grad()
        loss, _ = compiled(source, target_in, target_out)
        loss.backward()

        torch.testing.assert_close(loss, expected, rtol=ROUNDING, atol=ROUNDING)
        found = [parameter.grad for parameter in plain.parameters() if parameter.grad is not None]
        torch.testing.assert_close(found, gradients, rtol=ROUNDING, atol=ROUNDING)
        plain.zero_grad()
