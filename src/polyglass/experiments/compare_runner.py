"""A plan in, finished runs out: one run after another, each in a process of its own, and never two at a time.

The parent waits, looks at the run's metrics a few times a second, and passes a signal on. A run that fails is a
result, too; only a full disk and a signal end the comparison early.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polyglass
from polyglass.config import Config
from polyglass.errors import LockedError, OutOfSpaceError
from polyglass.experiments.compare_child import FAILURE, MEMORY, OUTCOME, remembered
from polyglass.experiments.compare_data import TEST, share
from polyglass.experiments.compare_folder import CompareFolder, Entry, Plan, RunName
from polyglass.files import remove_folder
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.training.events import Plan as Announced
from polyglass.training.metrics import MetricsFile
from polyglass.training.stop import StopRequest

LOOK_SECONDS = 0.25
LOCKED_SECONDS = 60.0  # that a run whose parent was killed may take to save and go
LOG = "log.txt"


@dataclass(frozen=True)
class Watch:
    """Who looks while a run is made. look: called several times a second. request: whether to stop."""

    look: Callable[[], None]
    request: StopRequest


def make_run(plan: Plan, run: RunName, folder: CompareFolder, watch: Watch) -> None:
    """Make one run, or go on with it, in a process of its own; returns when that has ended.

    Raises OutOfSpaceError if the disk is full, LockedError if somebody else works on the run.
    """
    path = folder.run(run)
    set_up(plan, run, folder)
    end = time.monotonic() + LOCKED_SECONDS
    while True:
        (path / FAILURE).unlink(missing_ok=True)
        code = _wait_for(_start(path, folder.prepared / TEST), watch)
        if code == LockedError.exit_code and time.monotonic() < end and not watch.request:
            time.sleep(1.0)
            continue
        break
    _judge_end(path, code, is_asked=bool(watch.request))


def set_up(plan: Plan, run: RunName, folder: CompareFolder) -> None:
    """Make the folder of a run as `polyglass train` leaves it before its first step; a half-made one is replaced."""
    path = folder.run(run)
    if RunFolder(path).is_planned:
        return
    if path.exists():
        remove_folder(path)
    path.mkdir(parents=True)
    share(folder.prepared, path)
    entry = plan.entry(run.contestant)
    values = entry.config.model_dump()
    config = Config.model_validate(values | {"train": values["train"] | {"seed": run.seed}})
    metrics = MetricsFile(path / "metrics.jsonl")
    metrics.plan(_announced(plan, entry))
    metrics.close()
    facts = {"data": plan.facts["data"], "device": plan.facts["device"]}
    RunPlan(config, plan.source_lang, plan.target_lang, facts, entry.reasons).write(RunFolder(path))


def _announced(plan: Plan, entry: Entry) -> Announced:
    return Announced(
        source_lang=plan.source_lang,
        target_lang=plan.target_lang,
        pairs=plan.facts["data"]["kept"],
        steps=entry.steps,
        epochs=entry.steps / entry.steps_per_epoch,
        seconds=entry.seconds,
        parameters=entry.parameters,
        memory_bytes=0,
        device=plan.facts["device"],
        precision=entry.config.train.precision,
        reasons=entry.reasons,
    )


def _start(path: Path, test: Path) -> "subprocess.Popen[bytes]":
    """Start a run. It reads a pipe that ends when we end, and hears Ctrl-C only from us."""
    command = [sys.executable, "-m", "polyglass.experiments.compare_child", str(path), str(test)]
    package = str(Path(polyglass.__file__).resolve().parents[1])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    with (path / LOG).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )


def _wait_for(process: "subprocess.Popen[bytes]", watch: Watch) -> int:
    """Wait for the end; ask the run to stop if we are asked to, and make it stop if we are asked again."""
    is_told = False
    try:
        while True:
            try:
                return process.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                watch.look()
            if watch.request and not is_told:
                process.send_signal(watch.request.signal or signal.SIGINT)
                is_told = True
    except BaseException:  # a second Ctrl-C, or a fault of ours: no run may go on alone
        process.kill()
        process.wait()
        raise
    finally:
        if process.stdin is not None:
            process.stdin.close()


def _judge_end(path: Path, code: int, *, is_asked: bool) -> None:
    """Raise for an end that concerns the whole comparison; write down any other that left no result."""
    failure = remembered(path / FAILURE)
    if (path / OUTCOME).exists():
        _tidy(path)
        return
    if code == OutOfSpaceError.exit_code or failure.get("kind") == OutOfSpaceError.__name__:
        (path / FAILURE).unlink(missing_ok=True)
        raise OutOfSpaceError(failure.get("text") or f"{path} cannot be written: the disk is full.")
    if code == LockedError.exit_code:
        (path / FAILURE).unlink(missing_ok=True)
        raise LockedError(failure.get("text") or f"another process is writing into {path}.")
    if failure or is_asked or code in (128 + signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGTERM):
        return
    log = path / LOG
    text = f"its process ended with code {code}; what it said is in {log}"
    if code < 0:
        name = signal.Signals(-code).name
        text = f"its process was ended by the signal {name}"
        text += ": often the system, because memory ran out" if name == "SIGKILL" else f"; what it said is in {log}"
    RunFolder(path).write_json(FAILURE, {"kind": "Ended", "text": f"{text}."})


def _tidy(path: Path) -> None:
    """Remove what nobody needs of a finished run."""
    log = path / LOG
    if log.exists() and log.stat().st_size == 0:
        log.unlink()
    (path / MEMORY).unlink(missing_ok=True)
