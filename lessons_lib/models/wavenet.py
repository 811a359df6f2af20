"""WaveNet (van den Oord et al. 2016, arXiv 1609.03499), without its conditioning."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.models.convolution import CausalConvolution, context_of
from lessons_lib.models.state import State


class WaveNet(nn.Module):
    """Stacks of gated convolutions whose dilation doubles, then starts again; every layer feeds the output.

    Args:
        input_size: width of an input.
        hidden_size: width of the residual path and of the outputs.
        layers: layers per stack, dilations 1, 2, ..., 2^(layers - 1).
        stacks: how often that pattern is repeated.
        kernel_size: taps per convolution.
        skip_size: width of the sum over layers; None: ``hidden_size``.

    ``context_length`` = 1 + (kernel_size - 1) (1 + stacks (2^layers - 1)): a causal convolution comes first.
    Wrapped in ``LanguageModel(core, 256, ...)`` it predicts the next sample of a μ-law coded waveform.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int,
        stacks: int = 1,
        kernel_size: int = 2,
        *,
        skip_size: int | None = None,
    ):
        super().__init__()
        if layers < 1 or stacks < 1:
            raise ValueError(f"layers={layers} and stacks={stacks} must both be at least 1")
        skip_size = hidden_size if skip_size is None else skip_size
        dilations = [2**level for level in range(layers)] * stacks
        self.input_size, self.hidden_size = input_size, hidden_size
        self.first = CausalConvolution(input_size, hidden_size, kernel_size)
        self.gates = nn.ModuleList(
            CausalConvolution(hidden_size, 2 * hidden_size, kernel_size, dilation=dilation) for dilation in dilations
        )
        # One product makes a layer's skip and residual part; what the last one would pass on, nothing reads.
        self.mixes = nn.ModuleList(
            nn.Linear(hidden_size, skip_size + hidden_size * (gate is not self.gates[-1])) for gate in self.gates
        )
        self.output = nn.Sequential(nn.ReLU(), nn.Linear(skip_size, hidden_size), nn.ReLU())
        self.skip_size = skip_size
        self.context_length = context_of([self.first, *self.gates])

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the cached windows."""
        states = [None] * (1 + len(self.gates)) if state is None else list(state)
        hidden, states[0] = self.first(inputs, states[0])
        total: Any = 0.0
        for index, (gate, mix) in enumerate(zip(self.gates, self.mixes, strict=True), start=1):
            gates, states[index] = gate(hidden, states[index])
            filtered, opened = gates.chunk(2, dim=-1)
            mixed = mix(torch.tanh(filtered) * torch.sigmoid(opened))  # equation 2
            total = total + mixed[..., : self.skip_size]
            hidden = hidden + mixed[..., self.skip_size :] if gate is not self.gates[-1] else hidden
        return self.output(total), tuple(states)
