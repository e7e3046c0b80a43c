"""What-if changes: they hold in a search as in a replay, they change what they say, and never a weight."""

import math
from typing import Any

import pytest
import torch

from explorer_world import TEXT, check, recurrent_subject, request, run_of, subject
from polyglass.data.batch import pad
from polyglass.decoding.search import search
from polyglass.explorer.capture import capture
from polyglass.explorer.edits import plan, shuffled, unrotate
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject
from polyglass.model.rotary import rotate
from polyglass.model.tapped import Tapped
from polyglass.replay import read_again
from polyglass.tap import Recorder, no_tap

STEPS_AGREE = 2e-5  # float32: step by step and all at once add up in another order
SELF, CROSS = "encoder.layers.0.self_attention", "decoder.layers.1.cross_attention"


def heads_off(path: str, *heads: int) -> dict[str, Any]:
    return {"kind": "heads_off", "path": path, "heads": list(heads)}


def tapped(looked_at: Subject, edits: list[dict[str, Any]]) -> Tapped:
    return Tapped(looked_at.bundle.model, plan(request(edits=edits).edits, looked_at).changes, check=check)


EDITS: dict[str, list[dict[str, Any]]] = {
    "encoder heads": [heads_off(SELF, 0, 2)],
    "decoder heads": [heads_off("decoder.layers.0.self_attention", 1)],
    "cross heads": [heads_off(CROSS, 0, 1, 2, 3)],
    "positions": [{"kind": "positions_off"}],
    "decoder positions": [{"kind": "positions_off", "side": "decoder"}],
    "temperature": [{"kind": "temperature", "value": 3.0}],
    "all": [heads_off(CROSS, 3), {"kind": "positions_off"}, {"kind": "temperature", "value": 0.5}],
}


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary"])
@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS)
def test_a_search_under_edits_sees_the_probabilities_of_the_replay(
    edits: list[dict[str, Any]], positions: str, beam_size: int
) -> None:
    looked_at = subject(positions=positions)
    model = tapped(looked_at, edits)
    source = looked_at.bundle.subwords.encode_source([TEXT])[0] + [model.ids.eos]
    options = looked_at.bundle.config.decode.model_copy(update={"beam_size": beam_size})
    found = search(model, pad([source], model.ids.pad), options)[0][0]
    with torch.inference_mode():
        logits = read_again(model, [source], [found.ids], tap=no_tap)[0].log_softmax(dim=-1)
    replayed = logits.gather(1, torch.tensor(found.ids)[:, None])[:, 0]
    assert replayed.tolist() == pytest.approx(found.token_log_probs, abs=STEPS_AGREE)


@pytest.mark.parametrize("edits", [value for name, value in EDITS.items() if name != "temperature"])
def test_an_edit_changes_the_probabilities(edits: list[dict[str, Any]]) -> None:
    plain = run_of(subject(), target="Ein Hund läuft.")
    edited = run_of(subject(), target="Ein Hund läuft.", edits=edits)
    assert max(abs(a - b) for a, b in zip(plain.hypothesis.token_log_probs, edited.hypothesis.token_log_probs)) > 1e-3  # noqa: B905


def test_edits_leave_every_weight_as_it_was() -> None:
    looked_at = subject()
    before = {name: weight.clone() for name, weight in looked_at.weights.items()}
    for edits in EDITS.values():
        run_of(looked_at, edits=edits)
    assert all(torch.equal(before[name], weight) for name, weight in looked_at.bundle.model.state_dict().items())


def test_a_silent_head_adds_nothing_and_the_others_stay() -> None:
    plain, edited = run_of(subject()), run_of(subject(), target="Hund", edits=[heads_off(SELF, 1)])
    heads = edited.tensors([f"{SELF}.heads"], check)[f"{SELF}.heads"][0]
    before = plain.tensors([f"{SELF}.heads"], check)[f"{SELF}.heads"][0]
    assert (heads[1] == 0).all()
    assert torch.equal(heads[[0, 2, 3]], before[[0, 2, 3]])


def test_without_positions_the_encoder_no_longer_knows_the_order_of_words() -> None:
    for positions in ("sinusoidal", "learned", "rotary"):
        looked_at = subject(positions=positions)
        off = [{"kind": "positions_off", "side": "encoder"}]
        straight = run_of(looked_at, target="Hund", edits=off)
        turned = run_of(looked_at, target="Hund", edits=[*off, {"kind": "shuffle_source", "seed": 5}])
        assert turned.order is not None
        assert list(turned.order) != sorted(turned.order)
        path = "encoder.norm" if "encoder.norm" in straight.shapes else looked_at.layers[1].output
        before, after = (run.tensors([path], check)[path][0] for run in (straight, turned))
        assert torch.allclose(before[list(turned.order)], after, atol=1e-5)
        assert straight.hypothesis.log_prob == pytest.approx(turned.hypothesis.log_prob, abs=1e-4)


def test_unrotating_undoes_a_rotation() -> None:
    x = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(rotate(unrotate(x, 7), 7), x, atol=1e-5)
    assert torch.allclose(unrotate(rotate(x, 7), 7), x, atol=1e-5)


