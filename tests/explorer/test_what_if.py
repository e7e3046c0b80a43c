"""Edits against no edits, the lifted mask, padding, and what a last state holds."""

import json
import math

import pytest
import torch

from explorer_world import TEXT, check, recurrent_subject, request, run_of, subject, talker
from polyglass.explorer.answers import run_reply
from polyglass.explorer.ask import BatchRequest, RunOnly
from polyglass.explorer.capture import word_spans
from polyglass.explorer.causes import held_reply
from polyglass.explorer.held import held
from polyglass.explorer.look import Explorer, with_lift
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject
from polyglass.explorer.what_if import batch_reply, leak_reply
from polyglass.model.recurrent import Recurrent

ALL_HEADS = [
    {"kind": "heads_off", "path": f"encoder.layers.{layer}.self_attention", "heads": [0, 1, 2, 3]} for layer in (0, 1)
]


def test_the_unedited_output_is_scored_by_the_edited_model_and_the_other_way_round() -> None:
    explorer = Explorer([subject()])
    reply = run_reply(explorer, request(edits=ALL_HEADS), check)
    baseline, plain = reply["baseline"], run_of(subject())
    edited = run_of(subject(), edits=ALL_HEADS)
    text = subject().bundle.subwords.decode_target
    assert baseline["run"] == plain.id
    assert baseline["target"]["ids"] == list(plain.hypothesis.ids)
    cross = run_of(subject(), edits=ALL_HEADS, target=text(plain.hypothesis.ids[:-1]))
    if cross.hypothesis.ids[:-1] == plain.hypothesis.ids[:-1]:
        assert baseline["under_edit"]["log_probs"][:-1] == pytest.approx(
            list(cross.hypothesis.token_log_probs[:-1]), abs=1e-5
        )
    difference = baseline["difference"]
    assert difference["log_prob"] == pytest.approx(baseline["under_edit"]["log_prob"] - plain.hypothesis.log_prob)
    assert sum(difference["per_token"]) == pytest.approx(difference["log_prob"])
    assert difference["factor"] == pytest.approx(math.exp(difference["log_prob"]))
    assert difference["same_output"] == (edited.hypothesis.ids == plain.hypothesis.ids)
    largest = difference["largest"]["position"]
    assert abs(difference["per_token"][largest]) == max(map(abs, difference["per_token"]))
    assert difference["changed_positions"] == [
        place
        for place, token in enumerate(edited.hypothesis.ids)
        if plain.hypothesis.ids[place : place + 1] != (token,)
    ]
    json.dumps(reply, allow_nan=False)


def test_an_edit_that_does_nothing_changes_nothing() -> None:
    reply = run_reply(Explorer([talker()]), request(edits=[{"kind": "temperature", "value": 1.0}]), check)
    difference = reply["baseline"]["difference"]
    assert difference["log_prob"] == pytest.approx(0, abs=1e-6)
    assert difference["same_output"]


def test_a_run_without_edits_has_nothing_beside_it() -> None:
    assert run_reply(Explorer([subject()]), request(), check)["baseline"] is None


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_a_leak_is_the_same_output_read_with_and_without_the_mask(positions: str) -> None:
    explorer = Explorer([subject(positions=positions)])
    run = explorer.run(request())
    reply = leak_reply(explorer, RunOnly(run=run.id), check)
    lifted = explorer.known_run(reply["run"])
    assert reply["masked"] == run.id
    assert lifted.hypothesis.ids == run.hypothesis.ids
    assert reply["log_probs"]["masked"] == list(run.hypothesis.token_log_probs)
    assert reply["log_probs"]["lifted"] != reply["log_probs"]["masked"]
    for entry in reply["future_share"]:
        table = lifted.recorded[f"{entry['path']}.weights"][0].numpy()
        length = table.shape[1]
        for head, share in enumerate(entry["heads"]):
            future = sum(float(table[head, i, j]) for i in range(length) for j in range(i + 1, length)) / length
            assert share == pytest.approx(future, abs=1e-6)
            assert share > 0
    # Asking from the lifted run leads to the same two.
    again = leak_reply(explorer, RunOnly(run=reply["run"]), check)
    assert (again["run"], again["masked"]) == (reply["run"], reply["masked"])
    # The last place has no words to come: lifting the mask changes what stands above it only through the others.
    assert with_lift(with_lift(run.request)) == with_lift(run.request)


