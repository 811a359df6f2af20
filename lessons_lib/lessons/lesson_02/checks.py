"""Checks of lesson 02's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake

WIDTH = 4


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@exercise("State and input each have their matrix; tanh holds the sum inside (-1, 1).")
def rnn_step(answer: Callable[..., Tensor]) -> str | None:
    """tanh(W h + U x + b)."""
    h, x, b = (_random(WIDTH, seed=s) for s in (1, 2, 3))
    recurrent, inward = 0.5 * _random(WIDTH, WIDTH, seed=4), 0.5 * _random(WIDTH, WIDTH, seed=5)
    given = answer(h, x, inward, recurrent, b)
    wrong = {
        "U belongs to the input: the missing term is a product of U and x": torch.tanh(recurrent @ h + inward @ h + b),
        "W belongs to the state; the input has a matrix of its own": torch.tanh(recurrent @ h + recurrent @ x + b),
        "the input enters through U, not as it is": torch.tanh(recurrent @ h + x + b),
        "U x, not U transposed times x: x @ U is the latter": torch.tanh(recurrent @ h + x @ inward + b),
        "the input does not enter at all": torch.tanh(recurrent @ h + b),
    }
    if isinstance(given, Tensor) and given.shape == (WIDTH, WIDTH):
        return "a matrix times a vector is written U @ x; * multiplies entry by entry"
    return named_mistake(given, torch.tanh(recurrent @ h + inward @ x + b), wrong)


@exercise("The forget gate multiplies what was there, the input gate what is new.")
def lstm_step(answer: Callable[..., tuple[Tensor, Tensor]]) -> str | None:
    """c' = f c + i g, h' = o tanh(c')."""
    h, c, x = (_random(WIDTH, seed=s) for s in (1, 2, 3))
    inward, recurrent, b = _random(4 * WIDTH, 3, seed=4), _random(4 * WIDTH, WIDTH, seed=5), _random(4 * WIDTH, seed=6)
    x = x[:3]
    raw = (inward @ x + recurrent @ h + b).chunk(4)
    i, f, o = (torch.sigmoid(raw[k]) for k in (0, 1, 3))
    g = torch.tanh(raw[2])
    given = answer(h, c, x, inward, recurrent, b)
    if not isinstance(given, tuple) or len(given) != 2:
        return "return two things, the new h and the new c"
    cells = {
        "the two gates are swapped: f keeps the old cell, i lets the new candidate in": i * c + f * g,
        "the cell is kept whole: the forget gate f multiplies it": c + i * g,
        "the candidate enters whole: the input gate i multiplies it": f * c + g,
        "the output gate o acts on what is shown, not on what is kept": o * c + i * g,
        "here the gates are independent: i is a gate of its own, not 1 - f": f * c + (1 - f) * g,
        "the candidate is let in by i, not by o": f * c + o * g,
    }
    cell = f * c + i * g
    if mistake := named_mistake(given[1], cell, cells, unnamed="the new cell: {}"):
        return mistake
    if (told := mismatch(given[0], o * torch.tanh(cell))) is not None:
        return f"the new h: {told}"
    return None


@exercise("Each further doubling of the half-life adds about ln 2 = 0.7 to the bias.")
def forget_bias_for(answer: Callable[[float], float]) -> str | None:
    """logit of 2^(-1 / steps)."""
    for steps in (14.0, 1.0, 100.0):
        given = float(answer(steps))
        gate = 0.5 ** (1 / steps)
        right = math.log(gate / (1 - gate))
        case = f"for a half-life of {steps:g} steps"
        slower = math.exp(-1 / steps)
        wrong = {
            f"that is the gate, {gate:.3f}; asked is the bias whose sigmoid it is": gate,
            "after that many steps 1/e is left, not one half": math.log(slower / (1 - slower)),
            "the sign is the wrong way round: a larger bias keeps more": -right,
            "the gate is a sigmoid, not a tanh: undo a sigmoid": math.atanh(gate),
            "that is 1 - 1/steps as the gate, which leaves 1/e rather than one half": math.log(steps - 1)
            if steps > 1
            else math.nan,
        }
        if mistake := named_mistake(given, right, wrong, 1e-4, named=f"{case}: {{}}", unnamed=f"{case} {{}}"):
            return mistake
    return None
