"""Why this word: gradients against torch's own, words left out against real re-runs, ranks against hand-made ones."""

import json
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import linear

from explorer_world import check, recurrent_subject, request, run_of, subject
from polyglass.explorer.ask import WhyRequest
from polyglass.explorer.capture import word_spans
from polyglass.explorer.causes import agreement, why_reply
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject
from polyglass.explorer.why import input_x_gradient, leave_one_out, most_important, rank_correlation, reasons
from polyglass.model.masks import padding_visible, real_tokens
from polyglass.model.seq2seq import Memory
from polyglass.model.transformer import Transformer
from polyglass.replay import read_again
from polyglass.tap import Edit
from polyglass.translator import Translator

TEXT, TARGET = "The girl reads a book.", "Das Mädchen liest."
MODELS = [
    subject(),
    subject(positions="rotary", norm="batch"),
    recurrent_subject(attention="additive"),
    recurrent_subject(family="gru"),
]


@pytest.mark.parametrize("looked_at", MODELS, ids=["transformer", "rotary, batch norm", "lstm with attention", "gru"])
def test_input_x_gradient_is_the_slope_of_scaling_each_embedding(looked_at: Subject) -> None:
    """Sum of e * df/de is the derivative of f by a factor on e, here by finite differences of real passes."""
    made = looked_at.bundle
    wide = Subject("a", "wide", replace(made, model=deepcopy(made.model).double()))  # float32 has too few digits
    run = run_of(wide, TEXT, target=TARGET)
    position = 2
    found, log_prob = input_x_gradient(run, position, check)
    assert log_prob == pytest.approx(run.hypothesis.token_log_probs[position], abs=1e-5)
    target = run.hypothesis.ids[: position + 1]

    def scaled(place: int, factor: float) -> float:
        def change(x: torch.Tensor) -> torch.Tensor:
            x = x.clone()
            x[:, place] *= factor
            return x

        with torch.inference_mode():
            logits = read_again(wide.bundle.model, run.sources, [target], tap=Edit({"encoder.embedding": change}))
        return float(logits[0, position].log_softmax(dim=-1)[target[position]])

    step = 1e-4
    for place in range(len(run.source)):
        slope = (scaled(place, 1 + step) - scaled(place, 1 - step)) / (2 * step)
        assert found[place] == pytest.approx(slope, abs=1e-4, rel=1e-3)


def test_input_x_gradient_equals_a_gradient_that_goes_through_the_embedding_table() -> None:
    looked_at = subject(positions="none")
    run = run_of(looked_at, TEXT, target=TARGET)
    model = looked_at.bundle.model
    assert isinstance(model, Transformer)
    table = model.source_embedding.weight.detach().clone().requires_grad_()
    source = torch.tensor([run.source])
    embedded = linear(torch.nn.functional.one_hot(source, len(table)).float(), table.T) * model.source_embedding.scale
    real = real_tokens(source, model.ids.pad)
    memory = Memory(model.encoder(embedded, real), padding_visible(real))
    target_in = torch.tensor([[model.ids.bos, *run.hypothesis.ids[:2]]])
    logits = model.decode(target_in, memory)
    (by_vector,) = torch.autograd.grad(logits[0, 2].log_softmax(dim=-1)[run.hypothesis.ids[2]], embedded)
    expected = (by_vector * embedded).detach()[0].sum(dim=-1)
    assert input_x_gradient(run, 2, check)[0] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("looked_at", MODELS, ids=["transformer", "rotary, batch norm", "lstm with attention", "gru"])
def test_leaving_a_word_out_is_a_run_without_it(looked_at: Subject) -> None:
    run = run_of(looked_at, TEXT, target=TARGET)
    spans = word_spans(looked_at, run.source)
    found = leave_one_out(run, 1, spans, check, chosen=range(len(spans) - 1))
    assert found[-1] is None
    assert len(found) == len(spans)
    compared = 0
    for place, word in enumerate(TEXT.replace(".", " .").split()):
        rest = TEXT.replace(".", " .").split()
        del rest[place]
        text = " ".join(rest).replace(" .", ".")
        shorter = run_of(looked_at, text, target=TARGET)
        start, end = spans[place]
        if shorter.source != (*run.source[:start], *run.source[end:]):
            continue  # the tokenizer cuts the shorter text in another way
        fall = run.hypothesis.token_log_probs[1] - shorter.hypothesis.token_log_probs[1]
        assert found[place] == pytest.approx(fall, abs=1e-4), word
        compared += 1
    assert compared >= 3


def test_many_words_are_left_out_in_several_batches() -> None:
    looked_at = subject(max_positions=256)
    run = run_of(looked_at, "dog " * 50, target="Hund")
    found = leave_one_out(run, 0, word_spans(looked_at, run.source), check, chosen=range(50))
    assert len(found) == 51
    single = run_of(looked_at, "dog " * 49, target="Hund")
    fall = run.hypothesis.token_log_probs[0] - single.hypothesis.token_log_probs[0]
    assert found[:-1] == pytest.approx([fall] * 50, abs=1e-4)


def test_of_a_long_source_the_most_important_words_are_left_out_and_the_reply_counts_them() -> None:
    looked_at = subject(max_positions=256)
    run = run_of(looked_at, "dog bird " * 45, target="Hund")
    reply = why_reply(run, WhyRequest(run=run.id, position=0), check)
    column = reply["by_word"]["leave_one_out"]
    assert reply["shown"] == {"leave_one_out": [64, 90]}
    assert sum(one is not None for one in column) == 64
    for name in ("attention", "input_x_gradient"):
        strongest = max(range(90), key=lambda place: abs(reply["by_word"][name][place]))
        assert column[strongest] is not None


