"""A whole comparison: run, read, stopped, killed, gone on with, and asked for in other terms."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
import pytest
import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from polyglass.errors import BundleError, ConfigError, InputError, LockedError, OutOfSpaceError
from polyglass.experiments import compare as comparing
from polyglass.experiments.compare import Compared, compare, resume
from polyglass.experiments.compare_folder import CompareFolder
from polyglass.translator import Translator
from toy_corpus import OPTIONS, toy_pairs, write_toy

MODELS = "transformer,gru[dropout=0.1]"
SECONDS = 90  # that something may take on a slow machine before a test gives up
ROUNDING = 1e-9
COMMON = {
    name: value
    for name, value in OPTIONS.items()
    if name not in ("train.steps", "train.validate_every", "train.save_every")
} | {"decode.beam_size": 1}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """As in tests/run: more threads only wait for one another."""
    torch.set_num_threads(1)


class Corpus:
    """The files of a toy corpus with a test set."""

    def __init__(self, folder: Path) -> None:
        toy = write_toy(folder, valid=6)
        self.train, self.valid = toy.train, toy.valid
        self.test = (folder / "test.en", folder / "test.de")
        for path, side in zip(self.test, zip(*toy_pairs(9, seed=3), strict=True), strict=True):
            path.write_text("".join(f"{text}\n" for text in side), encoding="utf-8")

    def words(self, out: Path, *more: str, steps: int) -> list[str]:
        """Return the command line of a comparison of recurrent models."""
        options = {name: value for name, value in COMMON.items() if name not in ("model.num_heads", "model.d_ff")}
        sets = [word for name, value in options.items() for word in ("--set", f"{name}={str(value).lower()}")]
        files = [*map(str, self.train), "--valid", *map(str, self.valid), "--test", *map(str, self.test)]
        limits = ["--equal", "steps", "--steps", str(steps)]
        return [sys.executable, "-m", "polyglass", "compare", *files, "--out", str(out), *limits, *sets, *more]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(tmp_path_factory.mktemp("corpus"))


def compare_toys(corpus: Corpus, out: Path, **changes: Any) -> Compared:
    """Compare two toy models over two seeds, in a few updates."""
    terms: dict[str, Any] = {
        "valid": corpus.valid,
        "test": corpus.test,
        "models": MODELS,
        "equal": "steps",
        "steps": 6,
        "seeds": 2,
        "options": COMMON,
    }
    return compare(*corpus.train, out=out, **(terms | changes))


@pytest.fixture(scope="module")
def finished(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of two models over two seeds."""
    out = tmp_path_factory.mktemp("compared") / "report"
    compared = compare_toys(corpus, out)
    assert (compared.exit_code, compared.finished) == (0, True)
    return out


@pytest.fixture
def record(finished: Path) -> Any:
    return json.loads((finished / "results.json").read_text(encoding="utf-8"))


def test_every_run_is_made_and_is_a_model_folder(finished: Path, record: Any) -> None:
    assert record["status"] == "finished"
    folders = [run["folder"] for one in record["contestants"] for run in one["runs"]]
    assert folders == [
        "runs/transformer-1",
        "runs/transformer-2",
        "runs/gru-dropout-0-1-m2-1",
        "runs/gru-dropout-0-1-m2-2",
    ]
    for folder in folders:
        assert Translator.load(finished / folder).translate(["a b c"])[0].text is not None
        assert (finished / folder / "report.html").is_file()


def test_each_contestant_gets_one_seed_before_any_gets_a_second(finished: Path) -> None:
    folders = CompareFolder(finished).read_plan().runs
    assert [(run.slug, run.seed) for run in folders] == [
        ("transformer", 1),
        ("gru-dropout-0-1-m2", 1),
        ("transformer", 2),
        ("gru-dropout-0-1-m2", 2),
    ]
    began = [(finished / run.folder / "run.json").stat().st_mtime_ns for run in folders]
    ended = [(finished / run.folder / "outcome.json").stat().st_mtime_ns for run in folders]
    assert began == sorted(began)
    assert all(end <= begin for end, begin in zip(ended, began[1:], strict=False))


def test_the_scores_are_those_that_sacrebleu_gives(finished: Path, corpus: Corpus, record: Any) -> None:
    references = corpus.test[1].read_text(encoding="utf-8").splitlines()
    for one in record["contestants"]:
        found: dict[str, list[float]] = {"bleu": [], "chrf": []}
        for run in one["runs"]:
            outputs = (finished / run["folder"] / "test.output.txt").read_text(encoding="utf-8").splitlines()
            scores = {metric["name"]: metric["value"] for metric in run["scores"]}
            for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
                expected = metric.corpus_score(outputs, [references]).score
                assert scores[name] == pytest.approx(expected, abs=ROUNDING)
                found[name].append(expected)
        means = {spread["name"]: spread["mean"] for spread in one["scores"]}
        assert means["bleu"] == pytest.approx(fmean(found["bleu"]), abs=ROUNDING)
        assert means["chrf"] == pytest.approx(fmean(found["chrf"]), abs=ROUNDING)


