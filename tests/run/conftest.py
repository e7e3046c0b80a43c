"""A toy corpus, and a run on it that nothing disturbed."""

from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest
import torch

from polyglass.run import finish
from toy_corpus import Toy, train_toy, write_toy


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """More threads only wait for one another at these sizes, and sums depend on their number."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="module")
def in_haste() -> Iterator[None]:
    """Leave out what takes most of the time here: checks of every shape (see tests/model), and measuring latency."""
    sentences, finish.LATENCY_SENTENCES = finish.LATENCY_SENTENCES, 1
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
    finish.LATENCY_SENTENCES = sentences


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """The files of the toy corpus."""
    return write_toy(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def undisturbed(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with the toy options. Read it, copy it, but do not change it."""
    out = tmp_path_factory.mktemp("run") / "model"
    train_toy(toy, out)
    return out
