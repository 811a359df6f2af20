"""The stable set of quasi-recurrent layers, and how far one can be from its k-truncation.

A layer's memory is c_t = f_t ∘ c_{t-1} + (1 - f_t) ∘ z_t, and f_t and z_t do not see it: they read the last w inputs.
So once two memories have read the same w inputs, their difference shrinks at every further one, unit by unit, at least
by the factor φ_j, the ceiling of the unit's forget gate.  A memory is a mean of values within [-1, 1], a truncation
begins with an empty one *and* an empty window, and outputs are o_t ∘ c_t with 0 < o_t < 1, where o_t is the same in
both once the window is full:

    |y_tj - y^k_tj| <= 2 φ_j^(k - w + 1)  for k >= w - 1,  or φ_j^k  where w = 1.

No input needs a clip, and no weight of a gate a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from lessons_lib.models import QRNN, TorchModule
from lessons_lib.stability.projections import TOLERANCE, rounding
from lessons_lib.stability.rates import largest_eigenvalue
from lessons_lib.stability.sets import Knob, StableSet, refuse_others, replace_


@dataclass(frozen=True)
class QRNNStableSet(StableSet):
    """Quasi-recurrent layers whose forget gates have a ceiling of at most f̄: 0 <= φ_j <= f̄ for every unit.

    With f̄ < 1 a layer forgets at that rate in any norm that looks at sizes alone (maximum, l1, Euclidean), whatever the
    inputs.
    """

    name = "qrnn-ceiling"
    knob = Knob(
        "forget_ceiling",
        "f̄",
        "Forget ceiling: after every step each unit's ceiling is lowered to it.",
        low=0.05,
        high=1.0,
        step=0.01,
        switch="ceiling",
        search=(0.8, 0.999),
    )

    kinds = ("quasi-recurrent",)

    forget_ceiling: float = 0.98

    def __post_init__(self) -> None:
        if not 0 <= self.forget_ceiling <= 1:
            raise ValueError(f"forget_ceiling={self.forget_ceiling}: give a number from 0 to 1")

    def contains(self, module: TorchModule) -> bool:
        """Whether such layers are all that recurs, and every φ_j is in [0, f̄ (1 + 1e-5)]."""
        if not self.fits(module):
            return False
        ceilings = [layer.ceiling.detach() for layer in quasi_recurrences(module)]
        limit = self.forget_ceiling * (1 + TOLERANCE)
        return bool(torch.stack([((c >= 0) & (c <= limit)).all() for c in ceilings]).all())

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Move every φ_j to the nearest point of [0, f̄], in place.  On CUDA the host never waits.

        Returns:
            The Euclidean distance moved, a 0-d tensor; NaN where a ceiling is.

        Raises:
            ValueError: for a module without a quasi-recurrent layer, or in which something else recurs.
        """
        layers = quasi_recurrences(module)
        if not layers:
            raise ValueError(f"{type(module).__name__} holds no QRNN: use SpectralBall or LSTMStableSet")
        refuse_others(module, type(self))
        squares = layers[0].ceiling.new_zeros(())
        for layer in layers:
            outside = layer.ceiling > self.forget_ceiling * (1 + rounding(layer.ceiling.dtype))
            nearest = torch.where(outside, self.forget_ceiling, layer.ceiling).clamp_min(0)
            squares = squares + replace_(layer.ceiling, nearest)
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The largest φ_j; inf where there is none, or something else recurs.

        Of stacked layers it is the asymptotic rate.
        """
        return max(map(largest_eigenvalue, quasi_recurrences(module))) if self.fits(module) else math.inf

    def describe(self) -> str:
        return f"quasi-recurrent layers with forget gates at most {self.forget_ceiling:g}; rate in the max norm of c"

    @classmethod
    def promising(cls, rate: float) -> Self | None:
        return cls(rate) if rate <= 1 else None

    @property
    def largest_singular_value(self) -> float:
        return self.forget_ceiling


def quasi_recurrences(module: TorchModule) -> list[QRNN]:
    """The quasi-recurrent layers inside ``module``, in order of definition."""
    return [part for part in module.modules() if isinstance(part, QRNN)]


class QRNNCertificate:
    """Errors of a layer's outputs after k inputs, in the maximum norm."""

    def __init__(self, layer: QRNN) -> None:
        self._window = layer.window
        self.rate = largest_eigenvalue(layer)

    def after(self, steps: int) -> float:
        """The bound on max_j |y_tj - y^k_tj| for k = ``steps``."""
        if not self.rate <= 1:  # not a number
            return math.inf
        return (1 if self._window == 1 else 2) * self.rate ** max(0, steps - self._window + 1)
