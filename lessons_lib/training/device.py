"""Which device a model trains on."""

from __future__ import annotations

import os

import torch


def default_device(wanted: str | None = None) -> torch.device:
    """``wanted`` or, failing that, the environment variable LESSONS_DEVICE; else CUDA when present, else CPU.

    Apple's MPS is taken only when asked for: it has returned wrong losses for recurrent layers.

    Raises:
        ValueError: the name asked for (``cpu``, ``cuda:1``, ``mps``, ...) is no device that torch can use here.
    """
    wanted = wanted or os.environ.get("LESSONS_DEVICE")
    if not wanted:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the device {wanted!r} cannot be used here ({reason}): try cpu or cuda") from error
    return device
