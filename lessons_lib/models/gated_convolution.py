"""Gated convolutions for language (Dauphin, Fan, Auli & Grangier 2017, arXiv 1612.08083)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models.convolution import CausalConvolution, Residual, Stack
from lessons_lib.models.state import State


class GatedLinearUnit(nn.Module):
    """(X*W + b) ⊗ σ(X*V + c), * a causal convolution (equation 1): a linear path for the gradient, and a gate."""

    def __init__(self, input_size: int, hidden_size: int, kernel_size: int, *, dropout: float = 0.0):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.convolution = CausalConvolution(input_size, 2 * hidden_size, kernel_size, normalised=True)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.context_length = self.convolution.context_length

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the cached window."""
        outputs, state = self.convolution(self.dropout(inputs), state)
        return F.glu(outputs, dim=-1), state


class GatedConvolution(Stack):
    """Residual blocks of gated linear units: the core of the gated convolutional language model.

    Args:
        input_size: width of an input.
        hidden_size: width of every block and of the outputs.
        layers: number of residual blocks.
        kernel_size: taps per block.
        bottleneck: None, or the width at which a block convolves, between two gated units of kernel size 1
            that narrow and widen (the paper's "B" models): long kernels at a fraction of the parameters.
        dropout: on the input of every unit, while training.

    ``context_length`` = 1 + layers (kernel_size - 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int,
        kernel_size: int = 4,
        *,
        bottleneck: int | None = None,
        dropout: float = 0.0,
    ):
        def block(width: int) -> Residual:
            if bottleneck is None:
                return Residual(GatedLinearUnit(width, hidden_size, kernel_size, dropout=dropout))
            units = [(width, bottleneck, 1), (bottleneck, bottleneck, kernel_size), (bottleneck, hidden_size, 1)]
            return Residual(Stack(GatedLinearUnit(*unit, dropout=dropout) for unit in units))

        super().__init__(block(input_size if level == 0 else hidden_size) for level in range(layers))
