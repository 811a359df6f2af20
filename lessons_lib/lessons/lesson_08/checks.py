"""Checks of lesson 08's exercises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake
from lessons_lib.stability import spectral_radius, transient_growth


def _matrix(size: int) -> Tensor:
    return torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))


@exercise("Two states that differ a little in this direction, near 0, come closer by ‖W‖ and no faster.")
def worst_direction(answer: Callable[[Tensor], Tensor]) -> str | None:
    """The unit vector v with the largest ‖W v‖, from W (d, d); either sign."""
    for size in (3, 5):
        weight = _matrix(size)
        left, values, right = torch.linalg.svd(weight)
        given = torch.as_tensor(answer(weight.clone()))
        if given.shape != (size,):
            return f"for a W of {size} x {size} give one vector of {size} numbers, yours has shape {tuple(given.shape)}"
        given = given.double()
        eigenvalues, eigenvectors = torch.linalg.eig(weight)
        ends = {
            "that is where W sends the direction; asked is the direction itself, before W": left[:, 0],
            "torch returns the directions as the rows of its third matrix, not as the columns": right[:, 0],
            "that is the direction that W stretches least: the values come largest first": right[-1],
            "that is a row of the first matrix, which holds no direction": left[0],
            "that is an eigenvector: it keeps its direction, and others are stretched more": eigenvectors[
                :, eigenvalues.abs().argmax()
            ].real,
        }
        if mismatch((given @ right[0]).abs(), given.norm()) is None and float(given.norm()) > 0:
            if mismatch(given.norm(), 1.0):
                return f"the direction is right; make it a unit vector, yours has length {float(given.norm()):.3g}"
            continue
        for mistake, wrong in ends.items():
            if min(float((given - wrong).norm()), float((given + wrong).norm())) < 1e-6:
                return mistake
        reached = float((weight @ given).norm() / given.norm())
        return f"W stretches yours {reached:.3f}-fold, and the worst one {float(values[0]):.3f}-fold"
    return None


@exercise("A step multiplies any small difference by this: first by W, then each unit by the slope of its tanh.")
def jacobian(answer: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """diag(1 - h²) W, from W (d, d) and the state after the step, h (d,)."""
    for size in (2, 4):
        weight, before, x = _matrix(size), _matrix(size + 1)[0, :size], _matrix(size + 2)[0, :size]

        def step(state: Tensor, weight: Tensor = weight, x: Tensor = x) -> Tensor:
            return torch.tanh(weight @ state + x)

        after = step(before)
        slope = 1 - after**2
        expected = torch.autograd.functional.jacobian(step, before)
        wrong = {
            "that scales the columns of W; a unit's slope belongs to its row: slope[:, None] * W": weight * slope,
            "without the tanh's slope this is the linear map": weight,
            "the slope of tanh at a unit whose state is h is 1 - h², not 1 - h": (1 - after)[:, None] * weight,
            "h is the state after the tanh already: do not take its tanh again": (1 - after.tanh() ** 2)[:, None]
            * weight,
            "the slope is 1 - h², not h²": (after**2)[:, None] * weight,
            "W is transposed: row i belongs to unit i of the new state": slope[:, None] * weight.mT,
            "W acts on the state before and the slope on what comes out: diag(slope) @ W, not W @ diag(slope)": weight
            @ torch.diag(slope),
        }
        if mistake := named_mistake(answer(weight.clone(), after.clone()), expected, wrong):
            return f"for {size} units: {mistake}"
    return None


@exercise("The radius is what it was, and the way there is as high as you like: eigenvalues do not bound a step.")
def parts_first(answer: Callable[[float, float], Tensor]) -> str | None:
    """A 2 x 2 matrix of this radius, some power of which stretches at least ``growth``-fold; from (radius, growth)."""
    for radius, growth in ((0.8, 4.0), (0.5, 100.0), (0.9, 3.0)):
        given = torch.as_tensor(answer(radius, growth), dtype=torch.float64)
        case = f"for radius {radius:g} and growth {growth:g}"
        if given.shape != (2, 2):
            return f"{case}: a 2 x 2 matrix is asked for, yours has shape {tuple(given.shape)}"
        found, highest = float(spectral_radius(given)), float(transient_growth(given, 100).max())
        if not abs(found - radius) <= 2e-3:  # in float32 rounding moves a double eigenvalue by its square root
            return f"{case}: the largest |eigenvalue| of yours is {found:.3g}"
        if highest < growth:
            normal = bool(torch.allclose(given @ given.mT, given.mT @ given))
            why = "yours is normal, and then ‖W^t‖ is radius^t: skew it" if normal else "push harder off the diagonal"
            return f"{case}: the largest stretch of any power of yours is {highest:.3g}; {why}"
    return None
