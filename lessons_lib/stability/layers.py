"""Find the recurrent layers of any module, whoever wrote it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lessons_lib.models import QRNN, SelectiveRecurrence, TorchModule
from lessons_lib.models.linear_recurrence import DiagonalRecurrence

_TORCH = (nn.RNNBase, nn.RNNCellBase)
_LINEAR = ((DiagonalRecurrence, "diagonal"), (QRNN, "quasi-recurrent"), (SelectiveRecurrence, "selective"))


@dataclass(frozen=True)
class Layer:
    """The parameters of one recurrent layer; row blocks in torch's order (an LSTM's are i, f, g, o)."""

    kind: str  #: "tanh", "relu", "gru" or "lstm"
    weight_ih: Tensor  #: (gates x hidden, inputs)
    weight_hh: Tensor  #: (gates x hidden, hidden)
    bias_ih: Tensor | None  #: (gates x hidden,)
    bias_hh: Tensor | None  #: (gates x hidden,)
    input_limit: float  #: every entry of this layer's input is at most this large, by construction; inf: unknown

    @property
    def hidden_size(self) -> int:
        return self.weight_hh.shape[1]

    @property
    def input_size(self) -> int:
        return self.weight_ih.shape[1]


def layers_of(module: TorchModule) -> list[Layer]:
    """Every torch.nn.RNN, GRU and LSTM layer inside ``module``, in order of definition, the lowest first.

    Layers of one multi-layer torch.nn module count separately, and single cells (torch.nn.RNNCell, ...) count
    as layers.  A module's ``input_clip`` attribute, where it has one, is taken at its word for every one-
    layer recurrent module below it.  torch.nn cannot clip *between* the layers of one multi-layer module:
    there the inputs are outputs of the layer below, at most 1 in size, times 1/(1-p) under dropout p.

    Raises:
        ValueError: for bidirectional layers and LSTMs with ``proj_size``: no certificate here covers them.
    """
    return list(_walk(module, None, set()))


def kinds_of(module: TorchModule) -> set[str]:
    """What recurs inside ``module``: the kinds of its layers, and "diagonal", "quasi-recurrent" and "selective" (see
    :class:`~lessons_lib.models.linear_recurrence.DiagonalRecurrence`, ``QRNN`` and ``SelectiveRecurrence``).

    Layers that :func:`layers_of` refuses are "uncertified": nothing is raised here.
    """
    return {kind for part in module.modules() if (kind := _kind(part)) is not None}


@torch.no_grad()
def make_orthogonal_(module: TorchModule, scale: float, generator: torch.Generator | None = None) -> None:
    """Every recurrent block, one for an RNN and one a gate for an LSTM, becomes ``scale`` x an orthogonal matrix: all
    its singular values are equal."""
    for layer in layers_of(module):
        for block in layer.weight_hh.split(layer.hidden_size):
            block.copy_(nn.init.orthogonal_(torch.empty(block.shape), scale, generator=generator))


def _walk(module: TorchModule, clip: float | None, seen: set[TorchModule]) -> Iterator[Layer]:
    if module in seen:
        return
    seen.add(module)
    clip = getattr(module, "input_clip", clip)
    if isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
        yield from _layers(module, math.inf if clip is None else float(clip))
    for child in module.children():
        yield from _walk(child, clip, seen)


def _layers(module: nn.RNNBase | nn.RNNCellBase, clip: float) -> Iterator[Layer]:
    kind = _kind(module)
    if kind is None or kind == "uncertified":
        raise ValueError("a bidirectional layer, or one with proj_size, has no certificate: use a plain layer")
    if isinstance(module, nn.RNNBase):
        # Outputs of the layer below, scaled up by dropout; a ReLU's have no limit.
        between = math.inf if kind == "relu" or module.dropout >= 1 else 1 / (1 - module.dropout)
        limits = {f"_l{index}": between if index else clip for index in range(module.num_layers)}
    else:
        limits = {"": clip}
    for suffix, limit in limits.items():
        yield Layer(
            kind,
            getattr(module, f"weight_ih{suffix}"),
            getattr(module, f"weight_hh{suffix}"),
            getattr(module, f"bias_ih{suffix}", None),
            getattr(module, f"bias_hh{suffix}", None),
            limit,
        )


def _kind(part: nn.Module) -> str | None:
    """The kind of recurrence that a module is by itself, apart from what it holds; None for every other module."""
    if not isinstance(part, _TORCH):
        for made, kind in _LINEAR:  # a plain loop: every training step asks this of every module
            if isinstance(part, made):
                return kind
        return None
    if getattr(part, "bidirectional", False) or getattr(part, "proj_size", 0):
        return "uncertified"
    if isinstance(part, nn.LSTM | nn.LSTMCell):
        return "lstm"
    return "gru" if isinstance(part, nn.GRU | nn.GRUCell) else str(part.nonlinearity)