def test_words_to_leave_out_are_chosen_by_both_columns_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.explorer.why.LEFT_OUT_AT_MOST", 2)
    spans = [(0, 1), (1, 3), (3, 4), (4, 5)]
    assert most_important([0.1, 0.4, 0.4, 0.05, 0.05], [0.1, 0.0, 0.1, -9.0, 5.0], spans) == [1, 2]
    assert most_important(None, [3.0, 0.0, 0.1, -9.0, 5.0], spans) == [0, 2]


def test_attention_is_the_row_of_the_word_in_the_layer_that_aligns() -> None:
    run = run_of(subject(), TEXT, target=TARGET)
    found = reasons(run, 1, word_spans(subject(), run.source), check)
    alignment = Translator(subject().bundle).translate([TEXT], alignment=True)  # the same layer, another output
    assert alignment[0].candidates[0].alignment is not None
    path = subject().bundle.model.alignment_path
    assert path == "decoder.layers.0.cross_attention.weights"
    assert found.attention == pytest.approx(run.recorded[path][0, :, 1].mean(dim=0).tolist())
    assert sum(found.attention or ()) == pytest.approx(1, abs=1e-5)


def test_reasons_hold_under_edits() -> None:
    edits = [
        {"kind": "heads_off", "path": f"decoder.layers.{layer}.cross_attention", "heads": [0, 1, 2, 3]}
        for layer in (0, 1)
    ]
    run = run_of(subject(), TEXT, target=TARGET, edits=edits)
    found = reasons(run, 1, word_spans(subject(), run.source), check)
    assert found.gradient == pytest.approx([0] * len(run.source), abs=1e-7)  # the decoder sees nothing of the source
    assert [one for one in found.left_out if one is not None] == pytest.approx(
        [0] * (len(found.left_out) - 1), abs=1e-6
    )


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, 2, 3, 4], [10, 20, 30, 40], 1),
        ([1, 2, 3, 4], [9, 7, 5, 3], -1),
        ([1, -2, 3, -4], [1, 2, 3, 4], 1),
        ([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.8),
        ([1, 1, 2], [1, 2, 3], 0.8660254037844387),  # ranks 1.5 1.5 3 and 1 2 3, by hand
        ([1, 2, None, 4, 5], [5, 4, 9, 2, 1], -1),
        ([1, 2], [2, 1], None),
        ([1, 2, None], [2, 1, 3], None),
        ([1, 1, 1], [1, 2, 3], None),
    ],
)
def test_rank_correlation_by_hand(left: list[float | None], right: list[float | None], expected: float | None) -> None:
    assert rank_correlation(left, right) == (None if expected is None else pytest.approx(expected))


def test_it_is_said_whether_the_columns_agree() -> None:
    alike = {
        "attention": [0.1, 0.2, 0.6, 0.05, 0.05],
        "input_x_gradient": [0.2, -0.3, 0.9, 0.1, 0.0],
        "leave_one_out": [0.2, 0.3, 2.0, 0.1, None],
    }
    agree = agreement(alike)  # type: ignore[arg-type]
    assert (agree["verdict"], agree["same_top"], agree["top"]["attention"]) == ("agree", True, 2)
    other = agreement(alike | {"leave_one_out": [3.0, 0.1, 0.2, 0.3, None]})  # type: ignore[arg-type]
    assert (other["verdict"], other["top"]["leave_one_out"]) == ("disagree", 0)
    partly = agreement(alike | {"leave_one_out": [0.3, 0.1, 2.0, 0.4, None]})  # type: ignore[arg-type]
    assert partly["verdict"] == "partly"
    few = agreement({"attention": [0.6, 0.4], "input_x_gradient": [0.1, 0.2], "leave_one_out": [0.1, None]})  # type: ignore[arg-type]
    assert few["verdict"] == "unknown"


@pytest.mark.parametrize("looked_at", MODELS, ids=["transformer", "rotary, batch norm", "lstm with attention", "gru"])
def test_the_reply_has_a_number_for_each_piece_and_each_word(looked_at: Subject) -> None:
    run = run_of(looked_at, TEXT, target=TARGET)
    reply = json.loads(json.dumps(why_reply(run, WhyRequest(run=run.id, position=0), check), allow_nan=False))
    pieces, words = len(run.source), len(reply["words"])
    assert (reply["attention"] is None) == (looked_at.bundle.model.alignment_path is None)
    assert reply["by_word"].keys() == {"attention", "input_x_gradient", "leave_one_out"}
    for name in ("attention", "input_x_gradient", "leave_one_out"):
        assert reply[name] is None or len(reply[name]) == pieces
        assert reply["by_word"][name] is None or len(reply["by_word"][name]) == words
    for name in ("input_x_gradient", "attention"):
        if reply[name] is not None:
            sums = [sum(reply[name][start:end]) for start, end in reply["words"]]
            assert reply["by_word"][name] == pytest.approx(sums)
    assert reply["target"]["id"] == run.hypothesis.ids[0]
    assert reply["leave_one_out"][-1] is None


def test_a_word_that_was_not_written_has_no_reason() -> None:
    run = run_of(subject(), TEXT, target=TARGET)
    with pytest.raises(RefusedError, match="position: the output has the positions 0 to"):
        why_reply(run, WhyRequest(run=run.id, position=99), check)


def test_a_source_of_one_word_cannot_do_without_it() -> None:
    run = run_of(subject(), "dog", target="Hund")
    reply = why_reply(run, WhyRequest(run=run.id, position=0), check)
    assert reply["by_word"]["leave_one_out"] == [None, None]
    assert reply["verdict"] == "unknown"
    assert request("dog").model == "a"
