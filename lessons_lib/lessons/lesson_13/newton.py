"""How many iterations Newton's method takes to a whole trajectory, against W's gain and the trajectory's length.

The count follows the largest Lyapunov exponent: a handful at any length where it is well below 0, more the longer
the trajectory once it is positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.models import looped_states, newton_guesses

UNITS, INPUTS = 16, 0.3
TOLERANCE = 1e-10
GAINS = (0.5, 0.8, 0.95, 1.1, 1.3, 1.5, 1.7, 2.0, 2.5, 3.0)
LENGTHS = (32, 64, 128, 256, 512)
SEEDS = (0, 1, 2)


def system(gain: float, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """W = ``gain`` x orthogonal, (16, 16), and normal inputs of standard deviation .3, (length, 16), in float64.

    One seed is one rotation and one stream: another gain or length changes nothing else.
    """
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.nn.init.orthogonal_(torch.empty(UNITS, UNITS, dtype=torch.float64), generator=generator)
    return gain * rotation, INPUTS * torch.randn(length, UNITS, dtype=torch.float64, generator=generator)


def largest_exponent(weight: Tensor, states: Tensor) -> float:
    """Mean log growth per step of small differences along a trajectory of h_t = tanh(W h_{t-1} + u_t), in nats.

    What :func:`lessons_lib.stability.lyapunov_exponents` finds for ``count=1``, by the Jacobian written out: some
    milliseconds, for a slider.

    Args:
        weight: (d, d).
        states: (time, d), at least two.
    """
    direction, total = torch.zeros_like(states[0]), states.new_zeros(())
    direction[0] = 1.0
    for slope in (1 - states[1:].square()).flip(0):
        direction = (slope * direction) @ weight
        growth = direction.norm()
        direction, total = direction / growth, total + growth.log()
    return float(total) / (len(states) - 1)


@dataclass(frozen=True)
class Point:
    """One system: its largest Lyapunov exponent in nats a step, and how many iterations reach the tolerance.

    ``distance`` is that of Newton's last guess from the loop's states, the largest over time and units: where the
    exponent is positive, two trajectories that obey the recurrence to the last digits still part.
    """

    gain: float
    length: int
    seed: int
    exponent: float
    iterations: int
    diagonal_iterations: int
    residual: float
    distance: float


def point(gain: float, length: int, seed: int) -> Point:
    """Newton's method and its diagonal approximation, each until no state misses by more than 1e-10."""
    weight, drive = system(gain, length, seed)
    loop = looped_states(weight, drive)
    full, diagonal = (list(newton_guesses(weight, drive, tolerance=TOLERANCE, diagonal=d)) for d in (False, True))
    return Point(
        gain,
        length,
        seed,
        exponent=largest_exponent(weight, loop),
        iterations=len(full) - 1,
        diagonal_iterations=len(diagonal) - 1,
        residual=full[-1].residual,
        distance=float((full[-1].states - loop).abs().max()),
    )


NEWTON = Experiment(
    "newton_iterations",
    "how many iterations Newton's method takes to a whole trajectory, by gain and length",
    grid(gain=GAINS, length=LENGTHS, seed=SEEDS),
    point,
    Point,
    {"units": UNITS, "inputs": INPUTS, "tolerance": TOLERANCE, "dtype": "float64"},
)
