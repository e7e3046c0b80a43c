"""How numbers leave a forward pass: what is offered by which name, and that looking changes nothing."""

import math
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polyglass.model.transformer import Transformer
from polyglass.tap import Edit, Recorder, Tap, no_tap
from tap_names import COMMAND, LETTERS, named_shapes
from tiny_transformer import IDS, padded, sources, targets, tiny_model

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "tap_names.txt"
CLOSE = 1e-6  # fused and written-out attention add up in another order
SOURCE, TARGET_IN = padded(sources()), padded(targets())


def _logits(model: Transformer, tap: Tap = no_tap) -> Tensor:
    with torch.no_grad():
        return model(SOURCE, TARGET_IN, tap=tap)


def _recorded(model: Transformer, keep: tuple[str, ...] = ("*",)) -> dict[str, Tensor]:
    recorder = Recorder(keep)
    _logits(model, recorder)
    return recorder.tensors


class _Calls:
    """Counts how often each path is offered."""

    def __init__(self, counts: Counter[str], path: str = "") -> None:
        self.counts = counts
        self.path = path

    def __call__(self, name: str, tensor: Tensor) -> Tensor:
        self.counts[self.path + name] += 1
        return tensor

    def at(self, name: str) -> "_Calls":
        return _Calls(self.counts, f"{self.path}{name}.")

    def wants(self, name: str) -> bool:
        return True


