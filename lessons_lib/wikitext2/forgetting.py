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
from lessons_lib.stability import context_for, norm_order, truncation_bounds

CONTEXT_LENGTHS = (1, 2, 3, 5, 8, 13, 20, 35, 50, 75, 100, 150, 200)
BOUND_LENGTHS = (*CONTEXT_LENGTHS, 300, 500, 700, 1000)  # a theorem asks for more than a text does
ACCURACY = 0.1  # ε of the core's outputs, whose coordinates are of the order of 1
PAGES, LENGTH = 20, 300  # pages, and words of a page of which the last 101 are predicted
MERGING_PAGES, MERGING_WORDS, QUANTILES = 64, 20, (0.1, 0.5, 0.9, 1.0)
WINDOWS = 10  # pages whose windows are held at one time


@torch.no_grad()
def loss_by_context(
    model: LanguageModel, words: Tensor, context_lengths: Sequence[int] = CONTEXT_LENGTHS, *, order: float = 2.0
) -> dict[str, Any]:
    """Loss and error of the k-truncation on the positions whose past on their page is at least the largest k.

    Args:
        words: (pages, time + 1) tokens.
        order: of the norm of an error: 2, or ``math.inf`` for the largest entry.

    Returns:
        ``lengths``; ``loss``: mean nats a word when a prediction sees the last k words alone, for every k;
        ``whole``: when it sees its page up to there; ``error``: the largest ‖h_t - h_t^k‖ of the core's outputs.

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
                error[i] = max(error[i], torch.linalg.vector_norm(cut - outputs, ord=order, dim=-1).max())
    return {"lengths": list(context_lengths), "loss": losses.tolist(), "whole": whole, "error": error.tolist()}


def bound_by_context(model: LanguageModel, input_clip: float | None) -> dict[str, Any] | None:
    """The bound of :func:`lessons_lib.stability.truncation_bound`, in its norm; ``model`` in float64 on a CPU.

    Returns:
        ``lengths``; ``error``: the bound for every k; ``needed``: the smallest k for ACCURACY, None where that is
        infinite.  None where the bound does not fall within these lengths, certified or not.
    """
    size = input_clip or float(model.embedding.weight.detach().norm(dim=1).max())
    bounds = truncation_bounds(model.core, BOUND_LENGTHS, input_bound=size)
    if not (math.isfinite(bounds[-1]) and bounds[-1] < bounds[0]):
        return None
    needed = context_for(model.core, ACCURACY, input_bound=size)
    return {"lengths": list(BOUND_LENGTHS), "error": bounds, "needed": needed if math.isfinite(needed) else None}


def measured(model: LanguageModel, text: Tensor, input_clip: float | None) -> dict[str, Any]:
    """:func:`loss_by_context` on the first pages of a text, with the bound beside it, and how much context is needed.

    Args:
        text: (tokens,), more than LENGTH.

    Returns:
        besides those: ``norm``, the bound's, in which errors are measured too; ``accuracy``; and ``needed``, the
        smallest of the lengths from which on no error is larger.
    """
    pages = min(PAGES, len(text) // (LENGTH + 1))
    order = norm_order(model)
    found = loss_by_context(model, text[: pages * (LENGTH + 1)].view(pages, LENGTH + 1), order=order)
    late = [k for k, error in zip(found["lengths"], found["error"], strict=True) if error > ACCURACY]
    beyond = [k for k in found["lengths"] if not late or k > late[-1]]
    exact = copy.deepcopy(model).to("cpu", torch.float64)
    told = {
        "norm": "maximum" if order == math.inf else "euclidean",
        "accuracy": ACCURACY,
        "needed": beyond[0] if beyond else None,
    }
    return {"pages": pages, "words": LENGTH, **found, **told, "bound": bound_by_context(exact, input_clip)}


def contraction_on_text(model: LanguageModel, text: Tensor) -> dict[str, float]:
    """Two readers come from different pages and read the same 20 words: quantiles of what is left of their distance.

    Args:
        text: (tokens,).
    """
    pages = text[: MERGING_PAGES * MERGING_WORDS].view(MERGING_PAGES, MERGING_WORDS)
    with evaluating(model):
        left = merging(model, pages, QUANTILES)[:, -1]
    return {f"{level:g}": float(ratio) for level, ratio in zip(QUANTILES, left, strict=True)}
