"""Beam search against exhaustive search, against a slow beam search, and what it promises of every hypothesis."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.forced import force
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.length import output_limits
from polyglass.errors import InputError, ShapeError
from slow_search import exhaustive_search, slow_beam_search
from tiny import IDS, TableModel, sources

FLOAT32 = 1e-4  # sums of up to 100 log-probabilities in float32, in another order


def same(found: list[Hypothesis], expected: list[Hypothesis]) -> bool:
    return (
        [one.ids for one in found] == [one.ids for one in expected]
        and [one.finish_reason for one in found] == [one.finish_reason for one in expected]
        and [one.score for one in found] == pytest.approx([one.score for one in expected], abs=FLOAT32)
    )


def options(beam_size: int, n_best: int, alpha: float = 0.6, *, factor: float = 1.0, extra: int = 0) -> DecodeConfig:
    return DecodeConfig(
        beam_size=beam_size, n_best=n_best, length_penalty=alpha, max_length_factor=factor, max_length_extra=extra
    )


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize(("vocabulary", "beam_size"), [(5, 5**4), (6, 1024)])
def test_a_beam_as_wide_as_the_search_space_finds_the_best_sequences(
    vocabulary: int, beam_size: int, alpha: float
) -> None:
    tables = 200 if vocabulary == 5 else 20
    model = TableModel.random(tables, 4, vocabulary, seed=vocabulary, scale=2.0)
    source = sources(*[4] * tables)
    found = beam_search(model, source, options(beam_size, 20, alpha))
    for row in range(tables):
        assert same(found[row], exhaustive_search(model, source[row], n_best=20, limit=4, alpha=alpha))


def test_a_wide_beam_returns_every_output_of_a_small_space_once() -> None:
    model = TableModel.random(1, 4, 5, seed=1)
    (found,) = beam_search(model, sources(4), options(625, 625))
    ended = [one for one in found if one.finish_reason == "end"]
    assert (len(ended), len(found)) == (1 + 2 + 4 + 8, 1 + 2 + 4 + 8 + 16)
    assert len({one.ids for one in found}) == len(found)
    assert sum(math.exp(one.log_prob) for one in found) < 1


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_finds_what_a_slow_search_of_each_sentence_finds(seed: int) -> None:
    """20 seeds x 10 sentences: lengths, prefixes, beam, n-best list and penalty differ."""
    generator = torch.Generator().manual_seed(seed)
    vocabulary, beam_size = 6 + seed % 7, 2 + seed % 4
    n_best, alpha = 1 + seed % beam_size, [0.0, 0.6, 1.0, 2.0][seed % 4]
    model = TableModel.random(10, 16, vocabulary, seed=seed, scale=1.5)
    lengths = torch.randint(2, 11, (10,), generator=generator).tolist()
    source = sources(*lengths)
    prefix = [
        torch.randint(3, vocabulary, (int(torch.randint(0, length, (), generator=generator)),)).tolist()
        if seed % 2
        else []
        for length in lengths
    ]
    found = beam_search(model, source, options(beam_size, n_best, alpha, factor=1.3, extra=1), prefix=prefix)
    for row, length in enumerate(lengths):
        expected = slow_beam_search(
            model,
            source[row],
            beam_size=beam_size,
            n_best=n_best,
            limit=int(1.3 * length + 1),
            alpha=alpha,
            prefix=prefix[row],
        )
        assert same(found[row], expected)


@given(
    seed=st.integers(0, 10**6),
    beam_size=st.integers(2, 8),
    alpha=st.sampled_from([0.0, 0.6, 1.0]),
    eos_bias=st.floats(-2, 3),
)
@settings(max_examples=300, deadline=None)
def test_every_hypothesis_is_unique_sorted_ends_once_and_has_the_score_of_forced_decoding(
    seed: int, beam_size: int, alpha: float, eos_bias: float
) -> None:
    """About 10 000 hypotheses."""
    model = TableModel.random(8, 5, 9, seed=seed)
    model.table[..., IDS.eos] += eos_bias
    source = sources(2, 5, 3, 8, 2, 4, 6, 3)
    found = beam_search(model, source, options(beam_size, beam_size, alpha, extra=3))
    rows = [row for row, hypotheses in enumerate(found) for _ in hypotheses]
    texts = [[token for token in one.ids if token != IDS.eos] for hypotheses in found for one in hypotheses]
    forced = iter(force(model, source[rows], texts, alpha))
    for hypotheses in found:
        assert 1 <= len({one.ids for one in hypotheses}) == len(hypotheses) <= beam_size
        order = [(one.finish_reason != "end", -one.score) for one in hypotheses]
        assert order == sorted(order)
        for one in hypotheses:
            expected = next(forced)
            assert one.ids.count(IDS.eos) == (one.ids[-1] == IDS.eos) == (one.finish_reason == "end")
            assert not {IDS.pad, IDS.bos} & set(one.ids)
            assert one.token_log_probs == pytest.approx(expected.token_log_probs[: len(one.ids)], abs=FLOAT32)
            assert one.log_prob == pytest.approx(sum(one.token_log_probs), abs=FLOAT32)
            if one.finish_reason == "end":
                assert (one.ids, one.score) == (expected.ids, pytest.approx(expected.score, abs=FLOAT32))


def test_a_shorter_n_best_list_is_the_beginning_of_a_longer_one() -> None:
    """The search stops earlier for a shorter list; that must change nothing."""
    model = TableModel.random(50, 12, 12, seed=3, scale=1.5)
    source = sources(*[8] * 50)
    longest = beam_search(model, source, options(6, 6))
    for n_best in (1, 2, 4):
        shorter = beam_search(model, source, options(6, n_best))
        assert shorter == [hypotheses[:n_best] for hypotheses in longest]


@pytest.mark.parametrize("beam_size", [1, 4, 8])
def test_neither_batch_size_nor_order_nor_padding_changes_a_token(beam_size: int) -> None:
    model = TableModel.random(64, 10, 30, seed=5, scale=2.0)
    lengths = [2 + row * 7 % 11 for row in range(64)]
    whole = beam_search(model, sources(*lengths), options(beam_size, beam_size, extra=5))
    for batch in (1, 2, 7):
        for first in range(0, 64, batch):
            rows = list(range(64))[first : first + batch][::-1]
            part = sources(*[lengths[row] for row in rows], tables=rows, padding=first % 3)
            found = beam_search(model, part, options(beam_size, beam_size, extra=5))
            assert all(same(one, whole[row]) for one, row in zip(found, rows, strict=True))


@pytest.mark.parametrize("beam_size", [1, 5])
def test_a_thousand_sentences_without_end_stop_at_their_limits(beam_size: int) -> None:
    model = TableModel.random(1, 7, 20, seed=1).that_never_ends()
    lengths = [2 + row % 40 for row in range(1000)]
    source = sources(*lengths, tables=[0] * 1000)
    setting = DecodeConfig(beam_size=beam_size, n_best=beam_size)
    found = beam_search(model, source, setting)
    for hypotheses, length in zip(found, lengths, strict=True):
        assert len(hypotheses) == beam_size
        assert {(len(one.ids), one.finish_reason) for one in hypotheses} == {(2 * length + 50, "length")}


@pytest.mark.parametrize("beam_size", [1, 3])
def test_no_output_is_longer_than_the_model_can_read(beam_size: int) -> None:
    model = TableModel.random(1, 7, 20, seed=1).that_never_ends()
    model.max_positions = 12
    assert output_limits(model, sources(9), DecodeConfig()) == [11]
    ((found,),) = beam_search(model, sources(9), options(beam_size, 1, factor=2.0, extra=50))
    assert len(found.ids) == 11


def test_a_finished_output_comes_before_a_cut_one_with_a_better_score() -> None:
    table = torch.full((1, 2, 5, 5), -20.0)
    table[..., 4] = 3.0
    table[..., IDS.eos] = 1.0
    ((first, second),) = beam_search(TableModel(table), sources(2, tables=[0]), options(2, 2, alpha=0.0))
    assert (first.finish_reason, second.finish_reason) == ("end", "end")
    ((first, second, third),) = beam_search(TableModel(table), sources(2, tables=[0]), options(3, 3, alpha=0.0))
    assert [first.finish_reason, second.finish_reason, third.finish_reason] == ["end", "end", "length"]
    assert third.score > first.score


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("position", [0, 2])
def test_a_sentence_whose_logits_are_no_numbers_fails_alone(beam_size: int, position: int) -> None:
    model = TableModel.random(6, 6, 9, seed=2)
    model.table[..., IDS.eos] -= 20  # nothing ends before the fault
    source, setting = sources(*[6] * 6), options(beam_size, beam_size)
    healthy = beam_search(model, source, setting)
    found = beam_search(model.with_nan(3, position=position), source, setting)
    (failed,) = found[3]
    assert (failed.ids, failed.token_log_probs, failed.log_prob) == ((), (), -math.inf)
    assert [*found[:3], *found[4:]] == [*healthy[:3], *healthy[4:]]


def test_a_hypothesis_whose_logits_are_no_numbers_leaves_its_place_to_others() -> None:
    model = TableModel.random(1, 8, 9, seed=2)
    model.table[:, 1:, 5] = math.nan  # no number follows word 5
    (found,) = beam_search(model, sources(6), options(4, 4))
    assert len(found) == 4
    assert same(found, slow_beam_search(model, sources(6)[0], beam_size=4, n_best=4, limit=6, alpha=0.6))


def test_a_sentence_that_failed_leaves_the_batch_at_once() -> None:
    model = TableModel.random(1, 8, 9, seed=2).with_nan(0, position=0)
    for beam_size in (1, 4):
        steps: list[int] = []
        step = model.step
        model.step = lambda token, state, step=step, steps=steps: steps.append(1) or step(token, state)  # type: ignore[assignment, func-returns-value, misc]
        assert beam_search(model, sources(6), options(beam_size, 1))[0][0].ids == ()
        assert len(steps) == 1


def test_what_ended_before_a_sentence_fails_is_kept() -> None:
    model = TableModel.random(1, 6, 5, seed=2).with_nan(0, position=2)
    (found,) = beam_search(model, sources(6), options(4, 4))
    assert found
    assert {one.finish_reason for one in found} == {"end"}


@pytest.mark.parametrize("beam_size", [1, 4])
def test_an_infinite_logit_fails_and_minus_infinity_only_forbids_a_word(beam_size: int) -> None:
    model = TableModel.random(2, 6, 9, seed=2)
    model.table[0, 0, :, 5] = math.inf
    model.table[1, ..., 5] = -math.inf
    failed, found = beam_search(model, sources(6, 6), options(beam_size, 1))
    assert failed[0].ids == ()
    assert found[0].ids
    assert 5 not in found[0].ids


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_prefix_begins_every_output_and_counts_in_its_score(beam_size: int) -> None:
    model = TableModel.random(3, 9, 9, seed=4)
    source, prefix = sources(6, 6, 6), [[5, 8, 4], [], [3]]
    found = beam_search(model, source, options(beam_size, beam_size), prefix=prefix)
    for hypotheses, start in zip(found, prefix, strict=True):
        assert len(hypotheses) == beam_size
        assert all(list(one.ids[: len(start)]) == start for one in hypotheses)
    assert found[1] == beam_search(model, source[1:2], options(beam_size, beam_size))[0]


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize(
    ("prefix", "error", "message"),
    [
        ([[4]], ShapeError, "one prefix for each sentence, but there are 1 for 2. Give an empty prefix"),
        ([[], [4] * 6], InputError, "sentence 1 has a prefix of 6 tokens and a limit of 6. Shorten the prefix"),
        ([[4, 2], []], InputError, "prefix of sentence 0 holds 2 .*eos 2.*Leave it out"),
        ([[], [-4]], InputError, "prefix of sentence 1 holds -4"),
        ([[], [4, 9]], InputError, "vocabulary only, but one holds 9 and the vocabulary ends at 8. Encode the prefix"),
    ],
)
def test_a_prefix_that_does_not_fit_is_refused(
    beam_size: int, prefix: list[list[int]], error: type[Exception], message: str
) -> None:
    model = TableModel.random(2, 9, 9, seed=4)
    with pytest.raises(error, match=message):
        beam_search(model, sources(6, 6), options(beam_size, 1), prefix=prefix)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_an_empty_batch_gives_an_empty_list(beam_size: int) -> None:
    model = TableModel.random(2, 9, 9, seed=4)
    assert beam_search(model, sources(), options(beam_size, 1)) == []


def test_finished_sentences_leave_the_batch() -> None:
    model = TableModel.random(3, 40, 9, seed=4)
    model.table[..., IDS.eos] -= 30
    model.table[:2, 2:, :, IDS.eos] += 60  # two sentences end with their third token, the last one never does
    rows: list[int] = []
    step = model.step
    model.step = lambda token, state: rows.append(len(token)) or step(token, state)  # type: ignore[assignment, func-returns-value]
    beam_search(model, sources(20, 20, 20), options(4, 1))
    assert rows[:4] == [3, 12, 12, 4]
    assert set(rows[4:]) == {4}
