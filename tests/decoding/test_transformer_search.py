"""The searches on small random models of each kind: neighbours, cache and stop rule must change nothing."""

from itertools import product

import pytest
import torch
from torch import Tensor

from polyglass.config import DecodeConfig
from polyglass.decoding.beam import beam_search
from polyglass.decoding.forced import force
from polyglass.decoding.hypothesis import Hypothesis
from polyglass.decoding.search import search
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from slow_search import slow_beam_search
from tiny_recurrent import FAMILIES, tiny_recurrent_config
from tiny_transformer import IDS, SIZE, padded, tiny_config

FLOAT32 = 1e-4  # sums of log-probabilities in float32, in another order
SENTENCES = 64


@pytest.fixture(scope="module", params=["transformer", "rnn none", "gru additive", "lstm general, input feeding"])
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    """A model whose next word depends strongly on all words before it, with outputs of many lengths.

    A plain random Transformer repeats one word whatever stands before it: it would not notice a wrong cache.
    """
    family = request.param
    is_recurrent = family in FAMILIES
    torch.manual_seed(1)
    config = (
        tiny_recurrent_config(tie_embeddings="none", **FAMILIES[family])
        if is_recurrent
        else tiny_config(tie_embeddings="none")
    )
    made = build_model(config, (SIZE, SIZE), IDS).eval()
    with torch.no_grad():
        made.output.weight.normal_(std=1.0 if is_recurrent else 0.5)  # no norm makes a recurrent read-out large
        made.output.weight[IDS.eos] *= 3 if is_recurrent else 2
        for name, weight in made.decoder.named_parameters():
            if any(part in name for part in ("w_q", "w_k", "w_v", "weight_ih", "weight_hh")):
                weight.mul_(4)
    return made


@pytest.fixture(scope="module")
def sentences() -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 9, (SENTENCES,), generator=generator).tolist()
    return [[*torch.randint(4, SIZE, (length,), generator=generator).tolist(), IDS.eos] for length in lengths]


def same(found: list[Hypothesis], expected: list[Hypothesis]) -> bool:
    return [one.ids for one in found] == [one.ids for one in expected] and [
        one.score for one in found
    ] == pytest.approx([one.score for one in expected], abs=FLOAT32)


def options(beam_size: int, **more: object) -> DecodeConfig:
    return DecodeConfig(beam_size=beam_size, n_best=beam_size, max_length_factor=1, max_length_extra=2, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("beam_size", [1, 4, 8])
def test_neither_batch_size_nor_order_nor_padding_changes_a_token(
    model: Seq2Seq, sentences: list[list[int]], beam_size: int
) -> None:
    alone = [beam_search(model, torch.tensor([one]), options(beam_size))[0] for one in sentences]
    by_length = sorted(range(SENTENCES), key=lambda row: len(sentences[row]))
    shuffled = torch.randperm(SENTENCES, generator=torch.Generator().manual_seed(2)).tolist()
    for batch, rows in [(2, shuffled), (7, by_length), (64, by_length), (64, shuffled)]:
        for first in range(0, SENTENCES, batch):
            some = rows[first : first + batch]
            found = beam_search(model, padded([sentences[row] for row in some]), options(beam_size))
            assert all(same(one, alone[row]) for one, row in zip(found, some, strict=True))


@pytest.mark.parametrize("beam_size", [2, 5])
def test_a_batch_finds_what_a_slow_search_without_cache_finds(
    model: Seq2Seq, sentences: list[list[int]], beam_size: int
) -> None:
    some = sentences[:4]
    prefix = [[5, 6], [], [7], []]
    setting = DecodeConfig(beam_size=beam_size, n_best=2, max_length_factor=1, max_length_extra=3)
    found = beam_search(model, padded(some), setting, prefix=prefix)
    for row, one in enumerate(some):
        source: Tensor = torch.tensor(one)
        limit = len(one) + 3
        expected = slow_beam_search(
            model, source, beam_size=beam_size, n_best=2, limit=limit, alpha=setting.length_penalty, prefix=prefix[row]
        )
        assert same(found[row], expected)


@pytest.mark.parametrize("beam_size", [1, 5])
def test_forced_decoding_gives_the_scores_of_the_search(
    model: Seq2Seq, sentences: list[list[int]], beam_size: int
) -> None:
    found = beam_search(model, padded(sentences), options(beam_size))
    rows = [row for row, hypotheses in enumerate(found) for _ in hypotheses]
    texts = [[token for token in one.ids if token != IDS.eos] for hypotheses in found for one in hypotheses]
    forced = force(model, padded([sentences[row] for row in rows]), texts, 0.6)
    ended = 0
    for one, expected in zip((one for hypotheses in found for one in hypotheses), forced, strict=True):
        assert one.token_log_probs == pytest.approx(expected.token_log_probs[: len(one.ids)], abs=FLOAT32)
        ended += one.finish_reason == "end"
    assert 5 < ended < len(texts)  # or this test shows little


def test_samples_of_a_sentence_are_the_same_in_any_batch(model: Seq2Seq, sentences: list[list[int]]) -> None:
    setting = options(2, sample=True)
    whole = search(model, padded(sentences), setting)
    for first in range(0, SENTENCES, 7):
        part = search(model, padded(sentences[first : first + 7]), setting)
        assert all(same(one, other) for one, other in zip(part, whole[first : first + 7], strict=True))


def test_a_beam_as_wide_as_all_outputs_finds_what_trying_them_all_finds(model: Seq2Seq) -> None:
    source = torch.tensor([[7, 8, 9, IDS.eos]])
    words = [word for word in range(SIZE) if word not in (IDS.pad, IDS.bos, IDS.eos)]
    outputs = [list(output) for length in range(3) for output in product(words, repeat=length)]
    tried = force(model, source.expand(len(outputs), -1), outputs, 1.0)
    best = sorted(tried, key=lambda one: -one.score)[:5]
    setting = DecodeConfig(beam_size=1024, n_best=5, max_length_factor=0.1, max_length_extra=3)
    assert same(beam_search(model, source, setting)[0], best)
