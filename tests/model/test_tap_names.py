"""What the model offers to a tap, by which name and how often; and that nothing of it is left in an exported graph."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from polyglass.tap import Recorder
from tap_names import COMMAND, LETTERS, named_shapes, sections
from tiny_transformer import IDS, tiny_model
from watching import SOURCE, TARGET_IN, CountingTap, logits_of, recorded

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "tap_names.txt"
CLOSE = 1e-6  # an exported graph may add up in another order


def test_names_and_shapes_are_those_of_the_golden_file() -> None:
    golden: dict[str, dict[str, str]] = {}
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            golden[line.strip("[]")] = names = {}
        elif line and not line.startswith("#"):
            path, shape = line.split("  ")
            names[path] = shape
    now = sections()
    assert now == golden, f"if names were meant to change: {COMMAND}"
    assert [list(names) for names in now.values()] == [list(names) for names in golden.values()], (
        f"if the order was meant to change: {COMMAND}"
    )


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
    paths = recorded(tiny_model())
    first, second = (
        [path.replace(f"layers.{layer}.", "") for path in paths if f"layers.{layer}." in path] for layer in (0, 1)
    )
    assert sorted(first) == sorted(second)


@pytest.mark.parametrize("norm_place", ["post", "pre"])
def test_every_name_is_offered_just_once_in_a_pass(norm_place: str) -> None:
    counts: Counter[str] = Counter()
    logits_of(tiny_model(norm_place=norm_place), CountingTap(counts))
    assert set(counts.values()) == {1}


def test_every_path_begins_with_the_path_of_the_module_that_computes_it() -> None:
    model = tiny_model()
    modules = dict(model.named_modules())
    for path in recorded(model):
        assert path.rpartition(".")[0] in modules


def test_a_step_offers_the_decoder_s_names_but_for_the_source_s_keys_and_values() -> None:
    model = tiny_model()
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        recorder = Recorder()
        model.step(TARGET_IN[:, 0], state, tap=recorder)
    of_decode = {path for path in recorded(model) if not path.startswith("encoder.")}
    prepared = {f"decoder.layers.{layer}.cross_attention.{name}" for layer in range(2) for name in "kv"}
    assert set(recorder.tensors) == of_decode - prepared


def test_the_exported_graph_holds_the_equations_and_no_trace_of_taps() -> None:
    model = tiny_model()
    logits_of(model)  # the table of positions is there; its making would stand in the graph otherwise
    exported = torch.export.export(model, (SOURCE, TARGET_IN))
    torch.testing.assert_close(exported.module()(SOURCE, TARGET_IN), logits_of(model), atol=CLOSE, rtol=1e-5)
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
    logits_of(model)

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
    logits_of(model, CountingTap(counts))
    assert counts.total() <= 20 * 6  # two encoder and two decoder layers, both embeddings, the output
    counts.clear()
    with torch.no_grad():
        state = model.start(model.encode(SOURCE))
        model.step(torch.full((3,), IDS.bos), state, tap=CountingTap(counts))
    assert counts.total() <= 25 * 2 + 4
