"""Certified contraction rates, from the norms of a module's weights.

RNN: Euclidean norm, λ = ‖W‖_2.  LSTM: the matrix M of the joint map of (c, h) in the max norm; Miller &
Hardt, "Stable Recurrent Models" (ICLR 2019, arXiv 1805.10369), derive sufficient conditions for the same
map.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lessons_lib.models import TorchModule
from lessons_lib.stability.layers import Layer, layers_of


def spectral_norm(matrix: Tensor) -> float:
    """‖matrix‖_2, the largest singular value; inf where an entry is not finite.  Waits for the device."""
    # As the square root of WᵀW's largest eigenvalue in float64: good to 1e-15, and cheaper than an SVD.
    matrix = matrix.detach().double()
    if not bool(matrix.square().sum().isfinite()):
        return math.inf
    gram = matrix @ matrix.mT if matrix.shape[0] < matrix.shape[1] else matrix.mT @ matrix
    return float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt())


def row_norms(matrix: Tensor) -> Tensor:
    """The l1 norm of each row: (rows, columns) -> (rows,).  The largest is ‖matrix‖_∞."""
    return matrix.abs().sum(-1)


def total_bias(layer: Layer) -> Tensor:
    """bias_ih + bias_hh, the only bias a layer has: (gates x hidden,)."""
    parts = [b.detach() for b in (layer.bias_ih, layer.bias_hh) if b is not None]
    return sum(parts[1:], parts[0]) if parts else layer.weight_hh.new_zeros(len(layer.weight_hh))


def lstm_norms(layer: Layer, input_bound: float) -> dict[str, float]:
    """What the certificate is made of, in one transfer: the ceiling of the forget gates and eight row norms.

    Keys: "ceiling"; "Wi", "Wf", "Wz", "Wo" and "Ui", "Uf", "Uz", "Uo": the largest row l1 norm of each block.
    """
    blocks = [m.max() for w in (layer.weight_hh, layer.weight_ih) for m in row_norms(w.detach()).chunk(4)]
    norm_wf, norm_uf = blocks[1], blocks[5]
    d = layer.hidden_size
    # As published: from three norms, which may belong to three different units.
    from_inputs = input_bound * norm_uf if math.isfinite(input_bound) else norm_uf * 0 + math.inf
    ceiling = torch.sigmoid(norm_wf + from_inputs + total_bias(layer)[d : 2 * d].abs().max())
    names = ["Wi", "Wf", "Wz", "Wo", "Ui", "Uf", "Uz", "Uo", "ceiling"]
    return dict(zip(names, torch.stack([*blocks, ceiling]).double().tolist(), strict=True))


def lstm_matrix(norms: dict[str, float]) -> np.ndarray:
    """M with (Δc', Δh') <= M (Δc, Δh, Δx) in the max norm: (2, 3), for a layer with these norms.

    Derived for the invariant box |h| <= 1, |c| <= 1/(1 - f̄), f̄ = norms["ceiling"]; inf where f̄ is 1.
    """
    ceiling = norms["ceiling"]
    if not ceiling < 1:
        return np.full((2, 3), np.inf)

    def into_cell(side: str) -> float:
        return norms[side + "i"] / 4 + norms[side + "z"] + norms[side + "f"] / (4 * (1 - ceiling))

    a, b = into_cell("W"), into_cell("U")
    return np.array([[ceiling, a, b], [ceiling, a + norms["Wo"] / 4, b + norms["Uo"] / 4]])


def perron_root(matrix: np.ndarray) -> float:
    """The largest eigenvalue in size: a non-negative matrix's Perron root.  inf if an entry is not finite."""
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if np.isfinite(matrix).all() else math.inf


def certified_rate(module: TorchModule) -> float:
    """The rate at which this module's recurrent state provably forgets, per step; inf when nothing is
    certified.

    RNN (tanh or ReLU) layers: the largest ‖W_l‖_2, in the Euclidean norm.  LSTM layers: the largest Perron
    root of M, with the ceiling f̄ that the layer's own weights and clip imply.  For one RNN layer this is a
    contraction in each step; for an LSTM it holds in the max norm weighted by M's Perron vector, and for
    stacked layers it is the asymptotic rate: use ``truncation_bound`` for a bound at a given number of
    steps.

    Assumes, for the LSTM: every input entry is at most the layer's ``input_clip`` (none known: inf) and the
    state starts in the box |h| <= 1, |c| <= 1/(1 - f̄), which holds from a zero state.

    Raises:
        ValueError: when the module has no recurrent torch.nn layer.
    """
    layers = layers_of(module)
    if not layers:
        raise ValueError(f"{type(module).__name__} holds no torch.nn.RNN, GRU or LSTM layer to certify")
    return max(_layer_rate(layer) for layer in layers)


def _layer_rate(layer: Layer) -> float:
    if layer.kind in ("tanh", "relu"):
        return spectral_norm(layer.weight_hh)
    if layer.kind == "lstm":
        return perron_root(lstm_matrix(lstm_norms(layer, layer.input_limit))[:, :2])
    return math.inf
