"""The fuzzer in small: a few hostile cases of each kind; and does it see faults at all?"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from polyglass.errors import DataError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = 300


def for_ever(content: bytes) -> None:
    while True:
        pass


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """The names of the program, imported for one test."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import fuzz as program

    yield vars(program)
    for name in set(sys.modules) - before:
        if (BENCHMARKS / f"{name}.py").exists():
            del sys.modules[name]


def test_hundreds_of_hostile_files_and_requests_are_read_or_refused_by_name(tmp_path: Path) -> None:
    """In a process of its own, which forks: a child may use torch only if its parent has started no threads."""
    file = tmp_path / "f.json"
    command = [sys.executable, str(BENCHMARKS / "fuzz.py"), "--cases", str(SMALL), "--seed", "7", "--json", str(file)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    targets = json.loads(file.read_text(encoding="utf-8"))["targets"]
    assert len(targets) >= 30
    assert sum(sum(target["ends"].values()) for target in targets) >= SMALL


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forks beside threads
@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (lambda content: os.kill(os.getpid(), signal.SIGSEGV), "crash: SIGSEGV"),
        (lambda content: time.sleep(60), "hang: nothing for 1 s"),
        (for_ever, "slow: more than 0 s of the processor"),
        (lambda content: bytearray(10**11), "MemoryError"),
        (lambda content: {}["x"], "KeyError: 'x' (test_fuzz.py:"),
        (lambda content: (_ for _ in ()).throw(DataError("something")), "refused without a name: something"),
    ],
    ids=["crash", "hang", "endless loop", "memory", "another exception", "no name"],
)
def test_it_sees_each_kind_of_fault(
    fuzz: dict[str, object],
    act: Callable[[bytes], object],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = sys.modules["fuzz"]
    monkeypatch.setattr(program, "PATIENCE", 1.0 if fault.startswith("hang") else 60.0)
    monkeypatch.setattr(program, "SECONDS", 0.2)
    target = program.Target("x", (b"a",), (), lambda folder: act, ("a.txt",), 1)
    tally = program.run_cases(target, range(2), 1, tmp_path)
    assert (tally.cases, tally.ends["fault"]) == (2, 2)
    assert tally.faults[1].startswith("--only 'x' --case 1 --seed 1: ")
    assert fault in tally.faults[1]


def test_the_same_number_gives_the_same_file(fuzz: dict[str, object]) -> None:
    from fuzz_mutations import hostile

    made = [hostile(number, "x", (b"A dog.\n<b>c</b>",), (b"<i>",), 1) for number in range(300)]
    assert made == [hostile(number, "x", (b"A dog.\n<b>c</b>",), (b"<i>",), 1) for number in range(300)]
    assert len(set(made)) > 200
    assert max(map(len, made)) <= 200_000
