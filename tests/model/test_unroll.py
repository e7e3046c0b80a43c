"""Looking at a recurrence: each name once, with all steps; and an Edit holds what it changes while the rest follows."""

from collections import Counter

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.cells import NAMES
from polyglass.model.recurrent import Recurrent
from polyglass.model.unroll import Steps, unroll
from polyglass.tap import Edit, Recorder, Tap, no_tap
from tiny_recurrent import FAMILIES, tiny_recurrent
from watching import SOURCE, TARGET_IN, CountingTap

STEPPED = 1e-5  # a pass of one position adds up in another order
each_family = pytest.mark.parametrize("family", list(FAMILIES))


def logits_of(model: Recurrent, tap: Tap = no_tap) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(SOURCE, TARGET_IN, tap=tap)
    return logits


def recorded(model: Recurrent, keep: tuple[str, ...] = ("*",)) -> dict[str, Tensor]:
    recorder = Recorder(keep)
    logits_of(model, recorder)
    return recorder.tensors


def doubling(steps: Steps) -> Tensor:
    """A recurrence of three steps: x = 2 x + 1, from 0: 1, 3, 7; y = 10 x."""
    x = torch.zeros(1, 1, 1)
    for step in range(3):
        x = steps.at_step(step)("x", 2 * x + 1)
        steps.at_step(step).at("inner")("y", 10 * x)
    return x


def numbers(tensor: Tensor) -> list[float]:
    return tensor.flatten().tolist()


def test_steps_are_offered_as_one_tensor_along_time() -> None:
    recorder = Recorder()
    assert unroll(doubling, recorder).item() == 7
    assert {path: numbers(tensor) for path, tensor in recorder.tensors.items()} == {
        "x": [1, 3, 7],
        "inner.y": [10, 30, 70],
    }


def test_an_edit_holds_the_numbers_that_it_changes_and_later_steps_follow_from_them() -> None:
    def set_second(x: Tensor) -> Tensor:
        changed = x.clone()
        changed[:, 1] = 100.0
        return changed

    recorder = Recorder()
    assert unroll(doubling, Edit({"x": set_second}, recorder)).item() == 201
    assert numbers(recorder.tensors["inner.y"]) == [10, 1000, 2010]


def test_an_edit_of_what_nothing_follows_from_changes_only_that() -> None:
    recorder = Recorder()
    assert unroll(doubling, Edit({"inner.y": torch.zeros_like}, recorder)).item() == 7
    assert numbers(recorder.tensors["inner.y"]) == [0, 0, 0]
    assert numbers(recorder.tensors["x"]) == [1, 3, 7]


def test_without_a_looker_the_steps_run_once_and_keep_nothing() -> None:
    runs = []
    unroll(lambda steps: runs.append(steps.at_step(0)), no_tap)
    assert runs == [no_tap]
    taps = []
    unroll(lambda steps: taps.append(doubling(steps)), Recorder(("*.elsewhere",)))
    assert len(taps) == 1


