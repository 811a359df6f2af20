"""Equal budgets: models of different families, made as wide as the same number of parameters allows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

import torch

from lessons_lib.models.contract import TorchModule

WIDEST = 1024


def parameter_count(model: TorchModule) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in model.parameters())


def widest(build: Callable[[int], TorchModule], parameters: int, *, multiple: int = 4) -> int:
    """The largest width, a multiple of ``multiple``, whose model has at most so many parameters.

    Args:
        build: makes a model of a width; it is called without memory for the weights.

    Raises:
        ValueError: even the narrowest model is larger.
    """

    def count_at(width: int) -> int:
        with torch.device("meta"):
            return parameter_count(build(width))

    widths = range(multiple, WIDEST + 1, multiple)
    fitting = bisect_right(widths, parameters, key=count_at)
    if not fitting:
        raise ValueError(f"{parameters:,} parameters are too few even for width {multiple}: allow more")
    return widths[fitting - 1]
