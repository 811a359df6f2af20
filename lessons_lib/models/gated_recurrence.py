"""A gated linear recurrence whose truncation error can be bounded: linear in time, gated at each position.

Every block reads x through a layer normalisation, runs a diagonal linear recurrence over it, and adds a gated output;
the gate is WaveNet's (van den Oord et al. 2016), tanh ∘ σ, the recurrence that of the LRU (Orvieto et al. 2023, arXiv
2303.06349).  Each part has a Lipschitz constant that can be read off its weights; the normalisation's is 1/√ε times
its largest gain, so its ε is no mere guard against dividing by zero here: see ``lessons_lib.stability.linear_bounds``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lessons_lib.models.linear_recurrence import DiagonalRecurrence, through_blocks

#: ε of (x - mean) / √(variance + ε).  Larger, and the bound says more; smaller, and small inputs count for more.
EPSILON = 1e-2


class GatedRecurrence(nn.Module):
    """Residual blocks x + W_o (tanh(a) ∘ σ(g)), (a, g) affine in the states of a linear recurrence over u, and in u.

    u is the layer normalisation of x, with its ε at :data:`EPSILON`; so are the outputs.

    Args:
        input_size: width of an input; where it differs from ``hidden_size``, a linear map comes first.
        hidden_size: width of the outputs.
        layers: number of blocks.
        units: complex states of each block; half of ``hidden_size`` when None.
        bound: keeps every |λ| below it, see :class:`~lessons_lib.models.linear_recurrence.DiagonalRecurrence`.

    The state is (layers, batch, 2 x units), real: real and imaginary part of each unit side by side.
    """

    context_length: int | None = None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 2,
        *,
        units: int | None = None,
        bound: float | None = None,
    ) -> None:
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers={layers}: a recurrent core needs at least one layer")
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.units = max(1, hidden_size // 2) if units is None else units
        self.enter = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.blocks = nn.ModuleList(GatedBlock(hidden_size, self.units, bound) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden_size, EPSILON)

    def zero_state(self, batch_size: int) -> Tensor:
        """The start: zeros of shape (layers, batch, 2 x units), with the weights' type and device."""
        return next(self.parameters()).new_zeros(self.layers, batch_size, 2 * self.units)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the last state."""
        state = self.zero_state(len(inputs)) if state is None else state
        outputs, last = through_blocks(self.blocks, self.enter(inputs), state)
        return self.norm(outputs), last


class GatedBlock(nn.Module):
    """One block of :class:`GatedRecurrence`."""

    def __init__(self, width: int, units: int, bound: float | None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, EPSILON)
        self.recurrence = DiagonalRecurrence(width, units, bound)
        self.mix = nn.Linear(2 * units + width, 2 * width)  # (a, g) from the states and u
        self.leave = nn.Linear(width, width)

    def forward(self, inputs: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """inputs: (batch, time, width), start: (batch, 2 x units) -> outputs like inputs, and the last state."""
        u = self.norm(inputs)
        states = self.recurrence(u, start)
        content, gate = self.mix(torch.cat([states, u], dim=-1)).chunk(2, dim=-1)
        return inputs + self.leave(content.tanh() * gate.sigmoid()), states[:, -1]
