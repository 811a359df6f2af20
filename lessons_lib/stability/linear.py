"""The stable set of linear recurrences: eigenvalues in a disc."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.models.linear_recurrence import DiagonalRecurrence
from lessons_lib.stability.projections import TOLERANCE, rounding
from lessons_lib.stability.rates import largest_eigenvalue
from lessons_lib.stability.sets import Knob, StableSet, refuse_others


@dataclass(frozen=True)
class EigenvalueDisc(StableSet):
    """Diagonal linear recurrences with no eigenvalue larger than ``bound``: |λ_j| <= bound for every unit.

    With bound < 1 each layer forgets at that rate in the Euclidean norm, whatever the inputs: the recurrent matrix is
    diagonal, hence normal, so its spectral norm *is* its spectral radius.
    """

    name = "eigenvalue-disc"
    knob = Knob(
        "bound",
        "|λ|",
        "Eigenvalue bound: after every step eigenvalues outside the disc of this radius are moved to its edge.",
        low=0.05,
        high=1.1,
        step=0.01,
        search=(0.8, 0.999),
    )

    kinds = ("diagonal",)

    bound: float = 0.98

    def __post_init__(self) -> None:
        if not 0 <= self.bound < math.inf:
            raise ValueError(f"bound={self.bound}: give a number from 0 up; Unconstrained() has no bound")

    def contains(self, module: TorchModule) -> bool:
        """Whether such layers are all that recurs, and every |λ| is at most bound (1 + 1e-5)."""
        return self.rate(module) <= self.bound * (1 + TOLERANCE)

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Move every eigenvalue outside straight towards 0 onto the circle: the nearest point of the complex plane.

        Where the module keeps λ in polar coordinates (its own ``bound``), λ is moved all the same; Euclidean distance
        in λ is then not that of its parameters.  The host never waits.

        Returns:
            The Euclidean distance moved in λ, a 0-d tensor; NaN where an eigenvalue is.

        Raises:
            ValueError: for a module without a diagonal recurrence, or in which something else recurs.
        """
        layers = _layers(module)
        refuse_others(module, type(self))
        squares = layers[0].scale.new_zeros(())
        for layer in layers:
            values = layer.eigenvalues()
            sizes = values.abs()
            outside = sizes > self.bound * (1 + rounding(sizes.dtype))
            nearest = torch.where(outside, values * (self.bound / sizes), values)
            # Before the write: where λ itself is the parameter, ``values`` is a view of it.
            squares = squares + (nearest - values).abs().square().sum()
            layer.set_eigenvalues_(nearest, where=outside)
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The largest |λ|, in the Euclidean norm of a layer's state; inf where there is none, or something else recurs.

        Of stacked layers it is the asymptotic rate, as for stacked RNNs.
        """
        return max(map(largest_eigenvalue, diagonal_recurrences(module))) if self.fits(module) else math.inf

    def describe(self) -> str:
        return f"linear recurrences with eigenvalues at most {self.bound:g} in size; rate in the Euclidean norm"

    @classmethod
    def promising(cls, rate: float) -> Self:
        return cls(rate)

    @property
    def largest_singular_value(self) -> float:
        return self.bound


def diagonal_recurrences(module: TorchModule) -> list[DiagonalRecurrence]:
    """The diagonal linear recurrences inside ``module``, in order of definition."""
    return [part for part in module.modules() if isinstance(part, DiagonalRecurrence)]


def _layers(module: TorchModule) -> list[DiagonalRecurrence]:
    if not (layers := diagonal_recurrences(module)):
        raise ValueError(f"{type(module).__name__} holds no DiagonalRecurrence: use SpectralBall or LSTMStableSet")
    return layers
