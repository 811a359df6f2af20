"""Stable linear recurrences: a recurrent model that trains in parallel.

h_t = λ ∘ h_{t-1} + u_t with one complex λ per unit is linear in its state, so a scan finds all states in 2 log T
rounds, where a tanh-RNN's loop needs T.  It is linearity that permits the scan, at any λ; |λ| < 1 keeps its numbers
bounded, and permits cutting off the past.  The linear recurrent unit (LRU) of Orvieto et al. 2023 (arXiv
2303.06349); S4 (Gu et al. 2022) trains such a recurrence as a convolution, S5 (Smith et al. 2023) by a scan as here.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

#: Numbers swept at a time on a CPU: half a megabyte of complex64, which stays in the cache through all rounds.
_CACHED = 65536


def parallel_scan(eigenvalues: Tensor, inputs: Tensor, start: Tensor | None = None) -> Tensor:
    """All states of h_t = λ ∘ h_{t-1} + u_t, h_0 = ``start``, in 2 log2 T rounds (Brent & Kung 1982).

    A first sweep, a *tree*, adds up spans of 2, 4, 8, ... inputs: alone it gives the last state, in log2 T rounds.  A
    second sweep hands the sums down to the positions between: 2 T products in all, where :func:`doubling_scan` needs
    half the rounds and T log2 T products.  Only powers of λ are formed, which are small where |λ| < 1.

    Args:
        eigenvalues: (units,) complex.
        inputs: (batch, time, units) complex.
        start: (batch, units) complex; zeros when None.

    Returns:
        states: (batch, time, units) complex.  First derivatives only.
    """
    if start is None:
        start = inputs.new_zeros(inputs.shape[0], inputs.shape[2])
    return _Scan.apply(eigenvalues, inputs, start)


def sequential_scan(eigenvalues: Tensor, inputs: Tensor, start: Tensor | None = None) -> Tensor:
    """The same states as :func:`parallel_scan`, one after the other: the definition as a loop."""
    state = inputs.new_zeros(inputs.shape[0], inputs.shape[2]) if start is None else start
    states = []
    for u in inputs.unbind(1):
        state = eigenvalues * state + u
        states.append(state)
    return torch.stack(states, dim=1)


def doubling_scan(eigenvalues: Tensor, inputs: Tensor, start: Tensor | None = None) -> Tensor:
    """The same states in log2 T rounds of T products each (Kogge & Stone 1973; Hillis & Steele 1986).

    After each round a position has added up twice as many inputs.  The fewest rounds of the three, and the shortest to
    write; with fewer processors than positions it does log2 T times the work of the loop.
    """
    states = inputs.clone()
    if start is not None:
        states[:, 0] += eigenvalues * start
    span, power = 1, eigenvalues
    while span < states.shape[1]:
        states = torch.cat([states[:, :span], states[:, span:] + power * states[:, :-span]], dim=1)
        span, power = 2 * span, power.square()
    return states


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, eigenvalues: Tensor, inputs: Tensor, start: Tensor) -> Tensor:
        states = inputs.clone()
        states[:, 0].addcmul_(eigenvalues, start)
        _scan_(eigenvalues, states)
        ctx.save_for_backward(eigenvalues, start, states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # An adjoint obeys the same recurrence with conjugate λ, backwards in time.
        eigenvalues, start, states = ctx.saved_tensors
        adjoint = upstream.clone()
        _scan_(eigenvalues.conj().resolve_conj(), adjoint, backwards=True)
        into_start = eigenvalues.conj() * adjoint[:, 0]
        into_eigenvalues = (start.conj() * adjoint[:, 0]).sum(0)
        into_eigenvalues += torch.linalg.vecdot(states[:, :-1], adjoint[:, 1:], dim=1).sum(0)
        return into_eigenvalues, adjoint, into_start


def _scan_(eigenvalues: Tensor, states: Tensor, *, backwards: bool = False) -> None:
    """Turn inputs (batch, time, units) into states from a zero start, in place; ``backwards`` in time if asked."""
    batch, time, units = states.shape
    rows = batch if states.is_cuda else max(1, _CACHED // (time * units))
    powers = [eigenvalues]  # λ^1, λ^2, λ^4, ...
    while 2 ** len(powers) <= time:
        powers.append(powers[-1].square())
    for kept in states.split(rows):
        part = kept.flip(1) if backwards else kept
        for level, power in enumerate(powers[:-1]):
            span = 2**level
            ends = part[:, 2 * span - 1 :: 2 * span]
            ends.addcmul_(power, part[:, span - 1 :: 2 * span][:, : ends.shape[1]])
        for level, power in reversed(list(enumerate(powers[:-1]))):
            span = 2**level
            between = part[:, 3 * span - 1 :: 2 * span]
            between.addcmul_(power, part[:, 2 * span - 1 :: 2 * span][:, : between.shape[1]])
        if backwards:
            kept.copy_(part.flip(1))


class DiagonalRecurrence(nn.Module):
    """h_t = λ ∘ h_{t-1} + γ ∘ B x_t, complex and diagonal.

    γ = √(1 - |λ|²) at the start (a parameter from then on) keeps the states' variance near that of B x.

    Args:
        input_size: width of an input.
        units: complex states.
        bound: keeps every |λ| < bound by its coordinates, λ = bound exp(-exp(ν) + iθ), where ν and θ are free; None:
            real and imaginary part are the parameters and may go anywhere, unless training projects onto
            :class:`lessons_lib.stability.EigenvalueDisc`.

    Raises:
        ValueError: ``bound`` is not between 0 and 1.
    """

    def __init__(self, input_size: int, units: int, bound: float | None = None):
        super().__init__()
        if bound is not None and not 0 < bound <= 1:
            raise ValueError(f"bound={bound}: a stable recurrence has its eigenvalues below a bound in (0, 1]")
        self.bound = bound
        # Uniform on a ring near the circle: long memories, spread over all frequencies.
        largest = 0.999 * (0.99 if bound is None else bound)
        radius = largest * torch.sqrt(1 - 0.19 * torch.rand(units))
        values = torch.polar(radius, math.pi * (2 * torch.rand(units) - 1))
        self.coordinates = nn.Parameter(self._coordinates(values))
        self.scale = nn.Parameter(torch.sqrt(1 - radius.square()))
        self.enter = nn.Linear(input_size, 2 * units, bias=False)
        nn.init.normal_(self.enter.weight, std=1 / math.sqrt(2 * input_size))

    def eigenvalues(self) -> Tensor:
        """λ: (units,) complex."""
        if self.bound is None:
            return torch.view_as_complex(self.coordinates)
        decay, angle = self.coordinates.unbind(-1)
        return torch.polar(self.bound * torch.exp(-torch.exp(decay)), angle)

    @torch.no_grad()
    def largest_eigenvalues(self) -> Tensor:
        """The largest size that each unit's λ can have: |λ|, (units,)."""
        return self.eigenvalues().abs()

    @torch.no_grad()
    def set_eigenvalues_(self, values: Tensor, where: Tensor) -> None:
        """Write λ, (units,) complex, into the parameters of the units in ``where``, (units,) boolean.

        What is at or over ``bound`` ends just below it.
        """
        self.coordinates.copy_(torch.where(where[:, None], self._coordinates(values), self.coordinates))

    def forward(self, inputs: Tensor, state: Tensor) -> Tensor:
        """inputs: (batch, time, input_size), state: (batch, 2 x units) -> states: (batch, time, 2 x units).

        Complex numbers travel as pairs of real ones, so that a state is a plain tensor as everywhere else.
        """
        driven = _complex(self.enter(inputs)) * self.scale
        states = parallel_scan(self.eigenvalues(), driven, _complex(state))
        return torch.view_as_real(states).flatten(-2)

    def _coordinates(self, values: Tensor) -> Tensor:
        if self.bound is None:
            return torch.view_as_real(values)
        precision = torch.finfo(values.real.dtype)
        decay = -torch.log((values.abs() / self.bound).clamp(precision.tiny, 1 - precision.eps))
        return torch.stack([decay.log(), values.angle()], dim=-1)