@pytest.mark.parametrize("looked_at", [subject(), subject(norm="batch"), recurrent_subject(attention="additive")])
def test_padding_changes_no_logit(looked_at: Subject) -> None:
    explorer = Explorer([looked_at])
    reply = batch_reply(explorer, BatchRequest(model="a", texts=(TEXT, "dog", "A bird sees.")), check)
    assert max(reply["difference"]) < 1e-4
    assert reply["length"] == max(len(one["source"]["ids"]) for one in reply["sentences"])
    for visible, one in zip(reply["visible"], reply["sentences"], strict=True):
        assert sum(visible) == len(one["source"]["ids"])
        assert len(visible) == reply["length"]
        assert one["padding"] == [
            reply["length"] - len(one["source"]["ids"]),
            reply["target_length"] - len(one["target"]["ids"]),
        ]
    json.dumps(reply, allow_nan=False)


def test_a_batch_has_a_limit_of_its_own() -> None:
    texts = ("dog " * 200,) * 6
    with pytest.raises(RefusedError, match="together may have at most 1,024 subwords, but here are") as refused:
        batch_reply(Explorer([subject(max_positions=600)]), BatchRequest(model="a", texts=texts), check)
    assert refused.value.status == 413


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("family", ["rnn", "gru", "lstm"])
def test_what_the_last_state_holds_is_the_jacobian_of_the_encoder(family: str, bidirectional: bool) -> None:
    looked_at = recurrent_subject(family=family, bidirectional=bidirectional)
    run = run_of(looked_at)
    found = held(run, word_spans(looked_at, run.source), check)
    model = looked_at.bundle.model
    assert isinstance(model, Recurrent)
    embedded = model.source_embedding(torch.tensor([run.source])).detach()
    real = torch.ones(1, len(run.source), dtype=torch.bool)
    jacobian = torch.autograd.functional.jacobian(lambda x: model.encoder(x, real)[1][-1][0, 0], embedded)
    norms = jacobian[:, 0].square().sum(dim=-1)  # [D, S]
    half = norms.shape[0] // 2
    parts = {"forward": norms[:half], "backward": norms[half:]} if bidirectional else {"forward": norms}
    assert found.exact
    assert [direction.name for direction in found.directions] == list(parts)
    for direction in found.directions:
        expected = parts[direction.name].sum(dim=0).sqrt()
        assert direction.gradient == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-6)


def test_likeness_is_one_where_the_last_state_stands() -> None:
    looked_at = recurrent_subject()
    run = run_of(looked_at)
    forward, backward = held(run, word_spans(looked_at, run.source), check).directions
    assert forward.likeness[-1] == pytest.approx(1, abs=1e-6)
    assert backward.likeness[0] == pytest.approx(1, abs=1e-6)
    assert all(-1.001 <= one <= 1.001 for one in forward.likeness + backward.likeness)


def test_a_word_left_out_moves_the_last_state_as_a_second_reading_does() -> None:
    looked_at = recurrent_subject(family="gru")
    run = run_of(looked_at)
    spans = word_spans(looked_at, run.source)
    reply = json.loads(json.dumps(held_reply(run, RunOnly(run=run.id), check), allow_nan=False))
    model = looked_at.bundle.model
    with torch.inference_mode():
        whole = model.encode(torch.tensor([run.source])).final[-1][0, 0]
        for place, (start, end) in enumerate(spans[:-1]):
            rest = model.encode(torch.tensor([[*run.source[:start], *run.source[end:]]])).final[-1][0, 0]
            expected = float((rest - whole).norm() / whole.norm())
            assert reply["by_word"]["leave_one_out"][place] == pytest.approx(expected, abs=1e-5)
            assert reply["leave_one_out"][start] == reply["by_word"]["leave_one_out"][place]
    assert reply["by_word"]["leave_one_out"][-1] is None
    assert len(reply["pieces"]) == len(run.source)


def test_a_long_source_is_estimated_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = recurrent_subject(d_model=256, encoder_layers=1)
    run = run_of(looked_at)
    spans = word_spans(looked_at, run.source)
    exact = held(run, spans, check)
    monkeypatch.setattr("polyglass.explorer.held.EXACT_CELLS", 10)
    estimated = held(run, spans, check)
    assert (exact.exact, estimated.exact) == (True, False)
    for one, other in zip(exact.directions, estimated.directions, strict=True):
        assert other.gradient == pytest.approx(one.gradient, rel=0.35)


def test_a_transformer_has_no_last_state_and_a_recurrent_model_no_mask() -> None:
    run = run_of(subject())
    with pytest.raises(RefusedError, match="Only a recurrent model has a last state"):
        held_reply(run, RunOnly(run=run.id), check)
    explorer = Explorer([recurrent_subject()])
    recurrent = explorer.run(request())
    with pytest.raises(RefusedError, match="no causal mask"):
        leak_reply(explorer, RunOnly(run=recurrent.id), check)
