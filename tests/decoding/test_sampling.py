"""Samples against the distribution they are drawn from, and what their seed promises."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.forced import force
from polyglass.decoding.hypothesis import Hypothesis, SearchTrace
from polyglass.decoding.sampling import draw, sample
from polyglass.decoding.search import search
from tiny import IDS, TableModel, sources

DRAWS = 1000


def first_words(model: TableModel, **options: float) -> Counter[int]:
    """Count the first words of 4 x 1000 samples of one sentence."""
    count: Counter[int] = Counter()
    for seed in range(4):
        setting = DecodeConfig(sample=True, n_best=DRAWS, seed=seed, max_length_extra=0, **options)  # type: ignore[arg-type]
        (found,) = sample(model, sources(2), setting)
        count.update(one.ids[0] for one in found)
    return count


def chi_square(count: Counter[int], probabilities: Tensor) -> float:
    expected = probabilities * count.total()
    return float(sum((count[word] - wanted) ** 2 / wanted for word, wanted in enumerate(expected.tolist()) if wanted))


def words_only(logits: Tensor) -> Tensor:
    logits = logits.clone()
    logits[[IDS.pad, IDS.bos]] = -torch.inf
    return logits.softmax(0)


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_samples_follow_the_softmax_at_their_temperature(temperature: float) -> None:
    model = TableModel.random(1, 5, 12, seed=1)
    expected = words_only(model.table[0, 0, IDS.bos] / temperature)
    # 9 degrees of freedom: a fair sample exceeds 27.9 once in a thousand seeds.
    assert chi_square(first_words(model, temperature=temperature), expected) < 27.9


def test_later_words_follow_the_softmax_too_and_independently_of_the_first() -> None:
    model = TableModel.random(1, 5, 8, seed=1)
    model.table[..., IDS.eos] -= 30
    (found,) = sample(model, sources(2), DecodeConfig(sample=True, n_best=1024, max_length_extra=0))
    pairs = Counter(one.ids[0] * 8 + one.ids[1] for one in found)
    first = words_only(model.table[0, 0, IDS.bos])
    joint = torch.stack([first[word] * words_only(model.table[0, 1, word]) for word in range(8)]).flatten()
    assert chi_square(pairs, joint * (joint > 1e-9)) < 51.2  # 25 degrees of freedom, once in 700 seeds


def test_top_k_leaves_the_k_likeliest_words_in_their_proportion() -> None:
    model = TableModel.random(1, 5, 12, seed=1)
    full = words_only(model.table[0, 0, IDS.bos])
    kept = full * (full >= full.topk(3).values[-1])
    assert chi_square(first_words(model, top_k=3), kept / kept.sum()) < 13.9  # 2 degrees of freedom
    assert set(first_words(model, top_k=3)) == set(full.topk(3).indices.tolist())


def test_top_p_leaves_the_smallest_set_of_words_that_reaches_p() -> None:
    model = TableModel.random(1, 5, 12, seed=1)
    full, order = words_only(model.table[0, 0, IDS.bos]).sort(descending=True)
    p = float(full[:3].sum() + full[:4].sum()) / 2  # three words are too few, four are enough
    assert set(first_words(model, top_p=p)) == set(order[:4].tolist())


@pytest.mark.parametrize("narrow", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-6}, {"temperature": 1e-300}])
def test_a_sample_that_can_take_only_the_likeliest_word_is_greedy(narrow: dict[str, float]) -> None:
    model = TableModel.random(20, 8, 12, seed=2)
    source = sources(*[4] * 20)
    greedy = beam_search(model, source, DecodeConfig(beam_size=1))
    sampled = sample(model, source, DecodeConfig(sample=True, n_best=2, **narrow))  # type: ignore[arg-type]
    assert sampled == [[one, one] for (one,) in greedy]


def test_same_seed_same_words_in_any_batch_and_another_seed_other_words() -> None:
    model = TableModel.random(9, 8, 12, seed=3)
    lengths, setting = [2, 5, 3, 7, 4, 2, 6, 3, 5], DecodeConfig(sample=True, n_best=3, seed=7)
    whole = sample(model, sources(*lengths), setting)
    assert sample(model, sources(*lengths), setting) == whole
    for row, length in enumerate(lengths):
        assert sample(model, sources(length, tables=[row], padding=row), setting) == [whole[row]]
    backwards = sample(model, sources(*lengths[::-1], tables=range(8, -1, -1)), setting)
    assert backwards == whole[::-1]
    assert sample(model, sources(*lengths), setting.model_copy(update={"seed": 8})) != whole


def test_sampling_neither_reads_nor_moves_the_global_generator() -> None:
    model, setting = TableModel.random(2, 8, 12, seed=3), DecodeConfig(sample=True)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = sample(model, sources(4, 4), setting)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert sample(model, sources(4, 4), setting) == first


def test_sentences_with_equal_probabilities_do_not_share_their_luck() -> None:
    model = TableModel(torch.zeros(50, 1, 40, 40))
    found = sample(model, sources(*[4] * 50), DecodeConfig(sample=True))
    assert len({hypotheses[0].ids[0] for hypotheses in found}) > 20


def test_log_probabilities_are_the_models_whatever_the_temperature() -> None:
    model = TableModel.random(3, 8, 12, seed=4)
    source, setting = sources(4, 4, 4), DecodeConfig(sample=True, n_best=4, temperature=3.0, top_k=5)
    for row, hypotheses in enumerate(sample(model, source, setting, prefix=[[5], [], [6, 7]])):
        assert hypotheses == sorted(hypotheses, key=lambda one: (one.finish_reason, -one.score))
        for one in hypotheses:
            text = [token for token in one.ids if token != IDS.eos]
            (expected,) = force(model, source[row : row + 1], [text], 0.6)
            assert one.token_log_probs == pytest.approx(expected.token_log_probs[: len(one.ids)], abs=1e-5)
            assert tuple([[5], [], [6, 7]][row]) == one.ids[: [1, 0, 2][row]]


def test_a_sentence_whose_logits_are_no_numbers_fails_alone_when_sampled() -> None:
    model, setting = TableModel.random(3, 8, 12, seed=4), DecodeConfig(sample=True, top_k=4, top_p=0.9)
    healthy = sample(model, sources(4, 4, 4), setting)
    found = sample(model.with_nan(1, position=0), sources(4, 4, 4), setting)
    assert found[1][0].ids == ()
    assert [found[0], found[2]] == [healthy[0], healthy[2]]


def test_the_largest_uniform_number_never_meets_an_impossible_word() -> None:
    log_probs = torch.tensor([[0.3, 0.7, 0.0, 0.0]]).log().repeat(1000, 1)
    log_probs[:, :2] += torch.rand(1000, 1, generator=torch.Generator().manual_seed(1))
    uniform = torch.full((1000,), 1 - 2.0**-24)
    assert set(draw(log_probs, uniform, options=DecodeConfig()).tolist()) == {1}
    assert set(draw(log_probs, uniform, options=DecodeConfig(top_p=0.999)).tolist()) == {0}


def test_the_smallest_uniform_number_never_meets_an_impossible_word() -> None:
    log_probs = torch.tensor([[0.0, 0.0, 0.4, 0.6]]).log()
    assert draw(log_probs, torch.zeros(1), options=DecodeConfig()).tolist() == [2]
    assert draw(log_probs, torch.zeros(1), options=DecodeConfig(top_p=0.5)).tolist() == [3]


def test_search_samples_or_searches_as_the_options_say() -> None:
    model, source = TableModel.random(3, 8, 12, seed=4), sources(4, 4, 4)
    for setting, expected in [
        (DecodeConfig(sample=True), sample(model, source, DecodeConfig(sample=True))),
        (DecodeConfig(beam_size=3), beam_search(model, source, DecodeConfig(beam_size=3))),
        (DecodeConfig(beam_size=1), beam_search(model, source, DecodeConfig(beam_size=1))),
    ]:
        trace = SearchTrace()
        found: list[list[Hypothesis]] = search(model, source, setting, trace=trace)
        assert found == expected
        assert bool(trace.nodes) != setting.sample
