"""Sets of stable weights, as frozen values: ask, project, certify.

A stable set is anything with the four methods of ``StableSet``; training knows no more than that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.stability import rates
from lessons_lib.stability.layers import Layer, layers_of
from lessons_lib.stability.projections import (
    TOLERANCE,
    l1_rows_project,
    rounding,
    spectral_ball_project,
    within_spectral_ball,
)


class StableSet(Protocol):
    """What training asks of a set of weights."""

    def contains(self, module: TorchModule) -> bool:
        """Whether the module lies in the set, within 1e-5 relative, and its certificate holds."""

    def project_(self, module: TorchModule) -> Tensor:
        """Move the weights, in place, to the nearest point of the set.

        Returns:
            The Frobenius distance moved, a 0-d tensor.
        """

    def rate(self, module: TorchModule) -> float:
        """The module's certified rate in the norm that ``describe`` names; may exceed 1, inf when none."""

    def describe(self) -> str:
        """One sentence: the set, and the norm of its certificate."""


@dataclass(frozen=True)
class Unconstrained:
    """Every module.  Its rate is the module's own: see ``certified_rate``."""

    def contains(self, module: TorchModule) -> bool:
        return True

    def project_(self, module: TorchModule) -> Tensor:
        return torch.zeros(())

    def rate(self, module: TorchModule) -> float:
        return rates.certified_rate(module) if layers_of(module) else math.inf

    def describe(self) -> str:
        return (
            "no constraint; the rate is the module's own, in the Euclidean norm (RNN) "
            "or in the max norm of (c, h) weighted by the Perron vector (LSTM)"
        )


@dataclass(frozen=True)
class SpectralBall:
    """RNNs whose recurrent matrices have no singular value above ``bound``: every layer, ‖W_l‖_2 <= bound.

    With bound < 1 each layer contracts its own state at that rate in the Euclidean norm, whatever the inputs
    (Miller & Hardt 2018): tanh and ReLU have slope at most 1.
    """

    bound: float

    def __post_init__(self) -> None:
        if not 0 <= self.bound < math.inf:
            raise ValueError(f"bound={self.bound}: give a number from 0 up; Unconstrained() has no bound")

    def contains(self, module: TorchModule) -> bool:
        """Whether every layer is an RNN with ‖W‖_2 <= bound (1 + 1e-5).  Waits for the device once."""
        layers = layers_of(module)
        if not layers or any(layer.kind not in ("tanh", "relu") for layer in layers):
            return False
        return all(_spectral_flags(layers, self.bound, TOLERANCE)[0])

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Clip the singular values of every recurrent matrix at the bound, in place: the nearest point.

        Waits for the device once for all layers together, and once more for each matrix outside the ball.
        A matrix with NaN or infinite entries has no nearest point: it is left alone and the distance is NaN.

        Raises:
            ValueError: for a module without recurrent layers, or with gated ones, which this set cannot
            certify.
        """
        layers = required_layers(module, "SpectralBall", ("tanh", "relu"))
        moved = layers[0].weight_hh.new_zeros(())
        inside, finite = _spectral_flags(layers, self.bound, rounding(layers[0].weight_hh.dtype))
        for layer, is_inside, is_finite in zip(layers, inside, finite, strict=True):
            if not is_finite:
                moved = moved + math.nan
            elif not is_inside:
                moved = moved + replace_(layer.weight_hh, spectral_ball_project(layer.weight_hh, self.bound))
        return moved.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The largest ‖W_l‖_2, in the Euclidean norm; inf when a layer is gated, or none is recurrent."""
        layers = layers_of(module)
        if not layers or any(layer.kind not in ("tanh", "relu") for layer in layers):
            return math.inf
        return rates.certified_rate(module)

    def describe(self) -> str:
        return f"RNN weights with spectral norm at most {self.bound:g}; rate in the Euclidean norm of h"


