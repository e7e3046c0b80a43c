"""Who may write into a run folder, and what is left of a run that never began (T9)."""

import json
import shutil
import time
from pathlib import Path

import pytest

from polyglass.bundle import load_bundle
from polyglass.errors import BundleError, ConfigError, InputError, LockedError
from polyglass.files import LEFTOVER_PREFIX
from polyglass.run.folder import RunFolder, RunPlan
from polyglass.run.train import resume_run
from toy_corpus import Told, Toy, outcome_of, toy_config, train_toy

AT_ONCE_SECONDS = 2.0


def test_a_second_run_in_the_folder_is_refused_at_once_and_the_first_is_unharmed(
    tmp_path: Path, toy: Toy, undisturbed: Path
) -> None:
    out = tmp_path / "model"
    refused = []

    def intrude(began: float) -> None:
        with pytest.raises(LockedError, match=f"another run is writing into {out}. Wait for it, stop it"):
            resume_run(out, Told())
        with pytest.raises(LockedError):
            train_toy(toy, out)
        refused.append(time.perf_counter() - began)

    train_toy(toy, out, talk=Told(lambda report: intrude(time.perf_counter()) if report.step in (2, 9) else None))
    assert len(refused) == 2
    assert max(refused) < AT_ONCE_SECONDS
    assert outcome_of(out) == outcome_of(undisturbed)


def test_a_second_run_is_refused_while_the_first_prepares(tmp_path: Path, toy: Toy) -> None:
    class Intruding(Told):
        def say(self, text: str) -> None:
            with pytest.raises(LockedError):
                train_toy(toy, tmp_path / "model")

    assert train_toy(toy, tmp_path / "model", talk=Intruding()).finished


def test_a_run_that_was_planned_by_somebody_faster_is_not_planned_again(
    tmp_path: Path, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs see an empty folder; the second gets the lock when the first has made its plan."""
    out = tmp_path / "model"
    create = RunFolder.create

    def slow(folder: RunFolder) -> None:
        monkeypatch.setattr(RunFolder, "create", create)
        create(folder)
        train_toy(toy, folder.path, {"train.steps": 1})

    monkeypatch.setattr(RunFolder, "create", slow)
    with pytest.raises(InputError, match="already holds a run"):
        train_toy(toy, out)


def test_a_folder_that_holds_a_run_is_not_trained_into_again(toy: Toy, undisturbed: Path) -> None:
    with pytest.raises(
        InputError, match=rf"already holds a run. Go on with it, .*polyglass train --resume {undisturbed}"
    ):
        train_toy(toy, undisturbed)


def test_a_folder_with_files_of_somebody_else_is_left_alone(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"is not empty \(thesis.txt\). Choose an --out that does not exist yet."):
        train_toy(toy, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path: Path, toy: Toy) -> None:
    (tmp_path / "model").write_text("not a folder", encoding="utf-8")
    for out in (tmp_path / "model", tmp_path / "model" / "inside"):
        with pytest.raises(InputError, match="must be a folder, but there is a file of that name"):
            train_toy(toy, out)


@pytest.mark.parametrize("word", ["Reading", "Learning", "Measuring"])
def test_a_preparation_that_was_killed_can_be_begun_again(
    tmp_path: Path, toy: Toy, undisturbed: Path, word: str
) -> None:
    class Cut(Told):
        def say(self, text: str) -> None:
            if text.startswith(word):
                raise KeyboardInterrupt

    other = {"data.joint_vocabulary": False, "model.tie_embeddings": "two", "data.vocabulary_size": 70}
    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path / "model", other, talk=Cut())
    (tmp_path / "model" / f"{LEFTOVER_PREFIX}0123").write_bytes(b"half")  # what a kill -9 leaves besides
    with pytest.raises(BundleError, match=r"holds no run that got as far as training. Start it anew"):
        resume_run(tmp_path / "model", Told())
    train_toy(toy, tmp_path / "model")
    assert outcome_of(tmp_path / "model") == outcome_of(undisturbed)
    assert not list((tmp_path / "model").glob(f"{LEFTOVER_PREFIX}*"))
    assert not (tmp_path / "model" / "tokenizer.source.model").exists()


def test_a_folder_without_a_run_cannot_be_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"run.json is missing: .* holds no run"):
        resume_run(tmp_path, Told())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"format": 1', '"format": 99', "has format 99; this polyglass reads 1"),
        ('"reasons"', '"raisins"', "is damaged: 'reasons'"),
        ('"d_model": 16', '"d_model": 17', r"is damaged: (.|\n)*must be a multiple of"),
        ("{", "", "is not JSON"),
    ],
    ids=["newer", "incomplete", "impossible", "no JSON"],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, undisturbed: Path, old: str, new: str, message: str) -> None:
    plan = (undisturbed / "run.json").read_text(encoding="utf-8")
    (tmp_path / "run.json").write_text(plan.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BundleError, match=message):
        RunPlan.read(RunFolder(tmp_path))


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    plan = RunPlan(toy_config(), "en", "de", {"data": {"kept": 3}}, ("because",))
    plan.write(RunFolder(tmp_path))
    assert RunPlan.read(RunFolder(tmp_path)) == plan


def test_pairs_longer_than_the_model_takes_are_refused_before_anything_is_read(tmp_path: Path, toy: Toy) -> None:
    changes = {"data.max_length_tokens": 64, "model.max_positions": 64}
    with pytest.raises(ConfigError, match=r"64 is not smaller than 64. Set model.max_positions=65."):
        train_toy(toy, tmp_path / "model", changes)
    assert train_toy(toy, tmp_path / "model", {**changes, "model.max_positions": 65}).finished


def test_a_damaged_corpus_stops_the_resume(tmp_path: Path, undisturbed: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "model")
    ids = tmp_path / "model" / "data" / "train" / "source.ids"
    content = bytearray(ids.read_bytes())
    content[100] ^= 4
    ids.write_bytes(content)
    with pytest.raises(BundleError, match=r"source.ids is damaged"):
        resume_run(tmp_path / "model", Told())


def test_a_tokenizer_of_a_preparation_that_was_killed_is_not_taken_for_that_of_the_next(
    tmp_path: Path, toy: Toy
) -> None:
    class Cut(Told):
        def say(self, text: str) -> None:
            if text.startswith("Measuring"):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path / "model", talk=Cut())
    assert (tmp_path / "model" / "tokenizer.model").exists()
    train_toy(toy, tmp_path / "model", {"data.joint_vocabulary": False, "train.steps": 1})
    assert not load_bundle(tmp_path / "model").subwords.joint


def test_a_plan_whose_reasons_are_no_list_is_refused(tmp_path: Path, undisturbed: Path) -> None:
    plan = json.loads((undisturbed / "run.json").read_bytes())
    (tmp_path / "run.json").write_bytes(json.dumps({**plan, "reasons": 0.5}).encode())
    with pytest.raises(BundleError, match=r"run\.json is damaged: "):
        RunPlan.read(RunFolder(tmp_path))
