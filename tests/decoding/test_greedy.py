"""Greedy search against the chain of likeliest words, written out."""

import torch
from slow_search import SlowModel

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.greedy import greedy
from tiny import IDS, TableModel, sources


def test_greedy_is_the_chain_of_likeliest_words() -> None:
    model = TableModel.random(40, 8, 12, seed=1, scale=2.0)
    lengths = [2 + row % 7 for row in range(40)]
    source = sources(*lengths)
    found = greedy(model, source, DecodeConfig(beam_size=1, max_length_factor=2, max_length_extra=3))
    for row, length in enumerate(lengths):
        slow, tokens = SlowModel(model, source[row]), list[int]()
        while len(tokens) < 2 * length + 3 and IDS.eos not in tokens:
            log_probs = torch.tensor(slow.next(tuple(tokens)))
            log_probs[[IDS.pad, IDS.bos]] = -torch.inf
            tokens.append(int(log_probs.argmax()))
        (one,) = found[row]
        assert list(one.ids) == tokens
        assert one.finish_reason == ("end" if tokens[-1] == IDS.eos else "length")


def test_a_beam_of_one_is_greedy() -> None:
    model = TableModel.random(10, 8, 12, seed=2)
    source, options = sources(*[5] * 10), DecodeConfig(beam_size=1)
    assert beam_search(model, source, options) == greedy(model, source, options)


def test_padding_and_bos_are_never_written_however_likely() -> None:
    model = TableModel.random(3, 8, 9, seed=3)
    model.table[..., [IDS.pad, IDS.bos]] += 9.0
    for beam_size in (1, 4):
        for hypotheses in beam_search(model, sources(5, 5, 5), DecodeConfig(beam_size=beam_size)):
            assert not {IDS.pad, IDS.bos} & set(hypotheses[0].ids)
            assert hypotheses[0].token_log_probs[0] < -5  # their share of the probability is not handed to the others


def test_the_unknown_word_may_be_written() -> None:
    model = TableModel.random(1, 8, 9, seed=3)
    model.table[..., IDS.unk] += 30
    assert set(greedy(model, sources(3), DecodeConfig(beam_size=1))[0][0].ids) == {IDS.unk}


def test_the_search_leaves_the_model_and_its_logits_as_they_were() -> None:
    model = TableModel.random(2, 8, 9, seed=3)
    before = model.table.clone()
    beam_search(model, sources(5, 5), DecodeConfig(beam_size=1))
    beam_search(model, sources(5, 5), DecodeConfig(beam_size=4), prefix=[[4], []])
    assert torch.equal(model.table, before)
