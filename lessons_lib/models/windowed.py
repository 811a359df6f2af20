"""The k-step truncation of a recurrent model: a feed-forward model with context length k.

Two sweeps share a trick: *all* positions take their j-th step together, so that k steps cost k batched matrix
products instead of one unfolded window per position.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lessons_lib.models.contract import Recurrent
from lessons_lib.models.state import State, map_state


class Windowed(nn.Module):
    """A recurrent core that sees the last ``context_length`` inputs only, from a zero state.

    y_t^k of Miller & Hardt 2018 ("truncated models"): the same φ, hence the same parameters, as ``core``.
    Its state is the cached window: the last ``context_length - 1`` inputs, (batch, at most k - 1, input_size).
    """

    def __init__(self, core: Recurrent, context_length: int):
        super().__init__()
        if context_length < 1:
            raise ValueError(f"context_length={context_length}: a prediction needs at least its own input")
        self.core, self.context_length = core, context_length
        self.input_size, self.hidden_size = core.input_size, core.hidden_size

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """inputs: (batch, time, input_size) -> outputs: (batch, time, hidden_size), and the cached window."""
        batch, time, _ = inputs.shape
        if state is not None:
            inputs = torch.cat([state, inputs], dim=1)
        zeros = self.core.zero_state(batch)
        starts = map_state(lambda s: s.unsqueeze(2).expand(-1, -1, inputs.shape[1], -1), zeros)
        outputs = reach_back(self.core, self.core.project(inputs), starts, self.context_length, time)
        kept = min(self.context_length - 1, inputs.shape[1])
        return outputs, inputs[:, inputs.shape[1] - kept :]


def truncated_outputs(core: Recurrent, inputs: Tensor, max_context: int) -> Iterator[Tensor]:
    """The outputs for every context length k = 1, 2, ..., max_context, from one sweep.

    S⁰ = 0 and S^j_t = φ(S^{j-1}_{t-1}, x_t), so the k-truncated model's outputs are read off after k rounds.
    Where gradients are off, memory does not grow with ``max_context``: keep what you need of each round.

    Args:
        core: any recurrent core.
        inputs: (batch, time, input_size).
        max_context: the largest context length.

    Yields:
        outputs: (batch, time, hidden_size), once for each k in order.
    """
    batch, time, _ = inputs.shape
    # Time before batch: the states one step earlier are then one contiguous slice, `batch` rows up.
    projected = core.project(inputs.transpose(0, 1)).flatten(0, 1)
    state = core.zero_state(batch * time)
    outputs = projected[:0]
    for round_ in range(max_context):
        if round_ < time:  # positions before `round_` have consumed their whole past: they stay as they are
            done = round_ * batch
            earlier = map_state(lambda s: s[:, :-batch], state) if round_ else state
            latest, state = core.step(projected[done:], earlier)
            outputs = torch.cat([outputs[:done], latest]) if round_ else latest
        yield outputs.unflatten(0, (time, batch)).transpose(0, 1)


def reach_back(core: Recurrent, projected: Tensor, starts: State, context: int, time: int) -> Tensor:
    """Outputs at the last ``time`` positions, each computed by its own ``context`` steps from a given start.

    Position t starts from the state before input t - context + 1 and consumes the inputs up to its own; where
    the past is shorter than that, it starts at the first input there is.  Step j of every position runs over
    one contiguous slice of the inputs.

    Args:
        core: any recurrent core.
        projected: (batch, past + time, gates x hidden), from ``core.project``.
        starts: the state before each input, (layers, batch, past + time, hidden).
        context: steps per position.
        time: how many positions, counted from the end.

    Returns:
        outputs: (batch, time, hidden).
    """
    batch, total, _ = projected.shape
    first = total - time
    state: State | None = None
    for age in reversed(range(min(context, total))):  # this slice's input lies `age` before its position
        low, high = max(first - age, 0), total - age
        if state is None:
            state = map_state(lambda s, low=low, high=high: s[:, :, low:high], starts)
        elif first - age <= 0:  # the position whose window begins at the very first input joins now
            state = map_state(lambda s, new: torch.cat([new[:, :, :1], s], dim=2), state, starts)
        flat = map_state(lambda s: s.flatten(1, 2), state)
        outputs, flat = core.step(projected[:, low:high].flatten(0, 1), flat)
        state = map_state(lambda s: s.unflatten(1, (batch, -1)), flat)
    return outputs.unflatten(0, (batch, -1))
