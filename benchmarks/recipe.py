"""What every benchmark notes beside its numbers: the machine, the versions, the command; and how it prints and saves.

A number without them says nothing. The benchmarks are plain scripts: `python benchmarks/NAME.py --help`.
"""

import argparse
import json
import platform
import shlex
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polyglass.run.machine import available_cores

JSON = Mapping[str, Any]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def build_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the two options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run that shows that everything works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    return parser


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses among `CLOCKS`."""
    parser.add_argument(
        "--clock",
        choices=sorted(CLOCKS),
        default="wall",
        help="wall: time as people see it (default); cpu: only the time in which this process had a core, for one "
        "thread on a machine that others are using, too",
    )


def recipe() -> dict[str, Any]:
    """Return what the numbers depend on besides the code."""
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.argv]),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": available_cores(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def finish(notes: JSON, results: JSON, file: Path | None) -> None:
    """Print the recipe under the table, and write both to `file` if there is one."""
    print()
    for name, value in notes.items():
        print(textwrap.fill(f"{name}: {value}", width=80, subsequent_indent="  ", break_on_hyphens=False))
    if file is not None:
        content = json.dumps({"recipe": notes, **results}, indent=2) + "\n"
        file.write_text(content, encoding="utf-8", newline="\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their columns; the first column is text, the others are numbers."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]).rstrip(), flush=True)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").split("\n"):
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
