"""Temporal convolutional network (Bai, Kolter & Koltun 2018, arXiv 1803.01271)."""

from __future__ import annotations

from torch import nn

from lessons_lib.models.convolution import CausalConvolution, Mapped, Residual, Stack


class TCN(Stack):
    """Residual blocks of two causal convolutions each; the dilation doubles from block to block (figure 1).

    A block is relu(x + F(x)), F being twice: weight-normalised convolution, ReLU, dropout.

    Args:
        input_size: width of an input.
        hidden_size: width of every layer and of the outputs.
        layers: number of residual blocks.
        kernel_size: taps per convolution.
        dropout: after the convolutions' activations, while training.

    ``context_length`` = 1 + 2 (kernel_size - 1) (2^layers - 1).
    """

    def __init__(self, input_size: int, hidden_size: int, layers: int, kernel_size: int = 2, *, dropout: float = 0.0):
        def block(level: int) -> Mapped:
            convolutions = (
                CausalConvolution(width, hidden_size, kernel_size, dilation=2**level, normalised=True)
                for width in (input_size if level == 0 else hidden_size, hidden_size)
            )
            twice = Stack(Mapped(layer, nn.Sequential(nn.ReLU(), nn.Dropout(dropout))) for layer in convolutions)
            return Mapped(Residual(twice), nn.ReLU())

        super().__init__(block(level) for level in range(layers))
