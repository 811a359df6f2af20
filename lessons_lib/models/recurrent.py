"""Recurrent cores: tanh-RNN, GRU and LSTM on top of ``torch.nn``.

Every layer is a one-layer ``torch.nn`` module of its own, because ``torch.nn.LSTM`` cannot clip what passes
between its layers, and the certificate of stability needs that clip.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons_lib.models.state import State, map_state


class _Layer(Protocol):
    """The parameters of one layer, under torch's names."""

    hidden_size: int
    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor


class RecurrentCore(nn.Module):
    """A stack of recurrent layers: h_t = φ(h_{t-1}, x_t).

    Args:
        input_size: width of an input.
        hidden_size: width of the state and of the outputs.
        layers: number of stacked layers.
        dropout: applied between layers while training.
        input_clip: clamp every layer's input to [-input_clip, input_clip], after dropout (which scales).

    The state is torch's: ``(layers, batch, hidden)``, or a pair ``(h, c)`` of them for the LSTM.
    """

    kind: Any  # the torch.nn class of one layer
    context_length: int | None = None  # a recurrent model may use the whole past

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: int = 1,
        *,
        dropout: float = 0.0,
        input_clip: float | None = None,
    ):
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers={layers}: a recurrent core needs at least one layer")
        if input_clip is not None and not input_clip > 0:
            raise ValueError(f"input_clip={input_clip}: give a positive bound, or None for no clipping")
        self.input_size, self.hidden_size, self.layers = input_size, hidden_size, layers
        self.input_clip = input_clip
        self.dropout = nn.Dropout(dropout)
        widths = [input_size] + [hidden_size] * (layers - 1)
        self.cells = nn.ModuleList(self.kind(width, hidden_size, batch_first=True) for width in widths)

    def zero_state(self, batch_size: int) -> State:
        """The start: zeros of shape (layers, batch, hidden), with the weights' type and device."""
        weight: Any = self.cells[0].weight_hh_l0
        return weight.new_zeros(self.layers, batch_size, self.hidden_size)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the last state."""
        state = self.zero_state(len(inputs)) if state is None else state
        last = []
        cell: Any
        for layer, cell in enumerate(self.cells):
            start = map_state(lambda s, layer=layer: s[layer : layer + 1].contiguous(), state)
            inputs, end = cell(self._enter(layer, inputs), start)
            last.append(end)
        return inputs, map_state(lambda *ends: torch.cat(ends), *last)

    def project(self, inputs: Tensor) -> Tensor:
        """What a step needs of the first layer's inputs: (..., input_size) -> (..., gates x hidden).

        U x and every bias that can be added before the state is known.  A sweep that feeds the same input many
        times pays for this product once per token.
        """
        return self._project(0, inputs)

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """One time step written out: projected input (batch, gates x hidden) -> output (batch, hidden), state.

        Equal to ``forward`` on one input (up to rounding), and what the sweeps over many contexts are made of.
        """
        ends, output = [], projected
        cell: Any
        for layer, cell in enumerate(self.cells):
            projected = self._project(layer, output) if layer else projected
            end = self._advance(cell, projected, map_state(lambda s, layer=layer: s[layer], state))
            output = end if isinstance(end, Tensor) else end[0]
            ends.append(end)
        return output, map_state(_stack, *ends)

    def _project(self, layer: int, inputs: Tensor) -> Tensor:
        cell: Any = self.cells[layer]
        return F.linear(self._enter(layer, inputs), cell.weight_ih_l0, self._bias(cell))

    def _enter(self, layer: int, inputs: Tensor) -> Tensor:
        inputs = self.dropout(inputs) if layer else inputs
        return inputs if self.input_clip is None else inputs.clamp(-self.input_clip, self.input_clip)

    @staticmethod
    def _bias(cell: _Layer) -> Tensor:
        """What ``project`` adds to U x."""
        return cell.bias_ih_l0 + cell.bias_hh_l0

    @staticmethod
    def _advance(cell: _Layer, projected: Tensor, state: State) -> State:
        """One layer, one step: state without its layer dimension, (batch, hidden)."""
        raise NotImplementedError


def _stack(*layers: Tensor) -> Tensor:
    # A sweep takes very many steps: one layer's state is viewed, not copied.
    return layers[0].unsqueeze(0) if len(layers) == 1 else torch.stack(layers)


class TanhRNN(RecurrentCore):
    """h_t = tanh(W h_{t-1} + U x_t + b)  (Elman 1990)."""

    kind = nn.RNN

    @staticmethod
    def _advance(cell: _Layer, projected: Tensor, state: State) -> State:
        return torch.addmm(projected, state, cell.weight_hh_l0.T).tanh_()


class GRU(RecurrentCore):
    """Gated recurrent unit (Cho et al. 2014), in torch's variant: the reset gate acts after the product."""

    kind = nn.GRU

    @staticmethod
    def _bias(cell: _Layer) -> Tensor:
        reset_and_update = cell.bias_hh_l0[: 2 * cell.hidden_size]
        return cell.bias_ih_l0 + F.pad(reset_and_update, (0, cell.hidden_size))  # the last third waits for its gate

    @staticmethod
    def _advance(cell: _Layer, projected: Tensor, state: State) -> State:
        width = cell.hidden_size
        weight, bias = cell.weight_hh_l0, cell.bias_hh_l0[2 * width :]
        gates = torch.addmm(projected[:, : 2 * width], state, weight[: 2 * width].T)
        reset, update = torch.sigmoid(gates).chunk(2, dim=-1)
        recurrent = F.linear(state, weight[2 * width :], bias)
        new = torch.tanh(torch.addcmul(projected[:, 2 * width :], reset, recurrent))
        return torch.lerp(new, state, update)


class LSTM(RecurrentCore):
    """Long short-term memory with a forget gate (Gers et al. 2000); the state is the pair (h, c)."""

    kind = nn.LSTM

    def zero_state(self, batch_size: int) -> State:
        zeros = super().zero_state(batch_size)
        return zeros, zeros.clone()

    @staticmethod
    def _advance(cell: _Layer, projected: Tensor, state: State) -> State:
        hidden, memory = state
        gates = torch.addmm(projected, hidden, cell.weight_hh_l0.T)
        write, forget, candidate, show = gates.chunk(4, dim=-1)  # torch's row order: i, f, g, o
        memory = torch.addcmul(torch.sigmoid(forget) * memory, torch.sigmoid(write), torch.tanh(candidate))
        return torch.sigmoid(show) * torch.tanh(memory), memory
