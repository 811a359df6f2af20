"""The first minute, recorded: the same run pulled to each of a row of bounds, for a page that has no kernel.

``python -m lessons_lib.lessons.lesson_00.replay`` writes ``data/results/first_minute_replay.json``: one point for the
twin that is left alone (λ None) and one for each bound, with its loss and its truncation error along the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lessons_lib.experiments.artefact import results_folder
from lessons_lib.experiments.gather import gather
from lessons_lib.experiments.machine import device_name
from lessons_lib.experiments.reading import Text, text
from lessons_lib.lessons.lesson_00.experiment import CONTEXT_LENGTH, factory, settings
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


def record(path: Path, bounds: Sequence[float] = BOUNDS, *, tell=lambda line: None, **sizes: Any) -> None:
    """The twin and a run for each bound: writes the artefact, and goes on with one half done."""
    torch.set_num_threads(1)
    config = {"seed": 0, "at": PULLED_AT, "steps": STEPS, "every": EVERY, "context_length": CONTEXT_LENGTH}
    content = {
        "study": "first_minute_replay",
        "unit": "loss in nats a word, error in logits",
        "config": {**config, **{name: value for name, value in sizes.items() if name in config}},
        "text": (sizes.get("reading") or text()).label,
        "device": device_name(torch.device("cpu")),
    }
    gather(path, content, [{"bound": bound} for bound in (None, *bounds)], lambda bound: recorded(bound, **sizes), tell)


def main() -> None:
    """Write the artefact: a few minutes of one CPU core."""
    record(results_folder() / "first_minute_replay.json", tell=lambda line: print(line[:60]))


if __name__ == "__main__":
    main()
