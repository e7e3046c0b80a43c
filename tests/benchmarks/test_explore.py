"""The benchmark of the page runs and writes what it says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "explore.py"
CHROMIUM = os.environ.get("POLYGLASS_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (or name one in POLYGLASS_TEST_CHROMIUM)")
def test_it_measures_paint_numbers_and_the_saved_page(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    file = tmp_path / "explore.json"
    command = [sys.executable, str(BENCHMARK), "--quick", "--preset", "mini", "--threads", "1", "--json", str(file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(file.read_text(encoding="utf-8"))
    figures = report["results"]
    assert 0 < figures["first_paint_ms"] <= figures["first_numbers_ms"] * 1.5
    assert list(figures["new_numbers_ms"]) == list(figures["long_ms"]) == ["1", "2"]
    assert abs(figures["short_pieces"] - 15) <= 2
    assert abs(figures["long_pieces"] - 200) <= 20
    assert 100_000 < figures["saved_bytes"] <= 3_000_000
    assert "benchmarks/explore.py" in report["recipe"]["command"]
    assert "first paint" in ended.stdout
    assert "slowest" in ended.stdout
