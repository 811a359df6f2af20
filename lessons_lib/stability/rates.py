"""Certified contraction rates, from the norms of a module's weights.

RNN: Euclidean norm, λ = ‖W‖_2.  LSTM: the matrix P of the joint map of (c, h), unit by unit.  Miller & Hardt, "Stable
Recurrent Models" (ICLR 2019, arXiv 1805.10369), derive sufficient conditions for the same map from the largest row
sums of its blocks, which is the matrix M.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lessons_lib.models import QRNN, TorchModule
from lessons_lib.models.linear_recurrence import DiagonalRecurrence
from lessons_lib.stability.layers import Layer, kinds_of, layers_of
from lessons_lib.stability.projections import in_float64


def spectral_norm(matrix: Tensor) -> float:
    """‖matrix‖_2, the largest singular value; inf where an entry is not finite.  Waits for the device."""
    # As the square root of WᵀW's largest eigenvalue in float64: good to 1e-15, and cheaper than an SVD.
    matrix = in_float64(matrix)
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


def lstm_unit_matrix(layer: Layer, input_bound: float = math.inf) -> tuple[Tensor, Tensor]:
    """P and Q with (|Δc'|, |Δh'|) <= P (|Δc|, |Δh|) + Q |Δx|, entry by entry: (2d, 2d) and (2d, inputs), float64.

    On the box |h| <= 1, |c_j| <= 1/(1 - f̄_j), f̄_j the ceiling of unit j for inputs within ``input_bound``; as σ has
    slope at most 1/4 and tanh at most 1, the weights W of the state enter the cell as

        |Δc'_j| <= f̄_j |Δc_j| + Σ_l a_jl |Δh_l|,   a_jl = |W_i[jl]|/4 + |W_z[jl]| + |W_f[jl]| / (4 (1 - f̄_j))
        |Δh'_j| <= |Δc'_j| + Σ_l |W_o[jl]|/4 |Δh_l|

    and those of the inputs likewise.  Every norm of P that a non-negative vector weighs gives a certificate of its own,
    M's and the l1 norm's among them; the smallest of all these rates is P's Perron root.  inf where a gate reaches 1.
    """
    ceilings = forget_ceilings(layer, input_bound)
    size = len(ceilings)
    if not bool((ceilings < 1).all()):
        full = torch.full((2 * size, 2 * size + layer.input_size), math.inf, dtype=torch.float64)
        return full[:, : 2 * size], full[:, 2 * size :]

    def into_both(weights: Tensor) -> Tensor:
        write, forget, candidate, show = in_float64(weights).abs().chunk(4)
        cell = write / 4 + candidate + forget / (4 * (1 - ceilings[:, None]))
        return torch.cat([cell, cell + show / 4])

    kept = ceilings.diag()
    return torch.cat([torch.cat([kept, kept]), into_both(layer.weight_hh)], dim=1), into_both(layer.weight_ih)


def lstm_max_norm_matrix(layer: Layer) -> np.ndarray:
    """M with (max|Δc'|, max|Δh'|) <= M (max|Δc|, max|Δh|): (2, 2), as published; inf where the ceiling is 1.

    Derived for the invariant box |h| <= 1, |c| <= 1/(1 - f̄), with one ceiling f̄ for all units, from the largest row
    l1 norms of the blocks and the largest bias, which may belong to several different units.
    """
    write, forget, candidate, show = (row_norms(w).max() for w in in_float64(layer.weight_hh).chunk(4))
    rows = slice(layer.hidden_size, 2 * layer.hidden_size)
    inputs, bias = row_norms(in_float64(layer.weight_ih)[rows]).max(), in_float64(total_bias(layer))[rows]
    driven = inputs * layer.input_limit if math.isfinite(layer.input_limit) else torch.full_like(inputs, math.inf)
    ceiling = torch.sigmoid(forget + driven + bias.abs().max())
    a = write / 4 + candidate + forget / (4 * (1 - ceiling))
    matrix = np.array(torch.stack([ceiling, a, ceiling, a + show / 4]).tolist()).reshape(2, 2)
    return matrix if matrix[0, 0] < 1 else np.full((2, 2), np.inf)


def perron_root(matrix: np.ndarray) -> float:
    """The largest eigenvalue in size: a non-negative matrix's Perron root.  inf if an entry is not finite."""
    return float(np.abs(np.linalg.eigvals(matrix)).max()) if np.isfinite(matrix).all() else math.inf


