"""A model and its batches from a seed, and their training to its end: what most experiments do with each case."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

from lessons_lib.corpora import Batches
from lessons_lib.models import seeded
from lessons_lib.models.size import parameter_count
from lessons_lib.training import Mailbox, Settings, default_device, train

Arguments = ParamSpec("Arguments")
Model = TypeVar("Model", bound=torch.nn.Module)
Data = TypeVar("Data", bound=Batches)


def from_seed(build: Callable[Arguments, tuple[Model, Data]]) -> Callable[Arguments, Callable[[], tuple[Model, Data]]]:
    """Make of a function that builds a model and its batches one that returns a builder, as ``Run`` wants it.

    The builder gives the same each time it is called: weights come from the argument ``seed``, whatever torch drew
    before, and the model is on the default device.
    """
    signature = inspect.signature(build)

    @wraps(build)
    def bound(*arguments: Arguments.args, **options: Arguments.kwargs) -> Callable[[], tuple[Model, Data]]:
        given = signature.bind(*arguments, **options)
        given.apply_defaults()

        def made() -> tuple[Model, Data]:
            with seeded(given.arguments["seed"]):
                model, batches = build(*arguments, **options)
            return model.to(default_device()), batches

        made.recipe = (bound, arguments, options)  # type: ignore[attr-defined]  # what a run writes down as code
        return made

    return bound


@dataclass(frozen=True)
class Trained:
    """A model after its training: the loss of each step, (steps,) in nats, and the seconds of processor it took."""

    model: Any = field(repr=False)
    losses: Tensor = field(repr=False)
    seconds: float

    @property
    def parameters(self) -> int:
        """How many there are."""
        return parameter_count(self.model)


def trained(
    build: Callable[[], tuple[Any, Batches]],
    settings: Settings | Callable[[float], Settings],
    *,
    steps: int,
    seed: int = 0,
    optimizer: str = "adam",
) -> Trained:
    """Train what ``build`` builds to its end.

    Args:
        build: see :func:`from_seed`.
        settings: fixed, or a function of the progress, which goes from 0 at the first step to 1 after the last.
        steps: batches.
        seed: of the dropout masks.
        optimizer: "adam" or "sgd".
    """
    model, batches = build()
    at = settings if callable(settings) else lambda progress: settings
    mailbox, losses = Mailbox(at(0.0)), []
    began = time.process_time()
    for record in train(model, batches, mailbox, steps=steps, seed=seed, optimizer=optimizer):
        losses.append(record.loss)
        mailbox.settings = at((record.step + 1) / steps)
    seconds = round(time.process_time() - began, 1)
    return Trained(model.eval(), torch.stack(losses).cpu(), seconds)
