"""Each benchmark runs and writes what it says; its figures are judged on a quiet machine, not here."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from polyglass.config import TransformerConfig
from polyglass.data.batch import Batch, collate
from polyglass.model.build import build_model
from polyglass.special_ids import SpecialIds
from polyglass.training.loss import TranslationLoss

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
IDS = SpecialIds()
WORDS = 100
SHAPE = TransformerConfig(d_model=16, d_ff=24, num_heads=2, encoder_layers=3, decoder_layers=2, dropout=0.0)


def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / name), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)


def report_of(name: str, file: Path, *words: str) -> tuple[dict[str, Any], str]:
    ended = run(name, "--quick", "--json", str(file), *words)
    assert ended.returncode == 0, ended.stderr
    report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert name in report["recipe"]["command"]
    assert {"processor", "system", "cores", "python", "torch"} <= report["recipe"].keys()
    return report, ended.stdout


@pytest.fixture
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tests import what lies beside the benchmarks."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        if (BENCHMARKS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.mark.parametrize("name", ["training_speed.py", "corpus_memory.py", "decoding_speed.py"])
def test_a_benchmark_explains_itself(name: str) -> None:
    ended = run(name, "--help")
    assert ended.returncode == 0, ended.stderr
    assert "--quick" in ended.stdout


def test_training_speed_compares_two_precisions(tmp_path: Path) -> None:
    files = ["--precision", "float32", "bfloat16", "--vocabulary", "400", "--pairs", "300", "--batch-tokens", "256"]
    report, printed = report_of("training_speed.py", tmp_path / "speed.json", "--seconds", "0.2", *files)
    assert [row["precision"] for row in report["results"]] == ["float32", "bfloat16"]
    for row in report["results"]:
        assert row["tokens_per_second"] > 0
        assert row["slowest_round"] <= row["tokens_per_second"] <= row["fastest_round"]
        assert 0 < row["share"] < row["share_done"] < 1.5
        assert 0 < row["padding_share"] < 1
        assert 0 <= row["wait_share"] < 1
        assert row["operations_per_token"] > 1e6
        assert row["peak_memory_bytes"] > 50e6
    assert printed.split()[:4] == ["model", "format", "threads", "tokens/s"]


def test_corpus_memory_tells_each_stage_of_each_size(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell the memory of a process in /proc")
    report, printed = report_of("corpus_memory.py", tmp_path / "memory.json", "--pairs", "4000")
    assert [size["pairs"] for size in report["sizes"]] == [2000, 4000]
    for size in report["sizes"]:
        assert 0.9 * size["pairs"] < size["kept"] <= size["pairs"]
        assert size["first_batch_seconds"] > 0
        assert set(size["stages"]) == {"filter", "subwords", "store", "batches", "resume"}
        for name in ("filter", "batches", "resume"):  # the others can be over between two looks
            assert 20e6 < size["stages"][name]["own"] < 2e9
    assert report["judged"] == {}  # of so few pairs nothing can be told
    assert "bar of 10 bytes a pair: not judged" in printed


def test_decoding_speed_measures_random_weights(tmp_path: Path) -> None:
    words = ["--batches", "1", "4", "--sentences", "8"]
    report, printed = report_of("decoding_speed.py", tmp_path / "decoding.json", *words)
    assert [(row["beam"], row["batch"]) for row in report["speeds"]] == [(1, 1), (1, 4), (5, 1), (5, 4)]
    for row in report["speeds"]:
        # Outputs are as long as their sources, 8 to 32 tokens.
        assert 8 <= row["tokens_per_second"] / row["sentences_per_second"] <= 32
    for row in report["latencies"]:
        assert 0 < row["median"] <= row["p95"]
    assert re.search(r"^greedy +8 ", printed, re.MULTILINE)


def test_processor_time_of_several_threads_is_refused() -> None:
    ended = run("decoding_speed.py", "--clock", "cpu", "--threads", "2")
    assert ended.returncode == 2
    assert "take --threads 1" in ended.stderr


def even_batch(rows: int, source: int, target: int) -> Batch:
    """Make a batch without padding; lengths count eos."""
    return collate([[5] * (source - 1)] * rows, [[6] * (target - 1)] * rows, IDS, range(rows))


@pytest.mark.usefixtures("on_the_path")
def test_products_are_counted_as_torch_counts_them() -> None:
    from model_products import padded_operations  # type: ignore[import-not-found]

    batch = even_batch(3, 7, 5)
    loss = TranslationLoss(build_model(SHAPE, (WORDS, WORDS), IDS), 0.1)
    with FlopCounterMode(display=False) as counter:
        smoothed, _ = loss(batch.source, batch.target_in, batch.target_out)
        smoothed.backward()
    counts = counter.get_flop_counts()["Global"]
    products = sum(number for kind, number in counts.items() if str(kind).split(".")[-1] in ("mm", "addmm"))
    # torch does not count addmm_, with which the loss adds up the gradient of the output layer: 15 rows, 16 wide.
    assert padded_operations(SHAPE, WORDS, batch).weights == products + 2 * 15 * 16 * WORDS


@pytest.mark.usefixtures("on_the_path")
def test_real_tokens_need_less_than_what_padding_and_masks_cost() -> None:
    from model_products import padded_operations, real_operations

    lengths = [(7, 5)] * 3
    needed, done = real_operations(SHAPE, WORDS, lengths), padded_operations(SHAPE, WORDS, even_batch(3, 7, 5))
    assert needed.weights == done.weights
    # Forward and backward, scores and mixing, 2 operations each: 12 d_model for each (query, key) and layer.
    assert needed.attention == 12 * 16 * 3 * (3 * 7 * 7 + 2 * (1 + 2 + 3 + 4 + 5) + 2 * 5 * 7)
    assert done.attention == 12 * 16 * 3 * (3 * 7 * 7 + 2 * 5 * 5 + 2 * 5 * 7)


@pytest.mark.usefixtures("on_the_path")
def test_made_up_pairs_are_short_and_the_same_each_time() -> None:
    from corpus_memory import generated_pairs  # type: ignore[import-not-found]

    pairs = list(generated_pairs(50))
    assert list(islice(generated_pairs(60), 50)) == pairs
    assert all(4 <= len(source.split()) == len(target.split()) <= 10 for source, target in pairs)


@pytest.mark.usefixtures("on_the_path")
def test_the_bar_is_on_filter_and_resume_until_the_sample_is_full() -> None:
    from corpus_memory import Size, growth, judged

    sizes = [Size(pairs, sample=pairs) for pairs in (250_000, 500_000, 1_000_000)]
    for size in sizes:
        size.stages["filter"].own = 12 * size.pairs
    assert growth(sizes, "filter", "own") == [12, 12]
    assert judged(sizes) == {"filter": 12, "resume": 0}
    sizes[-1].sample = sizes[-2].sample
    assert judged(sizes) == {"filter": 12, "subwords": 0, "store": 0, "batches": 0, "resume": 0}


@pytest.mark.usefixtures("on_the_path")
def test_the_rate_of_products_is_above_zero() -> None:
    from model_products import ProductRate
    from recipe import CLOCKS  # type: ignore[import-not-found]

    rate = ProductRate(SHAPE, WORDS, even_batch(3, 7, 5), torch.float32, CLOCKS["wall"])
    assert rate.measure(seconds=0.01) > 0


def test_the_ladder_trains_each_rung_and_says_what_each_gained(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path / "ladder"), "--models", "gru", "gru+attention"]
    report, printed = report_of("ladder.py", tmp_path / "ladder.json", *words)
    lower, upper = report["rows"]
    assert [(row["model"], row["published"], row["updates"]) for row in report["rows"]] == [
        ("gru", 20.6, 3),
        ("gru+attention", 28.3, 3),
    ]
    assert report["shares"] == {"gru+attention": pytest.approx((upper["bleu_lc"] - lower["bleu_lc"]) / 7.7)}
    assert "case:lc" in upper["signatures"]["bleu_lc"]
    assert upper["config"]["model"]["attention"] == "additive"
    assert printed.split()[:4] == ["model", "parameters", "updates", "passes"]
    again = run("ladder.py", "--quick", *words)
    assert again.returncode == 0, again.stderr
    assert len(list((tmp_path / "ladder").iterdir())) == 2


def test_the_ladder_asks_for_its_files() -> None:
    ended = run("ladder.py", "--epochs", "1")
    assert ended.returncode == 2
    assert "name two training files, --test and --out; or try --quick" in ended.stderr
