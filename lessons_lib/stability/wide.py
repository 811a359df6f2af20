"""A larger set of certified LSTMs than the published one: every unit spends one joint budget of its own.

Unit j has its own forget ceiling f̄_j.  On the invariant box |h| <= 1, |c_j| <= 1/(1 - f̄_j), with μ > 0 and

    a_j = ‖W_i[j]‖_1/4 + ‖W_z[j]‖_1 + ‖W_f[j]‖_1 / (4 (1 - f̄_j))

two states at distance ε = max(|Δc|_∞, |Δh|_∞/μ) have after one step, whatever the input,

    |Δc'_j| <= (f̄_j + μ a_j) ε        |Δh'_j|/μ <= (f̄_j/μ + a_j + ‖W_o[j]‖_1/4) ε

(σ has slope at most 1/4, tanh at most 1; |c_j| bounds the forget gate's part).  Both brackets at most λ certify
the rate λ.  The published set (Miller & Hardt, arXiv 1805.10369) satisfies them with one ceiling for all units,
λ the Perron root of its M, and μ = (λ - f̄)/a.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.stability.layers import Layer, layers_of
from lessons_lib.stability.projections import (
    TOLERANCE,
    in_float64,
    is_asynchronous,
    l1_threshold,
    nested_l1_project,
    rounding,
)
from lessons_lib.stability.rates import row_norms, total_bias
from lessons_lib.stability.sets import Knob, StableSet, all_clipped_lstms_within, replace_, required_layers


@dataclass(frozen=True)
class LSTMWideSet(StableSet):
    """LSTMs certified to forget at ``bound`` per step, with short and long memories side by side.

    The forget ceilings of a layer's units rise from ``lowest_ceiling`` to ``highest_ceiling``, evenly in the
    logit, whatever the number of units.  With w_j = min{(1 - f̄_j)², 4 (1 - f̄_j)(bound - f̄_j)/μ} each unit has

        ‖W_f[j]‖_1 <= w_j      a_j <= (bound - f̄_j)/μ      a_j + ‖W_o[j]‖_1/4 <= bound - f̄_j/μ
        input_bound ‖U_f[j]‖_1 + b_f[j] <= logit(f̄_j) - w_j

    the last of which keeps the gate under its ceiling for |h| <= 1 and |x| <= input_bound.  (b_f is the sum of
    both biases, and may be as negative as it likes.)  The rest of the weights is free.

    Args:
        bound: certified rate λ, below 1.
        lowest_ceiling, highest_ceiling: between 0 and ``bound``.
        mu: μ, the weight of h against c in the norm max(|Δc|, |Δh|/μ) that contracts; at least 1.
        input_bound: what the module clips its inputs to, at least as tight.
    """

    name = "wide-lstm"
    knob = Knob(
        "highest_ceiling",
        "highest f̄",
        "Highest forget ceiling: after every step the weights are projected so that the unit with the longest memory "
        "forgets at least so fast.",
        low=0.05,
        high=0.98,
        step=0.01,
        switch="ceiling",
        search=(0.7, 0.98),
        starts=(("stable", 0.85), ("on the edge", 0.98), ("very short memory", 0.3)),
    )
    kinds = ("lstm",)

    bound: float = 0.95
    lowest_ceiling: float = 0.3
    highest_ceiling: float = 0.85
    mu: float = 1.1
    input_bound: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.lowest_ceiling <= self.highest_ceiling < self.bound < 1:
            raise ValueError(
                f"lowest_ceiling={self.lowest_ceiling}, highest_ceiling={self.highest_ceiling}, "
                f"bound={self.bound}: they must rise in this order, above 0 and below 1"
            )
        if not 1 <= self.mu < math.inf:
            raise ValueError(f"mu={self.mu}: give a number from 1 up, or no unit keeps a budget for its output gate")
        if not 0 < self.input_bound < math.inf:
            raise ValueError(f"input_bound={self.input_bound}: give a positive number, the module's input_clip")

    def ceilings(self, hidden_size: int, device: torch.device | None = None) -> Tensor:
        """f̄_j of a layer's units, float64: (hidden_size,)."""
        lowest, highest = (
            torch.tensor([self.lowest_ceiling, self.highest_ceiling], dtype=torch.float64).logit().tolist()
        )
        place = torch.linspace(0, 1, hidden_size, dtype=torch.float64, device=device)
        return torch.lerp(torch.full_like(place, lowest), torch.full_like(place, highest), place).sigmoid()

    def contains(self, module: TorchModule) -> bool:
        """Whether every layer is an LSTM, clipped to ``input_bound``, within each bound (1e-5 relative)."""
        return all_clipped_lstms_within(module, self.input_bound, self._within)

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Move every layer to the nearest point of the set, in place.  On CUDA the host never waits.

        Nearest in the norm that counts a forget gate's bias as often as the gate has inputs.  Their joint bound is
        met by less weight or by less bias; an optimiser such as Adam moves all of them by as much, and in the plain
        norm the bias would pay for a whole row of weights, step after step, until the gate is shut.

        It moves weights only: a module without ``input_clip`` stays outside the set (``contains`` is False).

        Raises:
            ValueError: for a module without recurrent layers, with others than LSTMs, or with an LSTM without
                biases whose lowest ceiling only a negative bias could hold.
        """
        layers = required_layers(module, type(self))
        squares = layers[0].weight_hh.new_zeros(())
        for layer in layers:
            squares = squares + self._project_recurrent(layer) + self._project_forget_inputs(layer)
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The smallest λ that this module's own rows, ceilings and clip certify at this μ; inf when none.

        In the norm max(|Δc|_∞, |Δh|_∞/μ); for stacked layers the largest of the layers' rates, which is the
        asymptotic one.  Assumes inputs within the module's clip and a start in the box (zero is).
        """
        return max(map(self._layer_rate, layers_of(module))) if self.fits(module) else math.inf

    def describe(self) -> str:
        return (
            f"LSTM weights with forget gates at most {self.lowest_ceiling:g} to {self.highest_ceiling:g}, unit by "
            f"unit, and rate at most {self.bound:g} in the norm max(|c|, |h|/{self.mu:g}), "
            f"for inputs clipped to {self.input_bound:g}"
        )

    def with_knob(self, value: float) -> Self:
        """Another highest ceiling.  What stands in its way gives way: a lowest ceiling above it comes down to it, and
        a ``bound`` that is not above it moves halfway from it to 1."""
        bound = self.bound if value < self.bound else (value + 1) / 2
        return replace(self, highest_ceiling=value, lowest_ceiling=min(self.lowest_ceiling, value), bound=bound)

    @property
    def slack(self) -> float:
        """Where ``bound`` stands between the highest ceiling (0) and .999 (1)."""
        return (self.bound - self.highest_ceiling) / (0.999 - self.highest_ceiling)

    @property
    def searched(self) -> dict[str, tuple[float, float]]:
        """Both ceilings, the place of ``bound`` between the higher one and .999, and μ."""
        return {"lowest_ceiling": (0.2, 0.97), **super().searched, "slack": (0.05, 0.95), "mu": (1.0, 2.0)}

    def at(self, point: Mapping[str, float]) -> Self:
        """This set with other ceilings, slack or μ.

        ``bound`` stays where it is unless the point names a slack; a lowest ceiling above the highest comes down to it.
        """
        fields = {name: value for name, value in point.items() if name != "slack"}
        if "slack" in point:
            highest = fields.get("highest_ceiling", self.highest_ceiling)
            fields["bound"] = highest + point["slack"] * (0.999 - highest)
        ceilings = (fields.get(name, getattr(self, name)) for name in ("lowest_ceiling", "highest_ceiling"))
        return replace(self, **fields | {"lowest_ceiling": min(ceilings)})

    def for_inputs(self, input_clip: float) -> Self:
        return replace(self, input_bound=input_clip)

    @classmethod
    def promising(cls, rate: float) -> Self | None:
        return cls(rate, 0.3 * rate, 0.9 * rate) if 0 < rate < 1 else None

    def gate_limits(self) -> dict[str, str]:
        return dict.fromkeys("ifzo", "each unit's own joint budget")

    @property
    def starting_scale(self) -> float:
        return 0.2

    def _limits(self, layer: Layer) -> tuple[Tensor, list[Tensor], Tensor]:
        """Per unit: what ‖W_f[j]‖ weighs in a_j, the three nested limits, the pre-activation left to U_f and b_f."""
        # On the device where that spares sending them, which is a wait; elsewhere (MPS) there may be no float64.
        device = layer.weight_hh.device if is_asynchronous(layer.weight_hh) else None
        f = self.ceilings(layer.hidden_size, device)
        share = 1 / (4 * (1 - f))
        into_cell = (self.bound - f) / self.mu
        from_forget = torch.minimum(share * (1 - f) ** 2, into_cell)
        limits = [from_forget, into_cell, self.bound - f / self.mu]
        left = f.logit() - from_forget / share
        packed = torch.stack([share, *limits, left]).to(layer.weight_hh)
        return packed[0], list(packed[1:4]), packed[4]

    def _project_recurrent(self, layer: Layer) -> Tensor:
        share, limits, _ = self._limits(layer)
        d = layer.hidden_size
        w_i, w_f, w_z, w_o = layer.weight_hh.chunk(4)
        quarter = w_i.new_full((d, 1), 0.25)
        into_cell = torch.cat([quarter.expand(d, d), w_i.new_ones(d, d)], -1)
        blocks = [w_f, torch.cat([w_i, w_z], -1), w_o]
        weights = [share.unsqueeze(-1), into_cell, quarter]
        new_f, new_iz, new_o = nested_l1_project(blocks, weights, limits)
        return replace_(layer.weight_hh, torch.cat([new_iz[:, :d], new_f, new_iz[:, d:], new_o]))

    def _project_forget_inputs(self, layer: Layer) -> Tensor:
        left = self._limits(layer)[2]
        forget = slice(layer.hidden_size, 2 * layer.hidden_size)
        inputs = layer.weight_ih[forget]
        biases = [b[forget] for b in (layer.bias_ih, layer.bias_hh) if b is not None]
        if not biases and self.lowest_ceiling < 0.5505:
            raise ValueError("an LSTM without biases cannot hold forget gates this low: use biases, or .5505 and up")
        nearest, shifts = inputs.abs(), inputs.new_zeros(len(inputs))
        weight = inputs.new_full((len(inputs), 1), self.input_bound)
        count, bias_weight = float(len(biases)), inputs.shape[1]
        for _ in range(2):  # the second time on the small result: takes away what cancelled far outside
            moved = [bias - shifts for bias in biases]
            total = sum(moved, torch.zeros_like(shifts))
            # Two large biases that nearly cancel round their sum coarsely: aim inside by that much.
            grain = sum((bias.abs() for bias in moved), torch.zeros_like(shifts)) * torch.finfo(total.dtype).eps
            outside = self.input_bound * nearest.sum(-1) + total > left + rounding(left.dtype) * left.abs()
            threshold = l1_threshold(nearest, left - grain - total, weight, count / bias_weight)
            threshold = torch.where(outside, threshold, 0)
            nearest = (nearest - threshold.unsqueeze(-1) * weight).clamp_min(0)
            shifts = shifts + threshold / bias_weight
        for bias in biases:
            bias -= shifts
        return replace_(inputs, nearest * inputs.sign()) + count * shifts.square().sum()

    def _within(self, layer: Layer) -> Tensor:
        share, limits, left = self._limits(layer)
        slack = 1 + TOLERANCE
        i, f, z, o = row_norms(layer.weight_hh.detach()).chunk(4)
        forget = slice(layer.hidden_size, 2 * layer.hidden_size)
        into_cell = i / 4 + z + share * f
        reach = self.input_bound * row_norms(layer.weight_ih.detach()[forget]) + total_bias(layer)[forget]
        return (
            (share * f <= limits[0] * slack).all()
            & (into_cell <= limits[1] * slack).all()
            & (into_cell + o / 4 <= limits[2] * slack).all()
            & (reach <= left + TOLERANCE * left.abs().clamp_min(1)).all()
        )

    def _layer_rate(self, layer: Layer) -> float:
        forget = slice(layer.hidden_size, 2 * layer.hidden_size)
        i, f, z, o = row_norms(in_float64(layer.weight_hh)).chunk(4)
        inputs = row_norms(in_float64(layer.weight_ih)[forget])
        limit = layer.input_limit
        reach = limit * inputs if math.isfinite(limit) else torch.where(inputs > 0, math.inf, 0.0)
        ceiling = torch.sigmoid(f + reach + in_float64(total_bias(layer))[forget])
        into_cell = i / 4 + z + f / (4 * (1 - ceiling))
        rates = torch.maximum(ceiling + self.mu * into_cell, ceiling / self.mu + into_cell + o / 4)
        return float(torch.where(ceiling < 1, rates, math.inf).max())
