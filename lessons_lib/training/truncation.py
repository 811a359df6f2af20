"""Truncated backpropagation through time, chunked and exact: forward, loss and backward of one training step.

Both consume the same tokens per step whatever k, so that curves for different k compare; both carry the state
and cut only the gradient.  (A model whose *input* is cut is :class:`lessons_lib.models.Windowed`.)
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from lessons_lib.corpora.tasks import scored
from lessons_lib.models import Predictor, Recurrent, State, Trainable, detach_state, map_state
from lessons_lib.models.windowed import reach_back

Past = tuple[Tensor, State]  # tokens (batch, past), and the state before each: (layers, batch, past, hidden)


def backward_chunked(
    model: Trainable, inputs: Tensor, targets: Tensor, carried: State | None, truncation_length: int
) -> tuple[Tensor, State]:
    """Cut the gradient after every ``truncation_length`` positions; accumulate it over the step.

    Each chunk is differentiated before the next is run, so memory grows with k, not with the step.

    Returns:
        loss: mean over the step's scored positions, 0-d, detached; and the state to carry on.
    """
    steps = inputs.shape[1]
    # A chunk's loss is the mean of what it scores: it counts by that, or padding would shrink the loss with k.
    counted = scored(targets)
    count = counted.sum().clamp(min=1)
    total: Any = 0.0
    for first in range(0, steps, truncation_length):
        chunk = slice(first, first + truncation_length)
        features, carried = model(inputs[:, chunk], detach_state(carried))
        part = model.loss(features, targets[:, chunk]) * counted[:, chunk].sum() / count
        part.backward()
        total = total + part.detach()
    return total, detach_state(carried)


def backward_exact(
    model: Trainable,
    inputs: Tensor,
    targets: Tensor,
    carried: State | None,
    past: Past | None,
    truncation_length: int,
) -> tuple[Tensor, State, Past]:
    """Let every position's gradient reach exactly ``truncation_length`` steps back (fewer only at the start).

    A forward pass without gradient finds the state before every input; then every position starts at its own
    detached state, k steps earlier, and walks up to its own output with gradient.  ``past`` holds the tokens
    and states of earlier steps that the first positions reach back into.

    Raises:
        ValueError: the model has dropout, whose masks would differ between the two passes, or no recurrent core.
    """
    core = getattr(model, "core", None)
    if not isinstance(core, Recurrent):
        raise ValueError("exact truncation needs a model with a recurrent core: use truncation='chunked'")
    if any(isinstance(module, nn.Dropout) and module.p > 0 for module in model.modules()):
        raise ValueError("exact truncation needs a model without dropout: build it with dropout=0, or use 'chunked'")
    predictor = cast(Predictor, model)  # what has a recurrent core has what feeds it
    batch, steps = inputs.shape[:2]
    with torch.no_grad():
        state = core.zero_state(batch) if carried is None else carried
        projected = core.project(predictor.embed(inputs))
        before = []
        for t in range(steps):
            before.append(state)
            _, state = core.step(projected[:, t], state)
        starts = map_state(lambda *s: torch.stack(s, dim=2), *before)
    if past is not None:
        inputs = torch.cat([past[0], inputs], dim=1)
        starts = map_state(lambda old, new: torch.cat([old, new], dim=2), past[1], starts)
    outputs = reach_back(core, core.project(predictor.embed(inputs)), starts, truncation_length, steps)
    loss = model.loss(outputs, targets)
    loss.backward()
    # A longer k may be asked for at the next step, so keep all that the longest can use.
    keep = slice(max(inputs.shape[1] - steps + 1, 0), None)
    return loss.detach(), state, (inputs[:, keep], map_state(lambda s: s[:, :, keep], starts))
