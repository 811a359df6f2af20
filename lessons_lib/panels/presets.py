"""Starts worth trying: each begins the run again from other weights and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lessons_lib.corpora import Batches
from lessons_lib.models import Trainable
from lessons_lib.runs import Factory
from lessons_lib.stability import LSTMStableSet, SpectralBall, StableSet, Unconstrained, layers_of


@dataclass(frozen=True)
class Preset:
    """A start: recurrent weights of a given size, and a stable set.

    Args:
        name: what the button says.
        says: what begins, in one sentence.
        stable_set: from the first step on.
        scale: every recurrent block becomes ``scale`` times an orthogonal matrix, all its singular values
            equal.
    """

    name: str
    says: str
    stable_set: StableSet
    scale: float

    def factory(self, original: Factory) -> Factory:
        """``original`` with this start's recurrent weights; nothing is built until it is called."""

        def build() -> tuple[Trainable, Batches]:
            model, stream = original()
            generator = torch.Generator().manual_seed(0)
            for layer in layers_of(model):
                _orthogonal_(layer.weight_hh, self.scale, generator)
            return model, stream

        return build


@torch.no_grad()
def _orthogonal_(weight: torch.Tensor, scale: float, generator: torch.Generator) -> None:
    for block in weight.split(weight.shape[1]):  # one block for an RNN, one a gate for an LSTM
        block.copy_(torch.nn.init.orthogonal_(torch.empty(block.shape), scale, generator))


def presets_for(kind: str) -> Sequence[Preset]:
    """The starts for layers of this kind ("tanh", "relu", "lstm", "gru")."""
    if kind in ("tanh", "relu"):
        return (
            Preset("stable", "W = 0.9 × orthogonal, bound λ = 0.9", SpectralBall(0.9), 0.9),
            Preset("on the edge", "W = 1 × orthogonal, bound λ = 1", SpectralBall(1.0), 1.0),
            Preset("explode", "W = 4 × orthogonal, no bound", Unconstrained(), 4.0),
            Preset("very short memory", "W = 0.3 × orthogonal, bound λ = 0.3", SpectralBall(0.3), 0.3),
        )
    if kind == "lstm":
        return (
            Preset("stable", "published stable set, forget ceiling 0.64", LSTMStableSet(), 0.5),
            Preset("on the edge", "forget ceiling 0.95", LSTMStableSet(0.95), 0.5),
            Preset("explode", "gates' weights 4 × orthogonal, no bound", Unconstrained(), 4.0),
            Preset("very short memory", "forget ceiling 0.56", LSTMStableSet(0.56), 0.5),
        )
    return ()
