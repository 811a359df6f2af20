"""Checks of lesson 09's exercises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake
from lessons_lib.stability import SpectralBall, l1_rows_project, layers_of, spectral_ball_project, spectral_norm


def _matrix(scale: float) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return scale * torch.randn(4, 4, generator=generator, dtype=torch.float64)


@exercise("Clipped singular values in the old directions: the nearest matrix of the ball.")
def clip_singular_values(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """The nearest matrix whose singular values are at most the bound, from (matrix, bound)."""
    for scale, bound in ((1.0, 0.9), (0.1, 0.9), (1.0, 0.5)):
        matrix = _matrix(scale)
        given, norm = answer(matrix, bound), spectral_norm(matrix)
        left, values, right = torch.linalg.svd(matrix)
        wrong = {
            "you divided the whole matrix by its norm: that is rescaling, and shrinks every direction": matrix
            * (bound / norm),
            "you clipped the entries of the matrix; clip its singular values": matrix.clamp(-bound, bound),
            "you set every singular value to the bound; those below it stay": bound * left @ right,
            "you raised the singular values to the bound; clamp(max=...), not clamp(min=...)": left
            @ values.clamp(min=bound).diag()
            @ right,
        }
        expected = spectral_ball_project(matrix, bound)
        named = "{}" if norm > bound else "a matrix inside the ball must stay as it is"
        unnamed = "{}" if bound == 0.9 else f"with another bound, {bound}: {{}}"
        if mistake := named_mistake(given, expected, wrong, named=named, unnamed=unnamed):
            return mistake
    return None


@exercise("Whoever survives the cut by τ decides how large τ must be, and one sort finds them.")
def threshold(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """What every entry gives up, from (row, radius): the row must lie outside the l1 ball of that radius."""
    cases: tuple[tuple[list[float], float], ...] = (
        ([3.0, -2.0, 0.5], 2.0),
        ([-0.5, 4.0, 0.25, 3.5, -2.0], 5.0),
        ([1.0, -1.0, 1.0, 1.0], 2.0),
    )
    rows = [(torch.tensor(row, dtype=torch.float64), radius) for row, radius in cases]
    given = [float(answer(row, radius)) for row, radius in rows]
    sizes = [(row.abs().sort(descending=True).values, radius) for row, radius in rows]

    def surviving(survivors: Callable[[Tensor], int]) -> list[float]:
        return [float((size[: survivors(size)].sum() - radius) / survivors(size)) for size, radius in sizes]

    right = [float((row - l1_rows_project(row[None], radius)[0]).abs().max()) for row, radius in rows]
    wrong = {
        "that is τ if all entries survive; a small one gives up no more than it has": surviving(len),
        "that is τ if the largest entry alone survives; often others do, too": surviving(lambda size: 1),
        "divide what is too much by the number of those who pay for it": [
            tau * int((size > tau).sum()) for tau, (size, _) in zip(right, sizes, strict=True)
        ],
        "that is the size of the smallest entry which survives; τ is what it gives up": [
            float(size[size > tau][-1]) for tau, (size, _) in zip(right, sizes, strict=True)
        ],
    }
    for (row, radius), value, tau in zip(cases, given, right, strict=True):
        if not abs(value - tau) <= 1e-6:  # a NaN is not near, either
            unnamed = f"for the row {row} and radius {radius:g} τ is {tau:g}, yours is {value:g}"
            return named_mistake(given, right, wrong, unnamed=unnamed)
    return None


@exercise("A gate that mixes the old state with a new one: the same three steps, and the rate of a gated unit.")
def unit_rate(answer: Callable[[float, float, float], float]) -> str | None:
    """λ of h' = f h + (1 - f) z, from (ceiling of f, weight of h in f, weight of h in z, below 1 in size)."""
    cases = ((0.9, 0.05, 0.5), (0.5, -0.3, 0.2), (0.7, 0.2, -0.9))
    given = [float(answer(*case)) for case in cases]
    wrong = {
        "σ has slope at most 1/4, and you used 1": [f + (1 - f) * abs(z) + 2 * abs(w) for f, w, z in cases],
        "old state and candidate both lie in [-1, 1]: they differ by up to 2, not 1": [
            f + (1 - f) * abs(z) + abs(w) / 4 for f, w, z in cases
        ],
        "true, but loose: the candidate counts 1 - f of the time, and f + (1 - f)|w_z| is largest at the ceiling": [
            f + abs(z) + abs(w) / 2 for f, w, z in cases
        ],
        "the gate changes with the state, too: f - f̃ is missing": [f + (1 - f) * abs(z) for f, w, z in cases],
        "weights may be negative: their sizes count": [f + (1 - f) * z + w / 2 for f, w, z in cases],
    }
    return named_mistake(given, [f + (1 - f) * abs(z) + abs(w) / 2 for f, w, z in cases], wrong)


@exercise("So a set that is moved onto after every step needs no change in training.")
def project_after_step(answer: Callable[[torch.nn.Module, float], float]) -> str | None:
    """Moves a module's recurrent matrix onto the ball in place and returns the Frobenius distance moved."""
    for scale in (2.0, 0.3):
        layer: Any = torch.nn.RNN(3, 6, batch_first=True)
        torch.nn.init.orthogonal_(layer.weight_hh_l0, scale, torch.Generator().manual_seed(0))
        parameter, before = layer.weight_hh_l0, layer.weight_hh_l0.detach().clone()
        distance = float(answer(layer, 0.9))
        after = layers_of(layer)[0].weight_hh.detach()
        if layer.weight_hh_l0 is not parameter:
            return "you replaced the parameter: the optimiser still holds the old one; write into it with copy_"
        expected = spectral_ball_project(before, 0.9)
        if not SpectralBall(0.9).contains(layer):
            return "after your function a singular value is still above the bound: did you write the result back?"
        if mismatch(after, expected, 1e-4):
            return "the matrix lies in the ball now, but another one of the ball was nearer"
        moved = float((expected - before).norm())
        if not abs(distance - moved) <= 1e-3:
            return f"you returned {distance:.4g}; the matrix moved by {moved:.4g} (the norm of new minus old)"
    return None
