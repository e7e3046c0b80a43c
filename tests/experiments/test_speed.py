"""`speed`: operations as torch counts them, sizes that are equal, cells that do what they say, and each verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from polyglass.experiments.families import FAMILIES, Family
from polyglass.experiments.flops import Shape, attention_flops, forward_flops
from polyglass.experiments.outcome import Finding
from polyglass.experiments.speed import EFFORT, equal_models
from polyglass.experiments.speed_cells import (
    LOAD,
    Model,
    attention_cell,
    decode_cell,
    random_batch,
    steps_cell,
    thread_cell,
    train_cell,
)
from polyglass.experiments.speed_verdict import Gain, Place, is_slower, judge_sequential, judge_slow
from polyglass.experiments.timing import how_quiet, in_turns
from polyglass.model.build import build_model
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from polyglass.tap import Recorder

CPU = torch.device("cpu")
NAMES = [family.name for family in FAMILIES]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def small(family: Family) -> Model:
    return Model(family, 16, 1, 40)


KINDS: Mapping[str, dict[str, Any]] = {
    "transformer": {"model.family": "transformer", "model.d_ff": 48, "model.num_heads": 4, "model.decoder_layers": 3},
    "transformer, learned positions": {
        "model.family": "transformer", "model.d_ff": 20, "model.num_heads": 2, "model.positions": "learned"
    },
    "rnn": {"model.family": "rnn"},
    "rnn, two layers": {"model.family": "rnn", "model.encoder_layers": 2, "model.decoder_layers": 2},
    "gru": {"model.family": "gru", "model.bidirectional": False},
    "gru, context fed": {"model.family": "gru", "model.feed_context": True},
    "lstm": {"model.family": "lstm"},
    "lstm, general": {"model.family": "lstm", "model.attention": "general"},
    "lstm, dot": {"model.family": "lstm", "model.attention": "dot"},
    "lstm, additive": {"model.family": "lstm", "model.attention": "additive"},
    "lstm, input feeding": {"model.family": "lstm", "model.attention": "general", "model.input_feeding": True},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [Shape(1, 7, 5), Shape(3, 4, 9)], ids=str)
def test_the_formula_counts_what_torch_counts(kind: str, shape: Shape) -> None:
    sizes = {"model.d_model": 16, "model.encoder_layers": 1, "model.decoder_layers": 1}
    config = resolve(overrides={**sizes, **KINDS[kind]}).config.model
    model = build_model(config, (40, 40), SpecialIds()).eval()
    source = torch.randint(4, 40, (shape.batch, shape.source))
    target = torch.randint(4, 40, (shape.batch, shape.target))
    mkldnn = torch.backends.mkldnn
    before = bool(mkldnn.enabled)
    mkldnn.enabled = False  # type: ignore[assignment]
    try:
        # Somebody looks at the weights, so that attention is written out: the counter knows no fused kernel of a CPU.
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            model(source, target, tap=Recorder(("*.weights",)))
    finally:
        mkldnn.enabled = before  # type: ignore[assignment]
    assert forward_flops(config, shape, vocabulary=40) == counter.get_total_flops()


def test_attention_grows_with_the_square_and_everything_else_with_the_length() -> None:
    config = resolve(overrides={"model.d_model": 16, "model.num_heads": 2}).config.model
    once, twice = Shape(1, 50, 50), Shape(1, 100, 100)
    attention = [attention_flops(config, shape) for shape in (once, twice)]  # type: ignore[arg-type]
    rest = [
        forward_flops(config, shape, vocabulary=40) - part for shape, part in zip((once, twice), attention, strict=True)
    ]
    assert attention[1] == 4 * attention[0]
    assert rest[1] == 2 * rest[0]


@pytest.mark.parametrize("cost", ["parameters", "operations"])
def test_models_are_as_equal_as_their_widths_allow(cost: str) -> None:
    def measure(model: Model) -> float:
        return model.parameters() if cost == "parameters" else model.flops_per_token(64)

    models = equal_models(FAMILIES, EFFORT, measure)
    costs = [measure(model) for model in models]
    assert [model.family.name for model in models] == NAMES
    assert max(costs) / min(costs) < 1.05


def test_a_batch_has_just_the_length_that_it_should_have() -> None:
    batch = random_batch(3, 7, 40, CPU)
    ids = SpecialIds()
    assert batch.source.shape == batch.target_in.shape == batch.target_out.shape == (3, 7)
    assert batch.target_tokens == 21
    assert (batch.source[:, -1] == ids.eos).all()
    assert (batch.target_out[:, :-1] == batch.target_in[:, 1:]).all()
    assert not (batch.source == ids.pad).any()


def test_products_in_a_row_are_counted_by_hand_for_the_rnn() -> None:
    """Each step has one product W_h h; bidirectional encoder and decoder: 3 L. W_x of each: 3 more. And the output."""
    rnn = next(family for family in FAMILIES if family.name == "rnn")
    found = {length: steps_cell([small(rnn)], length=length)[0].y for length in (8, 16)}
    assert found[16] - found[8] == 3 * 8
    assert found[8] == 3 * 8 + 4


def test_products_of_a_transformer_do_not_grow() -> None:
    transformer = next(family for family in FAMILIES if family.heads)
    assert len({steps_cell([small(transformer)], length=length)[0].y for length in (8, 16, 24)}) == 1


def test_every_family_is_timed_in_each_pass() -> None:
    models = [small(family) for family in FAMILIES]
    for found in (
        train_cell(models, rows=2, length=6, device=CPU, passes=2),
        decode_cell(models, rows=2, length=6, device=CPU, passes=2),
    ):
        names = [measure.what for measure in found if measure.what != LOAD]
        assert sorted(names) == sorted(2 * NAMES)
        assert all(measure.y > 0 and measure.x == 6 for measure in found if measure.what != LOAD)


def test_threads_are_as_they_were_afterwards() -> None:
    before = torch.get_num_threads()
    found = thread_cell([small(family) for family in FAMILIES], rows=1, length=4, threads=2, passes=1)
    assert torch.get_num_threads() == before
    assert {(measure.what, measure.x) for measure in found} == {(name, count) for name in NAMES for count in (1, 2)}


def test_attention_is_timed_alone() -> None:
    assert [measure.x for measure in attention_cell(16, 4, length=8, device=CPU, passes=3)] == [8, 8, 8]


def test_runs_take_turns_and_warm_up_first() -> None:
    order: list[str] = []
    seconds = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, passes=2, device=CPU)
    assert order == ["a", "b"] * 3
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}


def test_a_busy_machine_is_called_busy() -> None:
    busy, quiet = how_quiet([1000.0], [0.5]), how_quiet([0.1], [0.02])
    assert busy.is_busy
    assert "The machine was busy while this was measured (load 1000.0 on" in busy.words()
    assert not quiet.is_busy
    assert quiet.words().startswith("Repetitions of the same cell differ by 2% of their median, typically; the load")


def place(rnn: float, lstm: float, transformer: float, *, device: str = "2 CPU threads", spread: float = 0.01) -> Place:
    def times(centre: float) -> Sequence[float]:
        return [centre * (1 - spread), centre, centre * (1 + spread)]

    return Place(device, 1024, {"rnn": times(rnn), "lstm": times(lstm), "transformer": times(transformer)})


def test_slower_is_called_what_is_slower_for_sure() -> None:
    assert is_slower([9.0, 10.0, 11.0], [12.0, 13.0, 14.0])
    assert not is_slower([9.0, 10.0, 12.5], [12.0, 13.0, 14.0])
    assert not is_slower([13.0], [12.0])


@pytest.mark.parametrize(
    ("places", "verdict"),
    [
        ([place(100, 50, 200)], "confirmed"),
        ([place(100, 50, 200), place(100, 50, 200, device="GPU")], "confirmed"),
        ([place(100, 150, 200)], "confirmed with a condition"),
        ([place(200, 250, 100), place(100, 50, 900, device="GPU")], "confirmed with a condition"),
        ([place(200, 250, 100)], "not confirmed here"),
        ([place(100, 50, 200, spread=0.9)], "not confirmed here"),  # noise shows nothing
        ([], "not decided yet"),
    ],
)
def test_the_first_claim_about_speed_gets_each_verdict(places: Sequence[Place], verdict: str) -> None:
    found = judge_slow(places)
    assert found.verdict == verdict
    assert all(one.device in found.words for one in places)


STEPS = {name: {16.0: 48.0, 64.0: 192.0} for name in NAMES if name != "transformer"} | {
    "transformer": {16.0: 39.0, 64.0: 39.0}
}
ONE = {name: [100.0, 101.0, 102.0] for name in NAMES}
GAINS_MORE = Gain("With 2 CPU threads for one", ONE, {**ONE, "transformer": [190.0, 191.0, 192.0]})
GAINS_THE_SAME = Gain("With 2 CPU threads for one", ONE, {name: [190.0, 191.0, 192.0] for name in NAMES})


def sequential(steps: Mapping[str, Mapping[float, float]], gains: Sequence[Gain]) -> Finding:
    return judge_sequential(steps, gains, FAMILIES)


def test_the_second_claim_is_confirmed_where_parallel_hardware_helps_only_the_transformer() -> None:
    found = sequential(STEPS, [GAINS_MORE])
    assert found.verdict == "confirmed"
    assert "With 2 CPU threads for one: RNN 1.00 times" in found.words
    assert "Transformer 1.89 times" in found.words


def test_steps_that_cost_no_time_here_are_a_condition() -> None:
    assert sequential(STEPS, [GAINS_THE_SAME]).verdict == "confirmed with a condition"
    assert sequential(STEPS, [GAINS_MORE, GAINS_THE_SAME]).verdict == "confirmed with a condition"


def test_without_parallel_hardware_it_is_a_condition_and_said() -> None:
    found = sequential(STEPS, [])
    assert found.verdict == "confirmed with a condition"
    assert "Parallel hardware was not measured" in found.words


def test_models_whose_steps_grow_alike_contradict_it() -> None:
    alike = dict.fromkeys(NAMES, STEPS["rnn"])
    assert sequential(alike, [GAINS_MORE]).verdict == "not confirmed here"


def test_it_is_open_before_the_steps_are_counted() -> None:
    assert sequential({}, [GAINS_MORE]).verdict == "not decided yet"
