"""Stable recurrent models: sets of weights, exact projections onto them, certificates, bounds and probes.

Everything here accepts any module that contains torch.nn.RNN or LSTM layers, a reader's own included.
"""

from lessons_lib.stability.bounds import context_for, contraction_steps, truncation_bound
from lessons_lib.stability.layers import Layer, layers_of
from lessons_lib.stability.probes import contraction, gradient_by_lag, singular_values, truncation_error
from lessons_lib.stability.projections import l1_rows_project, spectral_ball_project
from lessons_lib.stability.rates import certified_rate, spectral_norm
from lessons_lib.stability.sets import LSTMStableSet, SpectralBall, StableSet, Unconstrained
from lessons_lib.stability.wide import LSTMWideSet

__all__ = [
    "LSTMStableSet",
    "LSTMWideSet",
    "Layer",
    "SpectralBall",
    "StableSet",
    "Unconstrained",
    "certified_rate",
    "context_for",
    "contraction",
    "contraction_steps",
    "gradient_by_lag",
    "l1_rows_project",
    "layers_of",
    "singular_values",
    "spectral_ball_project",
    "spectral_norm",
    "truncation_bound",
    "truncation_error",
]
