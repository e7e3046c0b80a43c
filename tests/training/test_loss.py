"""The loss is the formula of label smoothing, its gradient is that of torch, and padding never counts."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from polyglass.training import loss as losses
from polyglass.training.loss import TranslationLoss, smoothed_cross_entropy
from tiny_transformer import IDS, SIZE, padded, sources, targets, tiny_model

ROWS, WIDTH, WORDS = 37, 8, 23
FLOAT32 = {"rtol": 2e-5, "atol": 1e-6}
BFLOAT16 = {"rtol": 0.05, "atol": 0.02}  # 8 bits of mantissa


def case(dtype: torch.dtype = torch.float32, rows: int = ROWS) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    states = torch.randn(rows, WIDTH, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(WORDS, WIDTH, generator=generator).to(dtype).requires_grad_()
    return states, weight, torch.randint(0, WORDS, (rows,), generator=generator)


def written_out(states: Tensor, weight: Tensor, words: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy with (1 - smoothing) on the right word plus smoothing / V on every word, in float64."""
    logits = states.double() @ weight.double().T
    log_probs = logits - logits.exp().sum(1, keepdim=True).log()
    wanted = torch.full_like(log_probs, smoothing / WORDS)
    wanted[torch.arange(len(words)), words] += 1 - smoothing
    return -(wanted * log_probs).sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("rows_at_once", [0, 1, 5, ROWS - 1, ROWS, 1000], ids="{} rows at once".format)
def test_loss_and_gradients_are_those_of_torch_however_many_rows_are_taken_at_once(
    monkeypatch: pytest.MonkeyPatch, smoothing: float, rows_at_once: int
) -> None:
    monkeypatch.setattr(losses, "CHUNK_NUMBERS", rows_at_once * WORDS)
    states, weight, words = case()
    smoothed, plain = smoothed_cross_entropy(states, weight, words, smoothing=smoothing)
    gradients = torch.autograd.grad(smoothed * 0.37, (states, weight))

    expected = F.cross_entropy(states @ weight.T, words, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(smoothed, expected, **FLOAT32)
    torch.testing.assert_close(smoothed.double(), written_out(states, weight, words, smoothing), **FLOAT32)
    torch.testing.assert_close(plain, F.cross_entropy(states @ weight.T, words, reduction="sum"), **FLOAT32)
    for ours, theirs in zip(gradients, torch.autograd.grad(expected * 0.37, (states, weight)), strict=True):
        torch.testing.assert_close(ours, theirs, **FLOAT32)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    states, weight, words = case(torch.float64)
    smoothed, _ = smoothed_cross_entropy(states, weight, words, smoothing=0.1)
    gradients = torch.autograd.grad(smoothed, (states, weight))
    for place, gradient in enumerate(gradients):
        direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(place), dtype=torch.float64)
        ends = []
        for step in (1e-4, -1e-4):
            moved = [states.detach(), weight.detach()]
            moved[place] = moved[place] + step * direction
            ends.append(written_out(*moved, words, 0.1))
        slope = (ends[0] - ends[1]) / 2e-4
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-5)


def test_bfloat16_states_give_nearly_the_loss_of_float32() -> None:
    states, weight, words = case(torch.bfloat16)
    smoothed, plain = smoothed_cross_entropy(states, weight, words, smoothing=0.1)
    gradients = torch.autograd.grad(smoothed, (states, weight))
    assert smoothed.dtype == plain.dtype == torch.float32
    exact_states, exact_weight = (tensor.detach().float().requires_grad_() for tensor in (states, weight))
    expected, _ = smoothed_cross_entropy(exact_states, exact_weight, words, smoothing=0.1)
    torch.testing.assert_close(smoothed, expected, rtol=0.01, atol=0)
    for ours, exact in zip(gradients, torch.autograd.grad(expected, (exact_states, exact_weight)), strict=True):
        assert ours.dtype == torch.bfloat16
        torch.testing.assert_close(ours.float(), exact, **BFLOAT16)


def test_the_plain_loss_carries_no_gradient() -> None:
    smoothed, plain = smoothed_cross_entropy(*case(), smoothing=0.1)
    assert smoothed.requires_grad
    assert not plain.requires_grad


def test_no_rows_have_no_loss_and_a_gradient_of_zeros() -> None:
    states, weight, words = case(rows=0)
    smoothed, plain = smoothed_cross_entropy(states, weight, words, smoothing=0.1)
    gradients = torch.autograd.grad(smoothed, (states, weight))
    assert (smoothed.item(), plain.item()) == (0.0, 0.0)
    assert [gradient.abs().sum().item() for gradient in gradients] == [0.0, 0.0]


def batch() -> tuple[Tensor, Tensor, Tensor]:
    target_in = targets()
    target_out = [[*sentence[1:], IDS.eos] for sentence in target_in]
    return padded(sources()), padded(target_in), padded(target_out)


def test_the_loss_of_a_model_is_that_of_its_logits_where_a_word_stands() -> None:
    model = tiny_model()
    source, target_in, target_out = batch()
    smoothed, plain = TranslationLoss(model, 0.1)(source, target_in, target_out)
    logits = model(source, target_in).flatten(0, 1)
    options = {"ignore_index": IDS.pad, "reduction": "sum"}
    torch.testing.assert_close(plain, F.cross_entropy(logits, target_out.flatten(), **options), **FLOAT32)
    expected = F.cross_entropy(logits, target_out.flatten(), label_smoothing=0.1, **options)
    torch.testing.assert_close(smoothed, expected, **FLOAT32)


@pytest.mark.parametrize("tie", ["three", "none"])
def test_a_batch_has_the_loss_and_the_gradient_of_its_sentences_together(tie: str) -> None:
    """So padding counts for nothing, and what stands behind the loss, neither."""
    model = tiny_model(tie_embeddings=tie)
    loss = TranslationLoss(model, 0.1)

    def gradients(rows: list[tuple[Tensor, ...]]) -> tuple[Tensor, list[Tensor]]:
        model.zero_grad()
        total = torch.stack([loss(*row)[0] for row in rows]).sum()
        total.backward()
        return total.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]

    together = gradients([batch()])
    rows = zip(sources(), targets(), strict=True)
    alone = [(padded([s]), padded([t]), padded([[*t[1:], IDS.eos]])) for s, t in rows]
    total, summed = gradients(alone)
    torch.testing.assert_close(together[0], total, **FLOAT32)
    assert len(summed) == len(list(model.parameters()))
    for one, other in zip(together[1], summed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_model_under_autocast_has_nearly_the_same_loss() -> None:
    loss = TranslationLoss(tiny_model(), 0.1)
    exact, _ = loss(*batch())
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _ = loss(*batch())
    rounded.backward()
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in loss.parameters())


def test_a_model_that_knows_nothing_pays_the_logarithm_of_the_vocabulary_for_each_word() -> None:
    model = tiny_model()
    torch.nn.init.zeros_(model.output.weight)
    _, plain = TranslationLoss(model, 0.1)(*batch())
    words = int((batch()[2] != IDS.pad).sum())
    assert plain.item() == pytest.approx(words * torch.tensor(float(SIZE)).log().item(), rel=1e-5)
