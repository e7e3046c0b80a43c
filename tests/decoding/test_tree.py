"""The record of a beam search: every hypothesis is a path through it, and every node is where it says."""

import math

import pytest

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.hypothesis import SearchTrace
from slow_search import SlowModel
from tiny import IDS, TableModel, sources

FLOAT32 = 1e-4


def path(trace: SearchTrace, index: int) -> tuple[int, ...]:
    """Return the tokens from the start to this node."""
    tokens = []
    while index >= 0:
        tokens.append(trace.nodes[index].token)
        index = trace.nodes[index].parent
    return tuple(tokens[::-1])


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("prefix", [None, [[5, 6], [], [4], [], []]])
def test_every_hypothesis_is_a_path_through_the_tree(beam_size: int, prefix: list[list[int]] | None) -> None:
    model = TableModel.random(5, 9, 9, seed=beam_size)
    source = sources(3, 6, 4, 8, 2)
    options = DecodeConfig(beam_size=beam_size, n_best=beam_size, max_length_factor=1, max_length_extra=2)
    trace = SearchTrace()
    found = beam_search(model, source, options, prefix=prefix, trace=trace)
    assert found == beam_search(model, source, options, prefix=prefix)
    paths = {(node.sentence, path(trace, index)): node for index, node in enumerate(trace.nodes)}
    assert len(paths) == len(trace.nodes)
    for sentence, hypotheses in enumerate(found):
        for one in hypotheses:
            node = paths[sentence, one.ids]
            assert node.log_prob == pytest.approx(one.log_prob, abs=FLOAT32)
            assert node.token_log_prob == pytest.approx(one.token_log_probs[-1], abs=FLOAT32)
            assert node.finished == (one.finish_reason == "end")


@pytest.mark.parametrize("beam_size", [1, 4])
def test_nodes_come_in_order_and_know_sentence_step_and_probability(beam_size: int) -> None:
    model = TableModel.random(5, 9, 9, seed=3)
    source = sources(3, 6, 4, 8, 2)
    trace = SearchTrace()
    beam_search(model, source, DecodeConfig(beam_size=beam_size), trace=trace)
    slow = [SlowModel(model, row) for row in source]
    assert [(node.step, node.sentence) for node in trace.nodes] == sorted(
        (node.step, node.sentence) for node in trace.nodes
    )
    for index, node in enumerate(trace.nodes):
        tokens = path(trace, index)
        before = trace.nodes[node.parent] if node.parent >= 0 else None
        assert len(tokens) == node.step + 1
        assert node.finished == (node.token == IDS.eos and node.kept)
        assert node.token_log_prob == pytest.approx(slow[node.sentence].next(tokens[:-1])[node.token], abs=FLOAT32)
        assert before is None or (before.sentence, before.finished, before.kept) == (node.sentence, False, True)
        assert node.log_prob == pytest.approx((before.log_prob if before else 0.0) + node.token_log_prob, abs=FLOAT32)
        assert node.log_prob > -math.inf


def test_each_step_keeps_at_most_the_beam() -> None:
    trace = SearchTrace()
    beam_search(TableModel.random(1, 9, 9, seed=3), sources(8), DecodeConfig(beam_size=3), trace=trace)
    for step in range(trace.nodes[-1].step + 1):
        here = [node for node in trace.nodes if node.step == step and node.kept]
        assert len([node for node in here if not node.finished]) == 3
        assert len([node for node in here if node.finished]) <= 3


def test_the_tree_also_holds_the_words_that_were_looked_at_and_not_kept() -> None:
    trace = SearchTrace()
    beam_search(TableModel.random(1, 9, 9, seed=3), sources(8), DecodeConfig(beam_size=3), trace=trace)
    for step in range(1, trace.nodes[-1].step + 1):
        here = [node for node in trace.nodes if node.step == step]
        assert len(here) == 2 * 3
        worst_kept = min(node.log_prob for node in here if node.kept)
        dropped = [node for node in here if not node.kept]
        assert dropped
        # An output that ends, but not among the best three, is dropped with a better score than a word that grows.
        assert all(node.log_prob <= worst_kept or node.token == IDS.eos for node in dropped)
        assert not any(node.finished for node in dropped)
