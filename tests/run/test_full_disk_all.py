"""A disk that becomes full while a run writes: nothing is lost, it is said, and training goes on (T3)."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults import call_fails, refusal
from polyglass.bundle import load_bundle
from polyglass.errors import OutOfSpaceError
from polyglass.files import LEFTOVER_PREFIX
from polyglass.run import judge as judging
from polyglass.run.folder import RunFolder
from polyglass.run.train import resume_run
from polyglass.training import state as states
from polyglass.training.events import StepReport
from polyglass.training.state import TrainState, newest_checkpoint, step_of
from toy_corpus import StopAt, Told, Toy, outcome_of, toy_config, train_toy

CHANGES = {"train.steps": 6, "train.save_every": 2, "train.validate_every": 4}


@pytest.fixture(scope="module")
def begun(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped after step 2."""
    out = tmp_path_factory.mktemp("begun") / "model"
    train_toy(toy, out, CHANGES, talk=StopAt(2))
    return out


@pytest.mark.parametrize(("code", "stride"), [(errno.ENOSPC, 1)], ids=["full"])
def test_whichever_write_fails_an_older_checkpoint_and_a_whole_model_are_there(
    tmp_path: Path, begun: Path, code: int, stride: int
) -> None:
    shutil.copytree(begun, tmp_path / "whole")
    with call_fails(10**9) as counter:
        resume_run(tmp_path / "whole", Told())
    ended, went_on = 0, 0
    for number in range(1, counter.calls + 1, stride):
        out = tmp_path / f"call {number}"
        shutil.copytree(begun, out)
        talk = Told()
        with call_fails(number, code):
            message = refusal(lambda out=out, talk=talk: resume_run(out, talk))
        went_on += bool(talk.texts("save_failed"))
        if message:
            assert str(out) in message
            ended += 1
            check_whole(out)
            resume_run(out, Told())
        check_whole(out)
        assert step_of(newest(out)) == 6
        assert not list(out.rglob(f"{LEFTOVER_PREFIX}*"))
        shutil.rmtree(out)
    assert ended > 2
    assert went_on > 2


def check_whole(out: Path) -> None:
    """Load the newest checkpoint and the model."""
    TrainState(load_bundle(out).model.requires_grad_(True), toy_config(CHANGES).train).load(newest(out))


def newest(out: Path) -> Path:
    """Return the newest checkpoint, which must be whole, as must all others."""
    checkpoint, complaints = newest_checkpoint(RunFolder(out).checkpoints)
    assert not complaints
    assert checkpoint is not None
    return checkpoint


def disk_full_at(
    steps: set[int] | range, monkeypatch: pytest.MonkeyPatch, module: Any = states, name: str = "save_weights"
) -> Callable[[StepReport], None]:
    """Let the function `name` find a full disk during some steps; return who must be told of every step."""
    real: Callable[..., Any] = getattr(module, name)
    now = [0]

    def call(path: Path, *args: Any, **kwargs: Any) -> Any:
        if now[0] in steps:
            raise OutOfSpaceError(f"{path} cannot be written: no space left on device.")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(module, name, call)
    return lambda report: now.insert(0, report.step)


def test_two_saves_that_fail_are_said_and_the_third_is_written(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Told(disk_full_at(range(4, 9), monkeypatch))
    train_toy(toy, tmp_path / "model", talk=talk)
    assert [notice.step for notice in talk.notices if notice.kind == "save_failed"] == [4, 8]
    assert all(text.endswith("no space left on device. Training goes on.") for text in talk.texts("save_failed"))
    assert step_of(newest(tmp_path / "model")) == 12


def test_a_third_save_that_fails_ends_the_run_with_the_exit_code_for_a_full_disk(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Told(disk_full_at(range(3, 99), monkeypatch))
    changes = {"train.save_every": 2, "train.validate_every": 100}
    with pytest.raises(OutOfSpaceError) as caught:
        train_toy(toy, tmp_path / "model", changes, talk=talk)
    assert caught.value.exit_code == 4
    assert talk.steps[-1].step == 8
    assert step_of(newest(tmp_path / "model")) == 2


def test_failures_count_only_if_no_write_succeeds_between_them(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Told(disk_full_at({2, 4, 8, 10}, monkeypatch))
    changes = {"train.save_every": 2, "train.validate_every": 100}
    assert train_toy(toy, tmp_path / "model", changes, talk=talk).finished
    assert len(talk.texts("save_failed")) == 4


def test_a_better_model_that_could_not_be_written_is_written_after_a_later_validation(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Told(disk_full_at({3}, monkeypatch, judging, "save_bundle"))
    train_toy(toy, tmp_path / "model", talk=talk)
    first, second = talk.validations[:2]
    assert [first.is_best, first.best_step, first.misses] == [False, 0, 0]
    assert [second.is_best, second.best_step, second.misses] == [True, 6, 0]
    assert len(talk.texts("save_failed")) == 1
    assert load_bundle(tmp_path / "model").facts["step"] >= 6


@pytest.mark.parametrize("stop", [5, 12], ids=["stopped", "last step"])
def test_a_save_that_fails_where_training_ends_is_never_passed_off_as_saved(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    watch = disk_full_at({stop}, monkeypatch)
    talk = StopAt(stop)

    def on_step(report: StepReport) -> None:
        watch(report)
        talk.step(report)

    with pytest.raises(OutOfSpaceError):
        train_toy(toy, tmp_path / "model", talk=Told(on_step))
    assert talk.texts("stopped") == []
    assert step_of(newest(tmp_path / "model")) == stop // 4 * 4 - 4 * (stop == 12)
    monkeypatch.undo()
    assert resume_run(tmp_path / "model", Told()).step == 12


def test_metrics_that_cannot_be_written_wait_and_training_goes_on(
    tmp_path: Path, toy: Toy, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, now = os.write, [0]

    def writing(descriptor: int, content: Any) -> int:
        if now[0] in (5, 6) and bytes(content).startswith(b'{"kind"'):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", writing)
    talk = Told(lambda report: now.insert(0, report.step))
    train_toy(toy, tmp_path / "model", talk=talk)
    assert "no record was lost" in talk.texts("metrics_failed")[-1]
    assert outcome_of(tmp_path / "model")["records"] == outcome_of(undisturbed)["records"]


def test_a_full_disk_while_preparing_ends_the_run_and_a_later_try_succeeds(
    tmp_path: Path, toy: Toy, undisturbed: Path
) -> None:
    class Counting(Told):
        def plan(self, plan: Any) -> None:
            counts.append(counter.calls)

    counts: list[int] = []
    with call_fails(10**9) as counter:
        train_toy(toy, tmp_path / "whole", {"train.steps": 1}, talk=Counting())
    for number in range(1, counts[0] + 1, 7):
        with pytest.raises(OutOfSpaceError), call_fails(number):
            train_toy(toy, tmp_path / "model")
    train_toy(toy, tmp_path / "model")
    assert outcome_of(tmp_path / "model") == outcome_of(undisturbed)
