"""What all tests share: where the real corpora are, and shapes checked while the tests run."""

import os
from pathlib import Path

import jaxtyping
import pytest

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
