"""What is said of a machine that is slow, or could be faster."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from polyglass.device import find_device, peak_memory
from polyglass.errors import ConfigError
from polyglass.run.machine import advice_for, available_cores, choose_precision

CPU = torch.device("cpu")
HOUR = 3600.0


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


def test_a_plan_of_many_hours_on_a_cpu_is_told_with_one_that_fits() -> None:
    (advice,) = advice_for(CPU, 9 * HOUR)
    assert advice.startswith("No CUDA device: using ")
    assert "about 9 h for this plan" in advice
    assert "--preset tiny --budget 1h" in advice


def test_a_plan_of_an_hour_needs_no_advice() -> None:
    assert advice_for(CPU, HOUR) == []


def test_a_torch_without_cuda_on_a_machine_with_a_card_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(torch.version, "cuda", None)
    (advice,) = advice_for(CPU, HOUR)
    assert "this torch was built without CUDA" in advice


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_gpu_that_is_asked_for_and_not_there_is_an_error_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"device cuda cannot be used: .*Use device cpu, or auto"):
        find_device("cuda")


def test_a_cpu_computes_in_float32_unless_somebody_asks_otherwise() -> None:
    assert choose_precision("auto", CPU) == "float32"
    assert choose_precision("bfloat16", CPU) == "bfloat16"


def test_a_number_of_threads_that_the_shell_allows_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    all_cores = available_cores()
    for told, cores in (("1", 1), ("4096", all_cores), ("0", all_cores), ("many", all_cores), ("", all_cores)):
        monkeypatch.setenv("OMP_NUM_THREADS", told)
        assert available_cores() == cores


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system tells the peak in another way")
def test_the_peak_of_a_process_is_its_own_and_not_that_of_the_process_that_started_it() -> None:
    ballast = np.ones(40_000_000)  # 320 MB, all of it touched
    told = "import torch; from polyglass.device import peak_memory; print(peak_memory(torch.device('cpu')))"
    child = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert 20e6 < int(child.stdout) < peak_memory(CPU) - 0.5 * ballast.nbytes
