"""The causal convolution, and stacks of layers that each cache a window of their own inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from lessons_lib.models.contract import Core
from lessons_lib.models.state import State


class CausalConvolution(nn.Module):
    """y_t = b + Σ_j W_j x_{t - j·dilation}, j = 0 ... kernel_size - 1; inputs before the first are zero.

    Args:
        input_size, hidden_size: widths of an input and of an output.
        kernel_size: number of taps.
        dilation: how far apart they lie; 1: side by side.
        normalised: learn each output's direction and length apart (weight normalisation, Salimans & Kingma 2016).

    The state is the window that the next outputs reach back into: the last ``context_length - 1`` inputs,
    (batch, context_length - 1, input_size).  A sequence starts with zeros in it.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        kernel_size: int,
        *,
        dilation: int = 1,
        normalised: bool = False,
    ):
        super().__init__()
        if kernel_size < 1 or dilation < 1:
            raise ValueError(f"kernel_size={kernel_size} and dilation={dilation} must both be at least 1")
        self.input_size, self.hidden_size = input_size, hidden_size
        self.context_length = (kernel_size - 1) * dilation + 1
        convolution = nn.Conv1d(input_size, hidden_size, kernel_size, dilation=dilation)
        self.convolution = weight_norm(convolution) if normalised else convolution

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the cached window."""
        reach = self.context_length - 1
        past = inputs.new_zeros(len(inputs), reach, self.input_size) if state is None else state
        inputs = torch.cat([past, inputs], dim=1)
        outputs = self.convolution(inputs.transpose(1, 2)).transpose(1, 2)
        return outputs, inputs[:, inputs.shape[1] - reach :]


class Stack(nn.Module):
    """Layers one after the other; the state is the tuple of theirs."""

    def __init__(self, blocks: Iterable[Core]):
        super().__init__()
        cores = list(blocks)
        if not cores:
            raise ValueError("layers=0: a stack needs at least one layer")
        self.blocks = nn.ModuleList(cast(list[nn.Module], cores))
        self.input_size, self.hidden_size = cores[0].input_size, cores[-1].hidden_size
        self.context_length = context_of(cores)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the layers' states."""
        states = [None] * len(self.blocks) if state is None else list(state)
        for index, block in enumerate(self.blocks):
            inputs, states[index] = block(inputs, states[index])
        return inputs, tuple(states)


class Residual(nn.Module):
    """x + layer(x), with x mapped linearly where the widths differ (He et al. 2016)."""

    def __init__(self, layer: Core):
        super().__init__()
        self.layer = layer
        self.input_size, self.hidden_size = layer.input_size, layer.hidden_size
        self.context_length = layer.context_length
        same = self.input_size == self.hidden_size
        self.shortcut = nn.Identity() if same else nn.Linear(self.input_size, self.hidden_size)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the layer's state."""
        outputs, state = self.layer(inputs, state)
        return self.shortcut(inputs) + outputs, state


class Mapped(nn.Module):
    """A layer, then a map that looks at one time at a time, such as an activation."""

    def __init__(self, layer: Core, function: nn.Module):
        super().__init__()
        self.layer, self.function = layer, function
        self.input_size, self.hidden_size = layer.input_size, layer.hidden_size
        self.context_length = layer.context_length

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the layer's state."""
        outputs, state = self.layer(inputs, state)
        return self.function(outputs), state


def context_of(layers: Iterable[Core]) -> int | None:
    """Context length of layers applied one after the other: reaches add up; None where one has no limit."""
    total = 1
    for layer in layers:
        if layer.context_length is None:
            return None
        total += layer.context_length - 1
    return total
