"""How much memory a process has in use: now, at its peak, its own, and that of files it has mapped.

Linux tells all of it in /proc; elsewhere only the peak since the process began is known. A page of a mapped file counts
as resident, but the system takes it back whenever somebody needs the memory; anonymous memory must stay.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from polyglass.device import peak_memory

_FIELD = re.compile(r"^(RssAnon|RssFile|VmHWM):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Resident:
    """Bytes of a process that are in memory: its own, and pages of mapped files (its program and libraries, too)."""

    own: int
    files: int


def resident(process: int) -> Resident | None:
    """Return what a running process has in memory; None where the system does not tell, or the process has ended."""
    fields = _fields(str(process))
    return Resident(fields["RssAnon"], fields["RssFile"]) if {"RssAnon", "RssFile"} <= fields.keys() else None


def restart_peak() -> None:
    """Let `peak_bytes` count from now on, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def peak_bytes() -> int:
    """Return the most memory that this process had since `restart_peak`, or since it began."""
    return _fields("self").get("VmHWM") or peak_memory(torch.device("cpu"))


def _fields(process: str) -> dict[str, int]:
    try:
        status = Path("/proc", process, "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {name: int(kilobytes) * 1024 for name, kilobytes in _FIELD.findall(status)}
