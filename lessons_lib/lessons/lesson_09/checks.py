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


@exercise("Every entry gives up the same amount, as far as it has it.")
def soft_threshold(answer: Callable[[Tensor, float], Tensor]) -> str | None:
    """A row moved towards zero by tau, entry by entry, from (row, tau); then used to meet an l1 radius."""
    row = torch.tensor([3.0, -1.0, 0.5, -2.0], dtype=torch.float64)
    for tau, expected in ((1.0, [2.0, 0.0, 0.0, -1.0]), (0.25, [2.75, -0.75, 0.25, -1.75])):
        given = answer(row, tau)
        wrong = {
            "the signs are lost: multiply by row.sign()": [abs(v) for v in expected],
            "an entry crossed zero: what would become negative in size is zero": (
                (row.abs() - tau) * row.sign()
            ).tolist(),
            "you subtracted tau from the entries themselves: shrink their sizes": (row - tau).tolist(),
            "you subtracted tau from the entries themselves: shrink their sizes, |row|": (
                (row - tau).clamp(min=0)
            ).tolist(),
            "you kept large entries whole (hard threshold): they give up tau as well": torch.where(
                row.abs() > tau, row, 0.0
            ).tolist(),
        }
        if mistake := named_mistake(given, expected, wrong):
            return mistake
    nearest = l1_rows_project(row[None], 3.0)[0]
    return mismatch(answer(row, 1.0), nearest)


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
        if abs(distance - moved) > 1e-3:
            return f"you returned {distance:.4g}; the matrix moved by {moved:.4g} (the norm of new minus old)"
    return None
