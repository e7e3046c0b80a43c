"""What this machine computes with: device, threads, number format, and words for them."""

import os
import shutil

import torch

from polyglass.config import TrainConfig
from polyglass.device import find_device

SLOW_SECONDS = 2 * 3600


def set_up_machine(config: TrainConfig) -> torch.device:
    """Return the device that `train.device` names, and give torch its CPU threads. Raises ConfigError.

    Under torchrun each process of a machine gets its own GPU, or its share of the cores.
    """
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    local_size = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.set_num_threads(config.threads or max(1, available_cores() // local_size))
    device = find_device(config.device)
    if device.type == "cuda" and local_size > 1:
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    return device


def available_cores() -> int:
    """Return how many cores this process may use, which can be fewer than the machine has.

    OMP_NUM_THREADS, by which all libraries for numbers are told so on a shared machine, counts here, too.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(allowed)) if allowed.isdecimal() and int(allowed) else cores


def choose_precision(asked: str, device: torch.device) -> str:
    """Return "float32" or "bfloat16" for "auto".

    bfloat16 on GPUs that have it. Never on a CPU: at the sizes that a CPU trains, converting the numbers costs more
    than the products save, even where the processor multiplies bfloat16 fast (see `benchmarks/training_speed.py`).
    """
    if asked != "auto":
        return asked
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


def describe_device(device: torch.device) -> str:
    """Return the device in words, such as "2 CPU threads" or the name of the GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"{threads} CPU thread{'s' if threads > 1 else ''}"


def advice_for(device: torch.device, seconds: float) -> list[str]:
    """Return what a person should know of a plan of `seconds` on this machine: that it is slow, and why it may be."""
    advice = []
    if device.type == "cpu" and seconds > SLOW_SECONDS:
        advice.append(
            f"No CUDA device: using {describe_device(device)}, about {seconds / 3600:.0f} h for this plan. "
            "One that fits an hour: --preset tiny --budget 1h."
        )
    if device.type == "cpu" and torch.version.cuda is None and shutil.which("nvidia-smi"):
        advice.append(
            "This machine has an NVIDIA driver, but this torch was built without CUDA: docs/install.md has the "
            "command for the GPU build."
        )
    return advice
