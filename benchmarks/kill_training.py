"""kill -9 while training, at random moments, again and again: what is lost, and does the run still end the same?

A parent loads torch once and forks a child that trains a toy model from files to model folder. After a random time it
kills the child, looks at what lies on the disk, and lets a new child go on: with the preparation, if that was not
finished, else from the newest checkpoint. A run that ends is compared with one that nobody disturbed.

Promises, each kill: no checkpoint that is listed is damaged; the model folder holds a whole model or none yet; at most
`save_every` steps are lost. Each run that ends: every weight, statistic and optimizer number, every loss and every
validation is the same to the last bit. Exit status 1 if one is broken.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from polyglass.bundle import load_bundle
from polyglass.data.demo_grammar import generate_pairs
from polyglass.errors import PolyglassError
from polyglass.files import LEFTOVER_PREFIX
from polyglass.run.folder import RunFolder
from polyglass.run.prepare import CorpusPaths
from polyglass.run.talk import Quiet
from polyglass.run.train import resume_run, start_run
from polyglass.settings import resolve
from polyglass.training.metrics import read_metrics
from polyglass.training.state import newest_checkpoint, step_of
from polyglass.weights import load_weights

SAVE_EVERY = 3
OPTIONS: dict[str, Any] = {
    "data.vocabulary_size": 400,
    "data.subword_sampling": 0.1,
    "model.d_model": 16,
    "model.num_heads": 2,
    "model.d_ff": 32,
    "model.encoder_layers": 1,
    "model.decoder_layers": 1,
    "train.threads": 1,
    "train.batch_tokens": 256,
    "train.warmup_steps": 5,
    "train.save_every": SAVE_EVERY,
    "train.validate_every": 7,
    "decode.beam_size": 2,
    "decode.max_length_factor": 1.0,
    "decode.max_length_extra": 2,
}
TIMES = {"time", "seconds", "elapsed_seconds", "tokens_per_second", "wait_share", "memory_bytes"}
CHILD_SECONDS = 120  # a child that takes longer hangs


class BrokenPromiseError(Exception):
    """Something was lost that must not be."""


@dataclass
class Tally:
    """What happened so far."""

    kills: Counter[str] = field(default_factory=Counter)  # by what the run was doing
    runs: int = 0
    half_written: int = 0  # kills that left something unfinished lying about
    most_steps_lost: int = 0

    @property
    def killed(self) -> int:
        """Kills of all kinds."""
        return sum(self.kills.values())


def write_corpus(folder: Path) -> CorpusPaths:
    """Write 300 pairs to train on and 4 to judge by."""
    pairs = generate_pairs(304, seed=1, max_depth=0)
    paths = []
    for name, part in (("train", pairs[4:]), ("valid", pairs[:4])):
        for ending, side in (("en", [pair.source for pair in part]), ("de", [pair.target for pair in part])):
            paths.append(folder / f"{name}.{ending}")
            paths[-1].write_bytes("".join(f"{text}\n" for text in side).encode())
    return CorpusPaths((paths[0], paths[1]), (paths[2], paths[3]))


def fork(action: Callable[[], object]) -> int:
    """Start a child that runs `action`; return its process id. It exits with 1 if `action` raised."""
    child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)
        try:
            action()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def wait(child: int, seconds: float) -> int | None:
    """Wait for a child at most so long; return how it ended, or None if it goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


def kill_or_end(child: int, delay: float) -> bool:
    """Kill the child after `delay` seconds; return False if it had ended by then. A child that failed is an error."""
    code = wait(child, delay)
    if code is None:
        os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        raise BrokenPromiseError(f"the run ended with status {code}; what it said is above")
    return code != 0


def outcome_of(out: Path) -> dict[str, str]:
    """Return what two runs must have in common, each part as a hash."""
    checkpoint, _ = newest_checkpoint(RunFolder(out).checkpoints)
    if checkpoint is None:
        raise BrokenPromiseError(f"{out} has no checkpoint")
    parts: dict[str, Any] = {"name": checkpoint.name}
    for path in (out / "model.safetensors", *sorted(checkpoint.glob("*.safetensors"))):
        tensors = load_weights(path)[0]
        parts[path.relative_to(out).as_posix()] = [(name, tensors[name].numpy().tobytes()) for name in sorted(tensors)]
    for kind in ("step", "validation"):
        records = [record for record in read_metrics(out / "metrics.jsonl") if record["kind"] == kind]
        parts[kind] = [sorted((k, repr(v)) for k, v in record.items() if k not in TIMES) for record in records]
    return {name: hashlib.sha256(repr(part).encode()).hexdigest() for name, part in parts.items()}


