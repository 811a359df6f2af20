"""What is measured of a language model about once a second while it trains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.stability import (
    certified_rate,
    context_for,
    gradient_by_lag,
    layers_of,
    singular_values,
    spectral_norm,
    truncation_bound,
    truncation_error,
)
from lessons_lib.training import Settings


@dataclass(frozen=True)
class LanguageProbe:
    """A :class:`Run`'s probe for a recurrent :class:`~lessons_lib.models.LanguageModel`.

    Args:
        held_out: (time,) int64 tokens that are not trained on; about 2,000 are enough for a curve.
        accuracy: ε, the largest difference of the logits that counts as the same prediction.
        max_context: the longest context length for which the truncation error is measured.
        max_lag: the largest lag of the gradient.
        rows: the held-out text is read as this many rows side by side, each from a zero state: fast, and a little
            above the perplexity of one stream.

    Calling it gives plain numbers: ``held_out_loss`` (nats per token), ``singular_values`` (largest first),
    ``gradient_by_lag`` (lags 0 to ``max_lag``), ``truncation_error`` and ``truncation_bound`` (of the logits, context
    lengths 1 to ``max_context``; Euclidean norm for an RNN, maximum norm for an LSTM), ``rate`` (certified; inf:
    none), ``accuracy`` and ``context_for`` (the smallest context length that the theorem gives for it; inf: none).

    Raises:
        ValueError: too few held-out tokens.
    """

    held_out: Tensor
    accuracy: float = 0.1
    max_context: int = 40
    max_lag: int = 40
    rows: int = 16

    def __post_init__(self) -> None:
        needed = max(self.rows, self.max_lag + 2, self.max_context + 1) + 1
        if self.held_out.ndim != 1 or len(self.held_out) < needed:
            raise ValueError(f"held_out of shape {tuple(self.held_out.shape)}: give one stream of {needed} tokens or more")

    def __call__(self, model: Any, settings: Settings) -> dict[str, Any]:
        """Measure ``model``, a language model in evaluation mode."""
        tokens = self.held_out.to(next(model.parameters()).device)
        bound = _logit_bound(model)
        contexts = range(1, self.max_context + 1)
        lstm = layers_of(model)[0].kind == "lstm"
        few = tokens[: self.max_context + 20]
        return {
            "held_out_loss": self._loss(model, tokens),
            "singular_values": sorted(singular_values(model).flatten().tolist(), reverse=True),
            "gradient_by_lag": gradient_by_lag(model, tokens[: self.max_lag + 3], self.max_lag).tolist(),
            "truncation_error": truncation_error(
                model, few, contexts, order=math.inf if lstm else 2.0
            ).tolist(),
            "truncation_bound": [truncation_bound(model, k, **bound) for k in contexts],
            "rate": certified_rate(model),
            "accuracy": self.accuracy,
            "context_for": context_for(model, self.accuracy, **bound),
        }

    @torch.no_grad()
    def _loss(self, model: Any, tokens: Tensor) -> float:
        columns = (len(tokens) - 1) // self.rows
        count = self.rows * columns
        features, _ = model(tokens[:count].view(self.rows, columns))
        return float(model.loss(features, tokens[1 : count + 1].view(self.rows, columns)))


@torch.no_grad()
def _logit_bound(model: Any) -> dict[str, float]:
    """How large the inputs can be and how much the logits magnify, in the norm of the layers' certificate."""
    embedding, decoder = model.embedding.weight, model.decoder.weight
    if layers_of(model)[0].kind == "lstm":
        return {
            "input_bound": float(embedding.abs().max()),
            "output_lipschitz": float(decoder.abs().sum(dim=1).max()),
        }
    return {
        "input_bound": float(embedding.norm(dim=1).max()),
        "output_lipschitz": spectral_norm(decoder),
    }
