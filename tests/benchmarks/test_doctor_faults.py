"""The faults that `benchmarks/doctor.py` puts into corpora are those it says, as many as it says, and found."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from corpus_files import captions, read_packed

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    for name in ("doctor", "doctor_faults"):
        sys.modules.pop(name, None)


def test_each_fault_is_put_in_at_its_rate_and_found(tmp_path: Path, shared_data: Path) -> None:
    import doctor
    from doctor_faults import Material, Row, inject

    pairs = list(zip(*captions(shared_data, 4000), strict=True))
    foreign = [text for text in read_packed(shared_data / "debian-ddtp-en-it" / "train.it.xz")[:3000] if len(text) > 30]
    held_out = list(zip(*captions(shared_data, 300, start=20_000), strict=True))
    rows = inject(pairs, Material(foreign, held_out, "cp1252", random.Random(5)))
    counts = Counter(row.fault for row in rows)
    assert {kind: counts[kind] for kind in doctor.KINDS[1:]} == dict.fromkeys(doctor.KINDS[1:], 40)
    assert [row.origin for row in rows if row.origin >= 0] == list(range(4000))
    clean = [Row(*pair, place) for place, pair in enumerate(pairs)]
    before = doctor._check(tmp_path, clean, held_out, ("en", "de"))
    after = doctor._check(tmp_path, rows, held_out, ("en", "de"))
    scores = [doctor._score("captions", kind, rows, before[kind], after[kind]) for kind in doctor.KINDS[1:]]
    assert [(score.kind, score.recall) for score in scores if score.recall < 0.9] == []
    assert [(score.kind, score.precision) for score in scores if score.precision < 0.85] == []
    assert "| swapped | 1.000 / 1.000 (0) |" in doctor.table(
        [*scores, doctor.Score("captions", "shift", 1, 1.0, 1.0, 0)]
    )


def test_a_shift_begins_where_it_says(shared_data: Path) -> None:
    from doctor_faults import shift

    pairs = list(zip(*captions(shared_data, 200), strict=True))
    for seed in range(20):
        shifted, line = shift(pairs, random.Random(seed))
        assert shifted[: line - 1] == pairs[: line - 1]
        assert shifted[line - 1] != pairs[line - 1]
        assert len(shifted) in (198, 199)
