"""From terms to a plan: one corpus for all, one batch, one starting point, and as many updates as the budget holds."""

from pathlib import Path
from typing import Any

import pytest
import torch

from polyglass.experiments.compare_contestants import read_contestants
from polyglass.experiments.compare_folder import CompareFolder, Plan, slugs
from polyglass.experiments.compare_planning import make_plan
from polyglass.experiments.compare_schedule import MOST_VALIDATIONS
from polyglass.experiments.compare_sizes import TOLERANCE
from polyglass.experiments.compare_talk import Silent
from polyglass.experiments.compare_terms import Terms
from polyglass.run.prepare import CorpusPaths
from polyglass.settings import Given
from toy_corpus import VOCABULARY, write_toy

COMMON = (
    Given("data.vocabulary_size", VOCABULARY, "test"),
    Given("data.byte_fallback", False, "test"),
    Given("train.threads", 1, "test"),
)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    """As in tests/run: more threads only wait for one another."""
    torch.set_num_threads(1)


def planned(folder: Path, models: str, *, common: tuple[Given, ...] = (), **changes: Any) -> Plan:
    toy = write_toy(folder / "corpus", count=400, valid=8)
    limits: dict[str, Any] = {"equal": "time", "budget_seconds": 1.0, "steps": None} | changes
    terms = Terms(
        CorpusPaths(toy.train, toy.valid),
        read_contestants(models),
        seeds=1,
        common=(*COMMON, *common),
        models_given=models,
        **limits,
    )
    terms.check()
    out = CompareFolder(folder / "report")
    out.create()
    plan = make_plan(terms, out, Silent())
    out.write_plan(plan)
    assert out.read_plan() == plan
    return plan


def test_all_get_one_batch_and_one_starting_point_and_the_steps_that_fit_the_time(tmp_path: Path) -> None:
    plan = planned(tmp_path, "transformer,gru,gru[preset=tiny,batch_tokens=128]")
    transformer, gru, own = plan.entries
    assert transformer.config.train.batch_tokens == gru.config.train.batch_tokens == 512
    assert own.config.train.batch_tokens == 128
    assert transformer.config.model.d_model == 128
    assert gru.config.model.d_model == own.config.model.d_model == 256
    for entry in plan.entries:
        assert entry.steps == max(1, int(1.0 / entry.seconds_per_step))
        assert entry.config.train.keep_checkpoints == 1
        assert entry.config.data == transformer.config.data
    validations = {-(-entry.steps // (entry.config.train.validate_every or 1)) for entry in (transformer, gru)}
    assert all(1 <= number <= MOST_VALIDATIONS for number in validations)
    assert any("the slowest model needs" in reason for reason in gru.reasons)
    assert dict(own.changes) == {
        "preset": "tiny",
        "model.family": "gru",
        "model.attention": "none",
        "train.batch_tokens": "128",
    }


def test_the_threads_of_the_plan_are_those_of_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs next to a comparison and leaves must not make its later runs faster."""
    monkeypatch.setattr("polyglass.run.machine.available_cores", lambda: 1)
    every_core = (Given("train.threads", 0, "test"),)
    plan = planned(tmp_path, "gru", common=every_core, steps=3, equal="steps", budget_seconds=None)
    assert plan.entries[0].config.train.threads == 1


def test_equal_steps_within_a_time_are_those_of_the_slowest(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gru,gru[d_model=512]", equal="steps")
    slowest = max(entry.seconds_per_step for entry in plan.entries)
    assert {entry.steps for entry in plan.entries} == {max(1, int(1.0 / slowest))}


@pytest.mark.parametrize("parameters", [None, 500_000])
def test_equal_parameters_are_those_of_the_first_or_those_named(tmp_path: Path, parameters: int | None) -> None:
    plan = planned(
        tmp_path,
        "transformer,lstm+attention,rnn",
        equal="parameters",
        parameters=parameters,
        steps=2,
        budget_seconds=None,
    )
    counts = [entry.parameters for entry in plan.entries]
    wanted = parameters or counts[0]
    assert all(abs(count - wanted) <= TOLERANCE * wanted for count in counts)
    assert plan.entries[0].config.model.d_model == 128 or parameters
    assert any("d_model" in reason and "searched for" in reason for reason in plan.entries[1].reasons)


def test_nobody_trains_on_what_is_held_out(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gru", steps=1, equal="steps", budget_seconds=None)
    data = plan.facts["data"]
    assert (data["validation"], data["test"]) == (8, 8)
    assert data["dropped"]["overlap"] > 0
    assert data["kept"] == 400 - sum(data["dropped"].values())


def test_planning_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    first = planned(tmp_path, "gru", steps=1, equal="steps", budget_seconds=None)
    (tmp_path / "report" / "compare.json").unlink()
    (tmp_path / "report" / "prepared" / "data" / "train" / "source.ids").write_bytes(b"half")
    again = planned(tmp_path, "gru", steps=1, equal="steps", budget_seconds=None)
    assert again.entries[0].config == first.entries[0].config


def test_names_for_files_are_plain_and_all_different() -> None:
    names = ["lstm+attention", "LSTM attention", "gru[dropout=0.1]", "lstm", "ラ", "x" * 90, "lstm-m2"]
    found = slugs(names)
    assert len(set(found)) == len(names)
    assert found[0] == "lstm-attention"
    assert all(slug.isascii() and len(slug) < 50 and "/" not in slug for slug in found)
    runs = {f"{slug}-{seed}" for slug in found for seed in range(1, 51)}
    assert len(runs) == 50 * len(names)
