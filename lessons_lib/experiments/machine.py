"""One way to time and one way to describe the machine that was timed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable

import torch

from lessons_lib.training import default_device


def device_name(device: torch.device) -> str:
    """What a reader should know of the device: the GPU's name, or the processor and how many threads were used."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu ({torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''})"


def describe_machine(device: torch.device | None = None) -> str:
    """What a reader of a timing wants to know: cores, how busy they are, device and threads, torch."""
    load = f" (load {os.getloadavg()[0]:.1f})" if hasattr(os, "getloadavg") else ""
    named = device_name(default_device() if device is None else device)
    return f"{platform.machine()}, {os.cpu_count() or 1} cores{load}, {named}, torch {torch.__version__}"


def shortest(
    work: Callable[[], object],
    repeats: int = 3,
    *,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of the shortest of several runs: what else runs on the machine only ever adds.

    A first run to warm up is not counted.  On a GPU the work is waited for.  ``clock``: wall time, or
    ``time.process_time`` for what one thread of a busy machine would need on a quiet one.
    """
    device, taken = default_device(), []
    for _ in range(repeats + warm_up):
        began = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(clock() - began)
    return min(taken[warm_up:])


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time that this process spends on ``work()``, in seconds: what other work on the machine does not stretch."""
    began = time.process_time()
    work()
    return time.process_time() - began
