"""How large must k be?  Models on which the theorem's k and the measured one can be set side by side.

Miller & Hardt (arXiv 1805.10369): a λ-contractive model and its k-truncation differ by at most L_f λ^k M, so that k of
the order of log(1/ε) / log(1/λ) suffices for an accuracy ε.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.models import TanhRNN, seeded
from lessons_lib.stability import truncation_error

WIDTH, INPUTS, LENGTH = 64, 16, 300


def recurrent(rate: float, *, seed: int = 0) -> TanhRNN:
    """W = ``rate`` x orthogonal, ‖U‖_2 = 1, no biases, float64: a tanh-RNN whose λ is ``rate`` exactly."""
    with seeded(seed):
        core = TanhRNN(INPUTS, WIDTH).double()
        cell: Any = core.cells[0]
        with torch.no_grad():
            nn.init.orthogonal_(cell.weight_hh_l0, gain=rate)
            nn.init.orthogonal_(cell.weight_ih_l0)
            cell.bias_ih_l0.zero_(), cell.bias_hh_l0.zero_()
    return core


def unit_inputs(length: int = LENGTH, *, seed: int = 0) -> Tensor:
    """Random directions of length 1: (1, length, 16), float64."""
    generator = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(1, length, INPUTS, dtype=torch.float64, generator=generator), dim=-1)


def errors(core: TanhRNN, inputs: Tensor, longest: int) -> Tensor:
    """max over t of ‖y_t - y_t^k‖_2 for k = 1, ..., longest: (longest,)."""
    return truncation_error(core, inputs, range(1, longest + 1))


def measured_context(found: Sequence[float] | Tensor, accuracy: float) -> int | float:
    """The smallest k from which on every error is within the accuracy; inf when none of them is.

    ``found[k - 1]`` is the error at k.
    """
    over = [k for k, error in enumerate(found, start=1) if not error <= accuracy]
    last = over[-1] if over else 0
    return math.inf if last == len(found) else last + 1


def two_layers(rate: float = 0.8, gain: float = 5.0) -> TanhRNN:
    """Two layers of one unit each, W = ``rate`` in both, the upper one fed ``gain`` times the lower, float64.

    One λ = max ‖W_l‖ for both does not bound what truncation does to it: the upper layer's error feeds on what the
    lower one has not forgotten yet, and falls like k λ^k.
    """
    core = TanhRNN(1, 1, layers=2).double()
    with torch.no_grad():
        for cell, inward in zip(core.cells, (1.0, gain), strict=True):
            layer: Any = cell
            layer.weight_hh_l0.fill_(rate), layer.weight_ih_l0.fill_(inward)
            layer.bias_ih_l0.zero_(), layer.bias_hh_l0.zero_()
    return core


def one_shout(length: int = 60, size: float = 1.0) -> Tensor:
    """A single input, then silence: (1, length, 1), float64."""
    inputs = torch.zeros(1, length, 1, dtype=torch.float64)
    inputs[0, 0, 0] = size
    return inputs
