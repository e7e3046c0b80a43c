"""One run of a comparison in a process of its own: `python -m polyglass.experiments.compare_child RUN TEST`.

A process of its own, because the most memory that was ever used is known for a whole process only. It trains the
planned run in the folder RUN (or goes on with it), translates the test set, and writes outcome.json; if it fails,
failure.json. It stops, with everything saved, on SIGINT and SIGTERM, and when its standard input ends: then the
parent is gone.
"""

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from polyglass.bundle import load_bundle
from polyglass.config import Config
from polyglass.device import peak_memory
from polyglass.errors import EXIT_INTERNAL, EXIT_INTERRUPTED, PolyglassError
from polyglass.experiments.compare_data import read_pairs
from polyglass.files import write_atomically
from polyglass.reading import parse_json, read_bounded
from polyglass.run.folder import MAX_RUN_JSON, RunFolder, RunPlan
from polyglass.run.machine import describe_device, set_up_machine
from polyglass.run.talk import Quiet
from polyglass.run.train import resume_run
from polyglass.training.events import Reporter, Validation
from polyglass.training.progress import Several
from polyglass.translator import Translation, Translator

OUTCOME, FAILURE, OUTPUTS, MEMORY = "outcome.json", "failure.json", "test.output.txt", "memory.json"
SENTENCES_AT_ONCE = 512


@dataclass(frozen=True)
class Outcome:
    """What was measured after training.

    memory_before, memory_peak: resident bytes of the process (GPU: allocated) before the first update, and the most
    while it trained; None where nobody tells. sentences_per_second: the test set in batches, on `device`.
    finish_reasons: "end" or "length" for each test sentence. finish_seconds: for validating the best model,
    translating and scoring.
    """

    steps: int
    memory_before: int | None
    memory_peak: int | None
    sentences_per_second: float
    device: str
    finish_reasons: tuple[str, ...]
    finish_seconds: float


class _Memory(Quiet):
    """Notes the memory when training begins and when it ends."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self._folder = folder
        self._device = device
        self._before: int | None = None
        self.trained = time.perf_counter()

    def training(self, config: Config, last: Validation | None) -> Reporter:
        self._before = _resident(self._device)
        return _AtTheEnd(self)

    def measure(self) -> None:
        """Write down the most memory so far, or that of an earlier sitting if that was more."""
        self.trained = time.perf_counter()
        earlier = remembered(self._folder / MEMORY)
        known = [value for value in (most_memory(self._device), earlier.get("peak")) if value is not None]
        content = {"before": self._before or earlier.get("before"), "peak": max(known, default=None)}
        write_atomically(self._folder / MEMORY, json.dumps(content).encode())


class _AtTheEnd(Several):
    """A reporter that only hears that training is over."""

    def __init__(self, memory: _Memory) -> None:
        super().__init__([])
        self._memory = memory

    def close(self) -> None:
        self._memory.measure()


def run(folder: Path, test: Path) -> int:
    """Train and measure; returns 0, or the exit code of the signal that stopped training."""
    device = set_up_machine(RunPlan.read(RunFolder(folder)).config.train)
    memory = _Memory(folder, device)
    result = resume_run(folder, memory)
    if not result.finished:
        return result.exit_code
    translator = Translator(load_bundle(folder, device=str(device)))
    sources = [pair.source for pair in read_pairs(test)]
    translator.translate(sources[:1])  # the first call prepares kernels, which is nobody's speed
    began = time.perf_counter()
    done = _translate(translator, sources)
    seconds = time.perf_counter() - began
    lines = [translation.text.replace("\r", " ").replace("\n", " ") for translation in done]
    write_atomically(folder / OUTPUTS, "".join(f"{line}\n" for line in lines).encode())
    told = remembered(folder / MEMORY)
    outcome = Outcome(
        steps=result.step,
        memory_before=told.get("before"),
        memory_peak=told.get("peak"),
        sentences_per_second=len(sources) / seconds,
        device=describe_device(device),
        finish_reasons=tuple(translation.candidates[0].finish_reason for translation in done),
        finish_seconds=time.perf_counter() - memory.trained,
    )
    RunFolder(folder).write_json(OUTCOME, asdict(outcome))
    return 0


def _translate(translator: Translator, sources: list[str]) -> list[Translation]:
    """Translate in the order of the sources, a few hundred at a time."""
    return [
        translation
        for start in range(0, len(sources), SENTENCES_AT_ONCE)
        for translation in translator.translate(sources[start : start + SENTENCES_AT_ONCE])
    ]


def remembered(path: Path) -> dict[str, Any]:
    """Read a small JSON file of our own; nothing if it is not there."""
    return parse_json(read_bounded(path, MAX_RUN_JSON), path) if path.exists() else {}


def most_memory(device: torch.device) -> int | None:
    """Return the most memory of this process so far, in bytes.

    Linux hands the peak of a parent down to its children in `getrusage`, so the kernel's own figure comes first.
    """
    told = None if device.type == "cuda" else _status("VmHWM")
    return told or peak_memory(device) or None


def _resident(device: torch.device) -> int | None:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else _status("VmRSS")


def _status(name: str) -> int | None:
    """Return a line of /proc/self/status in bytes; None where there is no such file."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


def main(words: list[str]) -> int:
    """Run, and put a failure into failure.json; returns the exit code."""
    folder, test = map(Path, words)
    threading.Thread(target=_stop_when_input_ends, daemon=True).start()
    try:
        return run(folder, test)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except PolyglassError as error:
        _write_failure(folder, type(error).__name__, str(error))
        return error.exit_code
    except Exception as error:
        _write_failure(folder, type(error).__name__, " ".join(str(error).split())[:500])
        sys.excepthook(type(error), error, error.__traceback__)  # into the run's log
        return EXIT_INTERNAL


def _write_failure(folder: Path, kind: str, text: str) -> None:
    with suppress(PolyglassError):  # on a full disk the exit code has to do
        RunFolder(folder).write_json(FAILURE, {"kind": kind, "text": text})


def _stop_when_input_ends() -> None:
    """Wait until the parent is gone; then stop as if it had asked for it."""
    with suppress(OSError):
        while os.read(0, 4096):  # not through sys.stdin: Python could not end while a thread holds its lock
            pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
