"""What if? An Edit changes numbers on their way: that number, and only what comes after it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from polyglass.tap import Edit, Recorder
from tiny_transformer import tiny_model
from watching import TARGET_IN, fused_calls, logits_of, recorded

CLOSE = 1e-6  # a head that is silenced and one that is not read add up in another order


def _silence(head: int) -> Callable[[Tensor], Tensor]:
    def change(heads: Tensor) -> Tensor:
        silenced = heads.clone()
        silenced[:, head] = 0.0
        return silenced

    return change


def test_silencing_a_head_equals_a_model_whose_output_matrix_ignores_that_head() -> None:
    model, deaf = tiny_model(), tiny_model()
    with torch.no_grad():
        deaf.encoder.layers[1].self_attention.w_o.weight[:, 8:12] = 0.0  # what reads head 2
    edit = Edit({"encoder.layers.1.self_attention.heads": _silence(2)})
    torch.testing.assert_close(logits_of(model, edit), logits_of(deaf), atol=CLOSE, rtol=1e-5)
    assert (logits_of(model, edit) - logits_of(model)).abs().max() > 1e-3


def test_silencing_a_head_changes_that_head_and_only_what_comes_after_it() -> None:
    model = tiny_model()
    before = recorded(model)
    recorder = Recorder()
    path = "encoder.layers.1.self_attention.heads"
    logits_of(model, Edit({path: _silence(2)}, recorder))
    after = recorder.tensors
    assert torch.equal(after[path][:, 2], torch.zeros_like(after[path][:, 2]))
    others = [head for head in range(4) if head != 2]
    assert torch.equal(after[path][:, others], before[path][:, others])
    earlier = list(before)[: list(before).index(path)]
    assert all(torch.equal(after[name], before[name]) for name in earlier)
    assert not torch.equal(after["logits"], before["logits"])


def test_an_edit_leaves_the_model_and_the_next_pass_as_they_were() -> None:
    model = tiny_model()
    before = logits_of(model)
    logits_of(model, Edit({"*.heads": torch.zeros_like}))
    assert torch.equal(logits_of(model), before)


def test_an_edit_of_heads_stays_in_the_fused_kernel_and_one_of_weights_leaves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model()
    calls = fused_calls(monkeypatch)
    logits_of(model, Edit({"*.heads": torch.clone}))
    assert len(calls) == 6
    logits_of(model, Edit({"encoder.layers.0.self_attention.weights": torch.clone}))
    assert len(calls) == 6 + 5


def test_an_edit_of_weights_decides_which_value_a_query_gets() -> None:
    model = tiny_model()

    def look_at_the_first(weights: Tensor) -> Tensor:
        chosen = torch.zeros_like(weights)
        chosen[..., 0] = 1.0
        return chosen

    path = "decoder.layers.0.cross_attention"
    recorder = Recorder()
    logits_of(model, Edit({f"{path}.weights": look_at_the_first}, recorder))
    first = recorder.tensors[f"{path}.v"][:, :, :1]
    assert torch.equal(recorder.tensors[f"{path}.heads"], first.expand(-1, -1, TARGET_IN.shape[1], -1))


def test_a_pattern_edits_every_path_that_it_matches() -> None:
    model = tiny_model()
    recorder = Recorder(("*.output",))
    logits_of(model, Edit({"*.cross_attention.output": torch.zeros_like}, recorder))
    silent = [path for path, tensor in recorder.tensors.items() if not tensor.any()]
    assert silent == [f"decoder.layers.{layer}.cross_attention.output" for layer in (0, 1)]
