"""When you do need recurrence: tasks whose answer turns on every input, however old.

Running parity and running products of permutations are read in lengths up to 40, and asked for at 40, 100 and 400.
A model with a window misses inputs beyond it.  One that contracts loses them by its rate: :func:`least_parity_loss`.
A linear recurrence whose λ does not depend on the input can only count; one with λ(x) > 0 can erase, but not turn.
What is left are models that some input may turn without loss: unbounded RNNs and LSTMs, and λ(x) in (-1, 1), which
keeps parity; permutations of 3 it fits at the training length, and less and less beyond.

Steps are equal within a task, and not all rows are flat at their end.  What is at chance at length 40 still gains on
the first answers of a sequence.  On permutations of 3 the RNN is still learning: one seed of three answers a third
right after 1,000 steps, as who knows only the permutation's sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from lessons_lib.corpora import RunningProducts
from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.experiments.training import from_seed, trained
from lessons_lib.models import (
    LSTM,
    TCN,
    LanguageModel,
    LinearRecurrence,
    SelectiveRecurrence,
    TanhRNN,
    Transformer,
    evaluating,
)
from lessons_lib.stability import SpectralBall, StableSet, Unconstrained
from lessons_lib.training import Settings, default_device

WIDTH, BATCH_SIZE, LENGTH, BOUND = 32, 32, 40, 0.9
LEARNING_RATE, GRADIENT_CLIP = 3e-3, 1.0
LENGTHS = (40, 100, 400)
SEEDS = (0, 1, 2)
HELD_OUT_SEED, HELD_OUT_ROWS, LAST = 1_000_000, 200, 10


@dataclass(frozen=True)
class Task:
    """Permutations of so many things, and for how many steps every model is trained on them."""

    things: int
    steps: int

    def batches(self, length: int, seed: int, batch_size: int = BATCH_SIZE) -> RunningProducts:
        """Fresh batches of this length, for every step another one."""
        device = default_device()
        return RunningProducts(
            self.things, steps=length, batch_size=batch_size, batches=self.steps, seed=seed, device=device
        )


TASKS = {"parity": Task(2, 600), "permutations of 3": Task(3, 1000)}

# The windows hold 31 inputs; every other core may use the whole past.
CORES: dict[str, Callable[[], Any]] = {
    "TCN": lambda: TCN(WIDTH, WIDTH, 4),
    "Transformer, window": lambda: Transformer(WIDTH, WIDTH, 2, window=16),
    "linear recurrence, fixed λ": lambda: LinearRecurrence(WIDTH, WIDTH, units=WIDTH, bound=1.0),
    "linear recurrence, λ(x) in (0, 1)": lambda: SelectiveRecurrence(WIDTH, WIDTH, 2),
    "linear recurrence, λ(x) in (-1, 1)": lambda: SelectiveRecurrence(WIDTH, WIDTH, 2, signed=True),
    "stable RNN": lambda: TanhRNN(WIDTH, 2 * WIDTH),
    "RNN": lambda: TanhRNN(WIDTH, 2 * WIDTH),
    "LSTM": lambda: LSTM(WIDTH, 2 * WIDTH),
}


def stable_set(model: str) -> StableSet:
    """The stable RNN is kept at ‖W‖_2 <= .9, all others are left alone."""
    return SpectralBall(BOUND) if model == "stable RNN" else Unconstrained()


@from_seed
def factory(task: str, model: str, seed: int = 0) -> tuple[LanguageModel, RunningProducts]:
    """The model and its batches of length 40."""
    batches = TASKS[task].batches(LENGTH, seed)
    built = LanguageModel(CORES[model](), batches.vocabulary_size, WIDTH)
    torch.nn.init.normal_(built.embedding.weight)
    return built, batches


def settings(model: str) -> Settings:
    """For Adam, full backpropagation over the 40 steps."""
    return Settings(LENGTH, learning_rate=LEARNING_RATE, gradient_clip=GRADIENT_CLIP, stable_set=stable_set(model))


@torch.no_grad()
def accuracy(model: LanguageModel, task: str, length: int) -> float:
    """Share of right answers among the last ten of sequences of this length that no training has seen."""
    inputs, targets = TASKS[task].batches(length, HELD_OUT_SEED, HELD_OUT_ROWS)[0]
    with evaluating(model):
        features, _ = model(inputs)
        said = model.logits(features[:, -LAST:]).argmax(-1)
    return float((said == targets[:, -LAST:]).double().mean())


@dataclass(frozen=True)
class Point:
    """One training: the share of right answers at each length, a string as JSON has it.

    ``losses``: means over tenths of the training, in nats an answer: whether the training was flat at its end.
    """

    task: str
    model: str
    seed: int
    accuracy: dict[str, float]
    losses: list[float]
    parameters: int
    context_length: int | None


def point(task: str, model: str, seed: int, *, steps: int | None = None) -> Point:
    """Train one model, for the task's steps when None, and ask it at every length."""
    steps = TASKS[task].steps if steps is None else steps
    done = trained(factory(task, model, seed), settings(model), steps=steps, seed=seed)
    return Point(
        task,
        model,
        seed,
        accuracy={str(length): accuracy(done.model, task, length) for length in LENGTHS},
        losses=[float(part.mean()) for part in done.losses.chunk(10)],
        parameters=done.parameters,
        context_length=done.model.context_length,
    )


def least_parity_loss(rate: float, lag: int, *, diameter: float, slope: float) -> float:
    """What a contraction must lose on running parity: nats an answer, ``lag`` steps after the first bit.

    Pair each bit stream with the one that differs in its first bit alone: all answers differ.  After the first bit
    the two states are at most ``diameter`` apart, ``lag`` steps later at most rate^lag diameter, so that the scores
    (the log odds of "odd") differ by at most δ = slope rate^lag diameter.  One score should be positive, the other
    negative; as the logistic loss is convex, the two lose log(1 + exp(-δ/2)) each in the mean, or more.  As the lag
    grows this is log 2, chance, whatever was learnt.  (No such bound holds for accuracy: an arbitrarily small
    difference still has a sign.  It needs arbitrarily exact numbers.)

    Args:
        rate: λ: the state contracts by it at every step, whatever is read.  0 for a model whose window is over.
        lag: steps since the first bit.
        diameter: the largest distance of two states, in the norm of the rate; 2 √d for d tanh units.
        slope: Lipschitz constant of the score; of a linear readout the norm of the difference of its two rows.
    """
    return math.log1p(math.exp(-slope * rate**lag * diameter / 2))


TRACKING = Experiment(
    "state_tracking",
    "which models keep running parity and products of permutations beyond their training length",
    grid(task=TASKS, seed=SEEDS, model=CORES),
    point,
    Point,
    {
        "length": LENGTH,
        "batch_size": BATCH_SIZE,
        "width": WIDTH,
        "steps": {name: task.steps for name, task in TASKS.items()},
        "optimizer": "adam",
        "learning_rate": LEARNING_RATE,
        "gradient_clip": GRADIENT_CLIP,
        "bound": BOUND,
        "held_out": {"lengths": LENGTHS, "rows": HELD_OUT_ROWS, "answers": LAST, "seed": HELD_OUT_SEED},
    },
    unit="share of right answers among the last ten",
)
