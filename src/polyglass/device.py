"""The place to compute: its name in, the device out, or why it cannot be used; and how much memory it took."""

import sys
from pathlib import Path

import torch

from polyglass.errors import ConfigError


def find_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is the fastest that is there. Raises ConfigError if it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or not (index == "" or index.isdecimal()):
        raise ConfigError(f"device must be auto, cpu, cuda, cuda:N or mps, but it is {name[:50]!r}. Try auto.")
    if kind == "cuda" and (not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count()):
        why = "this torch was built without CUDA" if torch.version.cuda is None else "no such CUDA device was found"
        raise ConfigError(f"device {name} cannot be used: {why}. Use device cpu, or auto.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(
            "device mps cannot be used: this machine or this torch has no Metal. Use device cpu, or auto."
        )
    return torch.device(name)


def peak_memory(device: torch.device) -> int:
    """Return the most memory used so far, in bytes: allocated on a GPU, resident in this process on a CPU.

    0 where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    if sys.platform == "linux":  # getrusage would tell the peak of a larger parent, too
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")), 0)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