@dataclass(frozen=True)
class LSTMStableSet:
    """The stable LSTMs of Miller & Hardt (arXiv 1805.10369) at a fixed forget ceiling f̄, every layer.

    With ‖·‖ the largest row l1 norm, and W, U, b the recurrent, input and summed bias blocks of each gate:

        ‖W_i‖, ‖W_o‖ <= 1 - f̄       ‖W_z‖ <= (1 - f̄)/4       ‖W_f‖ <= (1 - f̄)²
        input_bound ‖U_f‖ : ‖b_f‖ = 3 : 4, together logit(f̄) - (1 - f̄)²

    so that no forget gate exceeds f̄ for |h| <= 1 and |x| <= input_bound.  U_i, U_z, U_o and their biases are
    free.  The set is convex and its rows separate, so the projection is exact.  The certificate also needs
    the inputs clipped: ``contains`` asks for ``input_clip <= input_bound`` on the module.
    """

    forget_ceiling: float = 0.64
    input_bound: float = 0.75

    def __post_init__(self) -> None:
        if not 0 < self.input_bound < math.inf:
            raise ValueError(f"input_bound={self.input_bound}: give a positive number, the module's input_clip")
        if not 0 < self.forget_ceiling < 1 or self._budget <= 0:
            raise ValueError(
                f"forget_ceiling={self.forget_ceiling} leaves no budget for the forget gates' inputs and "
                "biases: choose a value above 0.5504 and below 1"
            )

    @property
    def _budget(self) -> float:
        """What the forget gate's recurrent row leaves of the pre-activation logit(f̄)."""
        f = self.forget_ceiling
        return math.log(f / (1 - f)) - (1 - f) ** 2

    def contains(self, module: TorchModule) -> bool:
        """Whether every layer is an LSTM, clipped to ``input_bound``, within each bound (1e-5 relative)."""
        return all_clipped_lstms_within(module, self.input_bound, self._within)

    @torch.no_grad()
    def project_(self, module: TorchModule) -> Tensor:
        """Move every layer to the nearest point of its bounds, in place.  On CUDA the host never waits.

        It moves weights only: a module without ``input_clip`` stays outside the set (``contains`` is False).

        Raises:
            ValueError: for a module without recurrent layers, or with others than LSTMs.
        """
        layers = required_layers(module, "LSTMStableSet", ("lstm",))
        squares = layers[0].weight_hh.new_zeros(())
        for layer in layers:
            d = layer.hidden_size
            forget = slice(d, 2 * d)
            squares = squares + replace_(
                layer.weight_hh, l1_rows_project(layer.weight_hh, self._radii(layer.weight_hh))
            )
            inputs = layer.weight_ih[forget]
            squares = squares + replace_(inputs, l1_rows_project(inputs, 3 / 7 * self._budget / self.input_bound))
            biases = [b[forget] for b in (layer.bias_ih, layer.bias_hh) if b is not None]
            if biases:
                total = sum(biases[1:], biases[0])
                limit = 4 / 7 * self._budget
                outside = total.abs() > limit * (1 + rounding(total.dtype))
                # Two large biases that nearly cancel round their sum coarsely: aim inside by that much.
                grain = torch.stack(biases).abs().amax(0) * torch.finfo(total.dtype).eps
                within = torch.minimum(total.abs(), (limit - grain).clamp_min(0)) * total.sign()
                # The nearest pair with a bounded sum: each gives up the same share of the excess.
                excess = torch.where(outside, total - within, 0) / len(biases)
                for bias in biases:
                    bias -= excess
                squares = squares + len(biases) * excess.square().sum()
        return squares.sqrt()

    def rate(self, module: TorchModule) -> float:
        """The Perron root of M for this module's own norms and clip; inf without a clip, or for other layers.

        .9346 at the published constants.  It holds in the max norm of (c, h) weighted by M's Perron vector.
        """
        layers = layers_of(module)
        if not layers or any(layer.kind != "lstm" for layer in layers):
            return math.inf
        return rates.certified_rate(module)

    def describe(self) -> str:
        return (
            f"LSTM weights with forget gates at most {self.forget_ceiling:g} for inputs clipped to "
            f"{self.input_bound:g}; rate in the max norm of (c, h) weighted by the Perron vector"
        )

    def _radii(self, weight_hh: Tensor) -> Tensor:
        """The l1 bound of each recurrent row, in torch's block order i, f, z, o: (4 x hidden,)."""
        free = 1 - self.forget_ceiling
        per_block = (free, free**2, free / 4, free)
        return torch.cat([weight_hh.new_full((weight_hh.shape[1],), radius) for radius in per_block])

    def _within(self, layer: Layer) -> Tensor:
        d = layer.hidden_size
        slack = 1 + TOLERANCE
        recurrent = rates.row_norms(layer.weight_hh.detach()) <= self._radii(layer.weight_hh) * slack
        inputs = rates.row_norms(layer.weight_ih.detach()[d : 2 * d])
        biases = rates.total_bias(layer)[d : 2 * d].abs()
        return (
            recurrent.all()
            & (inputs * self.input_bound <= 3 / 7 * self._budget * slack).all()
            & (biases <= 4 / 7 * self._budget * slack).all()
        )


def required_layers(module: TorchModule, name: str, kinds: tuple[str, ...]) -> list[Layer]:
    """The module's layers, all of the kinds this set certifies, or one clear line."""
    layers = layers_of(module)
    if not layers:
        raise ValueError(f"{type(module).__name__} holds no torch.nn.RNN or LSTM layer to project: use Unconstrained()")
    for layer in layers:
        if layer.kind not in kinds:
            fitting = {"lstm": "use LSTMStableSet", "gru": "no set here certifies a GRU"}
            hint = fitting.get(layer.kind, "use SpectralBall")
            raise ValueError(f"{name} cannot certify a {layer.kind} layer: {hint}")
    return layers


def all_clipped_lstms_within(module: TorchModule, input_bound: float, within: Callable[[Layer], Tensor]) -> bool:
    """Whether every layer is an LSTM, its inputs are clipped to ``input_bound``, and ``within`` accepts it."""
    layers = layers_of(module)
    if not layers or any(layer.kind != "lstm" or layer.input_limit > input_bound for layer in layers):
        return False
    return bool(torch.stack([within(layer) for layer in layers]).all())


def _spectral_flags(layers: list[Layer], bound: float, slack: float) -> tuple[list[bool], list[bool]]:
    """For each layer: is it inside the ball, and is it finite (with a finite square)?  One transfer."""
    weights = [layer.weight_hh.detach() for layer in layers]
    inside = [within_spectral_ball(weight, bound, slack) for weight in weights]
    finite = [weight.square().sum().isfinite() for weight in weights]
    flags = torch.stack([*inside, *finite]).tolist()
    return flags[: len(layers)], flags[len(layers) :]


def replace_(target: Tensor, nearest: Tensor) -> Tensor:
    """Write into the parameter's own memory, and return the squared distance.

    A new Parameter would fall out of the one buffer in which cuDNN keeps all of a layer's weights.
    """
    if nearest is target:
        return target.new_zeros(())
    squared = (nearest - target).square().sum()
    target.copy_(nearest)
    return squared
