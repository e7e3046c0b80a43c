"""One sitting of an experiment: trials one after another, each kept when it is finished, and a page that grows.

Repeat after repeat (seeds, or repetitions of a timing) until all are done or the time is over; index.html and
results.json are written on the way. Whoever stops it keeps a valid page, and the same command goes on.
"""

import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch

from polyglass._version import __version__
from polyglass.errors import EXIT_INTERRUPTED, EXIT_TERMINATED, InputError, TrainingUnhealthyError
from polyglass.experiments.experiment import Entry, Experiment, Request, Trial, open_experiment
from polyglass.experiments.outcome import Finding, Outcome, Setting
from polyglass.experiments.page import write_outcome
from polyglass.experiments.results import Finished, TrialFolder, fingerprint
from polyglass.run.folder import lock_folder
from polyglass.run.machine import available_cores

DEFAULT_BUDGET_SECONDS = 540.0
QUICK_WORDS = "A quick run shows that everything works; it trains and measures too little to prove anything. "
MOST_REPEATS = 20
PAGE_SECONDS = 5.0  # between two pages, at least
TRIALS = "trials"


def run_experiment(
    entry: Entry, request: Request, tell: Callable[[str], None], *, experiment: Experiment | None = None
) -> tuple[Outcome, int]:
    """Run an experiment and write its page into `request.out`; return what was found and the exit code.

    tell: is given one line after each trial. experiment: another one than the entry's (for tests). Raises InputError
    if the folder holds something else, LockedError if another process works in it.
    """
    _refuse_foreign(request.out)
    torch.set_num_threads(request.threads or available_cores())
    with lock_folder(request.out, "an experiment is already running in"):
        sitting = _Sitting(entry, request, tell, experiment or open_experiment(entry, request))
        code = sitting.run()
        return sitting.write(), code


class _Sitting:
    """One start of the program, from the trials that are there to the end of its time."""

    def __init__(self, entry: Entry, request: Request, tell: Callable[[str], None], experiment: Experiment) -> None:
        self._began = time.perf_counter()
        self._entry, self._request, self._tell, self._experiment = entry, request, tell, experiment
        self._facts = [__version__, _torch_version(), _machine(), *experiment.facts()]
        self._folder = TrialFolder(request.out / TRIALS, fingerprint(self._facts))
        self._results = self._folder.load()
        self._unfinished = ""
        self._written = 0.0
        limited = request.repeats is None and request.budget_seconds is not None
        usual = 1 if request.quick else experiment.repeats
        self._repeats = request.repeats or (MOST_REPEATS if limited else usual)
        is_open = request.budget_seconds is None and request.repeats is not None
        self._budget = float("inf") if is_open else request.budget_seconds or DEFAULT_BUDGET_SECONDS

    def run(self) -> int:
        """Do what is missing; return 0, or 130 or 143 if somebody stopped it."""
        try:
            with _term_as_interrupt() as stopped:
                for repeat in range(1, self._repeats + 1):
                    if not self._repeat(repeat):
                        break
        except KeyboardInterrupt:
            self._unfinished = "This experiment was stopped before its end. The same command goes on with it."
            return EXIT_TERMINATED if stopped else EXIT_INTERRUPTED
        return 0

    def _repeat(self, repeat: int) -> bool:
        """Do the trials of one repeat; return False if the time is over."""
        trials = self._experiment.trials(repeat)
        for number, trial in enumerate(trials, start=1):
            if self._results.has(trial.part, trial.case, repeat):
                continue
            if repeat > 1 and self._seconds() + self._expected(trial) > self._budget:
                if self._request.repeats is not None or self._request.budget_seconds is None:
                    self._unfinished = (
                        f"The time was over in repeat {repeat} of {self._repeats}. A longer --budget in the same "
                        "folder goes on with it."
                    )
                return False
            began = time.perf_counter()
            try:
                measures, note = trial.measure()
            except TrainingUnhealthyError:  # that a model cannot be trained so is a result, too
                measures, note = (), "training failed, its gradients are not finite"
            seconds = time.perf_counter() - began
            finished = Finished(trial.part, trial.case, repeat, seconds, tuple(measures), note)
            self._folder.save(finished)
            self._results.add(finished)
            place = f"{number} of {len(trials)}, repeat {repeat} of {self._repeats}"
            self._tell(f"{trial.words}: {note + ', ' if note else ''}{seconds:.0f}s ({place})")
            if time.perf_counter() - self._written > PAGE_SECONDS:
                self._unfinished = f"This experiment is still going on: {place}."
                self.write()
                self._unfinished = ""
        return True

    def write(self) -> Outcome:
        """Write page and results of what is finished."""
        found = self._experiment.conclude(self._results)
        outcome = Outcome(
            name=self._entry.name,
            title=self._entry.title,
            question=self._entry.question,
            findings=tuple(map(_undecided, found.findings)) if self._request.quick else found.findings,
            sections=found.sections,
            method=found.method,
            settings=(*found.settings, Setting("machine", _machine())),
            command=self._request.command,
            signature="|".join([f"polyglass {__version__}", *self._facts[1:3], f"trials {fingerprint(self._facts)}"]),
            unfinished=self._unfinished,
        )
        write_outcome(self._request.out, outcome)
        self._written = time.perf_counter()
        return outcome

    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    def _expected(self, trial: Trial) -> float:
        """Return how long a trial will take: as long as the slowest repeat of the same."""
        return max((done.seconds for done in self._results.of(trial.part, trial.case)), default=0.0)


def _undecided(finding: Finding) -> Finding:
    return replace(finding, verdict="not decided yet", words=QUICK_WORDS + finding.words)


def _refuse_foreign(out: Path) -> None:
    """Make the folder, unless it holds something that is not an experiment's."""
    if out.is_file():
        raise InputError(f"{out} must be a folder, but there is a file of that name. Choose another --out.")
    ours = {TRIALS, ".lock", "index.html", "results.json"}
    if out.is_dir() and (foreign := sorted({path.name for path in out.iterdir()} - ours)):
        raise InputError(f"{out} is not empty ({', '.join(foreign[:3])}). Choose an --out that does not exist yet.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be made: {error.strerror or error}. Choose another --out.") from error


@contextmanager
def _term_as_interrupt() -> Iterator[list[int]]:
    """Let SIGTERM end the block as Ctrl-C does; the list that is yielded then holds its number."""
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def listen(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, listen)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGTERM, before)


def _torch_version() -> str:
    return f"torch {torch.__version__}, {torch.get_num_threads()} CPU threads"


def _machine() -> str:
    """Return the processor and system in words."""
    name = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name or platform.machine()}, {platform.system()}, Python {platform.python_version()}"