def test_the_outputs_are_what_the_model_in_the_folder_translates(finished: Path, corpus: Corpus) -> None:
    folder = finished / "runs" / "transformer-2"
    sources = corpus.test[0].read_text(encoding="utf-8").splitlines()
    expected = [done.text for done in Translator.load(folder).translate(sources)]
    assert (folder / "test.output.txt").read_text(encoding="utf-8").splitlines() == expected


def test_what_was_held_equal_is_equal(finished: Path, record: Any) -> None:
    steps, batches, tokenizers = set(), set(), set()
    for one in record["contestants"]:
        for run in one["runs"]:
            plan = json.loads((finished / run["folder"] / "run.json").read_text(encoding="utf-8"))
            steps.add((run["steps"], plan["config"]["train"]["steps"]))
            batches.add(plan["config"]["train"]["batch_tokens"])
            tokenizers.add((finished / run["folder"] / "tokenizer.model").read_bytes())
            assert plan["config"]["train"]["seed"] == run["seed"]
    assert steps == {(6, 6)}
    assert len(batches) == len(tokenizers) == 1
    by_seed = {run["seed"]: run["target_tokens"] for run in record["contestants"][0]["runs"]}
    assert all(run["target_tokens"] == by_seed[run["seed"]] for run in record["contestants"][1]["runs"])
    assert "6 updates in each run" in record["held_equal"]
    assert any(line.startswith("parameters: transformer ") for line in record["not_equal"])


def test_costs_are_measured(record: Any) -> None:
    for one in record["contestants"]:
        assert one["parameters"] > 1000
        for run in one["runs"]:
            assert 0 < run["latency_median_ms"] <= run["latency_p95_ms"]
            assert run["sentences_per_second"] > 0
            assert run["tokens_per_second"] == pytest.approx(run["target_tokens"] / run["train_seconds"])
            assert 50e6 < run["memory_before"] <= run["memory_peak"] < 5e9


def test_the_page_says_what_the_record_says(finished: Path, record: Any) -> None:
    page = (finished / "index.html").read_text(encoding="utf-8")
    for one in record["contestants"]:
        assert f"{one['scores'][0]['mean']:.1f}" in page
    for line in record["verdict"]:
        assert line.replace("'", "&#x27;").replace("<", "&lt;").replace(">", "&gt;") in page
    assert "polyglass compare" in page
    assert "Only" not in record["verdict"][0]


def test_a_test_set_of_nine_sentences_is_not_praised(record: Any) -> None:
    assert "The test set has only 9 sentences; scores of so few say little." in record["verdict"]


def test_the_command_of_the_page_makes_the_same_comparison(finished: Path, corpus: Corpus, record: Any) -> None:
    import shlex

    from polyglass.cli.main import main

    words = shlex.split(record["command"])
    before = (finished / "runs" / "transformer-1" / "outcome.json").stat().st_mtime_ns
    assert words[:2] == ["polyglass", "compare"]
    assert main(words[1:]) == 0
    assert (finished / "runs" / "transformer-1" / "outcome.json").stat().st_mtime_ns == before


def test_what_is_finished_is_not_made_again(finished: Path, corpus: Corpus) -> None:
    before = {path: path.stat().st_mtime_ns for path in (finished / "runs").rglob("*.json")}
    again = compare_toys(corpus, finished)
    assert again.finished
    assert resume(finished).finished
    assert {path: path.stat().st_mtime_ns for path in (finished / "runs").rglob("*.json")} == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 3}, "--seeds: 2 before, 3 now"),
        ({"steps": 7}, "--steps: 6 before, 7 now"),
        ({"equal": "parameters"}, '--equal: "steps" before, "parameters" now'),
        ({"models": "transformer"}, "model gru[dropout=0.1]: there before"),
        ({"models": "gru[dropout=0.1],transformer"}, "order of the models: transformer, gru[dropout=0.1] before"),
        ({"options": COMMON | {"decode.beam_size": 3}}, "decode.beam_size: 1 before, 3 now"),
    ],
)
def test_other_terms_are_refused_with_what_differs(
    finished: Path, corpus: Corpus, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        compare_toys(corpus, finished, **changes)
    assert said in str(raised.value)
    assert f"Go on with that one: polyglass compare --resume {finished}" in str(raised.value)


def test_another_content_of_a_file_is_refused(finished: Path, corpus: Corpus, tmp_path: Path) -> None:
    other = tmp_path / "test.en"
    other.write_text(corpus.test[0].read_text(encoding="utf-8").upper(), encoding="utf-8")
    with pytest.raises(InputError, match=r"test corpus: .*test\.en.* before, .*test\.en"):
        compare_toys(corpus, finished, test=(other, corpus.test[1]))


def test_the_same_files_in_another_place_are_the_same_comparison(
    finished: Path, tmp_path: Path, corpus: Corpus
) -> None:
    moved = Corpus(tmp_path / "moved")
    assert compare_toys(moved, finished).finished


def test_two_comparisons_do_not_write_into_one_folder(finished: Path, corpus: Corpus) -> None:
    with CompareFolder(finished).lock(), pytest.raises(LockedError, match="another comparison is writing into"):
        compare_toys(corpus, finished)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, corpus: Corpus) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"is not empty \(thesis.txt\)"):
        compare_toys(corpus, tmp_path)