def inspect(out: Path, tally: Tally) -> None:
    """Look at a run folder after a kill. Raises BrokenPromiseError."""
    folder = RunFolder(out)
    tally.half_written += any(out.rglob(f"{LEFTOVER_PREFIX}*"))
    try:
        checkpoint, complaints = newest_checkpoint(folder.checkpoints)
        if complaints:
            raise BrokenPromiseError(complaints[0])
        if (out / "model.safetensors").exists():
            load_bundle(out)
        steps = [record["step"] for record in read_metrics(folder.metrics) if record["kind"] == "step"]
    except PolyglassError as error:
        if folder.is_planned:
            raise BrokenPromiseError(str(error)) from error
        steps, checkpoint = [], None
    lost = max(steps, default=0) - (step_of(checkpoint) if checkpoint else 0)
    tally.most_steps_lost = max(tally.most_steps_lost, lost)
    if lost > SAVE_EVERY:
        raise BrokenPromiseError(f"{lost} steps were lost")


def phase_of(out: Path, steps: int) -> str:
    """Say what a run was doing."""
    folder = RunFolder(out)
    if not folder.is_planned:
        return "preparing"
    checkpoint, _ = newest_checkpoint(folder.checkpoints)
    return "finishing" if checkpoint and step_of(checkpoint) == steps else "training"


def kill_until(kills: int, work: Path, *, seed: int, steps: int, say: Callable[[str], None]) -> Tally:
    """Kill runs until there were so many kills, and let the last run end. Raises BrokenPromiseError."""
    chance = random.Random(seed)
    corpus = write_corpus(work)
    settings = resolve(overrides={**OPTIONS, "train.steps": steps})

    def go_on(out: Path) -> None:
        if RunFolder(out).is_planned:
            resume_run(out, Quiet())
        else:
            start_run(corpus, out, settings, Quiet())

    began = time.monotonic()
    if wait(fork(lambda: go_on(work / "undisturbed")), CHILD_SECONDS) != 0:
        raise BrokenPromiseError("the undisturbed run failed; what it said is above")
    whole = time.monotonic() - began
    expected = outcome_of(work / "undisturbed")
    say(f"A run that nobody disturbs takes {whole:.1f} s.")
    tally = Tally()
    while tally.killed < kills:
        out = work / f"run-{tally.runs + 1}"
        while kill_or_end(fork(lambda out=out: go_on(out)), chance.uniform(0, whole) if tally.killed < kills else 1e9):
            tally.kills[phase_of(out, steps)] += 1
            inspect(out, tally)
        found = outcome_of(out)
        if found != expected:
            names = [name for name in expected if found.get(name) != expected[name]]
            raise BrokenPromiseError(f"{out} differs from the undisturbed run in {', '.join(names)}")
        tally.runs += 1
        shutil.rmtree(out)
        say(f"{tally.killed:,} kills, {tally.runs:,} runs ended, {time.monotonic() - began:,.0f} s")
    return tally


def report(tally: Tally, *, seed: int, steps: int) -> str:
    """Return what was found, as lines of a table."""
    phases = ", ".join(f"{count:,} while {phase}" for phase, count in sorted(tally.kills.items()))
    rows = [
        ("kills", f"{tally.killed:,}: {phases}"),
        ("left something half-written", f"{tally.half_written:,}"),
        ("unloadable checkpoints or models", "0"),
        ("most steps lost by a kill", f"{tally.most_steps_lost} of at most {SAVE_EVERY}"),
        ("runs that ended bit-identical", f"{tally.runs:,} of {tally.runs:,}"),
        ("recipe", f"seed {seed}, {steps} steps, a save every {SAVE_EVERY}, torch {torch.__version__}"),
    ]
    return "\n".join(f"{name:<34}{value}" for name, value in rows)


def main(argv: list[str] | None = None) -> int:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000, help="how often (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    parser.add_argument("--steps", type=int, default=20, help="updates in each run (default: 20)")
    parser.add_argument("--quiet", action="store_true", help="print only the table")
    arguments = parser.parse_args(argv)
    # A forked child may use torch only if its parent has started no threads.
    torch.set_num_threads(1)
    torch.optim.SGD([torch.zeros(1)])  # loads a thousand files of torch, which each child would load again
    say = (lambda text: None) if arguments.quiet else lambda text: print(text, flush=True)
    with tempfile.TemporaryDirectory() as work:
        try:
            tally = kill_until(arguments.kills, Path(work), seed=arguments.seed, steps=arguments.steps, say=say)
        except BrokenPromiseError as error:
            print(f"BROKEN: {error}", file=sys.stderr)
            return 1
    print(report(tally, seed=arguments.seed, steps=arguments.steps))
    return 0


if __name__ == "__main__":
    sys.exit(main())
