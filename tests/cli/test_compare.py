"""`polyglass compare` on the command line: what it says, what it prints for programs, and what it refuses."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from fake_compare import contestant, results, run_record
from polyglass.cli.compare_screen import LiveScreen, Pace, PlainScreen, result_lines
from polyglass.cli.main import main
from polyglass.experiments.compare_folder import Entry, Plan, RunName
from polyglass.experiments.compare_runs import RunState
from polyglass.settings import resolve
from toy_corpus import OPTIONS, write_toy

COMMON = {
    name: value
    for name, value in OPTIONS.items()
    if name not in ("train.steps", "train.validate_every", "train.save_every")
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """As in tests/run: more threads only wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A command line whose comparison is finished, and what it said while it ran."""
    folder = tmp_path_factory.mktemp("compare")
    toy = write_toy(folder, valid=4)
    sets = [word for name, value in COMMON.items() for word in ("--set", f"{name}={str(value).lower()}")]
    files = [*map(str, toy.train), "--valid", *map(str, toy.valid)]
    limits = ["--models", "transformer", "--seeds", "1", "--equal", "steps", "--steps", "2"]
    return ["compare", *files, "--out", str(folder / "report"), *limits, *sets]


@pytest.fixture(scope="module")
def said(words: list[str]) -> str:
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        assert main(words) == 0
    return out.getvalue()


def test_a_pipe_gets_plain_lines_of_what_is_done_and_what_came_of_it(words: list[str], said: str) -> None:
    out = words[words.index("--out") + 1]
    for expected in (
        "Reading the corpus ...",
        "1 model, 1 seed: 1 run, about",
        "No --test was given, and valid.en, valid.de has only 4 pairs",
        "[1/1] transformer, seed 1: begins",
        "[1/1] transformer, seed 1: chrF2 ",
        "Each model has one run only",
        f"Page: {out}/index.html",
    ):
        assert expected in " ".join(said.split()), expected
    assert "\x1b" not in said
    assert all(len(line) <= 80 for line in said.splitlines() if out not in line and not line.startswith("["))


def test_json_goes_to_stdout_alone(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert (record["format"], record["status"]) == (1, "finished")
    assert "index.html" in printed.err


def test_resuming_what_is_finished_shows_the_result_again(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--resume", words[words.index("--out") + 1]]) == 0
    assert "chrF2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["a.en", "a.de"], "FILE"),
        (["--valid", "a", "b"], "--valid"),
        (["--models", "lstm"], "--models"),
        (["--budget", "3h", "--seeds", "2"], "--budget, --seeds"),
        (["--equal", "time"], "--equal"),
        (["--set", "model.dropout=0.3", "--threads", "2"], "--set, --threads"),
        (["--errors", "skip", "--preset", "tiny"], "--preset, --errors"),
    ],
)
def test_a_flag_that_resuming_would_ignore_is_refused(
    capsys: pytest.CaptureFixture[str], more: list[str], named: str
) -> None:
    assert main(["compare", "--resume", "report", *more]) == 2
    assert f"Leave out: {named}." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], "compare needs the corpus and a folder for the results"),
        (["a.en", "a.de"], "compare needs the corpus and a folder for the results"),
        (["a", "b", "--out", "x", "--models", "lsmt"], "unknown model lsmt; did you mean lstm?"),
        (["a", "b", "--out", "x", "--equal", "tme"], "did you mean time?"),
        (["a", "b", "--out", "x", "--modles", "lstm"], "unknown flag --modles; did you mean --models?"),
        (["a", "b", "--out", "x", "--seeds", "0"], "must be a whole number of at least 1, but it is '0'"),
        (["a", "b", "--out", "x", "--budget", "soon"], "A duration must be longer than 0"),
        (["a", "b", "--out", "x", "--steps", "5"], "--steps holds the number of updates equal, but --equal is time"),
        (["no.en", "no.de", "--out", "x"], "no.en"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *more]) == 2
    assert expected in capsys.readouterr().err


def test_options_from_a_file_and_the_environment_reach_every_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is refused here for its value, which shows that it was read and where it came from."""
    (tmp_path / "my.toml").write_text("[model]\ndropout = 2.0\n", encoding="utf-8")
    arguments = ["compare", "a.en", "a.de", "--out", str(tmp_path / "x"), "--models", "lstm"]
    assert main([*arguments, "--config", str(tmp_path / "my.toml")]) == 2
    assert f"model.dropout = 2.0 (from file {tmp_path / 'my.toml'}:2)" in capsys.readouterr().err
    monkeypatch.setenv("POLYGLASS_MODEL_DROPOUT", "3")
    assert main(arguments) == 2
    assert "model.dropout = 3.0 (from environment POLYGLASS_MODEL_DROPOUT)" in capsys.readouterr().err