def certified_rate(module: TorchModule) -> float:
    """The rate at which this module's recurrent state provably forgets, per step; inf when nothing is
    certified.

    Diagonal linear recurrences: the largest |λ|, in the Euclidean norm.  Quasi-recurrent layers: the largest ceiling of
    a forget gate, in the max norm.  RNN (tanh or ReLU) layers: the largest ‖W_l‖_2, in the Euclidean norm.  LSTM
    layers: the largest Perron root of P (``lstm_unit_matrix``), with the ceilings that its weights and clip imply.
    For one RNN layer this is a contraction in each step; for an LSTM it holds in the max norm weighted by P's Perron
    vector, and for stacked layers it is the asymptotic rate: use ``truncation_bound`` for a bound at a given number of
    steps.

    Assumes, for the LSTM: every input entry is at most the layer's ``input_clip`` (none known: inf) and the
    state starts in the box |h| <= 1, |c_j| <= 1/(1 - f̄_j), which holds from a zero state.

    Raises:
        ValueError: when the module has no recurrent layer.
    """
    kinds = kinds_of(module)
    if not kinds:
        raise ValueError(f"{type(module).__name__} holds no recurrent layer to certify, of torch.nn or linear")
    if kinds & {"selective", "uncertified"}:
        return math.inf
    layers, linear = layers_of(module), linear_recurrences(module)
    return max([_layer_rate(layer) for layer in layers] + [largest_eigenvalue(layer) for layer in linear])


def linear_recurrences(module: TorchModule) -> list[DiagonalRecurrence | QRNN]:
    """The layers inside ``module`` that are linear in their state and diagonal, in order of definition."""
    return [part for part in module.modules() if isinstance(part, DiagonalRecurrence | QRNN)]


def largest_eigenvalue(layer: DiagonalRecurrence | QRNN) -> float:
    """The largest |λ| that a unit of the layer can have; inf where one is not a number."""
    largest = float(layer.largest_eigenvalues().max())
    return math.inf if math.isnan(largest) else largest


def _layer_rate(layer: Layer) -> float:
    if layer.kind in ("tanh", "relu"):
        return spectral_norm(layer.weight_hh)
    if layer.kind == "lstm":
        return perron_root(lstm_unit_matrix(layer)[0].cpu().numpy())
    return math.inf


def lstm_l1_matrix(layer: Layer) -> np.ndarray:
    """M with (|Δc'|_1, |Δh'|_1) <= M (|Δc|_1, |Δh|_1), summed over the units: (2, 2); inf where a gate reaches 1.

    The conditions of Miller & Hardt hold in the l1 norm too, with sums over columns in place of rows.  On the box
    |h| <= 1, |c_j| <= 1/(1 - f̄_j), f̄_j the ceiling of unit j (from row sums, because |h_j| <= 1 entry by entry):

        |Δc'|_1 <= max_j f̄_j |Δc|_1 + a |Δh|_1
        a = max over columns l of Σ_j |W_i[jl]|/4 + |W_z[jl]| + |W_f[jl]| / (4 (1 - f̄_j))
        |Δh'|_1 <= |Δc'|_1 + max_l Σ_j |W_o[jl]|/4 |Δh|_1

    One column's sums are added up before the maximum is taken, which no row of the max norm's M can share.
    """
    ceilings = forget_ceilings(layer)
    if not bool((ceilings < 1).all()):
        return np.full((2, 2), np.inf)
    write, forget, candidate, show = in_float64(layer.weight_hh).abs().chunk(4)
    a = (write / 4 + candidate + forget / (4 * (1 - ceilings[:, None]))).sum(0).max()
    largest, into_hidden = float(ceilings.max()), float(show.sum(0).max()) / 4
    return np.array([[largest, float(a)], [largest, float(a) + into_hidden]])


def forget_ceilings(layer: Layer, input_bound: float = math.inf) -> Tensor:
    """The largest value each forget gate of an LSTM layer can take on the box |h| <= 1: (hidden,), float64.

    Inputs are within the layer's own limit, or within ``input_bound`` where that is smaller; 1 where neither is finite.
    """
    rows = slice(layer.hidden_size, 2 * layer.hidden_size)
    inputs, limit = in_float64(row_norms(layer.weight_ih[rows])), min(layer.input_limit, input_bound)
    driven = inputs * limit if math.isfinite(limit) else torch.full_like(inputs, math.inf)
    own = in_float64(row_norms(layer.weight_hh[rows]))
    return torch.sigmoid(own + driven + in_float64(total_bias(layer)[rows]))


def worst_forget_gate(module: TorchModule) -> float:
    """The largest value that any forget gate of the module's LSTM layers can take, for inputs within its clip."""
    return max(float(forget_ceilings(layer).max()) for layer in _lstms(module))


def max_norm_rate(module: TorchModule) -> float:
    """The certified rate of a module's LSTM layers in the weighted max norm of (c, h) alone."""
    return max(perron_root(lstm_max_norm_matrix(layer)) for layer in _lstms(module))


def l1_rate(module: TorchModule) -> float:
    """The certified rate of a module's LSTM layers in the weighted l1 norm of (c, h) alone: see lstm_l1_matrix."""
    return max(perron_root(lstm_l1_matrix(layer)) for layer in _lstms(module))


def _lstms(module: TorchModule) -> list[Layer]:
    layers = layers_of(module)
    if not layers or any(layer.kind != "lstm" for layer in layers):
        raise ValueError(f"{type(module).__name__} is no stack of torch.nn.LSTM layers: these rates are an LSTM's")
    return layers