def test_a_temperature_divides_the_logits_and_is_told_apart_from_the_models_own() -> None:
    plain = run_of(subject(), target="Ein Hund.")
    hot = run_of(subject(), target="Ein Hund.", edits=[{"kind": "temperature", "value": 2.0}])
    own = plain.tensors(["logits"], check)["logits"][0].double()
    chosen = torch.tensor(plain.hypothesis.ids)[:, None]
    expected = (own / 2).log_softmax(dim=-1).gather(1, chosen)[:, 0]
    assert hot.hypothesis.token_log_probs == pytest.approx(expected.tolist(), abs=1e-5)
    assert torch.allclose(hot.steps[0].logits, plain.steps[0].logits, atol=1e-5)
    assert torch.allclose(hot.steps[0].entropy, plain.steps[0].entropy, atol=1e-5)


def test_shuffled_words_keep_their_pieces_together_and_eos_its_place() -> None:
    spans = [(0, 1), (1, 4), (4, 5), (5, 7), (7, 8)]
    for seed in range(20):
        order = shuffled(spans, seed=seed)
        assert order[-1] == 7
        assert sorted(order) == list(range(8))
        assert order != list(range(8))
        assert order.index(2) == order.index(1) + 1
        assert order.index(3) == order.index(2) + 1
        assert order.index(6) == order.index(5) + 1
    assert shuffled(spans, seed=3) == shuffled(spans, seed=3)
    assert shuffled([(0, 2), (2, 3)], seed=1) == [0, 1, 2]


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_a_lifted_mask_gives_the_softmax_of_all_scores(positions: str) -> None:
    looked_at = subject(positions=positions)
    plain = run_of(looked_at)
    lifted = capture(looked_at, request(edits=[{"kind": "lift_causal_mask"}]), check, known=plain)
    assert lifted.hypothesis.ids == plain.hypothesis.ids
    path = "decoder.layers.0.self_attention"
    seen = lifted.tensors([f"{path}.{name}" for name in ("q", "k", "scores", "weights")], check)
    q, k, scores, weights = (tensor[0] for tensor in seen.values())
    if positions == "rotary":
        q, k = rotate(q[None], 0)[0], rotate(k[None], 0)[0]
    expected = torch.einsum("htk,hsk->hts", q, k) / math.sqrt(q.shape[-1])
    assert torch.allclose(scores, expected, atol=1e-5)
    assert torch.allclose(weights, expected.softmax(dim=-1), atol=1e-6)
    assert weights.triu(1).sum() > 0.1
    # In the first layer nothing has leaked yet: queries and keys are those of the masked pass.
    assert torch.equal(
        q if positions != "rotary" else seen[f"{path}.q"][0], plain.tensors([f"{path}.q"], check)[f"{path}.q"][0]
    )


def test_a_lifted_mask_sees_queries_as_the_other_edits_leave_them() -> None:
    looked_at = subject(positions="rotary")
    both = [{"kind": "lift_causal_mask"}, {"kind": "positions_off"}]
    one = plan(request(edits=both).edits, looked_at)
    other = plan(request(edits=both[::-1]).edits, looked_at)
    rows = ([[5, 6, 7, 2]], [[8, 9, 2]])
    logits = [
        read_again(Tapped(looked_at.bundle.model, each.changes, check=check), *rows, tap=no_tap)
        for each in (one, other)
    ]
    assert torch.equal(*logits)


@pytest.mark.parametrize(
    ("edits", "complaint"),
    [
        ([heads_off("encoder.layers.9.self_attention", 0)], "this model has no such attention"),
        ([heads_off(SELF, 4)], "the heads of this attention are 0 to 3"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(edits: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(RefusedError, match=complaint):
        run_of(subject(), edits=edits)


def test_a_model_without_positions_or_mask_says_so() -> None:
    with pytest.raises(RefusedError, match="no positions that could be taken away"):
        run_of(subject(positions="none"), edits=[{"kind": "positions_off"}])
    with pytest.raises(RefusedError, match="no positions that could be taken away"):
        run_of(recurrent_subject(), edits=[{"kind": "positions_off"}])
    with pytest.raises(RefusedError, match="reads word by word"):
        run_of(recurrent_subject(), edits=[{"kind": "lift_causal_mask"}])


@pytest.mark.parametrize("attention", ["additive", "general"])
@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_recurrent_model_without_its_attention_searches_as_it_is_replayed(attention: str, beam_size: int) -> None:
    looked_at = recurrent_subject(attention=attention)
    edits = [heads_off("decoder.attention", 0)]
    model = tapped(looked_at, edits)
    source = looked_at.bundle.subwords.encode_source([TEXT])[0] + [model.ids.eos]
    options = looked_at.bundle.config.decode.model_copy(update={"beam_size": beam_size})
    found = search(model, pad([source], model.ids.pad), options)[0][0]
    recorder = Recorder(("decoder.attention.context",))
    with torch.inference_mode():
        logits = read_again(model, [source], [found.ids], tap=recorder)[0].log_softmax(dim=-1)
        plain = read_again(looked_at.bundle.model, [source], [found.ids], tap=no_tap)[0].log_softmax(dim=-1)
    assert (recorder.tensors["decoder.attention.context"] == 0).all()
    chosen = torch.tensor(found.ids)[:, None]
    assert logits.gather(1, chosen)[:, 0].tolist() == pytest.approx(found.token_log_probs, abs=STEPS_AGREE)
    assert (logits - plain).abs().max() > 1e-3


def test_a_search_stops_when_nobody_waits() -> None:
    calls = 0

    def impatient() -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise InterruptedError

    looked_at = subject()
    model = Tapped(looked_at.bundle.model, lambda position: {}, check=impatient)
    source = looked_at.bundle.subwords.encode_source([TEXT])[0] + [model.ids.eos]
    with pytest.raises(InterruptedError):
        search(model, pad([source], model.ids.pad), looked_at.bundle.config.decode)
    assert calls == 4
