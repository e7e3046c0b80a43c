"""Runs modules of the page under Node, for tests. People who install polyglass need no Node."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import polyglass

STATIC = Path(polyglass.__file__).parent / "explorer" / "static"
JS_TESTS = Path(__file__).parent / "explorer" / "js"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="the program node is not installed")


def stage_modules(folder: Path) -> None:
    """Copy the page's modules and their tests side by side, as modules in the eyes of every version of Node."""
    for path in (*STATIC.glob("*.js"), *JS_TESTS.glob("*.js")):
        shutil.copy(path, folder / path.name)
    (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8", newline="\n")


def run_script(folder: Path, script: str, given: object) -> Any:
    """Run `script`, which finds `given` in the variable `given` and leaves its answer in `answer`, as JSON."""
    stage_modules(folder)
    imports = "\n".join(line for line in script.splitlines() if line.startswith("import "))
    body = "\n".join(line for line in script.splitlines() if not line.startswith("import "))
    (folder / "main.js").write_text(
        f'import {{ readFileSync }} from "node:fs";\n{imports}\n'
        f'const given = JSON.parse(readFileSync(0, "utf8"));\nlet answer;\n{body}\n'
        "process.stdout.write(JSON.stringify(answer));\n",
        encoding="utf-8",
        newline="\n",
    )
    done = subprocess.run(
        ["node", "main.js"],
        cwd=folder,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        pytest.fail(done.stderr)
    return json.loads(done.stdout)