def test_resuming_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="holds no comparison that got as far as its first run"):
        resume(tmp_path)


def test_a_damaged_plan_is_named(finished: Path, tmp_path: Path) -> None:
    content = json.loads((finished / "compare.json").read_text(encoding="utf-8"))
    del content["entries"][0]["config"]["train"]
    content["entries"][0]["config"]["trian"] = {}
    (tmp_path / "compare.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BundleError, match=r"compare.json is damaged"):
        resume(tmp_path)


def test_a_model_that_diverges_is_told_and_is_not_tried_again(tmp_path: Path, corpus: Corpus) -> None:
    """Steps a thousand times too long; without clipping, the numbers of the model soon are none."""
    wild = "transformer[learning_rate=10,clip_norm=0,beta2=0.0,warmup_steps=1]"
    out = tmp_path / "report"
    compared = compare_toys(corpus, out, models=f"gru,{wild}", seeds=1, steps=40)
    assert compared.finished
    states = [(run.state, run.trouble) for one in compared.results.contestants for run in one.runs]
    assert [state for state, _ in states] == ["done", "diverged"]
    assert states[1][1].startswith(("training cannot go on: ", "The model failed on text"))
    assert f"{wild}, seed 1, diverged: {states[1][1]}" in compared.results.verdict
    failure = out / compared.results.contestants[1].runs[0].folder / "failure.json"
    before = failure.stat().st_mtime_ns
    assert resume(out).finished
    assert failure.stat().st_mtime_ns == before


def fail_with(error: Exception) -> Callable[..., None]:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    return fail


def test_a_run_that_cannot_be_made_is_a_result_and_is_tried_again(tmp_path: Path, corpus: Corpus) -> None:
    """The tokenizer of one run is spoilt before it begins; the other contestant is not harmed."""
    out = tmp_path / "report"
    spoilt = comparing.make_run

    def spoil(plan: Any, run: Any, folder: Any, watch: Any) -> None:
        from polyglass.experiments import compare_runner

        compare_runner.set_up(plan, run, folder)
        if run.contestant == "transformer":
            tokenizer = folder.run(run) / "tokenizer.model"
            tokenizer.unlink()  # a link to the one that all share
            tokenizer.write_bytes(b"nothing")
        spoilt(plan, run, folder, watch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "make_run", spoil)
        compared = compare_toys(corpus, out, seeds=1, steps=2)
    assert compared.finished
    states = {one.name: one.runs[0].state for one in compared.results.contestants}
    assert states == {"transformer": "failed", "gru[dropout=0.1]": "done"}
    assert any(line.startswith("transformer, seed 1, has no result: ") for line in compared.results.verdict)
    prepared = out / "prepared" / "tokenizer.model"
    (out / "runs" / "transformer-1" / "tokenizer.model").write_bytes(prepared.read_bytes())
    again = resume(out)
    assert [one.runs[0].state for one in again.results.contestants] == ["done", "done"]


def test_a_full_disk_ends_the_comparison_and_leaves_a_page(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "make_run", fail_with(OutOfSpaceError("the disk is full.")))
    with pytest.raises(OutOfSpaceError, match="the disk is full"):
        compare_toys(corpus, tmp_path / "report")
    record = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert record["status"] == "stopped"
    assert "Go on with: " in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def wait_for_steps(out: Path, process: "subprocess.Popen[str]", *, steps: int) -> Path:
    """Return the metrics of a run that has made some steps."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        for metrics in out.glob("runs/*/metrics.jsonl"):
            if metrics.read_bytes().count(b'"kind": "step"') >= steps:
                return metrics
        time.sleep(0.02)
    pytest.fail(f"no training: {process.poll()} {process.communicate(timeout=5) if process.poll() is not None else ''}")


def start(words: list[str]) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_leaves_a_valid_report_and_the_same_command_goes_on(
    tmp_path: Path, corpus: Corpus, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "report"
    words = corpus.words(out, "--models", "gru", "--seeds", "1", steps=20_000)
    process = start(words)
    try:
        wait_for_steps(out, process, steps=40)
        process.send_signal(number)
        said, complaints = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == code, complaints
    assert complaints == ""
    assert f"stopped; everything is saved. Go on with: polyglass compare --resume {out}" in said
    record = json.loads((out / "results.json").read_text(encoding="utf-8"))
    (run,) = record["contestants"][0]["runs"]
    assert (record["status"], run["state"]) == ("stopped", "stopped")
    assert run["steps"] >= 40
    assert run["training"]
    assert "polyglass compare --resume" in (out / "index.html").read_text(encoding="utf-8")
    shorten(out, run["steps"] + 5)
    compared = resume(out)
    assert compared.finished
    (done,) = compared.results.contestants[0].runs
    assert (done.state, done.steps) == ("done", run["steps"] + 5)


def shorten(out: Path, steps: int) -> None:
    """Let the planned run end soon, so that the test does."""
    for path in (out / "runs").glob("*/run.json"):
        plan = json.loads(path.read_text(encoding="utf-8"))
        plan["config"]["train"]["steps"] = steps
        path.write_text(json.dumps(plan), encoding="utf-8")


def test_a_kill_leaves_the_last_page_and_no_process_behind(tmp_path: Path, corpus: Corpus) -> None:
    """kill -9 of the comparison: its run notices that nobody waits for it, saves, and goes."""
    out = tmp_path / "report"
    process = start(corpus.words(out, "--models", "gru", "--seeds", "1", steps=20_000))
    try:
        metrics = wait_for_steps(out, process, steps=40)
        (child,) = psutil.Process(process.pid).children()
    finally:
        process.kill()
    process.communicate(timeout=SECONDS)
    _, alive = psutil.wait_procs([child], timeout=SECONDS)
    assert alive == []
    record = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert record["status"] == "running"
    assert (out / "index.html").read_text(encoding="utf-8").endswith("</html>\n")
    steps = metrics.read_bytes().count(b'"kind": "step"')
    assert list((metrics.parent / "checkpoints").iterdir()) != []
    shorten(out, steps + 5)
    compared = resume(out)
    assert compared.finished
    assert compared.results.contestants[0].runs[0].steps == steps + 5


def test_a_run_that_the_system_kills_is_told_and_the_others_go_on(tmp_path: Path, corpus: Corpus) -> None:
    """As where memory runs out: SIGKILL to the process of one run."""
    out = tmp_path / "report"
    process = start(corpus.words(out, "--models", "gru", "--seeds", "1", steps=20_000))
    try:
        wait_for_steps(out, process, steps=5)
        (child,) = psutil.Process(process.pid).children()
        child.kill()
        said, complaints = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, complaints
    assert "gru, seed 1: failed: its process was ended by the signal SIGKILL" in said
    assert "often the system, because memory ran out" in " ".join(said.split())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"equal": "time"}, "--steps holds the number of updates equal, but --equal is time."),
        ({"budget": "9s"}, "--budget and --steps both say how long a run trains."),
        ({"seeds": 0}, "--seeds must be 1 to 50, but it is 0."),
        ({"options": {"train.seed": 3}}, "train.seed (Python) is the comparison's own affair."),
        ({"options": {"model.family": "gru"}}, "model.family (Python) is what the models differ in."),
        ({"options": {"model.norm": "batch"}, "models": "gru"}, "model.norm (Python) belongs to transformer, and"),
        ({"options": {"model.droput": 0.1}}, "unknown option model.droput"),
        ({"models": "transformer[d_model=17]"}, "model.d_model must be a multiple of model.num_heads"),
        (
            {"models": "transformer,gru[d_model=16]", "equal": "parameters"},
            "--equal parameters searches for the width of gru[d_model=16], but model.d_model fixes it. Leave",
        ),
    ],
)
def test_terms_that_cannot_be_are_refused_before_anything_is_read(
    tmp_path: Path, corpus: Corpus, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises((InputError, ConfigError)) as raised:
        compare_toys(corpus, tmp_path / "report", **changes)
    assert said in str(raised.value)
    assert not (tmp_path / "report" / "prepared").exists()


def test_a_missing_file_is_named(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"no\.en does not exist"):
        compare_toys(corpus, tmp_path / "report", test=(tmp_path / "no.en", corpus.test[1]))


def test_equal_parameters_and_time_hold_both(tmp_path: Path, corpus: Corpus) -> None:
    compared = compare_toys(
        corpus, tmp_path / "report", equal="parameters", steps=None, budget=0.3, seeds=1, options=COMMON
    )
    first, second = (one.parameters for one in compared.results.contestants)
    assert second == pytest.approx(first, rel=0.02)
    assert compared.finished
    assert any(line.startswith("the number of parameters, ") for line in compared.results.held_equal)
    assert any("of training in each run" in line for line in compared.results.held_equal)
