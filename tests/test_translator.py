"""Text in, text out: in order, whole, the same in any company, with a look inside."""

import copy
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.bundle import Bundle, save_bundle
from polyglass.data.batch import pad
from polyglass.decoding.hypothesis import Hypothesis, SearchTrace
from polyglass.decoding.search import search
from polyglass.errors import ConfigError, InputError, PolyglassError
from polyglass.model.transformer import Transformer
from polyglass.translator import EMPTY, Translator
from tiny_bundle import SENTENCES, tiny_talker

SAME_SCORE = 1e-4  # another batch, another order of float32 sums
SOURCES = [source for source, _ in SENTENCES]
TARGETS = [target for _, target in SENTENCES]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return tiny_talker()


@pytest.fixture(scope="module")
def translator(bundle: Bundle) -> Translator:
    return Translator(bundle)


def test_a_saved_model_translates_as_it_did_before(tmp_path: Path, bundle: Bundle, translator: Translator) -> None:
    save_bundle(tmp_path / "m", bundle)
    assert Translator.load(str(tmp_path / "m")).translate(SOURCES) == translator.translate(SOURCES)


def test_answers_come_in_the_order_of_the_texts_whatever_their_length(translator: Translator) -> None:
    texts = [*SOURCES, "a", "The dog. " * 3, "", "Two men are"] * 3
    together = translator.translate(texts, batch_tokens=200)
    assert [translation.source for translation in together] == texts
    for text, translation in zip(texts[:8], together, strict=False):
        alone = translator.translate([text])[0]
        assert translation.text == alone.text
        assert translation.candidates[0].score == pytest.approx(alone.candidates[0].score, abs=SAME_SCORE)


@given(st.lists(st.text(max_size=30), max_size=12))
@settings(max_examples=30, deadline=None)
def test_any_texts_give_as_many_translations_of_one_line_each(translator: Translator, texts: list[str]) -> None:
    answers = translator.translate(texts, beam_size=1, max_length_extra=2, max_length_factor=0.1)
    assert [answer.source for answer in answers] == texts
    assert all("\n" not in answer.text for answer in answers)
    assert all(answer.text == "" for answer in answers if not answer.source.strip())


