"""How much faster a parallel scan is than its loop on this machine: ratios measured in one run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.bench import Gate
from lessons_lib.experiments.machine import shortest
from lessons_lib.models import parallel_scan, sequential_scan

CASES = ((1, 256, 64), (1, 1024, 64), (16, 1024, 64), (16, 4096, 64))  # batch, time, units


def ratio(batch: int, steps: int, units: int, *, backward: bool = False) -> float:
    """Time of the loop over time of the scan, complex64 on one thread's worth of CPU; with gradients if asked."""
    generator = torch.Generator().manual_seed(0)
    eigenvalues = torch.polar(torch.full((units,), 0.98), 6 * torch.rand(units, generator=generator))
    inputs = torch.randn(batch, steps, units, dtype=torch.complex64, generator=generator)
    if backward:
        eigenvalues.requires_grad_()
        inputs.requires_grad_()

    def work(scan: Callable[[Tensor, Tensor], Tensor]) -> None:
        states = scan(eigenvalues, inputs)
        if backward:
            torch.autograd.grad(states.real.sum(), (eigenvalues, inputs))

    return shortest(lambda: work(sequential_scan)) / shortest(lambda: work(parallel_scan))


def gates() -> list[Gate]:
    """Loop over scan for a few shapes; the limit is at 1,024 steps and more."""
    return [
        Gate(
            f"batch {batch}, {steps} steps, {units} units{', with gradients' * backward}: loop over scan",
            ratio(batch, steps, units, backward=backward),
            1.0 if steps >= 1024 else None,
            at_least=True,
        )
        for batch, steps, units in CASES
        for backward in (False, True)
    ]
