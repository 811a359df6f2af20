"""How far a stack of gated linear recurrences can be from its k-truncation: a bound computed unit by unit.

A block of a :class:`~lessons_lib.models.gated_recurrence.GatedRecurrence` reads u = γ ∘ v + β, v = N(x) the layer
normalisation (x - mean) / √(variance + ε) of n numbers, and has states s_t = Λ s_{t-1} + ΓB u_t.  Whatever x is,
‖v‖ <= √n, so that unit j, started from zero, never leaves

    |s_j| <= S_j = (‖(ΓB diag γ)_j‖ √n + |(ΓB β)_j|) / (1 - |λ_j|),

and a truncation, which starts from s = 0, begins with an error of at most S_j.  Taking the mean away is a projection,
and what follows has a symmetric Jacobian whose largest value is 1/√(variance + ε): N moves no two points apart by more
than 1/√ε.  Let d(k) bound the error of x after k inputs (0 at the lowest block: both read the same inputs).  Then

    δ(k) = min(d(k)/√ε, 2√n)                                            bounds the error of v, and unit by unit
    e_j(0) = S_j,     e_j(k) = |λ_j| e_j(k-1) + ‖(ΓB diag γ)_j‖ δ(k).

The block adds W_o (tanh(a) ∘ σ(g)), (a, g) = A s + A' v + b, with |tanh(a)| <= 1, σ' <= 1/4 and |tanh'| <= 1:

    d(k) -> d(k) + ‖W_o‖ (‖Δa‖ + ‖Δg‖/4),   ‖Δa‖ <= min(‖|A_a| e‖, ‖A_a‖ ‖e‖) + ‖A'_a‖ δ,

|A_a| being the matrix of the norms of A_a's pairs of columns, one pair a unit.  The outputs are normalised likewise:
their error is at most max|γ| δ(k).  The errors obey the same recurrence as the states, so all k up to K cost K steps,
and the rate, as k grows, is the largest |λ|.  The idea of the single layer is Miller & Hardt's (arXiv 1805.10369, the
inference bound); the stack is worked out here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from lessons_lib.models import TorchModule
from lessons_lib.models.gated_recurrence import GatedBlock, GatedRecurrence


def gated_recurrence_of(module: TorchModule) -> GatedRecurrence | None:
    """The one stack of gated linear recurrences inside ``module``; None where there is none.

    Raises:
        ValueError: there are several: no bound here covers them together.
    """
    found = [part for part in module.modules() if isinstance(part, GatedRecurrence)]
    if len(found) > 1:
        raise ValueError(f"{type(module).__name__} holds {len(found)} gated recurrences: bound each on its own")
    return found[0] if found else None


class StackCertificate:
    """Errors of the outputs after k inputs, for k = 0, 1, 2, ...; computed once, as far as they are asked for."""

    def __init__(self, core: GatedRecurrence) -> None:
        self.rate = self._cap = math.inf
        if not all(bool(parameter.isfinite().all()) for parameter in core.parameters()):
            return  # it has diverged: nothing is known
        self._blocks = [_BlockConstants(block) for block in core.blocks if isinstance(block, GatedBlock)]
        self._norm = _Normalisation(core.norm)
        self._gain = float(self._norm.gain.abs().max())
        # Two outputs are never further apart than this, whatever was read.
        self._cap = self._gain * self._norm.diameter
        self.rate = max(block.rate for block in self._blocks)
        self._errors = [self._cap]  # k = 0: the truncation has seen nothing
        self._states = [block.start for block in self._blocks]

    def after(self, steps: int) -> float:
        """The bound on ‖y_t - y_t^k‖_2 for k = ``steps``."""
        if not self.rate < 1:
            return self._cap
        while len(self._errors) <= steps:
            self._advance()
        return self._errors[steps]

    def _advance(self) -> None:
        into = 0.0
        for index, block in enumerate(self._blocks):
            read = block.norm.moved(into)
            self._states[index] = block.forget * self._states[index] + block.gain * read
            into = into + block.response(self._states[index], read)
        self._errors.append(self._gain * self._norm.moved(into))


class _Normalisation:
    """What the bound needs of a layer normalisation."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        self.gain = norm.weight.detach().cpu().double()
        self.shift = norm.bias.detach().cpu().double()
        self.radius = math.sqrt(len(self.gain))
        self.diameter = 2 * self.radius
        self._lipschitz = 1 / math.sqrt(norm.eps)

    def moved(self, distance: float) -> float:
        """How far v can move when x moves by ``distance``."""
        return min(self._lipschitz * distance, self.diameter)


class _BlockConstants:
    """What the bound needs of one block, float64 on the CPU."""

    @torch.no_grad()
    def __init__(self, block: GatedBlock) -> None:
        self.norm = norm = _Normalisation(block.norm)
        recurrence, width = block.recurrence, block.leave.in_features
        values = recurrence.eigenvalues().detach().cpu().to(torch.complex128)
        enter = recurrence.enter.weight.detach().cpu().double().unflatten(0, (-1, 2))  # (units, 2, width)
        scale = recurrence.scale.detach().cpu().double().abs()
        # A complex row times a real v: |z·v| <= ‖(Re z, Im z)‖_2 ‖v‖ with the spectral norm of the two real rows.
        self.gain = scale * torch.linalg.matrix_norm(enter * norm.gain, 2)
        self.forget = values.abs()
        self.rate = float(self.forget.max())
        self.start = (self.gain * norm.radius + scale * (enter @ norm.shift).norm(dim=1)) / (1 - self.forget)
        mix, units = block.mix.weight.detach().cpu().double(), len(values)
        from_states, from_inputs = mix[:, : 2 * units], mix[:, 2 * units :]
        self._states = from_states.split(width)
        self._pairs = [part.unflatten(1, (-1, 2)).norm(dim=-1) for part in self._states]
        self._state_norms = [_spectral(part) for part in self._states]
        self._input_norms = [_spectral(part * norm.gain) for part in from_inputs.split(width)]
        self._leave = _spectral(block.leave.weight.detach().cpu().double())

    def response(self, states: Tensor, inputs: float) -> float:
        """How far what the block adds can move, when unit j's state moves by ``states``[j] and v by ``inputs``."""
        moved = [
            min(float((pairs @ states).norm()), norm * float(states.norm())) + direct * inputs
            for pairs, norm, direct in zip(self._pairs, self._state_norms, self._input_norms, strict=True)
        ]
        return self._leave * (moved[0] + moved[1] / 4)


def _spectral(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix, 2))
