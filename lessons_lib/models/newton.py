"""Newton's method on a whole trajectory: a nonlinear recurrence computed by a few parallel scans.

h_t = tanh(W h_{t-1} + u_t) for all t is one equation for the trajectory h_1, ..., h_T.  Linearised around a guess it
is a linear recurrence with another matrix at every step, which a scan solves at once; its solution is the next guess
(DEER: Lim, Zhu, Selfridge & Kasim 2024, arXiv 2309.12252).  How many guesses it takes is decided by stability: few
where differences of states die out, and of the order of T where they grow (Gonzalez et al. 2025, arXiv 2508.16817).

What it costs: d x d matrices are joined, so that an iteration keeps d² numbers and multiplies d³ of them a step, where
the loop keeps d and multiplies d².  The diagonal approximation (quasi-DEER: Gonzalez et al. 2024, arXiv 2407.19115)
keeps and multiplies d a step, besides evaluating the recurrence, and takes more iterations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


def affine_scan(matrices: Tensor, offsets: Tensor, start: Tensor | None = None) -> Tensor:
    """All states of h_t = A_t h_{t-1} + b_t, h_0 = ``start``, in 2 log2 T rounds (Brent & Kung 1982).

    Two steps in a row are one step of the same kind, :func:`join`.  Neighbours are joined in pairs; the half as long
    recurrence that they make gives every second state, and one more step from each of those gives the others.

    Args:
        matrices: (time, d, d), or (time, d) for diagonal ones.
        offsets: (time, d).
        start: (d,); zeros when None.

    Returns:
        states: (time, d).

    Raises:
        ValueError: there is no step, or the shapes do not fit.
    """
    if not len(offsets) or matrices.shape not in (offsets.shape, (*offsets.shape, offsets.shape[-1])):
        raise ValueError(
            f"matrices {tuple(matrices.shape)} and offsets {tuple(offsets.shape)}: give (time, d, d), or (time, d) for "
            "diagonals, and (time, d), with at least one step"
        )
    if start is not None:
        offsets = torch.cat([apply(matrices[:1], start[None], offsets[:1]), offsets[1:]])
    if len(offsets) == 1:
        return offsets
    pairs = len(offsets) // 2
    first, second = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    ends = affine_scan(*join(matrices[first], offsets[first], matrices[second], offsets[second]))
    states = torch.empty_like(offsets)
    states[0], states[1::2] = offsets[0], ends
    states[2::2] = apply(matrices[2::2], ends[: len(states[2::2])], offsets[2::2])
    return states


def join(first: Tensor, b: Tensor, second: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step for two, h -> A h + b and then h -> C h + c: (C A, C b + c).  Associative, so that any pairs will do.

    Matrices (..., d, d) with offsets (..., d), or diagonals (..., d) as in :func:`affine_scan`.
    """
    diagonal = first.dim() == b.dim()
    return second * first if diagonal else second @ first, apply(second, b, c)


def apply(matrices: Tensor, states: Tensor, offsets: Tensor) -> Tensor:
    """A h + b for every step: (..., d)."""
    diagonal = matrices.dim() == offsets.dim()
    moved = matrices * states if diagonal else (matrices @ states.unsqueeze(-1)).squeeze(-1)
    return moved + offsets


def looped_states(weight: Tensor, drive: Tensor, start: Tensor | None = None) -> Tensor:
    """All states of h_t = tanh(W h_{t-1} + u_t), one after the other.

    Args:
        weight: W, (d, d).
        drive: u, (time, d): what the inputs and the bias add before the tanh.
        start: (d,); zeros when None.

    Returns:
        states: (time, d).
    """
    state = torch.zeros_like(drive[0]) if start is None else start
    states = []
    for u in drive:
        state = torch.tanh(weight @ state + u)
        states.append(state)
    return torch.stack(states)


@dataclass(frozen=True)
class Guess:
    """A trajectory, (time, d), and by how much it fails to be one: the largest |h_t - tanh(W h_{t-1} + u_t)|.

    Where the rows of |W| sum to at most λ < 1, no entry is further than ``residual`` / (1 - λ) from the true one.
    """

    states: Tensor
    residual: float


def newton_guesses(
    weight: Tensor,
    drive: Tensor,
    start: Tensor | None = None,
    *,
    tolerance: float = 1e-12,
    diagonal: bool = False,
) -> Iterator[Guess]:
    """The guesses of Newton's method, from silence (all zeros) to the first within the tolerance.

    Each gets at least one state more right than the one before, whatever W is: T iterations are always enough, and T
    of them are no gain over the loop.  A guess is kept in [-1, 1], where every tanh lies; this never moves it away from
    the solution, and keeps its numbers finite where the linearised recurrence explodes.

    Args:
        weight, drive, start: as for :func:`looped_states`.
        tolerance: of ``residual``; 1e-12 suits float64.
        diagonal: linearise by the diagonal of each Jacobian alone (quasi-DEER), d numbers a step and not d².

    Yields:
        guess 0, 1, 2, ...: one more than there are iterations, and at most T + 1.
    """
    first = torch.zeros_like(drive[:1]) if start is None else start[None]
    states = torch.zeros_like(drive)
    for iteration in range(len(drive) + 1):
        stepped = torch.tanh(torch.cat([first, states[:-1]]) @ weight.T + drive)
        missing = stepped - states
        guess = Guess(states, float(missing.abs().max()))
        yield guess
        if guess.residual <= tolerance or iteration == len(drive):
            return
        slope = 1 - stepped.square()
        jacobians = slope * weight.diagonal() if diagonal else slope.unsqueeze(-1) * weight
        # The scan finds corrections, not states: where nothing is missing they are 0 exactly, and a right beginning
        # stays right to the last bit, however the joined matrices behind it explode.
        correction = affine_scan(jacobians, missing)
        states = stepped.clone()
        states[1:] = apply(jacobians[1:], correction[:-1], stepped[1:]).nan_to_num(nan=0.0).clamp(-1, 1)
