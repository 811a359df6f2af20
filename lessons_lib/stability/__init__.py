"""Stable recurrent models: sets of weights, exact projections onto them, certificates, bounds and probes.

Everything here accepts any module that contains torch.nn.RNN or LSTM layers, a reader's own included.
"""

from lessons_lib.stability.bounds import (
    context_for,
    contraction_steps,
    norm_order,
    truncation_bound,
    truncation_bounds,
)
from lessons_lib.stability.descent import descend, safe_step_at_optimum, system_loss
from lessons_lib.stability.dynamics import (
    contraction_quantiles,
    lyapunov_exponents,
    spectral_radius,
    transient_growth,
)
from lessons_lib.stability.influence import influence, input_gradient, reach
from lessons_lib.stability.layers import Layer, layers_of
from lessons_lib.stability.linear import EigenvalueDisc
from lessons_lib.stability.probes import contraction, gate_norms, gradient_by_lag, singular_values, truncation_error
from lessons_lib.stability.projections import l1_rows_project, spectral_ball_project
from lessons_lib.stability.published_code import LSTMPublishedCode
from lessons_lib.stability.quasi_recurrent import QRNNStableSet
from lessons_lib.stability.rates import certified_rate, l1_rate, max_norm_rate, spectral_norm, worst_forget_gate
from lessons_lib.stability.sets import (
    Knob,
    LSTMStableSet,
    SpectralBall,
    StableSet,
    Unconstrained,
    set_for,
    set_named,
    sets_for,
    stable_sets,
)
from lessons_lib.stability.training_bound import TrainingConstants
from lessons_lib.stability.wide import LSTMWideSet

__all__ = [
    "EigenvalueDisc",
    "Knob",
    "LSTMPublishedCode",
    "LSTMStableSet",
    "LSTMWideSet",
    "Layer",
    "QRNNStableSet",
    "SpectralBall",
    "StableSet",
    "TrainingConstants",
    "Unconstrained",
    "certified_rate",
    "context_for",
    "contraction",
    "contraction_quantiles",
    "contraction_steps",
    "descend",
    "gate_norms",
    "gradient_by_lag",
    "influence",
    "input_gradient",
    "l1_rate",
    "l1_rows_project",
    "layers_of",
    "lyapunov_exponents",
    "max_norm_rate",
    "norm_order",
    "reach",
    "safe_step_at_optimum",
    "set_for",
    "set_named",
    "sets_for",
    "singular_values",
    "spectral_ball_project",
    "spectral_norm",
    "spectral_radius",
    "stable_sets",
    "system_loss",
    "transient_growth",
    "truncation_bound",
    "truncation_bounds",
    "truncation_error",
    "worst_forget_gate",
]
