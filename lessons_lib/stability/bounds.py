"""How far a recurrent model can be from its k-truncation: the theorems' bounds as functions of its weights.

y_t is the model's output, y_t^k the output of the same map run from a zero state over the last k inputs only.

RNN: Miller & Hardt, "Stable Recurrent Models" (ICLR 2019, arXiv 1805.10369), the inference bound for
λ-contractive models, ‖y_t - y_t^k‖ <= L_f λ^k ‖h_{t-k}‖, with the state bounded by its box or by its inputs:

    ‖h‖ <= min{ (‖U‖ B_x + ‖b‖)/(1 - λ), √d }

Several layers, and the LSTM, replace λ by a non-negative matrix and λ^k by its k-th power: for the LSTM the matrix P
of :func:`lessons_lib.stability.rates.lstm_unit_matrix`, which bounds every unit by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from torch import Tensor

from lessons_lib.models import QRNN, GatedRecurrence, SelectiveRecurrence, TorchModule
from lessons_lib.models.linear_recurrence import DiagonalRecurrence
from lessons_lib.stability.layers import Layer, layers_of
from lessons_lib.stability.linear_bounds import StackCertificate, gated_recurrence_of
from lessons_lib.stability.projections import in_float64
from lessons_lib.stability.quasi_recurrent import QRNNCertificate, quasi_recurrences
from lessons_lib.stability.rates import (
    certified_rate,
    forget_ceilings,
    lstm_unit_matrix,
    perron_root,
    spectral_norm,
    total_bias,
)

_LAST_TRIED = 128  # context length, where the bound need not fall for ever


@dataclass(frozen=True)
class _Certificate:
    """After k steps the errors are at most step^k @ start, entry by entry; the output's are the last of them.

    No output's error is larger than ``cap``.
    """

    step: np.ndarray
    start: np.ndarray
    outputs: int
    cap: float

    @property
    def rate(self) -> float:
        """What the error shrinks by at each step, in the long run."""
        return perron_root(self.step)

    def after(self, steps: int) -> float:
        if not np.isfinite(self.step).all():
            return self.cap if steps else min(self.cap, float(self.start[-self.outputs :].max()))
        with np.errstate(over="ignore", invalid="ignore"):
            if len(self.step) == 1:  # λ^k directly: repeated squaring would round more often
                errors = self.step[0] ** steps * self.start
            else:
                errors = self.start
                for place in range(steps.bit_length()):
                    errors = self._square(place) @ errors if steps >> place & 1 else errors
        error = float(errors[-self.outputs :].max())
        return self.cap if math.isnan(error) else min(error, self.cap)

    def _square(self, place: int) -> np.ndarray:
        """step to the power 2^place, made once."""
        while len(self._made) <= place:
            self._made.append(self._made[-1] @ self._made[-1])
        return self._made[place]

    @cached_property
    def _made(self) -> list[np.ndarray]:
        return [self.step]


def truncation_bound(
    module: TorchModule, context_length: int, *, input_bound: float, output_lipschitz: float = 1.0
) -> float:
    """An upper bound on ‖y_t - y_t^k‖ for every t and every input sequence, k = ``context_length``.

    For RNN layers norms are Euclidean: ``input_bound`` bounds ‖x_t‖_2, ``output_lipschitz`` is that of y in
    the top layer's h (‖C‖_2 for logits C h).  For LSTM layers they are maximum norms: ``input_bound``
    bounds max_j |x_tj| (the module's ``input_clip`` is used where it is smaller), ``output_lipschitz`` is
    the largest row l1 norm of C.

    For a stack of gated linear recurrences norms are Euclidean, and ``input_bound`` is not needed: every block
    normalises what it reads (see :mod:`lessons_lib.stability.linear_bounds`).  For a quasi-recurrent layer they are
    maximum norms, and ``input_bound`` is not needed either (see :mod:`lessons_lib.stability.quasi_recurrent`).

    Assumes: evaluation mode (no dropout); zero start, for the model and for its truncation; bounded inputs as
    above; layers stacked in order of definition, each fed the output of the one before, clipped or as it is.
    For t < k the two models agree and the bound is trivially true.

    Where nothing contracts (rate >= 1) the bound is what the state's box gives, or inf: a ReLU RNN has no
    box, and a GRU no certificate here.

    Raises:
        ValueError: no recurrent layer, layers that do not fit on each other, several kinds of recurrence mixed.
    """
    return truncation_bounds(module, [context_length], input_bound=input_bound, output_lipschitz=output_lipschitz)[0]


def truncation_bounds(
    module: TorchModule,
    context_lengths: Iterable[int],
    *,
    input_bound: float,
    output_lipschitz: float = 1.0,
) -> list[float]:
    """``truncation_bound`` for each of several context lengths; the weights are looked at once."""
    certificate = _certificate(module, input_bound)
    bounds = []
    for length in context_lengths:
        if length < 0:
            raise ValueError(f"context_length={length}: it counts inputs, from 0 up")
        bounds.append(math.inf if certificate is None else output_lipschitz * certificate.after(length))
    return bounds


def norm_order(model: TorchModule) -> float:
    """Of the norm that ``truncation_bound`` bounds: inf (maximum norm) for layers with gates, else 2 (Euclidean)."""
    gated = any(layer.kind in ("gru", "lstm") for layer in layers_of(model)) or quasi_recurrences(model)
    return math.inf if gated else 2.0


def is_bounded(module: TorchModule) -> bool:
    """Whether the theorems here speak of this kind of module: whether ``truncation_bound`` takes it."""
    try:
        _bounded_part(module)
    except ValueError:
        return False
    return True


def context_for(
    module: TorchModule, accuracy: float, *, input_bound: float, output_lipschitz: float = 1.0
) -> int | float:
    """The smallest context length k with ``truncation_bound(module, k, ...) <= accuracy``; math.inf if none.

    One RNN layer: ceil(log(L_f M / ε) / log(1/λ)) with M = min{(‖U‖ B_x + ‖b‖)/(1 - λ), √d}.  0 means that
    even the zero state predicts that well.  With a rate of 1 or more the bound may fall at first all the same:
    then every k up to 128 is tried, and inf says that none of these will do.  Same assumptions and errors as
    ``truncation_bound``.
    """
    if not accuracy > 0:
        raise ValueError(f"accuracy={accuracy}: give a positive difference of outputs to allow")
    certificate = _certificate(module, input_bound)
    if certificate is None:
        return math.inf

    def met(k: int) -> bool:
        return output_lipschitz * certificate.after(k) <= accuracy

    if met(0):
        return 0
    if not certificate.rate < 1:  # NaN is not below 1 either
        return next((k for k in range(1, _LAST_TRIED + 1) if met(k)), math.inf)
    if not math.isfinite(certificate.after(1)):
        return math.inf
    above = 1
    while not met(above):
        above *= 2
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if met(middle) else (middle, above)
    return above


def contraction_steps(module: TorchModule) -> int | float:
    """The smallest r for which r LSTM steps together contract in the Euclidean norm of (c, h); inf if none.

    The smallest with ‖P^r‖_2 < 1: a single step of a stable LSTM may expand Euclidean distances.  For one RNN layer
    1, where ‖W‖_2 < 1.  Assumptions of ``certified_rate``.

    Raises:
        ValueError: no recurrent layer, layers that do not fit on each other, several kinds of recurrence mixed.
    """
    _check_one_kind(module)
    layers = _stacked_layers(module)
    if not certified_rate(module) < 1:
        return math.inf
    step = (_lstm(layers, math.inf) if layers[0].kind == "lstm" else _rnn(layers, 0.0)).step
    power, steps = step, 1
    while not np.linalg.norm(power, 2) < 1:
        power, steps = power @ step, steps + 1
    return steps


def _certificate(module: TorchModule, input_bound: float) -> _Certificate | StackCertificate | QRNNCertificate | None:
    if not input_bound >= 0:
        raise ValueError(f"input_bound={input_bound}: give a bound on the size of an input, from 0 up")
    part = _bounded_part(module)
    if isinstance(part, GatedRecurrence):
        return StackCertificate(part)
    if isinstance(part, QRNN):
        return QRNNCertificate(part)
    kinds = {layer.kind for layer in part}
    if "gru" in kinds:
        return None
    return _lstm(part, input_bound) if "lstm" in kinds else _rnn(part, input_bound)


def _bounded_part(module: TorchModule) -> GatedRecurrence | QRNN | list[Layer]:
    """What a bound is made of; where there is none, one clear line."""
    linear, quasi = _check_one_kind(module)
    if linear is not None:
        return linear
    return quasi[0] if quasi else _stacked_layers(module)


def _check_one_kind(module: TorchModule) -> tuple[GatedRecurrence | None, list[QRNN]]:
    """The module's gated recurrence or quasi-recurrent layer, if any, once nothing else is seen to recur beside it."""
    linear, quasi = gated_recurrence_of(module), quasi_recurrences(module)
    own = () if linear is None else list(linear.modules())
    others = [part for part in module.modules() if isinstance(part, DiagonalRecurrence | SelectiveRecurrence)]
    beside = any(part not in own for part in others)
    if (linear is not None) + len(quasi) + bool(layers_of(module)) + beside > 1:
        raise ValueError(f"{type(module).__name__} holds recurrences with no common bound here: bound each on its own")
    return linear, quasi


def _stacked_layers(module: TorchModule) -> list[Layer]:
    layers = layers_of(module)
    if not layers:
        raise ValueError(f"{type(module).__name__} holds no torch.nn.RNN or LSTM layer to bound")
    kinds = {layer.kind for layer in layers}
    if "lstm" in kinds and len(kinds) > 1:
        raise ValueError("RNN and LSTM layers in one module have no common bound here: bound them apart")
    for below, above in pairwise(layers):
        if above.input_size != below.hidden_size:
            raise ValueError(
                f"a layer with {above.input_size} inputs cannot be stacked on one of {below.hidden_size} units: "
                "bound each part of the module on its own"
            )
    return layers


def _rnn(layers: list[Layer], input_bound: float) -> _Certificate:
    """One entry a layer: Δh_l' <= ‖W_l‖ Δh_l + ‖U_l‖ Δh'_{l-1}, solved for Δh': lower triangular.

    Its diagonal is ‖W_l‖ and the entry (l, m) is ‖U_l‖ ... ‖U_{m+1}‖ ‖W_m‖.  One λ = max ‖W_l‖ for all would
    be wrong: a layer's error also feeds on what the layer below has not yet forgotten.
    """
    own = [spectral_norm(layer.weight_hh) for layer in layers]
    inward = [spectral_norm(layer.weight_ih) for layer in layers]
    step = np.zeros((len(layers), len(layers)))
    reach, start = input_bound, []
    for index, (layer, rate, gain) in enumerate(zip(layers, own, inward, strict=True)):
        step[index, index] = rate
        if index:
            step[index, :index] = gain * step[index - 1, :index]
        if math.isfinite(layer.input_limit):
            reach = min(reach, layer.input_limit * math.sqrt(layer.input_size))
        drive = (gain * reach if gain else 0.0) + _norm(total_bias(layer))
        box = math.inf if layer.kind == "relu" else math.sqrt(layer.hidden_size)
        reach = min(box, drive / (1 - rate) if rate < 1 else math.inf)
        start.append(reach)
    # Two states in the box |h| <= 1 are never further apart than this, contracting or not.
    cap = math.inf if layers[-1].kind == "relu" else 2 * math.sqrt(layers[-1].hidden_size)
    return _Certificate(step, np.array(start), 1, cap)


def _lstm(layers: list[Layer], input_bound: float) -> _Certificate:
    """An entry for every c and every h, layer by layer; the layer below enters through its new Δh'."""
    size = 2 * sum(layer.hidden_size for layer in layers)
    step, start = np.zeros((size, size)), np.ones(size)
    first = 0
    for index, layer in enumerate(layers):
        d, limit = layer.hidden_size, input_bound if index == 0 else 1.0
        own, from_below = (matrix.cpu().numpy() for matrix in lstm_unit_matrix(layer, limit))
        rows = slice(first, first + 2 * d)
        step[rows, rows] = own
        if index:
            with np.errstate(invalid="ignore"):
                step[rows, :first] = from_below @ step[first - layer.input_size : first, :first]
        with np.errstate(divide="ignore"):
            start[first : first + d] = 1 / (1 - forget_ceilings(layer, limit).cpu().numpy())
        first += 2 * d
    return _Certificate(step, start, layers[-1].hidden_size, 2.0)  # two outputs in |h| < 1 differ by at most 2


def _norm(vector: Tensor) -> float:
    return float(in_float64(vector).norm())
