"""Adding two marked numbers of a long row: a sum, not a copy, and still a question of what is within k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.corpora import AddingProblem
from lessons_lib.corpora.tasks import scored
from lessons_lib.experiments.training import from_seed
from lessons_lib.models import Core, evaluating
from lessons_lib.training import Settings, default_device

LENGTH, BATCH_SIZE, STEPS = 40, 32, 600
LEARNING_RATE = 4e-3  # the only one tried
HELD_OUT_SEED = 10_000


class Adder(nn.Module):
    """A core over ``(batch, time, 2)`` numbers and marks, and one number read from each of its outputs."""

    def __init__(self, core: Core) -> None:
        super().__init__()
        self.core = core
        with torch.no_grad():
            self.head = nn.Linear(core(next(core.parameters()).new_zeros(1, 1, 2))[0].shape[-1], 1)

    @property
    def context_length(self) -> int | None:
        return self.core.context_length

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return self.core(inputs, state)

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error of the scored positions."""
        counted = scored(targets)
        return (self.head(features[counted]).squeeze(-1) - targets[counted]).square().mean()


def task(*, seed: int = 0, batches: int = 1000) -> AddingProblem:
    """Rows of 40 numbers, one marked in each half."""
    return AddingProblem(LENGTH, batch_size=BATCH_SIZE, batches=batches, seed=seed, device=default_device())


@from_seed
def factory(core: Callable[[], Any], seed: int = 0) -> tuple[Adder, AddingProblem]:
    """The model around a core, and its batches."""
    return Adder(core()), task(seed=seed)


def settings() -> Settings:
    """For Adam.  The gradient reaches over the whole row."""
    return Settings(LENGTH, learning_rate=LEARNING_RATE, gradient_clip=1.0)


@torch.no_grad()
def squared_error(model: Adder, batches: int = 20) -> float:
    """Mean squared error on rows that no training has seen; always saying 1 scores 1/6."""
    with evaluating(model):
        held_out = task(seed=HELD_OUT_SEED, batches=batches)
        return sum(float(model.loss(model(inputs)[0], targets)) for inputs, targets in held_out) / batches
