"""A checkpoint holds all of a training state, and a damaged one is never taken (T5)."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from polyglass.config import TrainConfig
from polyglass.data.batches import Position
from polyglass.errors import BundleError
from polyglass.parameters import weights_of
from polyglass.training import loop
from polyglass.training.distributed import ALONE
from polyglass.training.loss import TranslationLoss
from polyglass.training.state import (
    TrainState,
    checkpoints_in,
    mean_of,
    newest_checkpoint,
    planned_checkpoints,
    remove_old_checkpoints,
    step_of,
)
from toy_corpus import toy_config
from toy_training import Bench, numbers_of, toy_state

CONFIG = toy_config()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench after 8 steps, with checkpoints of step 4 and 8. Read it, but do not change it."""
    bench = Bench(tmp_path_factory.mktemp("bench"), {"train.steps": 8, "model.norm": "batch"})
    bench.train()
    return bench


def go_on(state: TrainState, bench: Bench, steps: int) -> None:
    stream = bench.batches(state.progress.position)
    for _ in range(steps):
        loss = TranslationLoss(state.model, 0.1)
        _, position = loop.update(state, loss, stream, bench.config.train, rate=1e-3, team=ALONE)
        state.advance(step=state.progress.step + 1, position=position)
        state.update_average(0.9)


def test_a_checkpoint_holds_every_bit_of_the_state(trained: Bench) -> None:
    state = toy_state(trained.config, seed=99)
    assert numbers_of(state) != numbers_of(trained.state)
    state.load(trained.checkpoints / "step-000000008")
    assert numbers_of(state) == numbers_of(trained.state)
    assert state.progress == trained.state.progress
    assert any(name.startswith("optimizer") for name in numbers_of(state))
    assert any(name.endswith("running_mean") for name in numbers_of(state))


def test_training_goes_on_from_a_checkpoint_as_if_nothing_had_happened(trained: Bench, tmp_path: Path) -> None:
    straight, resumed = toy_state(trained.config), toy_state(trained.config, seed=99)
    go_on(straight, trained, 2)
    straight.save(tmp_path)
    go_on(straight, trained, 2)
    resumed.load(tmp_path / "step-000000002")
    torch.manual_seed(12345)
    go_on(resumed, trained, 2)
    assert numbers_of(resumed) == numbers_of(straight)
    assert resumed.progress == straight.progress


def test_progress_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    state = toy_state(CONFIG)
    state.advance(
        step=3,
        position=Position(2, 5, 0.1 + 0.2),
        elapsed_seconds=1 / 3,
        target_tokens=10**12,
        skipped_steps=4,
        rate_factor=0.5,
        best_step=2,
        best_chrf=100 / 7,
        best_bleu=1e-300,
        misses=6,
    )
    state.save(tmp_path)
    other = toy_state(CONFIG)
    other.load(tmp_path / "step-000000003")
    assert other.progress == state.progress


def test_a_fresh_state_can_be_saved_and_loaded(tmp_path: Path) -> None:
    state, other = toy_state(CONFIG), toy_state(CONFIG, seed=2)
    state.save(tmp_path)
    other.load(tmp_path / "step-000000000")
    assert numbers_of(other) == numbers_of(state)


def test_a_checkpoint_of_another_shape_is_refused(trained: Bench) -> None:
    state = toy_state(toy_config({"model.norm": "batch", "model.d_ff": 48}))
    with pytest.raises(BundleError, match="the weights belong to a model of another shape"):
        state.load(trained.checkpoints / "step-000000008")


Damage = Callable[[Path, random.Random], None]


def flip_a_bit(folder: Path, chance: random.Random) -> None:
    path = chance.choice(sorted(folder.iterdir()))
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut_a_file(folder: Path, chance: random.Random) -> None:
    path = chance.choice(sorted(folder.iterdir()))
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def remove_a_file(folder: Path, chance: random.Random) -> None:
    chance.choice(sorted(folder.iterdir())).unlink()


def exchange_two_files(folder: Path, chance: random.Random) -> None:
    one, other = folder / "model.safetensors", folder / "average.safetensors"
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)


def add_a_file(folder: Path, chance: random.Random) -> None:
    (folder / "more.safetensors").write_bytes(b"")


@pytest.fixture
def two_checkpoints(trained: Bench, tmp_path: Path) -> Path:
    """A copy of the bench's checkpoints."""
    return Path(shutil.copytree(trained.checkpoints, tmp_path / "checkpoints"))


@pytest.mark.parametrize(
    ("damage", "times"),
    [(flip_a_bit, 100), (cut_a_file, 40), (remove_a_file, 8), (exchange_two_files, 1), (add_a_file, 1)],
)
def test_a_damaged_checkpoint_is_passed_over_and_named(
    two_checkpoints: Path, trained: Bench, damage: Damage, times: int
) -> None:
    newest = two_checkpoints / "step-000000008"
    state = toy_state(trained.config)
    for seed in range(times):
        damage(newest, random.Random(seed))
        found, complaints = newest_checkpoint(two_checkpoints)
        assert found == two_checkpoints / "step-000000004"
        assert len(complaints) == 1
        assert complaints[0].startswith("step-000000008 is damaged and was passed over: ")
        with pytest.raises(BundleError):
            state.load(newest)
        shutil.rmtree(newest)
        shutil.copytree(trained.checkpoints / "step-000000008", newest)
    assert newest_checkpoint(two_checkpoints) == (newest, [])


