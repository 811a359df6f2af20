"""Newton's guesses of a whole trajectory, with a slider for the gain; a training whose states are passed on or not."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go

from lessons_lib import figures
from lessons_lib.checks import Question
from lessons_lib.lessons.lesson_13.newton import TOLERANCE, largest_exponent, system
from lessons_lib.lessons.lesson_13.state_passing import Passed
from lessons_lib.models import looped_states, newton_guesses
from lessons_lib.panels import Explorer, Knob, TrainingPanel
from lessons_lib.runs import Run

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
    """The live panel: the gain moves, the count climbs where the exponent turns positive."""
    return Explorer(draw, KNOBS, name="newton", prediction=prediction)


class PassingPanel(TrainingPanel):
    """A training panel with one switch more: start each step from the last state of the step before, or from zeros.

    The run's stream must be a :class:`lessons_lib.lessons.lesson_13.state_passing.Passed`.
    """

    def __init__(self, run: Run, **options: Any) -> None:
        tip = "Start every training step from the last state of the step before. Off: from zeros."
        self.passing = widgets.Checkbox(
            description="pass the state on", tooltip=tip, indent=False, layout=widgets.Layout(width="auto")
        )
        self.passing.observe(lambda _: self._pass(run), "value")
        super().__init__(run, **options)
        run.listeners.append(self._pass)

    def close(self) -> None:
        """Let go of the run, and close every widget of the panel."""
        if self._pass in self.run.listeners:
            self.run.listeners.remove(self._pass)
        super().close()

    def _rows(self) -> list[widgets.Widget]:
        *rows, body = super()._rows()
        return [*rows, self.passing, body]

    def _pass(self, run: Run) -> None:
        """Also after a reset, which builds another stream."""
        stream = run.stream
        assert isinstance(stream, Passed)
        stream.carries_state = self.passing.value
