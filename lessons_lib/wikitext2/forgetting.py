"""How far back a trained row's predictions reach on real text: loss against k, error beside bound, contraction.

The source's own picture (arXiv 1805.10369, section 4): what a prediction loses when it sees the last k words alone.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lessons_lib.experiments.stable_regime import merging
from lessons_lib.models import LanguageModel, evaluating
from lessons_lib.stability import truncation_bounds

CONTEXT_LENGTHS = (1, 2, 3, 5, 8, 13, 20, 35, 50, 75, 100, 150, 200)
PAGES, LENGTH = 20, 300  # pages, and words of a page of which the last 101 are predicted
MERGING_PAGES, MERGING_WORDS, QUANTILES = 64, 20, (0.1, 0.5, 0.9, 1.0)
WINDOWS = 10  # pages whose windows are held at one time


@torch.no_grad()
def loss_by_context(
    model: LanguageModel, words: Tensor, context_lengths: Sequence[int] = CONTEXT_LENGTHS
) -> dict[str, Any]:
    """Loss and error of the k-truncation on the positions whose past on their page is at least the largest k.

    Args:
        words: (pages, time + 1) tokens.

    Returns:
        ``lengths``; ``loss``: mean nats a word when a prediction sees the last k words alone, for every k;
        ``whole``: when it sees its page up to there; ``error``: the largest ‖h_t - h_t^k‖_2 of the core's outputs.

    Raises:
        ValueError: no position has so long a past.
    """
    longest = max(context_lengths)
    if words.shape[1] <= longest:
        raise ValueError(f"k={longest} needs pages of more than {longest} words, not {words.shape[1]}")
    words = words.to(next(model.parameters()).device)
    losses, whole, error = torch.zeros(len(context_lengths)), 0.0, torch.zeros(len(context_lengths))
    with evaluating(model):
        for part in words.split(WINDOWS):
            share = len(part) / len(words)
            inputs, targets = model.embed(part[:, :-1]), part[:, longest:]
            outputs = model.core(inputs)[0][:, longest - 1 :]
            whole += share * float(model.loss(outputs, targets))
            for i, k in enumerate(context_lengths):
                windows = inputs[:, longest - k :].unfold(1, k, 1)  # (pages, positions, width, k)
                cut = model.core(windows.flatten(0, 1).transpose(1, 2))[0][:, -1].unflatten(0, windows.shape[:2])
                losses[i] += share * float(model.loss(cut, targets))
                error[i] = max(error[i], (cut - outputs).norm(dim=-1).max())
    return {"lengths": list(context_lengths), "loss": losses.tolist(), "whole": whole, "error": error.tolist()}


def bound_by_context(
    model: LanguageModel, input_clip: float | None, context_lengths: Sequence[int] = CONTEXT_LENGTHS
) -> list[float] | None:
    """The theorem's bound, in the norm of :func:`lessons_lib.stability.truncation_bound`.

    Of an LSTM that is the largest entry and not the Euclidean norm of ``error``: the two may not be compared there.
    None where the bound does not fall within these lengths, certified or not.  ``model`` in float64 on a CPU.
    """
    size = input_clip or float(model.embedding.weight.detach().norm(dim=1).max())
    bounds = truncation_bounds(model.core, context_lengths, input_bound=size)
    return bounds if math.isfinite(bounds[-1]) and bounds[-1] < bounds[0] else None


def measured(model: LanguageModel, text: Tensor, input_clip: float | None) -> dict[str, Any]:
    """:func:`loss_by_context` on the first pages of a text, with the bound.

    Args:
        text: (tokens,), more than LENGTH.
    """
    pages = min(PAGES, len(text) // (LENGTH + 1))
    found = loss_by_context(model, text[: pages * (LENGTH + 1)].view(pages, LENGTH + 1))
    exact = copy.deepcopy(model).to("cpu", torch.float64)
    return {"pages": pages, "words": LENGTH, **found, "bound": bound_by_context(exact, input_clip)}


def contraction_on_text(model: LanguageModel, text: Tensor) -> dict[str, float]:
    """Two readers come from different pages and read the same 20 words: quantiles of what is left of their distance.

    Args:
        text: (tokens,).
    """
    pages = text[: MERGING_PAGES * MERGING_WORDS].view(MERGING_PAGES, MERGING_WORDS)
    with evaluating(model):
        left = merging(model, pages, QUANTILES)[:, -1]
    return {f"{level:g}": float(ratio) for level, ratio in zip(QUANTILES, left, strict=True)}
