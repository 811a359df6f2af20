"""A linear recurrence whose eigenvalues depend on the input: what it reads decides what it keeps.

h_t = λ(x_t) ∘ h_{t-1} + B x_t is still linear in its state, so a scan computes it.  Mamba (Gu & Dao 2023, arXiv
2312.00752) keeps λ(x) in (0, 1): an input may erase the past, or leave it.  With λ(x) in (-1, 1) it may also turn the
past's sign, which is what counting modulo 2 takes (Sarrof et al. 2024, arXiv 2405.17394; Grazzi et al. 2024, arXiv
2411.12537).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lessons_lib.models.linear_recurrence import through_blocks
from lessons_lib.models.newton import affine_scan


class SelectiveRecurrence(nn.Module):
    """Residual blocks, each a diagonal recurrence with λ(x_t) read by an MLP: x + MLP(h), h the states of norm(x).

    Args:
        input_size: width of an input; where it differs from ``hidden_size``, a linear map comes first.
        hidden_size: width of the outputs, and real units of each block.
        layers: number of blocks.
        signed: λ(x) = tanh(a x + c), in (-1, 1); otherwise its logistic sigmoid, in (0, 1).

    The state is (layers, batch, hidden_size).
    """

    context_length: int | None = None

    def __init__(self, input_size: int, hidden_size: int, layers: int = 1, *, signed: bool = False):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers={layers}: a recurrent core needs at least one layer")
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.enter = nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)
        self.blocks = nn.ModuleList(_Block(hidden_size, signed) for _ in range(layers))

    def zero_state(self, batch_size: int) -> Tensor:
        """The start: zeros of shape (layers, batch, hidden_size), with the weights' type and device."""
        weight = next(self.parameters())
        return weight.new_zeros(self.layers, batch_size, self.hidden_size)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the last state."""
        state = self.zero_state(len(inputs)) if state is None else state
        return through_blocks(self.blocks, self.enter(inputs), state)


class _Block(nn.Module):
    def __init__(self, width: int, signed: bool):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.select, self.enter = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.squash = torch.tanh if signed else torch.sigmoid
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, inputs: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        normed = self.norm(inputs)
        eigenvalues, driven = self.squash(self.select(normed)), self.enter(normed)
        # One unit of one sequence needs no other: all stand side by side in one diagonal recurrence, time first.
        flat = affine_scan(_time_first(eigenvalues), _time_first(driven), start.flatten())
        states = flat.unflatten(1, start.shape).transpose(0, 1)
        return inputs + self.mlp(states), states[:, -1]


def _time_first(parts: Tensor) -> Tensor:
    """(batch, time, units) -> (time, batch x units)."""
    return parts.transpose(0, 1).flatten(1)
