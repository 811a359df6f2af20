"""Truncated RNN or convolution, at equal context and equal parameters: which learns faster, and whether any ends lower.

All read the language "lags 2 and 7", whose best loss at 7 words or more is known.  Each training is scored at four
moments on its way: what looks like an order after 75 steps is one of speed if it is gone after 600.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessons_lib.experiments.experiment import Experiment, grid
from lessons_lib.lessons.lesson_13 import ablation
from lessons_lib.models.size import parameter_count
from lessons_lib.training import train

TASK = "lags 2 and 7"
MODELS, CONTEXTS, SEEDS = ("RNN", "TCN", "gated convolution"), (7, 15), (0, 1, 2)
MOMENTS = (75, 150, 300, 600)


@dataclass(frozen=True)
class Point:
    """One training: nats a token on held-out text after each of ``steps``."""

    model: str
    k: int
    seed: int
    steps: list[int]
    loss: list[float]
    parameters: int


def point(model: str, k: int, seed: int, *, moments: tuple[int, ...] = MOMENTS) -> Point:
    """Train one choice of the ablation by Adam and score it at each moment."""
    choice = ablation.Choice(model, TASK, k, seed=seed)
    built, batches = ablation.factory(choice)()
    how, losses = ablation.settings(choice), []
    for record in train(built, batches, how, steps=moments[-1], seed=seed, optimizer="adam"):
        if record.step + 1 in moments:
            losses.append(ablation.TASKS[TASK].loss(built))
    return Point(model, k, seed, steps=list(moments), loss=losses, parameters=parameter_count(built))


EQUAL = Experiment(
    "equal_context",
    "a truncated RNN and two convolutions at equal context and parameters, scored at four moments",
    grid(model=MODELS, k=CONTEXTS, seed=SEEDS),
    point,
    Point,
    {
        "task": TASK,
        "language": repr(ablation.TASKS[TASK].source),
        "training_tokens": ablation.TRAINING_TOKENS,
        "held_out": {"tokens": ablation.SCORED, "seed": ablation.HELD_OUT_SEED},
        "optimum": ablation.TASKS[TASK].optimum(min(CONTEXTS)),
        "core_parameters": ablation.PARAMETERS,
        "width": ablation.WIDTH,
        "input_std": ablation.INPUT_STD,
        "batch_size": ablation.BATCH_SIZE,
        "steps": ablation.STEPS,
        "moments": MOMENTS,
        "optimizer": "adam",
        "learning_rate": ablation.LEARNING_RATE,
        "gradient_clip": ablation.GRADIENT_CLIP,
    },
    unit="nats a token",
)