def through_blocks(blocks: nn.ModuleList, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Blocks one upon the other, each from its own state: inputs (batch, time, width), state (layers, batch, ...).

    Returns:
        the last block's outputs, like inputs, and the end of every block, like state.
    """
    last = []
    for block, start in zip(blocks, state, strict=True):
        inputs, end = block(inputs, start)
        last.append(end)
    return inputs, torch.stack(last)


class LinearRecurrence(nn.Module):
    """Residual blocks, each a diagonal recurrence read by an MLP: x + MLP(h), h the states of norm(x).

    All that is nonlinear acts on one position at a time; only the linear part looks back.

    Args:
        input_size: width of an input; where it differs from ``hidden_size``, a linear map comes first.
        hidden_size: width of the outputs.
        layers: number of blocks.
        units: complex states of each block; ``hidden_size`` when None.
        bound: see :class:`DiagonalRecurrence`.

    The state is (layers, batch, 2 x units), real: real and imaginary parts side by side.
    """

    context_length: int | None = None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        *,
        units: int | None = None,
        bound: float | None = None,
    ):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers={layers}: a recurrent core needs at least one layer")
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.units = hidden_size if units is None else units
        self.enter = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.blocks = nn.ModuleList(_Block(hidden_size, self.units, bound) for _ in range(layers))

    def zero_state(self, batch_size: int) -> Tensor:
        """The start: zeros of shape (layers, batch, 2 x units), with the weights' type and device."""
        weight = next(self.parameters())
        return weight.new_zeros(self.layers, batch_size, 2 * self.units)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the last state.

        Fed one input at a time it is a recurrence; fed a sequence it computes all its states at once.
        """
        state = self.zero_state(len(inputs)) if state is None else state
        return through_blocks(self.blocks, self.enter(inputs), state)


class _Block(nn.Module):
    def __init__(self, width: int, units: int, bound: float | None):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.recurrence = DiagonalRecurrence(width, units, bound)
        self.mlp = nn.Sequential(nn.Linear(2 * units, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, inputs: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        states = self.recurrence(self.norm(inputs), start)
        return inputs + self.mlp(states), states[:, -1]


def _complex(pairs: Tensor) -> Tensor:
    """(..., 2 x units) real -> (..., units) complex."""
    return torch.view_as_complex(pairs.unflatten(-1, (-1, 2)))
