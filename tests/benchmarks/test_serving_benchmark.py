"""The benchmark of the server runs and writes what it says; its figures are judged on a quiet machine, not here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polyglass.bundle import save_bundle
from tiny_bundle import SENTENCES, tiny_talker

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "serving.py"


@pytest.mark.timeout(300)
def test_the_server_is_measured_in_all_parts(tmp_path: Path) -> None:
    save_bundle(tmp_path / "en-de", tiny_talker())
    text = tmp_path / "test.en"
    text.write_text("".join(f"{source} {n}\n" for n in range(20) for source, _ in SENTENCES), encoding="utf-8")
    words = [str(tmp_path / "en-de"), str(text), "--quick", "--clients", "4", "--threads", "1"]
    command = [sys.executable, str(BENCHMARK), *words, "--json", str(tmp_path / "out.json")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    parts = [row["part"] for row in report["rows"]]
    assert parts == ["4 clients without batching", "4 clients with batching", "half load", "overload"]
    for row in report["rows"]:
        assert row["done_per_second"] > 0
        assert 0 < row["median"] <= row["p99"]
        assert set(row["statuses"]) <= {"200", "429", "503"}
    assert report["idle"] > 0 < report["after"]
    assert report["memory"]
    assert "batching:" in ended.stdout
