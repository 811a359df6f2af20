"""Measures of forgetting beyond one norm: along data (quantiles, Lyapunov exponents), and of a matrix alone.

The spectral norm ‖W‖_2 bounds every step, the spectral radius only the far future; between them lies the
transient growth of ‖W^t‖, and they can part ways only when W is not normal.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lessons_lib.models import State, map_state
from lessons_lib.stability.probes import contraction, probing, tensors_of


def contraction_quantiles(
    module: nn.Module,
    inputs: Tensor,
    first_state: State,
    second_state: State,
    quantiles: Sequence[float] = (0.0, 0.1, 0.5, 0.9, 1.0),
) -> Tensor:
    """How many contexts forget, how fast: quantiles of ``contraction`` over the batch, for each time step.

    Quantile 1 is the context that forgets least: a median far below 1 with a maximum near it says that most
    starts merge and some never do.

    Args:
        inputs: (contexts, time, ...), what both copies read; arguments otherwise as for ``contraction``.

    Returns:
        (len(quantiles), time).
    """
    distances = contraction(module, inputs, first_state, second_state)
    levels = torch.tensor(quantiles, dtype=distances.dtype, device=distances.device)
    return torch.quantile(distances, levels, dim=0)


def lyapunov_exponents(
    module: nn.Module, inputs: Tensor, count: int | None = None, *, state: State | None = None
) -> Tensor:
    """Mean log growth per step of small differences between states, along the given inputs.

    A negative largest exponent means that nearby states merge on this input, whatever the norms of the weights.
    The exponents are those of the whole state, (c, h) and all layers jointly, over the finite stretch of time.

    Benettin, Galgani, Giorgilli & Strelcyn (1980), on the transposed Jacobians from the last step to the first:
    one backward pass per step carries all directions, and QR keeps them apart.

    Args:
        module: any model with ``forward(inputs, state) -> (outputs, state)``, states (layers, batch, hidden).
        inputs: (batch, time, ...) vectors, or tokens (batch, time).
        count: how many exponents, the largest; all by default.
        state: where to start; the model's own start by default.

    Returns:
        (batch, count) in nats per step, largest first up to the fluctuation of a finite stretch; -inf for a
        direction that a single step wipes out.

    Raises:
        ValueError: with fewer than two time steps: a state before and one after are needed.
    """
    batch, time = inputs.shape[:2]
    if time < 2:
        raise ValueError("lyapunov_exponents needs at least two time steps")
    with probing(module):
        states: list[State] = []
        with torch.no_grad():
            for t in range(time):
                _, state = module(inputs[:, t : t + 1], state)
                states.append(state)
        width = sum(s.shape[0] * s.shape[2] for s in tensors_of(states[0]))
        if count is not None and not 1 <= count <= width:
            raise ValueError(f"count={count}: the state has {width} directions")
        first = tensors_of(states[0])[0]
        directions = torch.eye(width, count or width, dtype=first.dtype, device=first.device)
        directions = directions.expand(batch, -1, -1)
        logs = first.new_zeros(batch, directions.shape[2])
        for t in range(time - 1, 0, -1):
            pulled = _pull_back(module, inputs[:, t : t + 1], states[t - 1], directions)
            directions, growth = torch.linalg.qr(pulled)
            logs = logs + growth.diagonal(dim1=-2, dim2=-1).abs().log()
    return logs / (time - 1)


def _pull_back(module: nn.Module, inputs: Tensor, state: State, directions: Tensor) -> Tensor:
    """The transposed Jacobian of one step applied to (batch, width, count) directions: one copy for each."""
    batch, _, count = directions.shape
    with torch.enable_grad():
        before = map_state(lambda s: s.repeat(1, count, 1).requires_grad_(), state)
        _, after = module(inputs.repeat(count, *[1] * (inputs.dim() - 1)), before)
    flat = directions.permute(2, 0, 1).flatten(0, 1)  # (count x batch, width)
    outputs = tensors_of(after)
    sizes = [s.shape[0] * s.shape[2] for s in outputs]
    upon = [
        part.unflatten(1, (s.shape[0], s.shape[2])).transpose(0, 1)
        for part, s in zip(flat.split(sizes, dim=1), outputs, strict=True)
    ]
    found = torch.autograd.grad(outputs, tensors_of(before), upon)
    joint = torch.cat([g.transpose(0, 1).flatten(1) for g in found], dim=1)
    return joint.unflatten(0, (count, batch)).permute(1, 2, 0)


def spectral_radius(matrix: Tensor) -> Tensor:
    """The largest |eigenvalue|: the growth per step of ‖W^t‖ as t grows, and no bound on any one step."""
    return torch.linalg.eigvals(matrix).abs().amax(-1)


def transient_growth(matrix: Tensor, steps: int) -> Tensor:
    """‖W^t‖_2 for t = 0, 1, ..., steps: (steps + 1,).

    For a normal W it is ‖W‖^t.  Otherwise it may rise first, by far, even where the spectral radius is below 1.
    """
    powers = [torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)]
    for _ in range(steps):
        powers.append(matrix @ powers[-1])
    return torch.linalg.matrix_norm(torch.stack(powers), 2)
