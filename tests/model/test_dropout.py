"""Dropout: how much it silences, that the mean stays, and where in the model it stands."""

import pytest
import torch
from torch import Tensor

from polyglass.model.dropout import Dropout
from polyglass.model.layers import Residual
from tiny_transformer import padded, sources, targets, tiny_model

MANY = 200_003  # no multiple of 8: the last word of random bytes is used in part


def _dropped(share: float, count: int = MANY, *, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return Dropout(share).train()(torch.ones(count))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_the_share_of_numbers_is_silenced_and_the_mean_stays(share: float) -> None:
    y = _dropped(share)
    assert (y == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert y.mean().item() == pytest.approx(1.0, abs=0.02)
    assert len(y.unique()) == 2


@pytest.mark.parametrize("share", [0.001, 0.999], ids=["hardly any", "nearly all"])
def test_the_smallest_and_largest_shares_silence_some_and_not_all(share: float) -> None:
    y = _dropped(share)
    assert 0 < (y == 0).float().mean().item() < 1
    assert y.mean().item() == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 6, 7, 8, 16, 64])
def test_whether_a_number_is_silenced_tells_nothing_about_its_neighbours(distance: int) -> None:
    silenced = (_dropped(0.3) == 0).double()
    pair = torch.stack((silenced[:-distance], silenced[distance:]))
    assert abs(torch.corrcoef(pair)[0, 1].item()) < 0.015  # five standard deviations of chance are 0.011


@pytest.mark.parametrize("place", range(8))
def test_every_byte_of_a_random_number_is_as_likely_to_silence(place: int) -> None:
    silenced = (_dropped(0.3) == 0).float()[place::8]
    assert silenced.mean().item() == pytest.approx(0.3, abs=0.015)


def test_the_same_seed_silences_the_same_numbers_and_another_seed_others() -> None:
    assert torch.equal(_dropped(0.3, seed=1), _dropped(0.3, seed=1))
    assert not torch.equal(_dropped(0.3, seed=1), _dropped(0.3, seed=2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_shape_and_number_format_stay(dtype: torch.dtype) -> None:
    y = Dropout(0.3).train()(torch.ones(2, 3, 5, dtype=dtype))
    assert (y.shape, y.dtype) == ((2, 3, 5), dtype)


def test_the_gradient_passes_where_a_number_was_kept_and_nowhere_else() -> None:
    torch.manual_seed(0)
    x = torch.ones(1000).requires_grad_()
    y = Dropout(0.3).train()(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


@pytest.mark.parametrize(("share", "training"), [(0.0, True), (0.5, False)], ids=["share 0", "evaluation"])
def test_nothing_is_silenced_in_evaluation_or_at_share_zero(share: float, training: bool) -> None:
    x = torch.ones(10)
    assert Dropout(share).train(training)(x) is x


@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_dropout_silences_what_a_sub_layer_gives_and_never_the_sum(norm_place: str) -> None:
    residual = tiny_model(norm_place=norm_place, dropout=0.5).encoder.layers[0].feed_forward_residual.train()
    assert isinstance(residual, Residual)
    sums: list[Tensor] = []

    class Sum:
        def __call__(self, name: str, tensor: Tensor) -> Tensor:
            if name == "residual":
                sums.append(tensor)
            return tensor

        def at(self, name: str) -> "Sum":
            return self

        def wants(self, name: str) -> bool:
            return False

    torch.manual_seed(0)
    residual(torch.full((2, 50, 16), 10.0), torch.ones_like, None, tap=Sum())
    assert sums[0].unique().tolist() == [10.0, 12.0]  # the input, plus 0 or 1 / (1 - 0.5)
    assert (sums[0] == 10.0).float().mean().item() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_dropout_silences_the_sum_of_embedding_and_position(stack: str) -> None:
    model = tiny_model(dropout=0.5).train()
    inputs: list[Tensor] = []
    model.get_submodule(f"{stack}.layers.0").register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    torch.manual_seed(0)
    model(padded(sources((20, 20))), padded(targets((20, 20))))
    assert (inputs[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_dropout_silences_activations_of_the_feed_forward_layer_where_asked() -> None:
    feed_forward = tiny_model(activation_dropout=0.5).encoder.layers[0].feed_forward.train()
    inputs: list[Tensor] = []
    feed_forward.w_2.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    with torch.no_grad():
        feed_forward.w_1.bias.fill_(10.0)  # every activation is above zero
        torch.manual_seed(0)
        feed_forward(torch.rand(2, 50, 16))
    assert (inputs[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.06)
