"""The one definition of perplexity in this project."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lessons_lib.models import State, Trainable, evaluating
from lessons_lib.stability.projections import in_float64


@torch.no_grad()
def mean_loss(model: Trainable, tokens: Tensor, *, segment: int = 1024) -> float:
    """Mean negative log-likelihood in nats over the N - 1 predictions of ``tokens`` read as one stream.

    The state starts at zero and is carried through, so every prediction uses all the context that the model can
    use (a feed-forward model carries its window).

    Args:
        model: a language model: forward(tokens, state), loss(features, targets).
        tokens: (N,) int64, N >= 2.
        segment: how many tokens to feed at a time; changes memory, not the result.

    Raises:
        ValueError: fewer than two tokens.
    """
    if tokens.ndim != 1 or len(tokens) < 2:
        raise ValueError(f"tokens of shape {tuple(tokens.shape)}: give one stream of at least two tokens")
    tokens = tokens.to(next(model.parameters()).device)
    with evaluating(model):
        state: State | None = None
        total: Tensor | float = 0.0
        for first in range(0, len(tokens) - 1, segment):
            part = tokens[first : first + segment + 1].unsqueeze(0)
            features, state = model(part[:, :-1], state)
            total = total + in_float64(model.loss(features, part[:, 1:])) * (part.shape[1] - 1)
        return float(total) / (len(tokens) - 1)


@torch.no_grad()
def batch_loss(model: Trainable, inputs: Tensor, targets: Tensor) -> float:
    """The model's loss on one batch, as a stream of batches gives it, read from a zero state without dropout."""
    with evaluating(model):
        return float(model.loss(model(inputs)[0], targets))


def perplexity(model: Trainable, tokens: Tensor, *, segment: int = 1024) -> float:
    """exp of :func:`mean_loss`: the model is as unsure as a uniform choice among this many tokens."""
    loss = mean_loss(model, tokens, segment=segment)
    return math.exp(loss) if loss < 700 else math.inf
