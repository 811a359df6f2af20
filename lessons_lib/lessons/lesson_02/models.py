"""The LSTMs of lesson 02, set so that a rule can be read off them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lessons_lib.models import LSTM, seeded


def gated(norms: Sequence[float], forget_bias: float, seed: int = 0, *, size: int = 4, width: int = 16) -> LSTM:
    """An LSTM in float64 whose recurrent blocks i, f, g, o are ``norms`` times orthogonal matrices.

    All biases but the forget gate's are 0; the input weights are PyTorch's start.
    """
    with seeded(seed):
        core = LSTM(size, width).double()
        cell: Any = core.cells[0]
        with torch.no_grad():
            for block, norm in zip(cell.weight_hh_l0.split(width), norms, strict=True):
                torch.nn.init.orthogonal_(block, norm)
            cell.bias_ih_l0.zero_()
            cell.bias_hh_l0.zero_()
            cell.bias_ih_l0[width : 2 * width] = forget_bias
    return core
