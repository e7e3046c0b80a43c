"""Bit rot in a run folder: the run goes on from what is whole, and says so (T5)."""

import shutil
from pathlib import Path

import pytest

from polyglass.bundle import load_bundle
from polyglass.errors import BundleError
from polyglass.run.train import resume_run
from polyglass.training.state import checkpoints_in, step_of
from toy_corpus import StopAt, Told, Toy, outcome_of, train_toy


def damage(checkpoint: Path, name: str = "optimizer.safetensors") -> None:
    content = bytearray((checkpoint / name).read_bytes())
    content[-1] ^= 1
    (checkpoint / name).write_bytes(content)


@pytest.fixture
def stopped(tmp_path: Path, toy: Toy) -> Path:
    """A run that was stopped after step 9; its checkpoints are of step 8 and 9."""
    train_toy(toy, tmp_path / "model", talk=StopAt(9))
    return tmp_path / "model"


def test_a_run_goes_on_from_the_checkpoint_before_a_damaged_one_and_says_so(stopped: Path, undisturbed: Path) -> None:
    damage(stopped / "checkpoints" / "step-000000009")
    talk = Told()
    resume_run(stopped, talk)
    assert [report.step for report in talk.steps] == [9, 10, 11, 12]
    first, second = talk.texts("resumed")
    assert first.startswith("step-000000009 is damaged and was passed over: ")
    assert second == "going on after step 8."
    assert outcome_of(stopped) == outcome_of(undisturbed)


def test_a_damaged_checkpoint_does_not_pass_for_the_newest_later(stopped: Path) -> None:
    damage(stopped / "checkpoints" / "step-000000009")
    resume_run(stopped, StopAt(10))
    assert [step_of(path) for path in checkpoints_in(stopped / "checkpoints")] == [8, 10]


def test_a_run_without_any_whole_checkpoint_is_not_begun_anew_over_its_best_model(stopped: Path) -> None:
    for checkpoint in (stopped / "checkpoints").iterdir():
        damage(checkpoint)
    before = (stopped / "model.safetensors").read_bytes()
    with pytest.raises(BundleError, match=r"no checkpoint of .* is whole, so the run cannot go on. step-000000009 is"):
        resume_run(stopped, Told())
    assert (stopped / "model.safetensors").read_bytes() == before
    load_bundle(stopped)


def test_a_mean_leaves_out_a_damaged_checkpoint_and_says_so(tmp_path: Path, toy: Toy) -> None:
    changes = {"train.average": "checkpoints", "train.average_checkpoints": 5}
    train_toy(toy, tmp_path / "model", changes, talk=StopAt(9))
    damage(tmp_path / "model" / "checkpoints" / "step-000000004", "model.safetensors")
    talk = Told()
    assert resume_run(tmp_path / "model", talk).finished
    assert talk.texts("damaged")[0].startswith("step-000000004 is left out of the mean: ")


def test_a_last_line_of_metrics_that_was_cut_off_is_written_again(stopped: Path, undisturbed: Path) -> None:
    metrics = stopped / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-20])
    resume_run(stopped, Told())
    assert outcome_of(stopped) == outcome_of(undisturbed)


def test_a_tokenizer_of_another_model_is_refused(stopped: Path, tmp_path: Path, toy: Toy) -> None:
    train_toy(toy, tmp_path / "other", {"train.steps": 1, "data.vocabulary_size": 70, "data.subwords": "unigram"})
    shutil.copy(tmp_path / "other" / "tokenizer.model", stopped)
    talk = Told()
    with pytest.raises(BundleError, match=r"the tokenizer in .* is not the one that .*data was made with"):
        resume_run(stopped, talk)
    assert talk.steps == []
