"""The training loop: a generator that yields one record per step.

The same code runs in a test (``list(train(...))``), in a cell, in a thread behind sliders and on a GPU.  It never
prints, plots, opens a file or knows about threads, and it never waits for the device: losses stay tensors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from lessons_lib.corpora import Batches
from lessons_lib.models import State, TorchModule, Trainable, seeded
from lessons_lib.stability import StableSet
from lessons_lib.training.settings import Mailbox, Settings
from lessons_lib.training.truncation import Past, backward_chunked, backward_exact

Model = TypeVar("Model", bound=Trainable)
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class StepRecord:
    """What one training step did.

    ``loss`` (mean nats before the update), ``gradient_norm`` (before clipping) and ``moved`` (how far projecting
    moved the weights, Frobenius) are 0-d tensors on the model's device: fetch many at once, seldom.
    ``step`` counts from 0; ``tokens`` is the total consumed so far.
    """

    step: int
    tokens: int
    loss: Tensor
    gradient_norm: Tensor
    moved: Tensor
    settings: Settings


@dataclass
class TrainingState(Generic[Model]):
    """Everything that changes while a model trains; copy or save it, and training goes on from there.

    Batches are addressed by number and dropout is seeded by (seed, step), so the step is also the position in
    the stream and the state of the random numbers.
    """

    model: Model
    stream: Batches
    optimizer: torch.optim.Optimizer
    seed: int = 0
    step: int = 0
    tokens: int = 0
    carried: State | None = None
    past: Past | None = None  # exact truncation reaches back into it
    projected_onto: StableSet | None = None

    @classmethod
    def begin(cls, model: Model, stream: Batches, *, seed: int = 0, optimizer: str = "sgd") -> TrainingState[Model]:
        """A fresh start.  ``optimizer``: "sgd" (no momentum) or "adam" (default moments)."""
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer={optimizer!r}: choose one of {', '.join(OPTIMIZERS)}")
        if len(stream) == 0:
            raise ValueError("the stream holds no batch: pass more tokens, or fewer sequences or steps")
        chosen = (
            torch.optim.SGD(model.parameters(), lr=1.0)
            if optimizer == "sgd"
            else torch.optim.Adam(model.parameters(), lr=1.0, fused=True)  # one pass over a large embedding
        )
        return cls(model, stream, chosen, seed=seed)


def train(
    model: Model,
    stream: Batches,
    settings: Settings | Mailbox,
    *,
    steps: int | None = None,
    seed: int = 0,
    optimizer: str = "sgd",
    state: TrainingState[Model] | None = None,
) -> Iterator[StepRecord]:
    """Projected gradient descent with truncated backpropagation through time.

    Args:
        model: ``forward(inputs, state) -> (features, state)`` and ``loss(features, targets) -> mean nats``.
        stream: a sequence of batches; batch number ``step % len(stream)`` is used, and where the sequence begins
            again (or at every batch, when it does not carry state) the recurrent state begins at zero.
        settings: fixed :class:`Settings`, or a :class:`Mailbox` whose content is read once per step.
        steps: stop when this many steps have been taken since the beginning; None: never.
        seed: of the dropout masks; with ``state`` its own counts, and so does its optimiser.
        optimizer: "sgd" or "adam".  With Adam the Euclidean projection is a heuristic: the nearest point in
            Adam's own metric is another one.
        state: continue from here, with this very model and stream, instead of from a fresh start.

    Yields:
        a :class:`StepRecord` after every step.

    Raises:
        ValueError: the truncation length exceeds the stream's steps, the optimizer is unknown, or ``state`` is that
            of another model or stream.
    """
    mailbox = settings if isinstance(settings, Mailbox) else Mailbox(settings)
    state = state or TrainingState.begin(model, stream, seed=seed, optimizer=optimizer)
    if state.model is not model or state.stream is not stream:
        raise ValueError("state belongs to another model or stream: pass state.model and state.stream")
    check_truncation(mailbox.settings, stream)
    return _steps(state, mailbox, steps)


def check_truncation(settings: Settings, stream: Batches) -> None:
    """Raise ValueError when the gradient is asked to reach further than a training step is long."""
    if settings.truncation_length > stream.steps:
        raise ValueError(
            f"truncation_length={settings.truncation_length} is longer than the stream's {stream.steps} steps: "
            "lower it or pass longer streams"
        )


def _steps(state: TrainingState[Model], mailbox: Mailbox, steps: int | None) -> Iterator[StepRecord]:
    while steps is None or state.step < steps:
        yield training_step(state, mailbox.settings)


def training_step(state: TrainingState[Model], settings: Settings) -> StepRecord:
    """One batch, one update, one projection; advances ``state`` in place."""
    check_truncation(settings, state.stream)
    model, optimizer = state.model, state.optimizer
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    index = state.step % len(state.stream)
    device = parameters[0].device
    inputs, targets = (part.to(device, non_blocking=True) for part in state.stream[index])
    if index == 0 or not state.stream.carries_state:
        state.carried = state.past = None
    model.train()

    moved: Any = 0.0
    if state.projected_onto != settings.stable_set:  # every iterate lies in the set, the first one too
        moved = settings.stable_set.project_(model)
        state.projected_onto = settings.stable_set

    optimizer.zero_grad(set_to_none=True)
    with _dropout_masks(model, state.seed, state.step):
        if settings.truncation == "exact":
            loss, state.carried, state.past = backward_exact(
                model, inputs, targets, state.carried, state.past, settings.truncation_length
            )
        else:
            state.past = None
            loss, state.carried = backward_chunked(model, inputs, targets, state.carried, settings.truncation_length)
    gradient_norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if settings.gradient_clip is not None:  # an infinite limit would make inf/inf of a norm that overflows
        nn.utils.clip_grads_with_norm_(parameters, settings.gradient_clip, gradient_norm)
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate
    optimizer.step()
    moved = moved + settings.stable_set.project_(model)

    record = StepRecord(
        step=state.step,
        tokens=state.tokens + inputs.shape[0] * inputs.shape[1],
        loss=loss,
        gradient_norm=gradient_norm,
        moved=torch.as_tensor(moved),
        settings=settings,
    )
    state.step, state.tokens = record.step + 1, record.tokens
    return record


def _dropout_masks(model: TorchModule, seed: int, step: int) -> contextlib.AbstractContextManager:
    """Draw this step's masks from (seed, step) alone: a resumed run draws what it would have drawn."""
    if not any(isinstance(module, nn.Dropout) and module.p > 0 for module in model.modules()):
        return contextlib.nullcontext()
    return seeded(seed * 1_000_003 + step)
