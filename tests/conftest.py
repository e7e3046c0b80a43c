"""What all tests share: where the real corpora are, shapes checked while the tests run, and no network."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest

NO_NETWORK = Path(__file__).resolve().parent / "no_network"
if not hasattr(sys.modules.get("sitecustomize"), "attempts"):  # none, or that of the system
    sys.path.insert(0, str(NO_NETWORK))
    sys.modules.pop("sitecustomize", None)
import sitecustomize as network  # noqa: E402

os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(NO_NETWORK), os.environ.get("PYTHONPATH"))))

# Every call into these packages checks its jaxtyping signature; in production the annotations cost nothing.
jaxtyping.install_import_hook(["polyglass.model", "polyglass.decoding", "polyglass.data.batch"], "beartype.beartype")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora, from POLYGLASS_TEST_DATA or beside the checkout; skips where it is absent."""
    named = os.environ.get("POLYGLASS_TEST_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real corpora are not here: {folder} does not exist (set POLYGLASS_TEST_DATA to their folder)")
    return folder


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail a test that wants to reach another machine, even if it swallows the refusal."""
    network.attempts.clear()
    yield
    assert network.attempts == []
