"""What a run measures about once a second: memory, gradients, and the theorem beside both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.models import LanguageModel
from lessons_lib.stability import (
    certified_rate,
    context_for,
    gradient_by_lag,
    layers_of,
    singular_values,
    spectral_norm,
    truncation_bounds,
    truncation_error,
)
from lessons_lib.training import Settings, mean_loss


@dataclass(frozen=True)
class LanguageProbe:
    """Measures a recurrent language model on text that it is not trained on.

    Args:
        held_out: (N,) tokens for the held-out loss.
        sample: (batch, time) tokens on which gradients and truncation errors are measured.
        max_context: the largest context length k of the truncation errors.
        max_lag: the largest lag of the gradient.
        accuracy: ε, the largest difference of the logits that counts as "the same prediction".

    A call returns a dictionary of plain numbers and lists:
        ``held_out_loss`` (nats), ``singular_values`` (first layer, largest first), ``gradient_by_lag`` (lag
        0, 1, ...), ``truncation_error`` and ``truncation_bound`` (k = 1, 2, ..., of the logits, in the norm
        of the theorem), ``accuracy``, ``rate`` (certified, inf when there is none) and ``context_needed``
        (the theorem's smallest k for ε, inf when it names none).
    """

    held_out: Tensor
    sample: Tensor
    max_context: int = 40
    max_lag: int = 40
    accuracy: float = 0.1

    def __call__(self, model: LanguageModel, settings: Settings) -> dict[str, Any]:
        return {name: found for part in self.parts(model, settings) for name, found in part.items()}

    def parts(self, model: LanguageModel, settings: Settings) -> Iterator[dict[str, Any]]:
        """The same in three parts of about equal cost; error and bound belong to the same weights."""
        yield {"held_out_loss": mean_loss(model, self.held_out)}
        sample = self.sample.to(model.embedding.weight.device)
        yield {"gradient_by_lag": gradient_by_lag(model, sample, self.max_lag).tolist()}
        contexts = range(1, self.max_context + 1)
        limits = error_limits(model)
        order = 2.0 if layers_of(model)[0].kind in ("tanh", "relu") else math.inf
        yield {
            "singular_values": singular_values(model)[0].tolist(),
            "truncation_error": truncation_error(model, sample, contexts, order=order).tolist(),
            "truncation_bound": truncation_bounds(model, contexts, **limits),
            "accuracy": self.accuracy,
            "rate": certified_rate(model),
            "context_needed": context_for(model, self.accuracy, **limits),
        }


@torch.no_grad()
def error_limits(model: LanguageModel) -> dict[str, float]:
    """``input_bound`` and ``output_lipschitz`` of this model's embedding and decoder, for the theorem's
    bounds.

    In the Euclidean norm for RNNs, in the maximum norm for LSTMs; any token may come.
    """
    rows, decoder = model.embedding.weight, model.decoder.weight
    if layers_of(model)[0].kind in ("tanh", "relu"):
        return {"input_bound": float(rows.norm(dim=1).max()), "output_lipschitz": float(spectral_norm(decoder))}
    return {"input_bound": float(rows.abs().max()), "output_lipschitz": float(decoder.abs().sum(1).max())}
