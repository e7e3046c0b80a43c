"""`heads`: a silent head contributes exactly nothing, every number of heads costs the same, and the rules hold."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from polyglass.bundle import save_bundle
from polyglass.config import TransformerConfig
from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.search import search
from polyglass.errors import InputError
from polyglass.experiments.experiment import HEADS, Request
from polyglass.experiments.flops import Shape, forward_flops
from polyglass.experiments.heads import EFFORT, open_experiment
from polyglass.experiments.heads_off import CROSS, DECODER, ENCODER, Head, attentions, heads_of, without
from polyglass.experiments.heads_trials import SHAPE, head_config
from polyglass.experiments.heads_verdict import Counted, best_of, heaviest, judge
from polyglass.experiments.outcome import Finding
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.settings import resolve
from polyglass.special_ids import SpecialIds
from polyglass.tap import Recorder
from tiny_bundle import tiny_bundle

VOCABULARY = 50
FLOAT32 = 1e-5  # two ways to add up the same numbers
SOURCE, TARGET = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 2, 0, 0]]), torch.tensor([[1, 11, 12], [1, 13, 14]])


def config_of(heads: int) -> TransformerConfig:
    config = head_config(heads, EFFORT, seed=1, steps=1).model
    assert isinstance(config, TransformerConfig)
    return config


def fresh(heads: int) -> Seq2Seq:
    torch.manual_seed(1)
    return build_model(config_of(heads), (VOCABULARY, VOCABULARY), SpecialIds()).eval()


def test_every_attention_is_named_once_with_its_place() -> None:
    found = attentions(config_of(4))
    assert [(one.kind, one.layer) for one in found] == [
        (kind, layer) for kind in (ENCODER, DECODER, CROSS) for layer in (1, 2)
    ]
    recorder = Recorder(("*.heads",))
    fresh(4)(SOURCE, TARGET, tap=recorder)
    assert {f"{one.path}.heads" for one in found} == recorder.tensors.keys()
    assert len(heads_of(found)) == 6 * 4


@pytest.mark.parametrize("place", range(6))
def test_a_switched_off_head_contributes_exactly_nothing_and_the_others_what_they_did(place: int) -> None:
    model, attention = fresh(4), attentions(config_of(4))[place]
    whole, silent = Recorder((f"{attention.path}.*",)), Recorder((f"{attention.path}.*",))
    model(SOURCE, TARGET, tap=whole)
    without(model, [Head(attention, 2)])(SOURCE, TARGET, tap=silent)
    before, after = (tap.tensors[f"{attention.path}.heads"] for tap in (whole, silent))
    assert (after[:, 1] == 0).all()
    assert torch.equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])
    # W^O adds up what the heads bring: what is missing of the output is the head times its own part of W^O.
    outputs = whole.tensors[f"{attention.path}.output"] - silent.tensors[f"{attention.path}.output"]
    w_o = model.get_submodule(attention.path).w_o.weight
    assert isinstance(w_o, torch.Tensor)
    assert torch.allclose(outputs, before[:, 1] @ w_o[:, 16:32].T, atol=FLOAT32)


def test_a_search_without_heads_is_that_of_a_model_whose_output_matrix_has_zeros_there() -> None:
    model, by_hand = fresh(4), fresh(4)
    off = [Head(one, number) for one in attentions(config_of(4)) for number in (1, 4)]
    for head in off:
        w_o = by_hand.get_submodule(head.attention.path).w_o.weight
        assert isinstance(w_o, torch.Tensor)
        with torch.no_grad():
            w_o[:, 16 * (head.number - 1) : 16 * head.number] = 0
    options = resolve(overrides={"decode.beam_size": 2, "decode.max_length_extra": 5}).config.decode
    source = pad([[5, 6, 7, 8, 2], [9, 10, 2]], 0)
    found, expected = (search(one, source, options) for one in (without(model, off), by_hand))
    assert [[one.ids for one in row] for row in found] == [[one.ids for one in row] for row in expected]
    assert [[one.ids for one in row] for row in found] != [
        [one.ids for one in row] for row in search(model, source, options)
    ]


def written(found: Sequence[Sequence[Hypothesis]]) -> list[list[tuple[int, ...]]]:
    return [[tuple(one.ids) for one in row] for row in found]


def test_switching_no_head_off_is_the_model_itself() -> None:
    model = fresh(2)
    assert without(model, []) is model


def test_every_number_of_heads_has_as_many_parameters_and_as_many_products() -> None:
    parameters, products = set(), set()
    for heads in EFFORT.heads:
        model = fresh(heads)
        parameters.add(sum(parameter.numel() for parameter in model.parameters()))
        source, target = (torch.full((SHAPE.batch, length), 5) for length in (SHAPE.source, SHAPE.target))
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            model(source, target, tap=Recorder(("*.weights",)))  # written out, so that every product is counted
        products.add(counter.get_total_flops())
        assert counter.get_total_flops() == forward_flops(config_of(heads), SHAPE, vocabulary=VOCABULARY)
    assert len(parameters) == len(products) == 1


def test_the_heads_tried_are_one_to_sixteen() -> None:
    assert EFFORT.heads == (1, 2, 4, 8, 16)
    assert Shape(1, 16, 16) == SHAPE


def counted(losses: dict[int, Sequence[float]], *, parameters: int = 100) -> list[Counted]:
    return [Counted(heads, found, parameters, 1000) for heads, found in losses.items()]


ALIKE, UNEQUAL = [0.1] * 20, [0.001] * 18 + [0.5, 0.3]


def judged(losses: dict[int, Sequence[float]], rises: Sequence[float] = ()) -> tuple[Finding, Finding]:
    first, second = judge(counted(losses), rises)
    return first, second


def test_several_heads_that_are_better_at_the_same_cost_confirm_the_first_claim() -> None:
    first, _ = judged({1: [1.0, 1.1], 4: [0.8, 0.9], 16: [0.9, 1.0]})
    assert first.verdict == "confirmed"
    assert "100 parameters and 1,000 multiplications" in first.words
    assert "the same for all" in first.words
    assert "with one head 1.050, with 4 heads 0.850 nats per token, the mean of 2 seeds" in first.words
    assert "More is not always better: with 16 heads it is 0.950." in first.words


@pytest.mark.parametrize(
    "several", [[1.0, 1.1], [0.8, 1.2], [0.98, 1.08]], ids=["equal", "one seed only", "too little"]
)
def test_heads_that_do_not_help_are_a_condition(several: Sequence[float]) -> None:
    first, _ = judged({1: [1.0, 1.1], 4: several})
    assert first.verdict == "confirmed with a condition"
    assert "that it helps did not show here" in first.words


def test_another_cost_contradicts_the_first_claim() -> None:
    unequal = [*counted({1: [1.0]}), *counted({4: [0.5]}, parameters=101)]
    assert judge(unequal, ())[0].verdict == "not confirmed here"


@pytest.mark.parametrize(
    ("rises", "verdict"),
    [
        (UNEQUAL, "confirmed"),
        ([0.1] * 18 + [0.3, 0.3], "confirmed with a condition"),
        (ALIKE, "not confirmed here"),
        ([-0.01] * 20, "not confirmed here"),
        ([-0.01] * 19 + [0.2], "confirmed"),
        ((), "not decided yet"),
    ],
)
def test_heads_that_weigh_unequally_confirm_the_second_claim(rises: Sequence[float], verdict: str) -> None:
    assert judged({}, rises)[1].verdict == verdict


def test_the_heaviest_tenth_is_at_least_one_head() -> None:
    assert heaviest([0.1, 0.5, 0.2]) == 0.5
    assert heaviest(UNEQUAL) == pytest.approx(0.4)
    assert best_of(counted({1: [1.0], 2: [0.5]})).heads == 2


def test_nothing_is_decided_before_the_trials_are_finished_and_rules_are_given() -> None:
    for findings in (judge([], ()), judged({1: [1.0]}), judged({4: [1.0]})):
        assert findings[0].verdict == "not decided yet"
        assert [finding.claim for finding in findings] == list(HEADS.claims)
        assert all("confirmed" in finding.rule for finding in findings)


def texts(folder: Path, count: int) -> tuple[Path, Path]:
    for language in ("en", "de"):
        text = "".join(f"a b c d e {number}\n" for number in range(count))
        (folder / f"t.{language}").write_text(text, encoding="utf-8", newline="\n")
    return folder / "t.en", folder / "t.de"


def test_a_model_of_the_users_has_a_trial_for_each_attention_and_none_is_trained(tmp_path: Path) -> None:
    bundle = tiny_bundle(max_positions=200)
    save_bundle(tmp_path / "model", bundle)
    experiment = open_experiment(Request(out=tmp_path, quick=True, model=tmp_path / "model", test=texts(tmp_path, 8)))
    trials = experiment.trials(1)
    assert isinstance(bundle.config.model, TransformerConfig)
    names = [attention.name for attention in attentions(bundle.config.model)]
    assert [(trial.part, trial.case) for trial in trials] == [
        *(("model", name) for name in names),
        ("model", "together"),
    ]
    measures, note = trials[0].measure()
    assert (
        len([one for one in measures if one.what.startswith("loss without: encoder")]) == bundle.config.model.num_heads
    )
    assert "most lost without head" in note
    assert experiment.trials(2) == []


def test_what_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    tests = texts(tmp_path, 8)
    with pytest.raises(InputError, match=r"--model needs sentences .* Add --test SOURCE TARGET"):
        open_experiment(Request(out=tmp_path, model=tmp_path))
    with pytest.raises(InputError, match=r"--test is text to score models on, but none was named"):
        open_experiment(Request(out=tmp_path, test=tests))
    save_bundle(tmp_path / "lstm", tiny_bundle(family="lstm"))
    with pytest.raises(InputError, match=r"--model must name a Transformer, .* model\.family=lstm\. Name another"):
        open_experiment(Request(out=tmp_path, model=tmp_path / "lstm", test=tests))
