"""What the tests of training share."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """More threads only wait for one another at these sizes, and sums depend on their number."""
    torch.set_num_threads(1)