@each_family
def test_every_name_is_offered_just_once_in_a_pass_and_its_path_is_that_of_the_module(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    counts: Counter[str] = Counter()
    logits_of(model, CountingTap(counts))
    assert set(counts.values()) == {1}
    modules = dict(model.named_modules())
    assert all(path.rpartition(".")[0] in modules for path in counts)
    assert len({path.rpartition(".")[2] for path in counts}) <= 20


@each_family
def test_who_looks_sees_the_numbers_that_nobody_would_have_seen(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    torch.testing.assert_close(logits_of(model, Recorder()), logits_of(model), atol=STEPPED, rtol=STEPPED)


@each_family
def test_a_step_offers_the_decoder_s_names_with_the_numbers_of_its_place(family: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    whole = recorded(model)
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        for place, token in enumerate(TARGET_IN.T[:4]):
            recorder = Recorder()
            _, state = model.step(token, state, tap=recorder)
            expected = {path for path in whole if not path.startswith("encoder.")} - {"decoder.attention.keys"}
            assert set(recorder.tensors) == expected
            for path, tensor in recorder.tensors.items():
                there = whole[path][..., place, :] if path == "logits" else whole[path][..., place : place + 1, :]
                torch.testing.assert_close(tensor, there, atol=STEPPED, rtol=STEPPED)


@each_family
@pytest.mark.parametrize("stack", ["encoder", "decoder"])
def test_each_gate_of_each_layer_can_be_changed_and_the_output_follows(family: str, stack: str) -> None:
    model = tiny_recurrent(**FAMILIES[family])
    before = logits_of(model)
    for layer in (0, 1):
        for name in NAMES[FAMILIES[family]["family"]]:
            recorder = Recorder((f"{stack}.*",))
            path = f"{stack}.layers.{layer}.{name}"
            after = logits_of(model, Edit({path: torch.zeros_like}, recorder))
            assert not recorder.tensors[path].any()
            assert (after - before).abs().max() > 1e-4, path


def test_a_forget_gate_held_shut_is_an_lstm_that_forgets_at_each_step() -> None:
    model, forgetful = tiny_recurrent(), tiny_recurrent()
    with torch.no_grad():
        kernel = forgetful.decoder.layers[0].recurrence
        for parameter in kernel.parameters():
            parameter[16:32] = 0.0  # the forget gate of 16 units
        kernel.bias_ih_l0[16:32] = -100.0
    edit = Edit({"decoder.layers.0.forget_gate": torch.zeros_like})
    torch.testing.assert_close(logits_of(model, edit), logits_of(forgetful), atol=STEPPED, rtol=STEPPED)


def test_a_unit_held_at_zero_is_a_model_that_nobody_reads_that_unit_of() -> None:
    model, deaf = tiny_recurrent(family="gru"), tiny_recurrent(family="gru")

    def silence(hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        changed[..., 3] = 0.0
        return changed

    with torch.no_grad():
        first, second = (deaf.decoder.layers[layer].recurrence for layer in (0, 1))
        first.weight_hh_l0[:, 3] = 0.0  # its own layer hears it in the next step
        second.weight_ih_l0[:, 3] = 0.0  # and the layer above at once
        memory = model.encode(SOURCE)
        memory.final[0][..., 3] = 0.0  # the first step hears what the encoder left
        found = model.decode(TARGET_IN, memory, tap=Edit({"decoder.layers.0.hidden": silence}))
        expected = deaf.decode(TARGET_IN, memory)
    torch.testing.assert_close(found, expected, atol=STEPPED, rtol=STEPPED)


def test_weights_set_by_hand_decide_what_the_decoder_reads_while_it_feeds_on_itself() -> None:
    model = tiny_recurrent(attention="additive")

    def look_at_the_first(weights: Tensor) -> Tensor:
        chosen = torch.zeros_like(weights)
        chosen[..., 0] = 1.0
        return chosen

    recorder = Recorder()
    logits_of(model, Edit({"decoder.attention.weights": look_at_the_first}, recorder))
    first = model.encode(SOURCE).states[:, :1].expand(-1, TARGET_IN.shape[1], -1)
    torch.testing.assert_close(recorder.tensors["decoder.attention.context"], first)


def test_what_is_recorded_beside_an_edit_is_of_the_run_in_which_it_holds() -> None:
    model = tiny_recurrent(attention="additive")
    recorder = Recorder()
    logits_of(model, Edit({"decoder.attention.weights": torch.ones_like}, recorder))
    found = {path.removeprefix("decoder."): tensor for path, tensor in recorder.tensors.items()}
    assert model.decoder.attention is not None
    assert model.decoder.attention.w_q is not None
    with torch.no_grad():
        query = model.decoder.attention.w_q(found["layers.1.hidden"][:, :-1])
    torch.testing.assert_close(found["attention.query"][:, 1:], query, atol=STEPPED, rtol=STEPPED)
    shown = found["layers.1.output_gate"] * found["layers.1.cell"].tanh()
    torch.testing.assert_close(found["layers.1.hidden"], shown, atol=STEPPED, rtol=STEPPED)


def test_an_edit_leaves_the_model_and_the_next_pass_as_they_were() -> None:
    model = tiny_recurrent(attention="dot", input_feeding=True)
    before = logits_of(model)
    logits_of(model, Edit({"*.hidden": torch.zeros_like}))
    assert torch.equal(logits_of(model), before)


def test_looking_at_attention_alone_leaves_the_layers_in_their_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_recurrent(attention="general")
    calls: list[int] = []
    for index, layer in enumerate((*model.encoder.layers, *model.decoder.layers)):
        kernel = layer.recurrence.forward
        monkeypatch.setattr(
            layer.recurrence, "forward", lambda *w, index=index, kernel=kernel: (calls.append(index), kernel(*w))[1]
        )
    recorded(model, ("decoder.attention.weights",))
    assert calls == [0, 1, 2, 3]
    recorded(model, ("decoder.layers.1.forget_gate",))
    assert calls == [0, 1, 2, 3, 0, 1, 2]


@pytest.mark.parametrize("family", ["rnn none", "gru additive", "lstm general"])
def test_an_exported_graph_computes_the_same_and_holds_no_trace_of_taps(family: str) -> None:
    class Watched(nn.Module):
        def __init__(self, tap: Tap) -> None:
            super().__init__()
            self.model = model
            self.tap = tap

        def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
            return self.model(source, target_in, tap=self.tap)  # type: ignore[no-any-return]

    model = tiny_recurrent(**FAMILIES[family])
    graphs = [torch.export.export(Watched(tap), (SOURCE, TARGET_IN)) for tap in (no_tap, Recorder(()))]
    torch.testing.assert_close(graphs[0].module()(SOURCE, TARGET_IN), logits_of(model), atol=STEPPED, rtol=STEPPED)
    nodes = [[str(node.target) for node in exported.graph.nodes if node.op == "call_function"] for exported in graphs]
    assert nodes[0] == nodes[1]


def test_a_recorder_with_gradients_reaches_the_words_through_time() -> None:
    model = tiny_recurrent(attention="additive")
    recorder = Recorder(("*.embedding",), gradients=True)
    model(SOURCE, TARGET_IN, tap=recorder)[0, -1].square().sum().backward()
    for path in ("encoder.embedding", "decoder.embedding"):
        gradient = recorder.tensors[path].grad
        assert gradient is not None
        assert gradient[0, 0].any()