def _fused_calls(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Return a list that grows with each call of the fused kernel."""
    calls: list[Tensor] = []
    fused = nn.functional.scaled_dot_product_attention

    def counted(*arguments: Any, **options: Any) -> Tensor:
        calls.append(fused(*arguments, **options))
        return calls[-1]

    monkeypatch.setattr(nn.functional, "scaled_dot_product_attention", counted)
    return calls


# Names and shapes


def test_names_and_shapes_are_those_of_the_golden_file() -> None:
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    golden = dict(line.split("  ") for line in lines if not line.startswith("#"))
    now = named_shapes()
    assert now == golden, f"if names were meant to change: {COMMAND}"
    assert list(now) == list(golden), f"if the order was meant to change: {COMMAND}"


def test_pre_norm_adds_the_last_norm_of_each_stack_and_no_other_name() -> None:
    assert named_shapes(norm_place="pre") == {**named_shapes(), "encoder.norm": "B S D", "decoder.norm": "B T D"}


@pytest.mark.parametrize("positions", ["rotary", "none"])
def test_positions_are_offered_only_where_they_are_added(positions: str) -> None:
    without = {path: shape for path, shape in named_shapes().items() if not path.endswith(".positions")}
    assert named_shapes(positions=positions) == without
    assert named_shapes(positions="learned") == named_shapes()


def test_about_twenty_names_are_enough_and_each_size_of_the_golden_file_has_a_letter_of_its_own() -> None:
    names = {path.rsplit(".", 1)[-1] for path in named_shapes()}
    assert len(names) <= 20
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_every_layer_offers_the_same_names() -> None:
    paths = _recorded(tiny_model())
    first, second = (
        [path.replace(f"layers.{layer}.", "") for path in paths if f"layers.{layer}." in path] for layer in (0, 1)
    )
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_every_name_is_offered_just_once_in_a_pass(norm_place: str) -> None:
    counts: Counter[str] = Counter()
    _logits(tiny_model(norm_place=norm_place), _Calls(counts))
    assert set(counts.values()) == {1}


def test_every_path_begins_with_the_path_of_the_module_that_computes_it() -> None:
    model = tiny_model()
    modules = dict(model.named_modules())
    for path in _recorded(model):
        assert path.rpartition(".")[0] in modules


def test_a_step_offers_the_decoder_s_names_but_for_the_source_s_keys_and_values() -> None:
    model = tiny_model()
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        recorder = Recorder()
        model.step(TARGET_IN[:, 0], state, tap=recorder)
    of_decode = {path for path in _recorded(model) if not path.startswith("encoder.")}
    prepared = {f"decoder.layers.{layer}.cross_attention.{name}" for layer in range(2) for name in "kv"}
    assert set(recorder.tensors) == of_decode - prepared


# Looking changes nothing


def test_no_tap_hands_back_the_very_tensor_and_wants_nothing() -> None:
    assert no_tap("x", SOURCE) is SOURCE
    assert no_tap.at("layers.0") is no_tap
    assert not no_tap.wants("weights")


@pytest.mark.parametrize("norm_place", ["post", "pre"])
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_recording_everything_changes_no_output(norm_place: str, positions: str) -> None:
    model = tiny_model(norm_place=norm_place, positions=positions)
    torch.testing.assert_close(_logits(model, Recorder()), _logits(model), atol=CLOSE, rtol=1e-5)


def test_recording_what_the_fused_kernel_gives_changes_not_a_single_bit() -> None:
    model = tiny_model()
    keep = ("*.q", "*.k", "*.v", "*.heads", "*.residual", "*.norm", "*.hidden", "logits")
    assert torch.equal(_logits(model, Recorder(keep)), _logits(model))


def test_only_the_layer_whose_weights_are_wanted_leaves_the_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()
    calls = _fused_calls(monkeypatch)
    for keep, fused in (
        ((), 6),
        (("*.heads", "*.q"), 6),
        (("decoder.layers.1.cross_attention.weights",), 5),
        (("*.cross_attention.scores",), 4),
        (("*",), 0),
    ):
        calls.clear()
        _recorded(model, keep)
        assert len(calls) == fused, keep


def test_the_numbers_on_record_are_the_equations_of_the_layer() -> None:
    model = tiny_model()
    t = _recorded(model)
    a, layer = "decoder.layers.0.cross_attention", model.decoder.layers[0]
    states = _recorded(model, ("encoder.layers.1.feed_forward_residual.norm",)).popitem()[1]
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


# Recorder


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
    assert list(_recorded(tiny_model(), keep)) == expected


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

        return _logits(model, Edit({path: nudge}))[0, 2, 7].item()

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


# Edit


def _silence(head: int) -> Any:
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
    torch.testing.assert_close(_logits(model, edit), _logits(deaf), atol=CLOSE, rtol=1e-5)
    assert (_logits(model, edit) - _logits(model)).abs().max() > 1e-3


def test_silencing_a_head_changes_that_head_and_only_what_comes_after_it() -> None:
    model = tiny_model()
    before = _recorded(model)
    recorder = Recorder()
    path = "encoder.layers.1.self_attention.heads"
    _logits(model, Edit({path: _silence(2)}, recorder))
    after = recorder.tensors
    assert torch.equal(after[path][:, 2], torch.zeros_like(after[path][:, 2]))
    others = [head for head in range(4) if head != 2]
    assert torch.equal(after[path][:, others], before[path][:, others])
    earlier = list(before)[: list(before).index(path)]
    assert all(torch.equal(after[name], before[name]) for name in earlier)
    assert not torch.equal(after["logits"], before["logits"])


def test_an_edit_leaves_the_model_and_the_next_pass_as_they_were() -> None:
    model = tiny_model()
    before = _logits(model)
    _logits(model, Edit({"*.heads": torch.zeros_like}))
    assert torch.equal(_logits(model), before)


def test_an_edit_of_heads_stays_in_the_fused_kernel_and_one_of_weights_leaves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model()
    calls = _fused_calls(monkeypatch)
    _logits(model, Edit({"*.heads": torch.clone}))
    assert len(calls) == 6
    _logits(model, Edit({"encoder.layers.0.self_attention.weights": torch.clone}))
    assert len(calls) == 6 + 5


def test_an_edit_of_weights_decides_which_value_a_query_gets() -> None:
    model = tiny_model()

    def look_at_the_first(weights: Tensor) -> Tensor:
        chosen = torch.zeros_like(weights)
        chosen[..., 0] = 1.0
        return chosen

    path = "decoder.layers.0.cross_attention"
    recorder = Recorder()
    _logits(model, Edit({f"{path}.weights": look_at_the_first}, recorder))
    first = recorder.tensors[f"{path}.v"][:, :, :1]
    assert torch.equal(recorder.tensors[f"{path}.heads"], first.expand(-1, -1, TARGET_IN.shape[1], -1))


def test_a_pattern_edits_every_path_that_it_matches() -> None:
    model = tiny_model()
    recorder = Recorder(("*.output",))
    _logits(model, Edit({"*.cross_attention.output": torch.zeros_like}, recorder))
    silent = [path for path, tensor in recorder.tensors.items() if not tensor.any()]
    assert silent == [f"decoder.layers.{layer}.cross_attention.output" for layer in (0, 1)]


# The price of nobody looking


def test_the_exported_graph_holds_the_equations_and_no_trace_of_taps() -> None:
    model = tiny_model()
    _logits(model)  # the table of positions is there; its making would stand in the graph otherwise
    exported = torch.export.export(model, (SOURCE, TARGET_IN))
    torch.testing.assert_close(exported.module()(SOURCE, TARGET_IN), _logits(model), atol=CLOSE, rtol=1e-5)
    counts = Counter(str(node.target).split(".")[1] for node in exported.graph.nodes if node.op == "call_function")
    encoder_layers, decoder_layers = 2, 2
    attentions, feed_forwards = encoder_layers + 2 * decoder_layers, encoder_layers + decoder_layers
    computing = {
        "embedding": 2,
        "mul": 2,  # by sqrt(d_model)
        "linear": 4 * attentions + 2 * feed_forwards + 1,
        "scaled_dot_product_attention": attentions,
        "relu": feed_forwards,
        "add": 2 + attentions + feed_forwards,  # positions and residuals
        "layer_norm": attentions + feed_forwards,
        "ne": 2,  # which tokens are padding
        "ones": 1,  # the causal mask
        "tril": 1,
    }
    views = {"view", "transpose", "flatten", "unsqueeze", "slice", "to", "_assert_tensor_metadata"}
    assert {name: count for name, count in counts.items() if name not in views} == computing


def test_the_exported_graph_has_as_many_nodes_with_a_recorder_s_names_unwanted_as_without_a_tap() -> None:
    model = tiny_model()
    _logits(model)

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
            return self.model(source, target_in, tap=Recorder(()))  # type: ignore[no-any-return]

    nodes = [
        [
            str(node.target)
            for node in torch.export.export(module, (SOURCE, TARGET_IN)).graph.nodes
            if node.op == "call_function"
        ]
        for module in (model, Watched())
    ]
    assert nodes[0] == nodes[1]


def test_a_tap_is_asked_a_few_dozen_times_a_layer_and_no_more() -> None:
    counts: Counter[str] = Counter()
    model = tiny_model()
    _logits(model, _Calls(counts))
    assert counts.total() <= 20 * 6  # two encoder and two decoder layers, both embeddings, the output
    counts.clear()
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        model.step(torch.full((3,), IDS.bos), state, tap=_Calls(counts))
    assert counts.total() <= 25 * 2 + 4
