"""An attack on truncation bounds: inputs that climb the gradient of the error."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from lessons_lib.stability import truncation_bounds

LENGTH, ROWS = 24, 100
CONTEXT_LENGTHS = (1, 2, 4, 8, 16)


def truncation_errors(core: nn.Module, inputs: Tensor, k: int, order: float) -> Tensor:
    """‖y_t - y_t^k‖ at the last position, in the norm of this order: (rows,)."""
    whole, cut = core(inputs)[0][:, -1], core(inputs[:, -k:])[0][:, -1]
    return torch.linalg.vector_norm(whole - cut, ord=order, dim=-1)


def largest_error_by_bound(cores: Iterable[nn.Module], order: float, pace: float, rounds: int) -> tuple[int, float]:
    """How many cases were tried, and the largest error / bound; half of the inputs climb, ``pace`` far in a round."""
    largest, cases = 0.0, 0
    for core in cores:
        bounds = truncation_bounds(core, CONTEXT_LENGTHS, input_bound=math.inf)
        assert all(map(math.isfinite, bounds)), "a bound that says nothing passes every attack"
        for k, bound in zip(CONTEXT_LENGTHS, bounds, strict=True):
            inputs = torch.randn(ROWS, LENGTH, core.input_size, dtype=torch.float64)
            inputs *= 10 ** (2 * torch.rand(ROWS, 1, 1) - 1)
            climbing = inputs[ROWS // 2 :]
            for _ in range(rounds):
                climbing = climbing.detach().requires_grad_()
                (up,) = torch.autograd.grad(truncation_errors(core, climbing, k, order).sum(), climbing)
                climbing = climbing + pace * up / up.norm(dim=(1, 2), keepdim=True).clamp_min(1e-300)
            with torch.no_grad():
                ratio = truncation_errors(core, torch.cat([inputs[: ROWS // 2], climbing]), k, order) / bound
            assert ratio.isfinite().all()
            largest, cases = max(largest, float(ratio.max())), cases + ROWS
    return cases, largest
