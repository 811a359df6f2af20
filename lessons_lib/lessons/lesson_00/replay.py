"""The first minute, recorded: the same run pulled to each of a row of bounds, for a page that has no kernel.

``REPLAY`` stores one point for the twin that is left alone (λ None) and one for each bound, with its loss and its
truncation error along the way.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from lessons_lib.corpora.download import WIKITEXT2
from lessons_lib.experiments.experiment import Experiment
from lessons_lib.experiments.reading import Text, text
from lessons_lib.lessons.lesson_00.experiment import CONTEXT_LENGTH, TRAINING, factory, settings
from lessons_lib.stability import SpectralBall, truncation_error
from lessons_lib.training import TrainingState, training_step

BOUNDS = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
PULLED_AT, STEPS, EVERY = 300, 600, 10


def recorded(
    bound: float | None, *, at: int = PULLED_AT, steps: int = STEPS, every: int = EVERY, reading: Text | None = None
) -> dict[str, Any]:
    """Train on seed 0, without a bound until step ``at``, then with λ = ``bound`` (None: left alone).

    Returns:
        ``steps``: every ``every`` steps; ``loss``: mean training loss, nats, of the ``every`` steps up to there;
        ``error``: truncation error of the logits at k = 20 after that step, on held-out text.
    """
    source = reading or text()
    model, stream = factory(0, source)()
    state, sample = TrainingState.begin(model, stream), source.sample().to(next(model.parameters()).device)
    free = settings()
    bounded = free if bound is None else replace(free, stable_set=SpectralBall(bound))
    at_steps, loss, error = [], [], []
    for end in range(every, steps + 1, every):
        losses = [training_step(state, free if step < at else bounded).loss for step in range(end - every, end)]
        at_steps.append(end)
        loss.append(round(float(torch.stack(losses).mean()), 4))
        error.append(float(f"{float(truncation_error(model, sample, [CONTEXT_LENGTH])[0]):.3g}"))
    return {"bound": bound, "steps": at_steps, "loss": loss, "error": error}


REPLAY: Experiment[dict[str, Any]] = Experiment(
    "first_minute_replay",
    "the first minute for a page without a kernel: a run for each bound, pulled at step 300, and the twin left alone",
    [{"bound": bound} for bound in (None, *BOUNDS)],
    recorded,
    dict,
    {**TRAINING, "seed": 0, "at": PULLED_AT, "steps": STEPS, "every": EVERY},
    unit="loss in nats a word, error in logits",
    data=WIKITEXT2,
    summary=lambda points: {"text": text().label},
)