def test_blank_texts_are_not_shown_to_the_model(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyglass.translator.search", lambda *_, **__: pytest.fail("the model was asked"))
    answers = Translator(bundle).translate(["", "  ", "\n", "\t\u00a0\u3000"], n_best=3)
    assert [answer.candidates for answer in answers] == [(EMPTY,)] * 4
    assert [answer.text for answer in answers] == [""] * 4


def test_no_texts_give_no_translations(translator: Translator) -> None:
    assert translator.translate([]) == []
    assert translator.score([], []) == []


def test_a_line_feed_inside_a_text_counts_as_a_space(translator: Translator) -> None:
    broken, whole = translator.translate(["A small\ndog.", "A small dog."])
    assert broken.candidates == whole.candidates


def test_half_of_a_surrogate_pair_is_replaced_and_a_whole_one_joined(translator: Translator) -> None:
    odd, pair, plain = translator.translate(["dog \ud800", "dog \ud83d\ude00", "dog \U0001f600"])
    assert odd.text is not None
    assert pair.candidates == plain.candidates


def test_a_subword_that_spells_a_line_feed_does_not_break_the_line(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    line_feed = bundle.subwords.target_pieces(range(bundle.subwords.target_size)).index("<0x0A>")
    hypothesis = Hypothesis((line_feed, bundle.subwords.ids.eos), (-1.0, -1.0), -2.0, -2.0, "end")
    monkeypatch.setattr("polyglass.translator.search", lambda *_, **__: [[hypothesis]])
    text = Translator(bundle).translate(["A dog."])[0].text
    assert text.strip() == ""
    assert "\n" not in text


def test_a_source_that_is_too_long_is_cut_and_says_by_how_much(translator: Translator) -> None:
    word = "dog "
    short, long = translator.translate([word * 3, word * 400], beam_size=1)
    each = (len(short.source_pieces) - 1) / 3
    assert short.cut_tokens == 0
    assert len(long.source_pieces) == 64
    assert long.source_pieces[-1] == "</s>"
    assert long.cut_tokens == pytest.approx(400 * each - 63, abs=3)


def test_a_text_of_megabytes_is_cut_without_being_held_in_pieces(translator: Translator) -> None:
    words, spaceless = translator.translate(["dog cat " * 100_000, "x" * 300_000], beam_size=1)
    assert words.cut_tokens > 100_000
    assert spaceless.cut_tokens > 100_000


def test_n_best_candidates_are_sorted_and_different(translator: Translator) -> None:
    for translation in translator.translate(SOURCES, n_best=4):
        scores = [candidate.score for candidate in translation.candidates if candidate.finish_reason == "end"]
        assert scores == sorted(scores, reverse=True)
        assert len({candidate.pieces for candidate in translation.candidates}) == 4


def test_a_candidate_tells_the_probability_of_each_piece(translator: Translator) -> None:
    candidate = translator.translate(SOURCES)[0].candidates[0]
    assert len(candidate.pieces) == len(candidate.token_log_probs)
    assert candidate.log_prob == pytest.approx(sum(candidate.token_log_probs))
    assert candidate.pieces[-1] == "</s>"
    assert candidate.finish_reason == "end"


def test_a_prefix_begins_every_candidate(translator: Translator) -> None:
    for translation in translator.translate(SOURCES, prefix=["Ein Hund"] * 4, n_best=3):
        assert all(candidate.text.startswith("Ein Hund") for candidate in translation.candidates)


def test_samples_depend_on_the_seed_and_on_nothing_else(translator: Translator) -> None:
    first = translator.translate(SOURCES, sample=True, seed=3)
    again = translator.translate(SOURCES[::-1], sample=True, seed=3)[::-1]
    other = translator.translate(SOURCES, sample=True, seed=4)
    assert [answer.text for answer in first] == [answer.text for answer in again]
    assert [answer.text for answer in first] != [answer.text for answer in other]


def test_options_that_are_not_given_are_those_of_the_model(bundle: Bundle) -> None:
    greedy = bundle.config.decode.model_copy(update={"beam_size": 1})
    changed = replace(bundle, config=bundle.config.model_copy(update={"decode": greedy}))
    assert Translator(changed).translate(SOURCES) == Translator(bundle).translate(SOURCES, beam_size=1)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"beam_size": 0}, "decode.beam_size"),
        ({"temperature": -1.0}, "decode.temperature"),
        ({"n_best": 9}, "decode.n_best must not be larger than decode.beam_size"),
        ({"top_p": float("nan")}, "decode.top_p"),
    ],
)
def test_an_impossible_option_is_named(translator: Translator, option: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        translator.translate(SOURCES, **option)


def test_a_bare_string_is_refused_because_it_would_be_translated_letter_by_letter(translator: Translator) -> None:
    with pytest.raises(InputError, match=r"Write \['A dog'\]"):
        translator.translate("A dog")


def test_a_prefix_for_each_text_is_needed(translator: Translator) -> None:
    with pytest.raises(InputError, match="one prefix for each source, but there are 1 for 4"):
        translator.translate(SOURCES, prefix=["Ein"])


def test_forced_decoding_confirms_every_score_of_the_search(translator: Translator, bundle: Bundle) -> None:
    found = [translation.candidates[0] for translation in translator.translate(SOURCES)]
    ids = [search_ids(bundle, source) for source in SOURCES]
    for candidate, target in zip(found, ids, strict=True):
        assert candidate.pieces == tuple(bundle.subwords.target_pieces(target))


def search_ids(bundle: Bundle, source: str) -> tuple[int, ...]:
    row = [*bundle.subwords.encode_source([source])[0], bundle.subwords.ids.eos]
    return search(bundle.model, pad([row], 0), bundle.config.decode, trace=SearchTrace())[0][0].ids


def test_scores_of_pairs_do_not_depend_on_their_company(translator: Translator) -> None:
    together = translator.score(SOURCES, TARGETS)
    for source, target, candidate in zip(SOURCES, TARGETS, together, strict=True):
        alone = translator.score([source], [target])[0]
        assert candidate.log_prob == pytest.approx(alone.log_prob, abs=SAME_SCORE)
        assert candidate.text == target
        assert candidate.pieces[-1] == "</s>"
        assert math.exp(candidate.log_prob) < 1


def test_an_empty_target_is_the_probability_of_ending_at_once(translator: Translator) -> None:
    candidate = translator.score(["A dog."], [""])[0]
    assert candidate.pieces == ("</s>",)
    assert candidate.log_prob == candidate.token_log_probs[0]


def test_a_target_that_the_model_cannot_read_is_named(translator: Translator) -> None:
    with pytest.raises(InputError, match=r"A target may have at most 63 subwords, but target 2 has \d+\. Shorten it"):
        translator.score(["a", "b"], ["ein", "Hund " * 100])


def test_pairs_must_be_pairs(translator: Translator) -> None:
    with pytest.raises(InputError, match="one target for each source, but there are 1 for 2"):
        translator.score(["a", "b"], ["ein"])


def test_an_alignment_has_a_row_for_each_piece_and_a_column_for_each_source_piece(translator: Translator) -> None:
    for translation in translator.translate(SOURCES, alignment=True, n_best=2):
        for candidate in translation.candidates:
            assert candidate.alignment is not None
            assert len(candidate.alignment) == len(candidate.pieces)
            for row in candidate.alignment:
                assert len(row) == len(translation.source_pieces)
                assert sum(row) == pytest.approx(1, abs=1e-5)
    assert translator.translate(SOURCES)[0].candidates[0].alignment is None


def test_the_alignment_is_that_of_the_last_layer_but_one(translator: Translator) -> None:
    translation = translator.translate(SOURCES[:1], alignment=True)[0]
    trace = translator.trace(SOURCES[0], keep=("decoder.layers.0.cross_attention.weights",))
    weights = trace.tensors["decoder.layers.0.cross_attention.weights"]
    assert translation.candidates[0].alignment is not None
    assert torch.allclose(torch.tensor(translation.candidates[0].alignment), weights[0].mean(dim=0), atol=1e-6)


def test_a_trace_replays_the_best_translation(translator: Translator) -> None:
    trace = translator.trace(SOURCES[0])
    best = translator.translate(SOURCES[:1])[0].candidates[0]
    assert trace.target_pieces == best.pieces
    assert trace.source_pieces[-1] == "</s>"
    logits = trace.tensors["logits"][0]
    log_probs = logits.log_softmax(dim=-1).gather(1, torch.tensor(trace.hypothesis.ids)[:, None]).squeeze(1)
    assert torch.allclose(log_probs, torch.tensor(best.token_log_probs), atol=SAME_SCORE)


def test_a_trace_of_a_given_target_keeps_only_what_was_asked_for(translator: Translator) -> None:
    trace = translator.trace(SOURCES[0], TARGETS[0], keep=("encoder.layers.*.self_attention.weights",))
    assert list(trace.tensors) == [f"encoder.layers.{layer}.self_attention.weights" for layer in (0, 1)]
    assert "".join(trace.target_pieces).replace("▁", " ").removesuffix("</s>").strip() == TARGETS[0]


def test_there_is_nothing_to_see_in_an_empty_source(translator: Translator) -> None:
    with pytest.raises(InputError, match="must hold a word"):
        translator.trace("  ")


def test_a_text_on_which_the_model_fails_is_named(bundle: Bundle) -> None:
    broken = copy.deepcopy(bundle)
    word = broken.subwords.encode_source(["dog"])[0][-1]
    with torch.no_grad():
        cast(Transformer, broken.model).source_embedding.weight[word] = float("nan")
    translator = Translator(broken)
    with pytest.raises(PolyglassError, match=r"The model failed on text 2: what it computed is not a number\..*'dog'"):
        translator.translate(["A", "dog"])


def test_each_text_has_its_own_answer_or_its_own_error(bundle: Bundle, translator: Translator) -> None:
    broken = copy.deepcopy(bundle)
    word = broken.subwords.encode_source(["dog"])[0][-1]
    with torch.no_grad():
        cast(Transformer, broken.model).source_embedding.weight[word] = float("nan")
    options = bundle.config.decode
    answers = Translator(broken).translate_each(["A", "dog", ""], options, alignment=[True, True, True])
    assert isinstance(answers[1], PolyglassError)
    assert [answers[0], answers[2]] == translator.translate_each(["A", ""], options, alignment=[True, True])


def test_only_the_texts_that_want_it_are_aligned(bundle: Bundle, translator: Translator) -> None:
    wanted = [False, True, False, True]
    answers = translator.translate_each(SOURCES, bundle.config.decode, alignment=wanted)
    assert [answer.candidates[0].alignment is not None for answer in answers] == wanted  # type: ignore[union-attr]
    alone = translator.translate(SOURCES[1:2], alignment=True)[0].candidates[0].alignment
    assert torch.allclose(torch.tensor(answers[1].candidates[0].alignment), torch.tensor(alone), atol=SAME_SCORE)  # type: ignore[union-attr]


def test_threads_that_share_a_translator_get_their_own_answers(translator: Translator) -> None:
    texts = [f"{source} {number}" for number in range(3) for source in SOURCES]
    expected = {text: translator.translate([text], beam_size=2)[0].text for text in texts}
    wrong: list[str] = []

    def ask(mine: list[str]) -> None:
        wrong.extend(text for text in mine if translator.translate([text], beam_size=2)[0].text != expected[text])

    threads = [threading.Thread(target=ask, args=(texts[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_translating_changes_no_weight_and_keeps_no_graph(bundle: Bundle, translator: Translator) -> None:
    before = {name: tensor.clone() for name, tensor in bundle.model.state_dict().items()}
    translator.translate(SOURCES, alignment=True)
    translator.trace(SOURCES[0])
    assert all(torch.equal(before[name], tensor) for name, tensor in bundle.model.state_dict().items())
