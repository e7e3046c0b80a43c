"""What documentation takes from the code is what the code says."""

import runpy
from pathlib import Path


def test_the_reference_pages_are_current(root: Path) -> None:
    script = runpy.run_path(str(root / "docs" / "make_reference.py"))
    for name, page in script["PAGES"].items():
        on_disk = (root / name).read_text(encoding="utf-8")
        assert on_disk == page(), f"{name} is not current. Run: python docs/make_reference.py"