def test_only_whole_names_are_checkpoints(two_checkpoints: Path) -> None:
    for name in (".polyglass-unfinished-01", "step-000000009.tmp", "step-9", "latest"):
        (two_checkpoints / name).mkdir()
    assert [step_of(path) for path in checkpoints_in(two_checkpoints)] == [4, 8]
    assert checkpoints_in(two_checkpoints / "absent") == []
    assert newest_checkpoint(two_checkpoints / "absent") == (None, [])


@pytest.fixture
def many(trained: Bench, tmp_path: Path) -> Path:
    """Checkpoints of steps 2, 4, 5, 6, 8, 9."""
    for step in (2, 4, 5, 6, 8, 9):
        shutil.copytree(trained.checkpoints / "step-000000008", tmp_path / f"step-{step:09d}")
    return tmp_path


def steps_in(folder: Path) -> Iterator[int]:
    return map(step_of, checkpoints_in(folder))


def test_old_checkpoints_are_removed_but_for_the_newest_and_those_of_the_mean(many: Path) -> None:
    remove_old_checkpoints(many, keep=2, for_mean=[many / "step-000000004"])
    assert list(steps_in(many)) == [4, 8, 9]
    assert len(list(many.iterdir())) == 3


def test_a_checkpoint_that_cannot_be_removed_does_no_harm(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(Path, "replace", refuse)
    remove_old_checkpoints(many, keep=2)
    assert list(steps_in(many)) == [2, 4, 5, 6, 8, 9]


@pytest.mark.parametrize(
    ("before", "count", "steps"), [(9, 2, [6, 8]), (8, 2, [4, 6]), (8, 9, [2, 4, 6]), (8, 0, []), (2, 3, [])]
)
def test_the_mean_takes_checkpoints_that_an_uninterrupted_run_would_have(
    many: Path, before: int, count: int, steps: list[int]
) -> None:
    found = planned_checkpoints(many, every=2, before=before, count=count)
    assert [step_of(path) for path in found] == steps


def test_a_mean_is_the_mean_of_all_weights_and_statistics() -> None:
    config = toy_config({"model.norm": "batch"})
    models = [toy_state(config, seed=seed).model for seed in (1, 2, 3)]
    models[2].encoder.layers[0].get_buffer("feed_forward_residual.norm.running_mean").fill_(9.0)
    mean = mean_of(models[0], [weights_of(model) for model in models[1:]])
    for name, tensor in mean.state_dict().items():
        expected = torch.stack([model.state_dict()[name] for model in models]).mean(0)
        torch.testing.assert_close(tensor, expected, rtol=1e-6, atol=1e-7)
    assert mean.encoder.layers[0].get_buffer("feed_forward_residual.norm.running_mean")[0] == 3.0
    assert not mean.training
    assert not any(parameter.requires_grad for parameter in mean.parameters())


@pytest.mark.parametrize(("step", "decay"), [(0, 0.1), (1, 2 / 11), (90, 0.9), (10_000, 0.9)])
def test_the_average_moves_faster_in_the_beginning(step: int, decay: float) -> None:
    state = toy_state(CONFIG)
    assert state.average is not None
    before = state.average.output.weight.clone()
    with torch.no_grad():
        state.model.output.weight += 1.0
    state.advance(step=step)
    state.update_average(0.9)
    moved = state.average.output.weight - before
    torch.testing.assert_close(moved, torch.full_like(moved, 1 - decay), rtol=1e-4, atol=1e-5)


def test_an_average_has_the_statistics_of_its_model_and_never_trains(trained: Bench) -> None:
    state = trained.state
    assert state.average is not None
    average, model = (dict(one.named_buffers()) for one in (state.average, state.model))
    names = [name for name in model if "running" in name]
    assert names
    assert all(torch.equal(average[name], model[name]) for name in names)
    assert not any(parameter.requires_grad for parameter in state.average.parameters())


def test_an_average_that_has_translated_long_sentences_can_still_be_moved() -> None:
    state = toy_state(CONFIG)
    assert state.average is not None
    with torch.inference_mode():
        state.average.encode(torch.ones(1, 200, dtype=torch.int64))
    state.update_average(0.9)


def test_only_matrices_decay() -> None:
    optimizer = toy_state(toy_config({"train.weight_decay": 0.3})).optimizer
    decays = {group["weight_decay"]: {p.ndim for p in group["params"]} for group in optimizer.param_groups}
    assert decays == {0.3: {2}, 0.0: {1}}


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_is_the_one_that_was_asked_for(name: str, kind: type) -> None:
    config = TrainConfig.model_validate({"optimizer": name, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-7})
    optimizer = TrainState(toy_state(CONFIG).model, config).optimizer
    assert type(optimizer) is kind
    assert (optimizer.defaults["betas"], optimizer.defaults["eps"]) == ((0.8, 0.95), 1e-7)
