"""The benchmark of taps runs and writes what it says; its timings are judged on a quiet machine, not here."""

import json
import runpy
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "tap_overhead.py"
SMALL = ["--d-model", "32", "--layers", "1", "--batch", "2", "--length", "4", "--beam", "2", "--seconds", "0.1"]


def test_the_benchmark_of_taps_prints_a_table_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(BENCHMARK))["main"]
    report = tmp_path / "taps.json"
    status = main([*SMALL, "--json", str(report)])
    assert status in (0, 1)  # a model this small takes hardly longer than its taps
    written = json.loads(report.read_text(encoding="utf-8"))
    assert [row["name"] for row in written["results"]] == ["training step", "decode step"]
    assert all(row["calls"] > 20 and row["counted_seconds"] > 0 for row in written["results"])
    assert written["recipe"]["d_model"] == 32
    lines = capsys.readouterr().out.splitlines()
    assert [line[:13].strip() for line in lines[:3]] == ["pass", "training step", "decode step"]
    assert max(map(len, lines)) <= 80


def test_the_benchmark_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(BENCHMARK))["main"](["--help"])
    assert stopped.value.code == 0
    assert "no_tap" in capsys.readouterr().out
