"""How far a stack of gated linear recurrences can be from its k-truncation: a bound computed unit by unit.

A block of a :class:`~lessons_lib.models.gated_recurrence.GatedRecurrence` reads u = P(x), P the projection onto the
ball ‖x‖ <= √width, and has states s_t = Λ s_{t-1} + ΓB u_t.  Whatever the inputs, unit j never leaves

    |s_j| <= S_j = ‖(ΓB)_j‖ √width / (1 - |λ_j|),

so that a truncation, which starts from s = 0, begins with an error of at most S_j.  Let d(k) bound the error of x
after k inputs (0 at the lowest block: both read the same inputs).  P is non-expansive, hence unit by unit

    e_j(0) = S_j,     e_j(k) = |λ_j| e_j(k-1) + ‖(ΓB)_j‖ d(k),

and the block adds W_o (tanh(a) ∘ σ(g)), (a, g) = A s + A' u + b, with |tanh(a)| <= 1, σ' <= 1/4 and |tanh'| <= 1:

    d(k) -> d(k) + ‖W_o‖ (‖Δa‖ + ‖Δg‖/4),   ‖Δa‖ <= min(‖|A_a| e‖, ‖A_a‖ ‖e‖) + ‖A'_a‖ d,

|A_a| being the matrix of the norms of A_a's pairs of columns, one pair a unit.  The errors obey the same recurrence as
the states, so all k up to K cost K steps, and the rate, as k grows, is the largest |λ|.  The idea of the single layer
is Miller & Hardt's (arXiv 1805.10369, the inference bound); the stack is worked out here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
        self._blocks = [_BlockConstants(block) for block in core.blocks if isinstance(block, GatedBlock)]
        # Two outputs in the ball are never further apart than its diameter.
        self._cap = 2 * math.sqrt(core.hidden_size)
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
            self._states[index] = block.forget * self._states[index] + block.gain * into
            into = into + block.response(self._states[index], into)
        self._errors.append(min(into, self._cap))


class _BlockConstants:
    """What the bound needs of one block, float64 on the CPU."""

    @torch.no_grad()
    def __init__(self, block: GatedBlock) -> None:
        recurrence, width = block.recurrence, block.leave.in_features
        values = recurrence.eigenvalues().detach().to("cpu", torch.complex128)
        enter = recurrence.enter.weight.detach().double().cpu().unflatten(0, (-1, 2))  # (units, 2, width)
        scale = recurrence.scale.detach().double().cpu().abs()
        # A complex row times a real u: |z·u| <= ‖(Re z, Im z)‖_2 ‖u‖ with the spectral norm of the two real rows.
        self.gain = scale * torch.linalg.matrix_norm(enter, 2)
        self.forget = values.abs()
        self.rate = float(self.forget.max())
        self.start = self.gain * math.sqrt(width) / (1 - self.forget)
        mix, units = block.mix.weight.detach().double().cpu(), len(values)
        from_states, from_inputs = mix[:, : 2 * units], mix[:, 2 * units :]
        self._states = from_states.split(width)
        self._pairs = [part.unflatten(1, (-1, 2)).norm(dim=-1) for part in self._states]
        self._state_norms = [_spectral(part) for part in self._states]
        self._input_norms = [_spectral(part) for part in from_inputs.split(width)]
        self._leave = _spectral(block.leave.weight.detach().double().cpu())

    def response(self, states: Tensor, inputs: float) -> float:
        """How far what the block adds can move, when unit j's state moves by ``states``[j] and u by ``inputs``."""
        moved = [
            min(float((pairs @ states).norm()), norm * float(states.norm())) + direct * inputs
            for pairs, norm, direct in zip(self._pairs, self._state_norms, self._input_norms, strict=True)
        ]
        return self._leave * (moved[0] + moved[1] / 4)


def _spectral(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix, 2))
