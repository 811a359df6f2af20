"""Stability makes a recurrence parallel: Newton's guesses of a whole trajectory, and a slider for the gain."""

from __future__ import annotations

import plotly.graph_objects as go

from lessons_lib import figures
from lessons_lib.checks import Question
from lessons_lib.lessons.lesson_13.newton import TOLERANCE, largest_exponent, system
from lessons_lib.models import looped_states, newton_guesses
from lessons_lib.panels import Explorer, Knob

LENGTH = 256
SHOWN = (1, 2, 4, 8, 16)  # guesses; where the last comes sooner, it stands for those after it
KNOBS = {"gain": Knob("gain", "W = gain × a rotation: above 1, W no longer contracts", 0.5, 2.5, 0.8, step=0.05)}


def draw(gain: float, *, length: int = LENGTH, seed: int = 0) -> list[go.Figure]:
    """One unit of the true trajectory under Newton's guesses, and the largest error of each guess.

    Args:
        gain: ‖W‖_2.
        length: T, steps of the trajectory.
        seed: of the rotation and the inputs.

    Returns:
        two figures; the title of the first counts the iterations and gives the largest Lyapunov exponent.
    """
    weight, drive = system(gain, length, seed)
    true = looped_states(weight, drive)
    guesses = list(newton_guesses(weight, drive, tolerance=TOLERANCE))
    count, exponent = len(guesses) - 1, largest_exponent(weight, true)
    steps = range(1, length + 1)
    lines = [figures.Series("the loop", true[:, 0], steps, family="baseline")]
    lines += [figures.Series(f"guess {i}", guesses[min(i, count)].states[:, 0], steps) for i in SHOWN]
    trajectory = figures.curves(
        lines,
        title=f"{count} iteration{'s' * (count > 1)} for {length} steps; Lyapunov exponent {exponent:+.2f}",
        x="time t (steps)",
        y="state of unit 1",
    )
    misses = [max(guess.residual, 1e-16) for guess in guesses]
    residuals = figures.curves(
        [figures.Series("residual", misses, markers=True)],
        title="By how much each guess misses the recurrence",
        x="iteration",
        y="largest |h_t - tanh(W h_{t-1} + u_t)|",
        log_y=True,
    )
    return [trajectory, residuals]


def panel(prediction: Question | None = None) -> Explorer:
    """The live panel: the gain moves, the count jumps where the exponent turns positive."""
    return Explorer(draw, KNOBS, name="newton", prediction=prediction)
