"""Two processes train together and one of them is killed or stops answering: does the run still end the same?

torchrun starts two processes (gloo) that train a toy model. At a random step one of them gets SIGKILL; torchrun starts
both again, and they go on from the newest checkpoint. In the end every number must equal that of two processes that
nobody disturbed. Then one process is stopped (SIGSTOP), so that the other waits in vain: the run must end or go on by
itself. At last a run changes from two processes to one and back: the same batches, losses within rounding.
Exit status 1 if a promise is broken.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kill_training import OPTIONS, outcome_of, write_corpus
from polyglass.errors import PolyglassError
from polyglass.training.metrics import read_metrics
from recipe import build_parser, finish, recipe

STEPS, SAVE_EVERY = 30, 3
TEAM_TIMEOUT = 90.0  # seconds that a process waits for the other; a busy machine takes long to start one
TORCHRUN_PATIENCE = 30.0  # seconds after which torchrun kills what does not answer SIGTERM
TOLERANCE = 1e-4  # sums of float32 in another order
LONGEST = 600.0


def command(folder: Path, processes: int, restarts: int) -> list[str]:
    """Return the command line that goes on with the run in a folder."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    launch = [*launch, "--max-restarts", str(restarts)] if processes > 1 else []
    return [sys.executable, *launch, "-m", "polyglass", "train", "--resume", str(folder)]


def start(folder: Path, processes: int, restarts: int = 0) -> subprocess.Popen[bytes]:
    """Start it; what it says goes to a file beside the folder."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with said(folder).open("ab") as log:
        return subprocess.Popen(command(folder, processes, restarts), env=environment, stdout=log, stderr=log)


def said(folder: Path) -> Path:
    """Return where it stands what the processes of a folder said."""
    return folder.with_suffix(".log")


def broken(folder: Path, text: str) -> SystemExit:
    """Return the end of this program; show the last words of the run first."""
    lines = said(folder).read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    sys.stderr.write("".join(line for line in lines if "polyglass: " in line or "rror" in line)[:4000])
    return SystemExit(f"BROKEN: {text}")


def step_of(folder: Path) -> int:
    """Return the last step that the run wrote down."""
    try:
        return max((one["step"] for one in read_metrics(folder / "metrics.jsonl") if one["kind"] == "step"), default=0)
    except PolyglassError:
        return 0


def wait_for_step(folder: Path, step: int, run: subprocess.Popen[bytes]) -> None:
    """Return when the run is so far, or has ended."""
    end = time.monotonic() + LONGEST
    while step_of(folder) < step and run.poll() is None:
        if time.monotonic() > end:
            run.kill()
            raise SystemExit(f"BROKEN: nothing happened for {LONGEST:.0f} s")
        time.sleep(0.02)


def ranks_of(run: subprocess.Popen[bytes]) -> list[int]:
    """Return the processes that torchrun started."""
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children]


def plan(work: Path) -> Path:
    """Prepare a run up to its first step."""
    corpus = write_corpus(work)
    changes = {**OPTIONS, "train.steps": STEPS, "train.save_every": SAVE_EVERY, "train.validate_every": 10}
    changes |= {"train.team_timeout_seconds": TEAM_TIMEOUT, "model.dropout": 0.0, "data.subword_sampling": 0.0}
    flags = [word for name, value in changes.items() for word in ("--set", f"{name}={str(value).lower()}")]
    files = [*map(str, corpus.train), "--valid", *map(str, corpus.valid), "--out", str(work / "planned"), *flags]
    subprocess.run([sys.executable, "-m", "polyglass", "train", *files, "--dry-run"], check=True, capture_output=True)
    return work / "planned"


def losses(folder: Path) -> list[float]:
    """Return the loss of each step, and fail if a step stands there twice or never."""
    records = [one for one in read_metrics(folder / "metrics.jsonl") if one["kind"] == "step"]
    if [one["step"] for one in records] != list(range(1, STEPS + 1)):
        raise SystemExit("BROKEN: a step is missing or stands there twice")
    return [one["loss"] for one in records]


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = build_parser(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    kills = 1 if given.quick else given.kills
    dice = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        planned = plan(work)
        whole = Path(shutil.copytree(planned, work / "whole"))
        if start(whole, 2).wait(LONGEST) != 0:
            raise SystemExit("BROKEN: the undisturbed run failed")
        expected = outcome_of(whole)
        equal = sum(_killed(planned, work / f"killed{number}", dice) == expected for number in range(kills))
        seconds = None if given.quick else _stopped(planned, work / "stopped", expected)
        gap = None if given.quick else _other_counts(planned, work / "other", losses(whole))
    print(f"one of two processes killed   {kills} times, {equal} runs ended bit-identical")
    if seconds is not None and gap is not None:
        bar = TEAM_TIMEOUT + TORCHRUN_PATIENCE
        print(f"one of two processes stopped  all were started again {seconds:.0f} s later (at most about {bar:.0f} s)")
        print(f"2, then 1, then 2 processes   every step once, losses differ by at most {gap:.1e}")
    finish(recipe(), {"kills": kills, "equal": equal, "hang_seconds": seconds, "loss_gap": gap}, given.json)
    return 0 if equal == kills and (gap or 0.0) <= TOLERANCE else 1


def _killed(planned: Path, folder: Path, dice: random.Random) -> dict[str, str]:
    """Kill one of two processes at a random step; return what the run ended with."""
    shutil.copytree(planned, folder)
    run = start(folder, 2, restarts=2)
    wait_for_step(folder, dice.randrange(1, STEPS - 1), run)
    os.kill(dice.choice(ranks_of(run)), signal.SIGKILL)
    if run.wait(LONGEST) != 0:
        raise broken(folder, "torchrun did not bring the run to its end")
    return outcome_of(folder)


def _stopped(planned: Path, folder: Path, expected: dict[str, str]) -> float:
    """Stop one of two processes for ever; return after how many seconds both were started again."""
    shutil.copytree(planned, folder)
    run = start(folder, 2, restarts=2)
    wait_for_step(folder, STEPS // 2, run)
    before = ranks_of(run)
    os.kill(before[1], signal.SIGSTOP)
    began = time.monotonic()
    while run.poll() is None and set(ranks_of(run)) & set(before):
        if time.monotonic() - began > LONGEST:
            run.kill()
            raise SystemExit("BROKEN: a process that hangs holds up the other for ever")
        time.sleep(0.1)
    seconds = time.monotonic() - began
    if run.wait(LONGEST) != 0 or outcome_of(folder) != expected:
        raise broken(folder, "the run did not end as the undisturbed one")
    return seconds


def _other_counts(planned: Path, folder: Path, expected: list[float]) -> float:
    """Go from two processes to one and back; return the largest difference of a loss."""
    shutil.copytree(planned, folder)
    for processes, step in ((2, STEPS // 3), (1, 2 * STEPS // 3)):
        run = start(folder, processes)
        wait_for_step(folder, step, run)
        for one in ranks_of(run) if processes > 1 else [run.pid]:
            os.kill(one, signal.SIGTERM)
        run.wait(LONGEST)
    if start(folder, 2).wait(LONGEST) != 0:
        raise broken(folder, "two processes could not go on with the run of one")
    return max(abs(one - other) for one, other in zip(losses(folder), expected, strict=True))


if __name__ == "__main__":
    sys.exit(main())