def a_plan(names: tuple[str, ...] = ("lstm+attention", "transformer[norm=batch,dropout=0.2]")) -> Plan:
    config = resolve(overrides={"train.steps": 1000}).config
    entries = tuple(Entry(name, f"s{n}", config, 1_250_000, 0.06, 20.0, 100.0, {}, ()) for n, name in enumerate(names))
    return Plan({"seeds": 2}, entries, "en", "de", {}, (), "")


def state(run: RunName, kind: Any = "waiting", **changes: Any) -> RunState:
    waiting = RunState(run, kind, 0, 1000, 0.0, 0, (), (), ())
    return replace(waiting, **changes)


def states_of(plan: Plan) -> tuple[RunState, ...]:
    first, second, *rest = plan.runs
    going = state(second, "running", step=250, seconds=15.0, tokens=90_000)
    return (state(first, "done", step=1000, seconds=60.0, tokens=400_000), going, *map(state, rest))


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_gets_a_live_table_that_fits_80_columns() -> None:
    plan, out = a_plan(), io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None, legacy_windows=False)
    screen = LiveScreen(console, clock=Clock())
    screen.planned(plan)
    states = states_of(plan)
    screen.running(states, plan.runs[1])
    screen.close()
    shown = out.getvalue()
    assert "transformer[norm=bat..." in shown
    assert "25%" in shown
    assert "1 of 4 runs done" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is given back
    visible_lines = [line for line in shown.replace("\r", "\n").split("\n") if "\x1b" not in line]
    assert max(map(len, visible_lines)) <= 80


def test_a_pipe_hears_of_a_run_every_half_minute() -> None:
    plan, out, clock = a_plan(), io.StringIO(), Clock()
    screen = PlainScreen(Console(file=out, width=80), clock=clock)
    screen.planned(plan)
    states = states_of(plan)
    for clock.now in range(0, 100, 5):
        screen.running(states, plan.runs[1])
    lines = [line for line in out.getvalue().splitlines() if line.startswith("[2/4]")]
    assert [line.partition(";")[0] for line in lines] == [
        "[2/4] transformer[norm=batch,dropout=0.2], seed 1: begins",
        *["[2/4] transformer[norm=batch,dropout=0.2], seed 1: step 250/1,000"] * 3,
    ]


def test_the_time_left_is_corrected_by_how_long_runs_took() -> None:
    """Each run is expected to take 60 s of training and 20 s of scoring; the first one took twice as long."""
    plan, clock = a_plan(), Clock()
    pace = Pace(plan, clock)
    states = states_of(plan)
    assert pace.seconds_left(tuple(map(state, plan.runs))) == pytest.approx(320)
    pace.look(plan.runs[0])
    clock.now = 160.0
    pace.ended(states[0])
    pace.look(plan.runs[1])
    clock.now = 200.0
    assert pace.seconds_left(states) == pytest.approx(160 - 40 + 2 * 160)
    assert pace.left_words(states).startswith("1 of 4 runs done, 3m 20s so far, about 7m left (")


def test_the_final_table_and_verdict_fit_80_columns() -> None:
    record = replace(
        results(contestant("transformer[norm=batch,dropout=0.2]", bleu=36.2), contestant("lstm", bleu=9.9)),
        verdict=("word " * 60,),
    )
    lines = list(result_lines(record))
    assert max(map(len, lines)) <= 80
    assert any("36.2    35.2 to 37.2" in line for line in lines)
    assert any(line.startswith("lstm ") and "500" in line and "25.0 ms" in line for line in lines)


def test_a_lost_run_is_told_with_its_reason() -> None:
    plan, out = a_plan(), io.StringIO()
    screen = PlainScreen(Console(file=out, width=80), clock=Clock())
    screen.planned(plan)
    lost = run_record(1, state="diverged", scores=())
    record = results(contestant(plan.entries[0].name, runs=(lost, lost)), contestant("b"))
    screen.ended(state(plan.runs[0], "diverged", trouble="the gradient is not finite."), record)
    assert "[1/4] lstm+attention, seed 1: diverged: the gradient is not finite." in out.getvalue()
