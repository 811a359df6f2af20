"""Which device a model trains on."""

from __future__ import annotations

import os

import torch


def default_device() -> torch.device:
    """CUDA when present, else CPU; the environment variable LESSONS_DEVICE overrides (``cpu``, ``cuda:1``, ``mps``).

    Apple's MPS is taken only when asked for: it has returned wrong losses for recurrent layers.

    Raises:
        ValueError: LESSONS_DEVICE names no device that torch knows here.
    """
    wanted = os.environ.get("LESSONS_DEVICE")
    if not wanted:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"LESSONS_DEVICE={wanted} cannot be used here ({reason}): try cpu or cuda") from error
    return device
