"""The frame: repeats, time, stopping and going on, on an experiment whose trials are a few numbers."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from polyglass.errors import InputError, LockedError, TrainingUnhealthyError
from polyglass.experiments import sitting
from polyglass.experiments.experiment import Conclusion, Entry, Request, Trial
from polyglass.experiments.figures import Table
from polyglass.experiments.outcome import Finding, Outcome, Section, load_outcome
from polyglass.experiments.results import Measure, Results
from polyglass.experiments.sitting import run_experiment

ENTRY = Entry("toy", "A toy", "Does it run?", ("It runs",), ())


class Toy:
    """Two trials in each repeat; `act` is called before each and may stop the program."""

    repeats = 3

    def __init__(self, act: Callable[[str, int], None] = lambda case, repeat: None, fact: str = "toy") -> None:
        self.act, self.fact = act, fact
        self.measured: list[tuple[str, int]] = []

    def facts(self) -> Sequence[str]:
        return [self.fact]

    def trials(self, repeat: int) -> Sequence[Trial]:
        def trial(case: str) -> Trial:
            def measure() -> tuple[Sequence[Measure], str]:
                self.act(case, repeat)
                self.measured.append((case, repeat))
                return [Measure("n", 1, repeat)], "fine"

            return Trial("toy", case, repeat, f"toy {case}", measure)

        return [trial("a"), trial("b")]

    def conclude(self, results: Results) -> Conclusion:
        rows = tuple((trial.case, float(trial.repeat)) for trial in results.of("toy"))
        finding = Finding("It runs", "confirmed" if rows else "not decided yet", f"{len(rows)} trials.", "Count.")
        return Conclusion((finding,), (Section("Trials", (), (Table("all", ("case", "repeat"), rows),)),), (), ())


def run(out: Path, toy: Toy, **changes: object) -> tuple[Outcome, int, list[str]]:
    told: list[str] = []
    request = replace(Request(out=out, threads=1, command="polyglass experiment toy"), **changes)  # type: ignore[arg-type]
    outcome, code = run_experiment(ENTRY, request, told.append, experiment=toy)
    return outcome, code, told


def test_every_repeat_is_done_and_told(tmp_path: Path) -> None:
    toy = Toy()
    outcome, code, told = run(tmp_path / "out", toy)
    assert toy.measured == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3)]
    assert (code, outcome.unfinished, outcome.verdict) == (0, "", "confirmed")
    assert told[1] == "toy b: fine, 0s (2 of 2, repeat 1 of 3)"


def test_page_and_results_lie_in_the_folder(tmp_path: Path) -> None:
    outcome, _, _ = run(tmp_path / "out", Toy())
    assert load_outcome(tmp_path / "out" / "results.json") == outcome
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "polyglass experiment toy" in page
    assert outcome.signature in page


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    run(tmp_path / "out", Toy(), repeats=1)
    again = Toy()
    outcome, _, _ = run(tmp_path / "out", again, repeats=2)
    assert again.measured == [("a", 2), ("b", 2)]
    assert outcome.findings[0].words == "4 trials."


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_whoever_stops_it_keeps_a_valid_page_and_can_go_on(tmp_path: Path, number: int, code: int) -> None:
    def stop(case: str, repeat: int) -> None:
        if (case, repeat) == ("b", 2):
            os.kill(os.getpid(), number)

    outcome, exit_code, _ = run(tmp_path / "out", Toy(stop))
    assert exit_code == code
    assert outcome.unfinished == "This experiment was stopped before its end. The same command goes on with it."
    assert load_outcome(tmp_path / "out" / "results.json").findings[0].words == "3 trials."
    assert outcome.unfinished in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    again = Toy()
    outcome, exit_code, _ = run(tmp_path / "out", again)
    assert (again.measured[0], len(again.measured)) == (("b", 2), 3)
    assert (exit_code, outcome.unfinished) == (0, "")


def test_a_trial_that_fails_leaves_the_others(tmp_path: Path) -> None:
    def fail(case: str, repeat: int) -> None:
        if repeat == 2:
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError):
        run(tmp_path / "out", Toy(fail))
    again = Toy()
    run(tmp_path / "out", again)
    assert again.measured == [("a", 2), ("b", 2), ("a", 3), ("b", 3)]


def test_a_training_that_cannot_go_on_is_a_result(tmp_path: Path) -> None:
    def diverge(case: str, repeat: int) -> None:
        if case == "a":
            raise TrainingUnhealthyError("not finite")

    toy = Toy(diverge)
    outcome, code, told = run(tmp_path / "out", toy, repeats=1)
    assert (code, toy.measured) == (0, [("b", 1)])
    assert told[0] == "toy a: training failed, its gradients are not finite, 0s (1 of 2, repeat 1 of 1)"
    assert outcome.findings[0].words == "2 trials."


class Clock:
    """Time that passes only while trials are measured."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sitting, "time", made)
    return made


def slow(clock: Clock, seconds: float) -> Toy:
    def act(case: str, repeat: int) -> None:
        clock.now += seconds

    return Toy(act)


def test_no_repeat_begins_that_would_not_end_in_time(tmp_path: Path, clock: Clock) -> None:
    toy = slow(clock, 100)
    outcome, _, _ = run(tmp_path / "out", toy, budget_seconds=450.0)
    assert len(toy.measured) == 4
    assert outcome.unfinished == ""  # more seeds were welcome, not promised


def test_the_first_repeat_is_finished_whatever_the_time(tmp_path: Path, clock: Clock) -> None:
    toy = slow(clock, 1000)
    run(tmp_path / "out", toy, budget_seconds=10.0)
    assert toy.measured == [("a", 1), ("b", 1)]


def test_more_time_gives_more_repeats(tmp_path: Path, clock: Clock) -> None:
    toy = slow(clock, 10)
    run(tmp_path / "out", toy, budget_seconds=200.0)
    assert len(toy.measured) == 20


def test_the_usual_number_of_repeats_that_does_not_fit_is_said(tmp_path: Path, clock: Clock) -> None:
    outcome, _, _ = run(tmp_path / "out", slow(clock, 200))
    assert outcome.unfinished.startswith("The time was over in repeat 2 of 3.")


def test_a_number_of_seeds_that_was_asked_for_has_no_limit_of_time(tmp_path: Path, clock: Clock) -> None:
    toy = slow(clock, 1000)
    outcome, _, _ = run(tmp_path / "out", toy, repeats=4)
    assert (len(toy.measured), outcome.unfinished) == (8, "")


def test_a_quick_run_decides_nothing(tmp_path: Path) -> None:
    toy = Toy()
    outcome, _, _ = run(tmp_path / "out", toy, quick=True)
    assert len(toy.measured) == 2
    assert outcome.verdict == "not decided yet"
    assert outcome.findings[0].words.startswith("A quick run shows that everything works;")


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"is not empty \(thesis\.tex\)\. Choose an --out that does not exist yet\."):
        run(tmp_path, Toy())


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="must be a folder, but there is a file of that name"):
        run(tmp_path / "out", Toy())


def test_other_settings_in_the_same_folder_are_refused(tmp_path: Path) -> None:
    run(tmp_path / "out", Toy(), repeats=1)
    with pytest.raises(InputError, match="with other settings, data, versions or on another machine"):
        run(tmp_path / "out", Toy(fact="another"))


def test_two_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".lock"), pytest.raises(LockedError, match="an experiment is already running in"):
        run(tmp_path / "out", Toy())
