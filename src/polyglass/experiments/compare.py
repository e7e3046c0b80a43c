"""`polyglass compare`: one corpus, several models, the same budget; out: which is better, by how much, and is it luck?

    from polyglass.experiments.compare import compare

    results = compare("train.en", "train.de", valid=("v.en", "v.de"), test=("t.en", "t.de"),
                      models="lstm+attention,transformer", budget="10m", seeds=3, out="reports/compare")

Runs go one after another, each in a process of its own, and every model gets its first seed before any gets a second.
After each of them, and while it goes on, results.json and index.html are replaced in one step.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyglass.experiments.compare_contestants import read_contestants
from polyglass.experiments.compare_defaults import BUDGET, MODELS, SEEDS, Equal
from polyglass.experiments.compare_folder import CompareFolder, Plan, RunName
from polyglass.experiments.compare_page import page
from polyglass.experiments.compare_planning import make_plan
from polyglass.experiments.compare_record import Results, Status, dumps
from polyglass.experiments.compare_results import Bookkeeper
from polyglass.experiments.compare_runner import Watch, make_run
from polyglass.experiments.compare_runs import ENDED, RunState
from polyglass.experiments.compare_talk import CompareTalk, Silent
from polyglass.experiments.compare_terms import Terms
from polyglass.files import remove_leftovers, write_atomically
from polyglass.options import parse_duration
from polyglass.run.prepare import CorpusPaths
from polyglass.settings import Given
from polyglass.training.stop import StopRequest, stop_on_signal

__all__ = ["Compared", "compare", "resume"]

FIRST_PAGE_SECONDS, PAGE_SECONDS = 10.0, 30.0  # between two pages while a run goes on
PAGE_SHARE = 0.02  # of the time, at most, that writing pages may take from a run that trains

FileNames = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Compared:
    """How a comparison ended. exit_code: 0, or 130/143 if a signal stopped it (all is saved)."""

    folder: Path
    results: Results
    exit_code: int

    @property
    def finished(self) -> bool:
        """Whether every run has ended."""
        return self.results.status == "finished"


def compare(
    *files: str | Path,
    out: str | Path,
    valid: FileNames = (),
    test: FileNames = (),
    models: str = MODELS,
    equal: Equal = "time",
    budget: str | float | None = None,
    steps: int | None = None,
    seeds: int = SEEDS,
    parameters: int | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    source_lang: str | None = None,
    target_lang: str | None = None,
) -> Compared:
    """Train several models on one corpus and find out which is better; leaves page and results in the folder `out`.

    files, valid, test: as for `polyglass.train`; without `test`, part of the validation set, or of the corpus, judges.
    models: a list such as "lstm,transformer[norm=batch]" or the name of a TOML file (see `compare_contestants`).
    equal: "time" (each run trains as long), "steps" or "parameters". budget: training time of one run, such as "10m" or
    seconds; steps: the number of updates instead. seeds: runs of each model. parameters: with equal="parameters", how
    many; None: as the first model has. preset, options: for all models. Languages come from file endings unless named.
    Called again with the same arguments it goes on where it was stopped. Says nothing on the screen.
    Raises InputError for unusable files or arguments, or if `out` holds a comparison with other arguments; LockedError
    if somebody else writes into `out`; OutOfSpaceError if the disk is full.
    """
    paths = CorpusPaths(
        tuple(map(Path, files)), _paths(valid), _paths(test), source_lang=source_lang, target_lang=target_lang
    )
    terms = Terms(
        paths,
        read_contestants(models),
        seeds=seeds,
        equal=equal,
        budget_seconds=budget_seconds(budget, steps),
        steps=steps,
        parameters=parameters,
        preset=preset,
        common=tuple(Given(name, value, "Python") for name, value in (options or {}).items()),
        models_given=models,
    )
    return run_comparison(terms, Path(out), Silent())


def resume(folder: str | Path) -> Compared:
    """Go on with a comparison that was stopped; one that is finished is left as it is, but for its page.

    Raises BundleError if there is none.
    """
    return resume_comparison(Path(folder), Silent())


def budget_seconds(budget: str | float | None, steps: int | None) -> float | None:
    """Return the training time of one run; the usual one if nothing says how long it is."""
    if budget is None and steps is not None:
        return None
    return parse_duration(str(BUDGET if budget is None else budget))


def run_comparison(terms: Terms, out: Path, talk: CompareTalk) -> Compared:
    """Compare, or go on with the same comparison."""
    terms.check()
    folder = CompareFolder(out)
    folder.create()
    with folder.lock():
        if folder.plan_file.exists():
            plan = folder.read_plan()
            folder.refuse_other_terms(plan, terms.as_json())
        else:
            remove_leftovers(folder.path)
            plan = _plan(terms, folder, talk)
        return _Comparison(folder, plan, talk).run()


def _plan(terms: Terms, folder: CompareFolder, talk: CompareTalk) -> Plan:
    """Plan, and write the plan down."""
    try:
        plan = make_plan(terms, folder, talk)
    except KeyboardInterrupt:
        talk.say("Stopped before the first run: nothing is lost. The same command begins anew.")
        raise
    folder.write_plan(plan)
    return plan


def resume_comparison(out: Path, talk: CompareTalk) -> Compared:
    """Go on with the comparison in a folder."""
    folder = CompareFolder(out)
    plan = folder.read_plan()
    with folder.lock():
        return _Comparison(folder, plan, talk).run()


class _Comparison:
    """One sitting: from the first run that has not ended to the last, or until somebody stops it."""

    def __init__(self, folder: CompareFolder, plan: Plan, talk: CompareTalk) -> None:
        self._folder = folder
        self._plan = plan
        self._talk = talk
        self._keeper = Bookkeeper(folder, plan)
        self._next_page = 0.0
        self._is_stopping = False

    def run(self) -> Compared:
        """Make what is missing."""
        talk, book = self._talk, self._keeper.book
        talk.planned(self._plan)
        try:
            with stop_on_signal() as request:
                for run in self._plan.runs:
                    if request:
                        break
                    if _is_over(book.state(run)):
                        continue
                    self._make(run, request)
            everything = all(state.state in ENDED for state in book.states())
            results = self._write("finished" if everything else "stopped")
            talk.finished(results)
            return Compared(self._folder.path, results, 0 if everything else request.exit_code or 1)
        except BaseException:
            self._write_what_there_is()
            raise
        finally:
            talk.close()

    def _make(self, run: RunName, request: StopRequest) -> None:
        """Make one run, with a page before it, some while it goes on, and one after it."""
        self._keeper.book.forget(run)
        self._write("running", run)
        self._next_page = time.monotonic() + FIRST_PAGE_SECONDS
        make_run(self._plan, run, self._folder, Watch(lambda: self._look(run, request), request))
        self._talk.ended(self._keeper.book.state(run), self._write("running"))

    def _look(self, run: RunName, request: StopRequest) -> None:
        """Show where the run stands, and now and then write a page; never so often that it costs the run its time."""
        if request and not self._is_stopping:
            self._is_stopping = True
            self._talk.say("Stopping after the present step, with everything saved ...")
        self._talk.running(self._keeper.book.states(now=run), run)
        if time.monotonic() >= self._next_page:
            began = time.monotonic()
            self._write("running", run)
            took = time.monotonic() - began
            self._next_page = time.monotonic() + max(PAGE_SECONDS, took / PAGE_SHARE)

    def _write(self, status: Status, now: RunName | None = None) -> Results:
        """Replace results.json and index.html."""
        results = self._keeper.results(status, now=now)
        write_atomically(self._folder.results, dumps(results))
        write_atomically(self._folder.page, page(results, resume=self._folder.resume_command).encode())
        return results

    def _write_what_there_is(self) -> None:
        """Leave a page that says the comparison was stopped; what ends us matters more than this page."""
        try:
            self._write("stopped")
        except Exception:
            return


def _is_over(state: RunState) -> bool:
    """Whether a run has ended in a way that trying again would not change."""
    return state.state in ("done", "diverged")


def _paths(names: FileNames) -> tuple[Path, ...]:
    return tuple(map(Path, [names] if isinstance(names, str | Path) else names))
