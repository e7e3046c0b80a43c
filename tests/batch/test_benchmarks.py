"""The benchmarks of large files run; the arithmetic of `scaling_model.py` agrees with formulas written elsewhere."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batch_world import write_lines
from polyglass.bundle import save_bundle
from polyglass.config import TransformerConfig
from polyglass.experiments.flops import Shape, attention_flops, forward_flops
from tiny_bundle import SENTENCES, tiny_talker

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SHAPE = TransformerConfig(d_model=64, d_ff=96, num_heads=4, encoder_layers=3, decoder_layers=2)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return runpy.run_path(str(BENCHMARKS / "scaling_model.py"))


def test_the_operations_of_the_model_of_costs_are_those_of_the_experiments(script: dict[str, Any]) -> None:
    """A forward pass sees the whole target at once, steps see half of it on average."""
    load = script["Load"](source=7, target=10, beam=1, batch=1)
    whole = script["read_flops"](SHAPE, load) + 10 * script["step_flops"](SHAPE, load, 50)
    unseen = 4 * 64 * 2 * 10 * 10 / 2
    assert whole + unseen == forward_flops(SHAPE, Shape(1, 7, 10), vocabulary=50)
    assert attention_flops(SHAPE, Shape(1, 7, 10)) == 4 * 64 * (3 * 49 + 2 * (100 + 70))


def test_bytes_of_a_step_are_weights_cache_and_logits(script: dict[str, Any]) -> None:
    load = script["Load"](source=7, target=10, beam=3, batch=5)
    weights = 2 * (2 * (6 * 64 * 64 + 2 * 64 * 96) + 64 * 50)
    cache = 2 * 2 * 2 * 64 * (5 + 7) * 15  # keys and values, bytes, layers, numbers, places, rows
    assert script["step_bytes"](SHAPE, load, 50, 2) == weights + cache + 3 * 4 * 15 * 50


def test_the_sentences_of_the_measurement_keep_their_lengths_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    varied = runpy.run_path(str(BENCHMARKS / "translate_many.py"))["varied"]
    sources = [source for source, _ in SENTENCES]
    made = list(varied(sources, 20))
    assert [len(line.split()) for line in made] == [len(line.split()) for line in sources] * 5
    assert len(set(made)) > 15


def test_kills_of_the_benchmark_lose_nothing(tmp_path: Path) -> None:
    save_bundle(tmp_path / "model", tiny_talker())
    text = write_lines(tmp_path / "a.en", *([source for source, _ in SENTENCES] * 30))
    command = [sys.executable, str(BENCHMARKS / "kill_translation.py"), str(tmp_path / "model"), str(text)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--kills", "3"], capture_output=True, text=True, env=environment, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kills, " in done.stdout
    assert "byte-equal, no finished part lost" in done.stdout
