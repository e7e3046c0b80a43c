"""`ablation`: rows are those of the paper, keys are as short as they say, no root is no root, and rules hold."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear, softmax

from polyglass.config import TransformerConfig
from polyglass.errors import InputError
from polyglass.experiments import ablation_rows as rows
from polyglass.experiments.ablation import open_experiment
from polyglass.experiments.ablation_root import KEYS, reshape_scores, settle, sharpness
from polyglass.experiments.ablation_rows import BASE, ROWS, Paper, Row
from polyglass.experiments.ablation_table import Found, Table, direction, paper_direction
from polyglass.experiments.ablation_verdict import judge
from polyglass.experiments.experiment import ABLATION, Request
from polyglass.experiments.outcome import Finding
from polyglass.experiments.short_text import SMALL
from polyglass.experiments.trial import trial_config
from polyglass.model.attention import MultiHeadAttention
from polyglass.model.build import build_model
from polyglass.model.seq2seq import Seq2Seq
from polyglass.special_ids import SpecialIds
from polyglass.tap import Recorder

FLOAT32 = 1e-5  # two ways to add up the same numbers
HEADS, WIDTH = 4, 64


def fresh(options: Mapping[str, object] = {}) -> Seq2Seq:
    torch.manual_seed(1)
    config = trial_config({**SMALL, **options}, seed=1, steps=1).model
    assert isinstance(config, TransformerConfig)
    return build_model(config, (50, 50), SpecialIds()).eval()


def numbers(model: Seq2Seq) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def first(model: Seq2Seq) -> MultiHeadAttention:
    return next(module for module in model.modules() if isinstance(module, MultiHeadAttention))


def weights_of_first(model: Seq2Seq, x: Tensor) -> Tensor:
    recorder = Recorder(("weights",))
    attention = first(model)
    attention(x, x, x, None, tap=recorder)
    return recorder.tensors["weights"]


def by_hand(w_q: Tensor, w_k: Tensor, x: Tensor, *, divisor: float) -> Tensor:
    """The weights of every head of one sentence, head by head."""
    size = len(w_q) // HEADS
    found = []
    for head in range(HEADS):
        rows = slice(head * size, (head + 1) * size)
        q, k = linear(x[0], w_q[rows]), linear(x[0], w_k[rows])
        found.append(softmax(q @ k.T / divisor, dim=-1))
    return torch.stack(found)[None]


@pytest.mark.parametrize("size", [4, 8])
def test_short_keys_give_the_attention_of_the_paper_with_that_d_k(size: int) -> None:
    model = fresh()
    reshape_scores(model, key_size=size, root=True)
    attention, x = first(model), torch.randn(1, 5, WIDTH)
    small_q, small_k = (matrix.parametrizations.weight.original for matrix in (attention.w_q, attention.w_k))  # type: ignore[union-attr]
    assert small_q.shape == (HEADS * size, WIDTH)
    expected = by_hand(small_q, small_k, x, divisor=math.sqrt(size))
    assert torch.allclose(weights_of_first(model, x), expected, atol=FLOAT32)


def test_without_the_root_scores_are_plain_products() -> None:
    model, x = fresh(), torch.randn(1, 5, WIDTH)
    attention = first(model)
    w_q, w_k = attention.w_q.weight.detach().clone(), attention.w_k.weight.detach().clone()
    reshape_scores(model, key_size=None, root=False)
    assert torch.allclose(weights_of_first(model, x), by_hand(w_q, w_k, x, divisor=1.0), atol=FLOAT32)


def test_short_keys_have_fewer_parameters_and_only_those_learn() -> None:
    model, whole = fresh(), numbers(fresh())
    attentions = 3 * 2
    reshape_scores(model, key_size=4, root=True)
    assert whole - numbers(model) == attentions * 2 * (WIDTH - 4 * HEADS) * WIDTH
    x = torch.randn(1, 5, WIDTH)
    first(model)(x, x, x, None).square().sum().backward()
    matrix = first(model).w_q
    assert matrix.parametrizations.weight.original.grad.abs().sum() > 0  # type: ignore[union-attr]
    by_head = matrix.weight.view(HEADS, -1, WIDTH)
    assert by_head[:, 4:].abs().sum() == 0


def test_a_settled_model_computes_the_same_and_is_a_plain_one() -> None:
    model, source, target = fresh(), torch.tensor([[5, 6, 7, 2]]), torch.tensor([[1, 8, 9]])
    names = set(model.state_dict())
    reshape_scores(model, key_size=4, root=True)
    before = model(source, target)
    settle(model)
    assert set(model.state_dict()) == names
    assert torch.equal(model(source, target), before)


def test_random_scores_have_variance_one_with_the_root_and_d_k_without() -> None:
    for d_k in (16, 64):
        assert sharpness(d_k, root=True, seed=1).variance == pytest.approx(1, rel=0.1)
        assert sharpness(d_k, root=False, seed=1).variance == pytest.approx(d_k, rel=0.1)


def test_without_the_root_rows_get_sharper_with_d_k_and_with_it_they_do_not() -> None:
    plain = [sharpness(d_k, root=False, seed=1) for d_k in (1, 16, 256)]
    scaled = [sharpness(d_k, root=True, seed=1) for d_k in (1, 16, 256)]
    assert plain[0].entropy > plain[1].entropy > plain[2].entropy
    assert plain[0].gradient > plain[1].gradient > plain[2].gradient
    assert scaled[2].entropy == pytest.approx(scaled[1].entropy, abs=0.02)
    assert 1 / KEYS < scaled[2].largest < plain[2].largest <= 1


def test_every_row_changes_one_thing_by_the_papers_factor() -> None:
    base = trial_config(SMALL, seed=1, steps=1)
    for row in ROWS:
        config = trial_config({**SMALL, **row.options}, seed=1, steps=1)
        changed = {
            name
            for section in ("model", "train")
            for name, value in getattr(config, section).model_dump().items()
            if value != getattr(base, section).model_dump()[name]
        }
        if row in (rows.FEW_LAYERS, rows.MORE_LAYERS):
            assert changed == {"encoder_layers", "decoder_layers"}
        else:
            assert len(changed) + (row.key_size is not None) + (not row.root) == (
                2 if row is rows.ONE_HEAD_NO_ROOT else 0 if row is BASE else 1
            )
    for ours, paper, row in ((32, 256, rows.NARROW), (128, 1024, rows.WIDE), (128, 1024, rows.SMALL_INNER)):
        assert list(row.options.values()) == [ours]
        assert row.paper is not None
        assert row.paper.words.endswith(f" {paper}")
    assert (rows.QUARTER_KEYS.key_size, rows.HALF_KEYS.key_size) == (4, 8)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([0.05], "worse"),
        ([-0.05], "better"),
        ([0.02], "about equal"),
        ([0.05, 0.04, 0.06], "worse"),
        ([-0.05, -0.04, -0.01], "better"),
        ([0.2, 0.1, -0.01], "unclear"),
        ([0.2, -0.21], "about equal"),
    ],
)
def test_a_change_has_a_direction_if_it_is_large_and_every_seed_agrees(changes: Sequence[float], expected: str) -> None:
    assert direction(changes) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (rows.ONE_HEAD, "worse"),
        (rows.MORE_HEADS, "about equal"),
        (rows.QUARTER_KEYS, "worse"),
        (rows.FEW_LAYERS, "worse"),
        (rows.WIDE, "better"),
        (rows.NO_DROPOUT, "worse"),
        (rows.NO_SMOOTHING, "better"),
        (rows.LEARNED, "about equal"),
    ],
)
def test_the_papers_own_rows_have_the_direction_that_it_speaks_of(row: Row, expected: str) -> None:
    assert isinstance(row.paper, Paper)
    assert paper_direction(row.paper) == expected


AS_PUBLISHED = {row.name: math.log(row.paper.perplexity) for row in ROWS if row.paper is not None}
BLEU_AS_PUBLISHED = {row.name: row.paper.bleu for row in ROWS if row.paper is not None}
SCALED, PLAIN = sharpness(64, root=True, seed=1), sharpness(64, root=False, seed=1)


def verdicts(losses: Mapping[str, float], *, gaps: Mapping[str, float] = {}, seeds: int = 3) -> list[str]:
    return [finding.verdict for finding in found(losses, gaps=gaps, seeds=seeds)]


def found(losses: Mapping[str, float], *, gaps: Mapping[str, float] = {}, seeds: int = 3) -> Sequence[Finding]:
    table = {}
    for name, loss in losses.items():
        each = dict.fromkeys(range(1, seeds + 1), loss)
        seen = {seed: loss - gaps.get(name, 0.0) for seed in each}
        table[name] = Found(each, seen, dict.fromkeys(each, BLEU_AS_PUBLISHED.get(name, 25.0)), 1)
    return judge(Table(table), (SCALED, PLAIN))


ROOTLESS = {"no-root": 1.7, "heads-1-no-root": 2.0}


def test_the_papers_own_numbers_confirm_what_it_says_as_far_as_they_do() -> None:
    # Of its rows, 32 heads, half of d_k and 8 layers change perplexity by less than 3 %.
    half = "confirmed with a condition"
    assert verdicts({**AS_PUBLISHED, **ROOTLESS}) == [half, half, half, *["confirmed"] * 4]


def test_everything_is_confirmed_where_everything_is_as_it_says() -> None:
    clear = {"heads-16": 1.7, "keys-8": 1.65, "layers-3": 1.5}
    assert verdicts({**AS_PUBLISHED, **ROOTLESS, **clear}) == ["confirmed"] * 7


def test_nothing_is_confirmed_where_nothing_matters() -> None:
    same = dict.fromkeys((row.name for row in ROWS), 1.6)
    none = "not confirmed here"
    # Smoothing that costs nothing keeps its BLEU; equal is what is said of positions; the softmax fades by itself.
    some = "confirmed with a condition"
    assert verdicts(same) == [none, none, none, none, some, "confirmed", some]


def test_a_budget_too_short_to_overfit_is_a_condition_and_said() -> None:
    short = {**AS_PUBLISHED, "dropout-0": AS_PUBLISHED["base"] - 0.2}
    dropout = found(short, gaps={"base": 0.05, "dropout-0": 0.3})[3]
    assert dropout.verdict == "confirmed with a condition"
    assert "more updates on the same text turn it round" in dropout.words
    assert "0.05 nats with dropout, 0.30 without" in dropout.words
    assert found(short, gaps={"base": 0.3, "dropout-0": 0.3})[3].verdict == "not confirmed here"


def test_learned_positions_that_differ_clearly_are_not_equal() -> None:
    base = AS_PUBLISHED["base"]
    assert verdicts({**AS_PUBLISHED, "learned": base - 0.05})[5] == "confirmed with a condition"
    assert verdicts({**AS_PUBLISHED, "learned": base + 0.1})[5] == "not confirmed here"


def test_nothing_is_decided_before_the_rows_are_trained() -> None:
    assert [finding.verdict for finding in judge(Table({}), None)] == ["not decided yet"] * 7
    assert set(verdicts({"base": 1.6})) == {"not decided yet"}
    assert verdicts({"base": 1.6, "dropout-0": 1.7})[3] == "confirmed"


def test_every_finding_says_whose_claim_it_is_and_its_rule() -> None:
    findings = found({**AS_PUBLISHED, **ROOTLESS})
    assert [finding.claim for finding in findings] == list(ABLATION.claims)
    assert [finding.whose for finding in findings] == ["The paper says"] * 6 + ["The notes say"]
    assert [finding.whose for finding in judge(Table({}), None)] == [finding.whose for finding in findings]
    assert all("confirmed" in finding.rule.lower() for finding in findings)


def test_a_seed_that_only_one_of_two_rows_has_is_left_out() -> None:
    one = Found({1: 1.0, 2: 2.0}, {1: 1.0, 2: 2.0}, {1: 20.0, 2: 30.0}, 1)
    other = Found({2: 2.5, 3: 9.0}, {2: 2.5, 3: 9.0}, {2: 31.0, 3: 9.0}, 1)
    table = Table({"base": one, "heads-1": other})
    assert table.changes(rows.ONE_HEAD) == [0.5]
    assert table.bleu_changes(rows.ONE_HEAD) == [1.0]
    assert table.agrees(rows.ONE_HEAD) == "yes"
    assert table.agrees(rows.FEW_HEADS) == "-"


def test_a_test_set_without_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--test is text to score models on, but none was named\. Add FILES"):
        open_experiment(Request(out=tmp_path, test=(tmp_path / "t.en", tmp_path / "t.de")))
