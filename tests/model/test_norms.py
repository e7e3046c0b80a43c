"""§5.4 Layer norm, RMS norm and batch norm: over what each one counts, and what batch norm leaks."""

import copy

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.norms import BatchNorm, LayerNorm, RMSNorm, build_norm
from tiny_transformer import padded, randomise, sources, targets, tiny_model

CLOSE = 1e-5


def _tokens(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return vectors far from mean 0 and variance 1, and which of them are real."""
    x = 3 + 2 * torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(seed))
    real = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])
    return x, real


@pytest.mark.parametrize(("kind", "expected"), [("layer", LayerNorm), ("rms", RMSNorm), ("batch", BatchNorm)])
def test_the_option_names_the_norm_that_is_built(kind: str, expected: type) -> None:
    assert type(build_norm(kind, 8)) is expected


def test_layer_norm_gives_each_token_mean_0_and_variance_1_across_its_features() -> None:
    x, _ = _tokens()
    y = build_norm("layer", 8)(x)
    torch.testing.assert_close(y.mean(-1), torch.zeros(3, 5), atol=CLOSE, rtol=0)
    torch.testing.assert_close(y.var(-1, correction=0), torch.ones(3, 5), atol=1e-4, rtol=0)


def test_rms_norm_gives_each_token_root_mean_square_1_and_keeps_its_direction() -> None:
    x, _ = _tokens()
    y = build_norm("rms", 8)(x)
    torch.testing.assert_close(y.square().mean(-1).sqrt(), torch.ones(3, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.cosine_similarity(x, y, dim=-1), torch.ones(3, 5), atol=CLOSE, rtol=0)


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_layer_and_rms_norm_treat_a_token_alike_alone_and_in_a_batch(kind: str) -> None:
    norm = build_norm(kind, 8).train()
    randomise(nn.ModuleDict({"norm": norm}), seed=0)
    x, real = _tokens()
    torch.testing.assert_close(norm(x, real)[1:2, :1], norm(x[1:2, :1], real[1:2, :1]), atol=1e-6, rtol=0)


def test_batch_norm_equals_torch_s_over_the_real_tokens_in_training_and_in_evaluation() -> None:
    ours, torchs = BatchNorm(8), nn.BatchNorm1d(8)
    randomise(nn.ModuleDict({"norm": ours}), seed=0)
    torchs.load_state_dict(ours.state_dict(), strict=False)
    for seed in range(3):
        x, real = _tokens(seed)
        torch.testing.assert_close(ours(x, real)[real], torchs(x[real]), atol=CLOSE, rtol=1e-4)
    torch.testing.assert_close(ours.running_mean, torchs.running_mean, atol=CLOSE, rtol=1e-5)
    torch.testing.assert_close(ours.running_var, torchs.running_var, atol=CLOSE, rtol=1e-5)
    ours.eval()
    torchs.eval()
    torch.testing.assert_close(ours(x, real)[real], torchs(x[real]), atol=CLOSE, rtol=1e-4)


def test_the_gradient_of_batch_norm_equals_torch_s() -> None:
    ours, torchs = BatchNorm(8), nn.BatchNorm1d(8)
    x, real = _tokens()
    gradients = []
    for norm in (lambda y: ours(y, real)[real], lambda y: torchs(y[real])):
        inputs = x.clone().requires_grad_()
        (norm(inputs) * torch.arange(8)).square().sum().backward()
        gradients.append(inputs.grad)
    torch.testing.assert_close(*gradients, atol=1e-3, rtol=1e-4)


def test_batch_norm_gives_each_feature_mean_0_and_variance_1_across_the_real_tokens() -> None:
    x, real = _tokens()
    y = BatchNorm(8)(x, real)[real]
    torch.testing.assert_close(y.mean(0), torch.zeros(8), atol=CLOSE, rtol=0)
    torch.testing.assert_close(y.var(0, correction=0), torch.ones(8), atol=1e-4, rtol=0)


def test_padding_counts_for_nothing_in_batch_norm() -> None:
    x, real = _tokens()
    garbage = x.masked_fill(~real[..., None], 1e6)
    norm, again = BatchNorm(8), BatchNorm(8)
    assert torch.equal(norm(x, real)[real], again(garbage, real)[real])
    assert torch.equal(norm.running_mean, again.running_mean)
    assert torch.equal(norm.running_var, again.running_var)


def test_batch_norm_keeps_the_number_format_of_a_double_precision_model() -> None:
    x, real = _tokens()
    norm, torchs = BatchNorm(8).double(), nn.BatchNorm1d(8).double()
    torch.testing.assert_close(norm(x.double(), real)[real], torchs(x.double()[real]), atol=1e-9, rtol=0)
    torch.testing.assert_close(norm.running_var, torchs.running_var, atol=1e-9, rtol=0)


def test_a_single_token_is_normalised_by_the_running_statistics_and_leaves_them_alone() -> None:
    x, _ = _tokens()
    norm = BatchNorm(8)
    before = copy.deepcopy(norm.state_dict())
    y = norm(x[:1, :1])
    assert y.isfinite().all()
    assert torch.equal(y, norm.eval()(x[:1, :1]))
    assert all(torch.equal(norm.state_dict()[name], before[name]) for name in before)


def test_batch_norm_depends_on_batch_companions_in_training_and_not_in_evaluation() -> None:
    x, real = _tokens()
    norm = BatchNorm(8)
    alone, together = norm(x[:1], real[:1]), norm(x, real)[:1]
    assert (alone - together).abs().max() > 0.01
    norm.eval()
    torch.testing.assert_close(norm(x[:1], real[:1]), norm(x, real)[:1], atol=1e-6, rtol=0)


def test_evaluation_leaves_the_running_statistics_alone() -> None:
    model = tiny_model(norm="batch")
    before = copy.deepcopy(model.state_dict())
    model(padded(sources()), padded(targets()))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_decoder_with_batch_norm_sees_words_to_come_in_training_and_not_in_evaluation() -> None:
    """Documents a property of batch norm, not a wish: in training the statistics are taken over later words, too."""
    model = tiny_model(norm="batch")
    source, target_in = padded(sources((6,))), padded(targets((6,)))
    changed = target_in.clone()
    changed[:, -1] = 22
    with torch.no_grad():
        model.eval()
        assert torch.equal(model(source, target_in)[:, :-1], model(source, changed)[:, :-1])
        model.train()
        difference = model(source, target_in)[:, :-1] - model(source, changed)[:, :-1]
    assert difference.abs().max() > 0.01


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_a_decoder_with_layer_or_rms_norm_never_sees_words_to_come(norm: str) -> None:
    model = tiny_model(norm=norm).train()
    source, target_in = padded(sources((6,))), padded(targets((6,)))
    changed = target_in.clone()
    changed[:, -1] = 22
    with torch.no_grad():
        assert torch.equal(model(source, target_in)[:, :-1], model(source, changed)[:, :-1])
