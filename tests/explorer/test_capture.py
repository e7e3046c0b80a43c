"""Runs: their probabilities are those of the translator, whatever the way to the target, and nothing is cut."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from explorer_world import TEXT, check, recurrent_subject, request, run_of, subject, talker
from polyglass.config import DecodeConfig
from polyglass.explorer.answers import run_reply
from polyglass.explorer.ask import RunRequest, read_request
from polyglass.explorer.capture import recorded, run_id
from polyglass.explorer.look import RUNS, Explorer
from polyglass.explorer.refusal import RefusedError
from polyglass.explorer.subject import Subject, load_subject
from polyglass.replay import replay
from polyglass.translator import Translator
from tiny_bundle import tiny_bundle, tiny_folder

FLOAT32 = 1e-5


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("looked_at", [subject(), subject(norm_place="pre"), recurrent_subject(attention="dot")])
def test_a_run_writes_what_the_translator_writes_with_the_same_probabilities(
    looked_at: Subject, beam_size: int
) -> None:
    run = run_of(looked_at, beam_size=beam_size)
    candidate = Translator(looked_at.bundle).translate([TEXT], beam_size=beam_size)[0].candidates[0]
    pieces = tuple(looked_at.bundle.subwords.target_pieces(run.hypothesis.ids))
    assert pieces == candidate.pieces
    assert run.hypothesis.token_log_probs == pytest.approx(candidate.token_log_probs, abs=FLOAT32)
    assert run.hypothesis.score == pytest.approx(candidate.score, abs=1e-4)
    assert run.hypothesis.finish_reason == candidate.finish_reason


def test_greedy_is_what_nobody_asked_otherwise() -> None:
    assert run_of(subject()).hypothesis == run_of(subject(), beam_size=1).hypothesis


def test_a_given_target_is_scored_as_the_translator_scores_it() -> None:
    target = "Ein kleiner Hund läuft."
    run = run_of(subject(), target=target)
    scored = Translator(subject().bundle).score([TEXT], [target])[0]
    assert run.hypothesis.token_log_probs == pytest.approx(scored.token_log_probs, abs=FLOAT32)
    assert (run.origin, run.forced) == ("forced", len(run.hypothesis.ids))
    assert run.hypothesis.ids[-1] == subject().bundle.model.ids.eos


def test_an_output_begins_with_the_words_that_were_forced() -> None:
    free = run_of(subject())
    other = int(free.steps[0].ids[2, 1])
    prefix = [*free.hypothesis.ids[:2], other]
    run = run_of(subject(), prefix_ids=prefix)
    assert run.hypothesis.ids[:3] == tuple(prefix)
    assert (run.origin, run.forced) == ("prefix", 3)
    assert run.hypothesis.token_log_probs[2] < free.hypothesis.token_log_probs[2]


def test_equal_requests_are_one_run_and_others_are_not() -> None:
    explorer = Explorer([subject()])
    run = explorer.run(request())
    assert explorer.run(request()) is run
    assert explorer.known_run(run.id) is run
    ids = {run_id(request(**fields)) for fields in ({}, {"beam_size": 2}, {"target": "x"}, {"prefix_ids": [5]})}  # type: ignore[arg-type]
    assert len(ids) == 4


def test_old_runs_are_forgotten_and_say_so() -> None:
    explorer = Explorer([talker()])
    first = explorer.run(request("dog"))
    for number in range(RUNS):
        explorer.run(request(f"dog {number}"))
    with pytest.raises(RefusedError, match="no longer known") as refused:
        explorer.known_run(first.id)
    assert refused.value.status == 410


def test_large_runs_leave_before_their_number_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer([talker()])
    one = explorer.run(request("dog"))
    monkeypatch.setattr("polyglass.explorer.look.RUNS_BYTES", 2 * one.kept_bytes)
    for number in range(4):
        explorer.run(request(f"dog {number}"))
    with pytest.raises(RefusedError):
        explorer.known_run(one.id)


def test_a_run_that_is_too_large_to_keep_is_replayed_with_the_same_numbers() -> None:
    whole = run_of(subject())
    bare = recorded(whole, (whole.hypothesis.ids,), check, keep_bytes=1000)
    assert bare.recorded == {}
    assert bare.shapes == whole.shapes
    paths = ["decoder.layers.1.cross_attention.weights", "encoder.layers.0.feed_forward.hidden", "logits"]
    for path, tensor in bare.tensors(paths, check).items():
        # Attention that nobody looks at stays in the fused kernel, which adds up in another order.
        assert torch.allclose(tensor, whole.recorded[path], atol=FLOAT32)


def test_what_is_kept_is_what_a_replay_records() -> None:
    run = run_of(subject(positions="rotary"))
    expected = replay(subject(positions="rotary").bundle.model, run.sources, run.hypotheses, keep=("*",))
    assert run.shapes == {path: tuple(tensor.shape) for path, tensor in expected.items()}
    assert all(torch.equal(tensor, expected[path]) for path, tensor in run.recorded.items())
    assert len(run.recorded) == len(expected)


def test_a_source_is_never_cut() -> None:
    looked_at = subject()
    longest = looked_at.longest_source
    complaint = r"A source may have at most 64 subwords \(eos included\), but here are 241. Take a part of it."
    with pytest.raises(RefusedError, match=complaint) as refused:
        run_of(looked_at, "dog " * 120)
    assert (refused.value.status, refused.value.limit) == (413, longest)
    assert len(run_of(looked_at, "dog " * 20).source) > 20


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_source_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="must hold a word"):
        run_of(subject(), text)


def test_a_target_that_is_too_long_is_refused() -> None:
    with pytest.raises(RefusedError, match="may have at most 63 subwords") as refused:
        run_of(subject(), target="Hund " * 100)
    assert refused.value.status == 413


@pytest.mark.parametrize("prefix", [[2], [1], [0, 5], [329, 330], [5] * 60])
def test_a_prefix_that_is_no_prefix_is_refused(prefix: list[int]) -> None:
    with pytest.raises(RefusedError, match="prefix") as refused:
        run_of(subject(), prefix_ids=prefix)
    assert refused.value.status == 400


def test_a_model_that_computes_no_numbers_is_refused_and_the_next_request_is_answered() -> None:
    broken = tiny_bundle(tie_embeddings="none", joint=False)
    with torch.no_grad():
        broken.model.output.weight.fill_(float("nan"))
    for fields in ({}, {"target": "Hund"}):
        with pytest.raises(RefusedError, match="not a number") as refused:
            run_of(Subject("a", "broken", broken), **fields)  # type: ignore[arg-type]
        assert refused.value.status == 422


def test_an_output_ends_at_the_limit_even_if_the_model_would_go_on() -> None:
    made = subject(max_positions=1024)
    endless = DecodeConfig(max_length_factor=100.0, max_length_extra=10_000)
    config = made.bundle.config.model_copy(update={"decode": endless})
    run = run_of(Subject("a", "endless", replace(made.bundle, config=config)), "dog")
    assert len(run.hypothesis.ids) <= 512
    assert run.hypothesis.finish_reason in ("length", "end")


def test_the_reply_about_a_run_is_json_in_which_lengths_agree() -> None:
    explorer = Explorer([subject()])
    edits = [{"kind": "heads_off", "path": "encoder.layers.0.self_attention", "heads": [0]}]
    asked = read_request(
        RunRequest, json.dumps({"model": "a", "text": "The dog ☃.", "beam_size": 4, "edits": edits}).encode()
    )
    reply = json.loads(json.dumps(run_reply(explorer, asked, check), allow_nan=False))
    for side in (reply["source"], reply["target"], reply["baseline"]["target"]):
        length = len(side["pieces"])
        assert {len(side[name]) for name in ("ids", "labels", "kinds", "merges")} == {length}
        assert [one for start, end in side["words"] for one in range(start, end)] == list(range(length))
        assert len(side["words"]) == len(side["word_texts"])
        assert side["counts"] is None
    target = reply["target"]
    assert len(target["log_probs"]) == len(target["pieces"]) == len(reply["steps"]) == len(target["inputs"]["ids"])
    assert target["inputs"]["pieces"][0] == "<s>"
    assert target["inputs"]["ids"][1:] == target["ids"][:-1]
    assert sum(target["log_probs"]) == pytest.approx(target["log_prob"])
    for step, log_prob in zip(reply["steps"], target["log_probs"], strict=True):
        assert step["chosen"]["log_prob"] == pytest.approx(log_prob, abs=1e-9)
        assert sum(one["prob"] for one in step["top"]) + step["rest"] == pytest.approx(1)
        assert [one["prob"] for one in step["top"]] == sorted((one["prob"] for one in step["top"]), reverse=True)
        rank = step["chosen"]["rank"]
        assert rank > 20 or step["top"][rank - 1]["id"] == step["chosen"]["id"]
        assert step["chosen"]["logit"] - step["log_sum_exp"] == pytest.approx(log_prob, abs=1e-6)
    assert "☃" in "".join(reply["source"]["word_texts"])


def test_the_entropy_and_rank_of_a_step_are_those_of_its_distribution() -> None:
    run = run_of(subject(), target="Ein Hund.")
    probs = run.recorded["logits"][0].double().softmax(dim=-1)
    entropy = -(probs * probs.log()).sum(dim=-1)
    assert run.steps[0].entropy.tolist() == pytest.approx(entropy.tolist(), abs=1e-9)
    for place, token in enumerate(run.hypothesis.ids):
        order = probs[place].argsort(descending=True).tolist()
        assert int(run.steps[0].rank[place]) == order.index(token) + 1


def test_the_states_of_a_beam_tree_tell_what_became_of_each_word() -> None:
    reply = run_reply(Explorer([talker()]), request(beam_size=3), check)["tree"]
    nodes, best = reply["nodes"], reply["best"]
    run = run_of(talker(), beam_size=3)
    assert [nodes[place]["token"] for place in best] == list(run.hypothesis.ids)
    assert {node["state"] for node in nodes} == {"best", "live", "pruned", "finished"}
    children: dict[int, list[dict]] = {}  # type: ignore[type-arg]
    for node in nodes:
        children.setdefault(node["parent"], []).append(node)
    last = max(node["step"] for node in nodes)
    for node in nodes:
        below = children.get(node["id"], [])
        assert (node["state"] == "best") == (node["id"] in best)
        if node["state"] == "finished":
            assert node["finished"]
            assert not below
        if node["state"] == "live":
            assert node["kept"]
            assert node["step"] == last or any(one["kept"] for one in below)
        if node["state"] == "pruned":
            assert not any(one["state"] in ("live", "finished", "best") for one in below)
            assert not node["kept"] or not any(one["kept"] and one["state"] == "live" for one in below)
        assert node["score"] == pytest.approx(
            node["log_prob"] / ((6 + node["step"]) / 6) ** talker().bundle.config.decode.length_penalty
        )
    assert reply["reason"] is None


def test_a_forced_target_has_no_tree_and_says_why() -> None:
    tree = run_reply(Explorer([talker()]), request(target="Hund"), check)["tree"]
    assert (tree["nodes"], tree["best"], tree["reason"]) == ([], [], "forced")


def test_a_model_folder_without_a_corpus_knows_no_counts_but_some_words(tmp_path: Path) -> None:
    loaded = load_subject(tiny_folder(tmp_path / "m"), name="a")
    assert (loaded.counts, loaded.name) == ((), "m")
    (words,) = loaded.examples
    assert 1 <= len(words.split()) <= 6
    assert run_of(loaded, words).source
    pieces = loaded.pieces("source", run_of(loaded, words).source)
    assert len(pieces) == len(words.split()) + 1  # each is one piece of the vocabulary
    assert loaded.count("source", 5) is None
