"""The picture of lesson 08's live experiment: a ring of starts in the plane, and how far apart they are."""

from __future__ import annotations

import plotly.graph_objects as go
import torch

from lessons_lib import figures
from lessons_lib.lessons.lesson_08 import experiment as forgetting
from lessons_lib.lessons.lesson_08 import questions
from lessons_lib.panels import Choice, Knob
from lessons_lib.stability import spectral_radius

STEPS, FLOOR = 40, 1e-9
KNOBS = {
    "matrix": Choice("W", "Which matrix", forgetting.PLANE, "rotation"),
    "rate": Knob("λ = ‖W‖", "The spectral norm of W.", 0.05, 3.0, 0.8, step=0.05),
    "size": Knob("inputs", "Size of the random inputs, the same for all starts.", 0.0, 3.0, 0.0, step=0.25),
}


def starts_in_the_plane(matrix: str, rate: float, size: float) -> tuple[go.Figure, go.Figure]:
    """The paths of twelve starts under the system of this name, and the largest distance beside the promise λ^t.

    ``size``: of the inputs, the same for all starts.  The ring is wide where a narrow one would lie in one basin.
    """
    system = forgetting.plane_system(matrix, rate)
    ring = forgetting.ring(radius=0.95 if matrix == "two places" else 0.3)
    states = system.follow(ring, STEPS, size * forgetting.noise(STEPS))
    apart = forgetting.spread(states)
    promise = apart[0] * rate ** torch.arange(STEPS + 1)
    lines = [
        figures.Series("largest distance", apart.clamp(min=FLOOR), family="rnn"),
        figures.Series("promised: λ^t", promise.clamp(max=30), family="theorem"),
    ]
    axis = f"distance (drawn down to {FLOOR:g})"
    right = figures.curves(lines, title="How far apart", x="step t", y=axis, log_y=True)
    radius = float(spectral_radius(system.weight))
    left = figures.orbits(states, title=f"{system.name}, radius {radius:.2f}", matrix=system.weight)
    return left, right.update_yaxes(range=[-9.2, 1.6])


def driven_ring(matrix: str, rate: float, size: float) -> str | None:
    """What a setting shows about ``bet_inputs``; None at any other than a rotation of 1.5 with inputs of 1 or more."""
    if matrix != "rotation" or abs(rate - 1.5) > 0.01 or size < 1:
        return None
    states = forgetting.plane_system(matrix, rate).follow(forgetting.ring(), STEPS, size * forgetting.noise(STEPS))
    apart = forgetting.spread(states)
    return questions.ring(float(apart[-1] / apart[0]))
