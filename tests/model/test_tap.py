"""How numbers leave a forward pass: looking changes nothing, and a Recorder keeps what it was asked for."""

import math
import threading

import pytest
import torch
from torch import Tensor

from polyglass.tap import Edit, Recorder, no_tap
from tiny_transformer import tiny_model
from watching import SOURCE, TARGET_IN, fused_calls, logits_of, recorded

CLOSE = 1e-6  # fused and written-out attention add up in another order


def test_no_tap_hands_back_the_very_tensor_and_wants_nothing() -> None:
    assert no_tap("x", SOURCE) is SOURCE
    assert no_tap.at("layers.0") is no_tap
    assert not no_tap.wants("weights")


@pytest.mark.parametrize("norm_place", ["post", "pre"])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_recording_everything_changes_no_output(norm_place: str, positions: str) -> None:
    model = tiny_model(norm_place=norm_place, positions=positions)
    torch.testing.assert_close(logits_of(model, Recorder()), logits_of(model), atol=CLOSE, rtol=1e-5)


def test_recording_what_the_fused_kernel_gives_changes_not_a_single_bit() -> None:
    model = tiny_model()
    keep = ("*.q", "*.k", "*.v", "*.heads", "*.residual", "*.norm", "*.hidden", "logits")
    assert torch.equal(logits_of(model, Recorder(keep)), logits_of(model))


def test_only_the_layer_whose_weights_are_wanted_leaves_the_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    calls = fused_calls(monkeypatch)
    for keep, fused in (
        ((), 6),
        (("*.heads", "*.q"), 6),
        (("decoder.layers.1.cross_attention.weights",), 5),
        (("*.cross_attention.scores",), 4),
        (("*",), 0),
    ):
        calls.clear()
        recorded(model, keep)
        assert len(calls) == fused, keep


def test_the_numbers_on_record_are_the_equations_of_the_layer() -> None:
    model = tiny_model()
    t = recorded(model)
    a, layer = "decoder.layers.0.cross_attention", model.decoder.layers[0]
    states = recorded(model, ("encoder.layers.1.feed_forward_residual.norm",)).popitem()[1]
    torch.testing.assert_close(t[f"{a}.k"].transpose(1, 2).flatten(2), layer.cross_attention.w_k(states).detach())
    scores = t[f"{a}.q"] @ t[f"{a}.k"].transpose(-2, -1) / math.sqrt(4)
    seen = t[f"{a}.scores"] > -math.inf
    torch.testing.assert_close(t[f"{a}.scores"][seen], scores[seen])
    torch.testing.assert_close(t[f"{a}.weights"], t[f"{a}.scores"].softmax(-1))
    torch.testing.assert_close(t[f"{a}.heads"], t[f"{a}.weights"] @ t[f"{a}.v"])
    assert torch.equal(t[f"{a}.concat"], t[f"{a}.heads"].transpose(1, 2).flatten(2))
    torch.testing.assert_close(t[f"{a}.output"], layer.cross_attention.w_o(t[f"{a}.concat"]).detach())
    before = t["decoder.layers.0.self_attention_residual.norm"]
    torch.testing.assert_close(t[f"{a}_residual.residual"], before + t[f"{a}.output"])
    normed = layer.cross_attention_residual.norm(t[f"{a}_residual.residual"]).detach()
    torch.testing.assert_close(t[f"{a}_residual.norm"], normed)
    hidden = layer.feed_forward.w_1(normed).relu().detach()
    torch.testing.assert_close(t["decoder.layers.0.feed_forward.hidden"], hidden)
    for stack in ("encoder", "decoder"):
        embedded = t[f"{stack}.embedding"] + t[f"{stack}.positions"]
        torch.testing.assert_close(t[f"{stack}.embedded"], embedded)


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (("logits",), ["logits"]),
        (("*.cross_attention.weights",), [f"decoder.layers.{n}.cross_attention.weights" for n in (0, 1)]),
        (
            ("encoder.layers.0.*_residual.norm",),
            [f"encoder.layers.0.{n}_residual.norm" for n in ("self_attention", "feed_forward")],
        ),
        (("encoder.embedded", "decoder.embedded"), ["encoder.embedded", "decoder.embedded"]),
        (("weights",), []),
        ((), []),
    ],
    ids=str,
)
def test_a_recorder_keeps_what_its_patterns_name(keep: tuple[str, ...], expected: list[str]) -> None:
    assert list(recorded(tiny_model(), keep)) == expected


def test_records_are_off_the_graph_unless_gradients_are_asked_for() -> None:
    recorder = Recorder()
    tiny_model()(SOURCE, TARGET_IN, tap=recorder)
    assert not any(tensor.requires_grad for tensor in recorder.tensors.values())


def test_with_gradients_every_record_collects_its_own() -> None:
    model = tiny_model()
    recorder = Recorder(gradients=True)
    logits = model(SOURCE, TARGET_IN, tap=recorder)
    logits[0, 2, 7].backward()
    # Only positions are no function of a parameter, and so need no gradient.
    missing = {path for path, tensor in recorder.tensors.items() if tensor.grad is None}
    assert missing == {"encoder.positions", "decoder.positions"}
    of_logits = recorder.tensors["logits"].grad
    assert of_logits is not None
    assert of_logits.count_nonzero() == 1
    embedding = recorder.tensors["encoder.embedding"]
    assert embedding.grad is not None
    assert embedding.grad[0].abs().max() > 0
    assert embedding.grad[1:].abs().max() == 0  # another sentence
    assert not recorder.tensors["decoder.layers.1.cross_attention.weights"].grad.isnan().any()  # type: ignore[union-attr]


def test_the_gradient_on_record_tells_how_the_output_moves() -> None:
    model = tiny_model().double()
    path, step = "encoder.layers.0.feed_forward.hidden", 1e-6
    recorder = Recorder((path,), gradients=True)
    model(SOURCE, TARGET_IN, tap=recorder)[0, 2, 7].backward()

    def nudged(by: float) -> float:
        def nudge(tensor: Tensor) -> Tensor:
            moved = tensor.clone()
            moved[0, 1, 3] += by
            return moved

        return logits_of(model, Edit({path: nudge}))[0, 2, 7].item()

    gradient = recorder.tensors[path].grad
    assert gradient is not None
    assert (nudged(step) - nudged(-step)) / (2 * step) == pytest.approx(gradient[0, 1, 3].item(), rel=1e-4)


def test_two_threads_record_two_sentences_with_one_model_and_never_mix_them() -> None:
    model = tiny_model()
    alone = [Recorder(), Recorder()]
    together = [Recorder(), Recorder()]
    pairs = [(SOURCE[row : row + 1], TARGET_IN[row : row + 1]) for row in (0, 1)]
    for recorder, pair in zip(alone, pairs, strict=True):
        model(*pair, tap=recorder)
    threads = [
        threading.Thread(target=model, args=pair, kwargs={"tap": recorder})
        for recorder, pair in zip(together, pairs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, expected in zip(together, alone, strict=True):
        assert all(torch.equal(ours.tensors[path], tensor) for path, tensor in expected.tensors.items())
