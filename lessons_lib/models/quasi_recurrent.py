"""A recurrence whose gates never see its state: they read the last few inputs (Bradbury et al. 2017, arXiv 1611.01576).

The quasi-recurrent network, QRNN, is what an LSTM becomes when nothing leads from its state back into its gates.  What
is left is linear in the state (a scan could compute it; for the few steps of a training chunk a loop is as fast), and
how long its past can matter is decided by one number a unit: the ceiling of its forget gate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.models.convolution import CausalConvolution
from lessons_lib.models.state import State


class QRNN(nn.Module):
    """c_t = f_t ∘ c_{t-1} + (1 - f_t) ∘ z_t and y_t = o_t ∘ c_t (the paper's fo-pooling, equation 4).

    z = tanh(·), o = σ(·) and f = φ ∘ σ(·) of affine maps of the last ``window`` inputs.  φ, the *ceiling* of each
    unit's forget gate, is a parameter, kept in [0, 1] (the paper's is 1), so that the memory c stays in [-1, 1]; a φ
    that a step carries beyond 1 counts as 1 and learns no more.

    Args:
        input_size: width of an input.
        hidden_size: units, and width of the outputs.
        window: how many inputs the gates see.

    The state is a pair: the memory, (1, batch, hidden_size), and the cached window, (1, batch, (window - 1) x
    input_size).
    """

    context_length: int | None = None

    def __init__(self, input_size: int, hidden_size: int, *, window: int = 2):
        super().__init__()
        self.input_size, self.hidden_size, self.window = input_size, hidden_size, window
        self.gates = CausalConvolution(input_size, 3 * hidden_size, window)
        self.ceiling = nn.Parameter(torch.ones(hidden_size))
        bias: Any = self.gates.convolution.bias
        with torch.no_grad():  # gates that start half open would all forget within a few inputs
            bias[hidden_size : 2 * hidden_size].uniform_(0, 2)

    def zero_state(self, batch_size: int) -> tuple[Tensor, Tensor]:
        """The start: zeros, with the weights' type and device."""
        memory, past = self.hidden_size, (self.window - 1) * self.input_size
        return self.ceiling.new_zeros(1, batch_size, memory), self.ceiling.new_zeros(1, batch_size, past)

    @torch.no_grad()
    def largest_eigenvalues(self) -> Tensor:
        """The largest value that each unit's f can have: φ, (units,)."""
        return self.ceiling.clamp(0, 1)

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the last state."""
        (memory,), (past,) = self.zero_state(len(inputs)) if state is None else state
        gates, past = self.gates(inputs, past.unflatten(-1, (self.window - 1, self.input_size)))
        content, forget, show = gates.chunk(3, dim=-1)
        forget = self.ceiling.clamp(0, 1) * forget.sigmoid()
        written, memories = (1 - forget) * content.tanh(), []
        for kept, new in zip(forget.unbind(1), written.unbind(1), strict=True):
            memory = torch.addcmul(new, kept, memory)
            memories.append(memory)
        outputs = show.sigmoid() * torch.stack(memories, dim=1)
        return outputs, (memory.unsqueeze(0), past.flatten(1).unsqueeze(0))
