"""Stability makes a recurrence parallel: Newton's guesses of a whole trajectory, and a slider for the gain."""

from __future__ import annotations

import plotly.graph_objects as go

from lessons_lib import figures
from lessons_lib.checks import Question
from lessons_lib.lessons.lesson_13.newton import TOLERANCE, largest_exponent, system
from lessons_lib.models import looped_states, newton_guesses
from lessons_lib.panels import Explorer, Knob

LENGTH = 256
WINDOW = slice(40, 80)  # a few steps of the middle: of 256 nothing could be told apart
DRAWN, MEASURED = (1, 2, 4), (1, 2, 4, 8, 16, 32, 64)  # guesses; the last stands for those that are not needed
EXACT = 1e-16  # stands for no error on a logarithmic axis
KNOBS = {"gain": Knob("gain", "W = gain × a rotation: above 1, W no longer contracts", 0.5, 2.5, 0.8, step=0.05)}


def draw(gain: float, *, length: int = LENGTH, seed: int = 0) -> list[go.Figure]:
    """Forty steps of one unit under Newton's first guesses, and each guess's distance from the loop at every step.

    Args:
        gain: ‖W‖_2.
        length: T, steps of the trajectory.
        seed: of the rotation and the inputs.

    Returns:
        two figures; the title of the first counts the iterations and gives the largest Lyapunov exponent.
    """
    weight, drive = system(gain, length, seed)
    true = looped_states(weight, drive)
    guesses = [guess.states for guess in newton_guesses(weight, drive, tolerance=TOLERANCE)]
    count, exponent = len(guesses) - 1, largest_exponent(weight, true)
    steps = range(1, length + 1)
    lines = [figures.Series("the loop", true[WINDOW, 0], steps[WINDOW], family="left alone", markers=True)]
    lines += [figures.Series(f"guess {i}", guesses[min(i, count)][WINDOW, 0], steps[WINDOW]) for i in DRAWN]
    trajectory = figures.curves(
        lines,
        title=f"{count} iteration{'s' * (count > 1)} for {length} steps; Lyapunov exponent {exponent:+.2f}",
        x="time t (steps)",
        y="state of unit 1",
    )
    apart = [(guesses[min(i, count)] - true).abs().amax(1).clamp(min=EXACT) for i in MEASURED]
    distances = figures.curves(
        [figures.Series(f"guess {i}", distance, steps) for i, distance in zip(MEASURED, apart, strict=True)],
        title="What each guess has right: its distance from the loop",
        x="time t (steps)",
        y="largest difference of a unit",
        log_y=True,
    )
    return [trajectory, distances]


def panel(prediction: Question | None = None) -> Explorer:
    """The live panel: the gain moves, the count jumps where the exponent turns positive."""
    return Explorer(draw, KNOBS, name="newton", prediction=prediction)
