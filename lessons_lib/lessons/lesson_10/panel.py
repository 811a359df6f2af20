"""The picture of lesson 10's first live experiment: truncation error and bound against k, for a λ and an ε."""

from __future__ import annotations

import plotly.graph_objects as go

from lessons_lib import figures
from lessons_lib.lessons.lesson_10 import experiment as same_predictions
from lessons_lib.panels import Knob
from lessons_lib.stability import context_for, truncation_bounds

LONGEST, FLOOR, INPUTS = 80, 1e-10, same_predictions.unit_inputs(150)
KNOBS = {
    "rate": Knob("λ", "W is λ times an orthogonal matrix of 64 units.", 0.05, 2.0, 0.8, step=0.05),
    "digits": Knob("digits of ε", "ε is 10 to the power of minus this.", 0, 8, 3),
}


def error_and_bound(rate: float, digits: int) -> go.Figure:
    """Measured error and bound against k, and the two k from which on they are within ε = 10^-digits."""
    core, accuracy = same_predictions.recurrent(rate), 10.0**-digits
    ks = range(1, LONGEST + 1)
    errors = same_predictions.errors(core, INPUTS, LONGEST)
    lines = [
        figures.Series("measured", errors.clamp(min=FLOOR), ks, family="windowed"),
        figures.Series("theorem", truncation_bounds(core, ks, input_bound=1.0), ks, family="theorem"),
        figures.Series("ε", (accuracy, accuracy), (1, LONGEST), family="baseline"),
    ]
    found = same_predictions.measured_context(errors, accuracy)
    promise = context_for(core, accuracy, input_bound=1.0)
    measured = f"{found}" if found <= LONGEST else f"more than {LONGEST}"
    theorem = f"{promise}" if promise < float("inf") else "none"
    title = f"λ = {rate:.2f}, ε = {accuracy:g}: measured k: {measured}, theorem's k: {theorem}"
    marks = {name: where for name, where in (("measured", found), ("theorem", promise)) if where <= LONGEST}
    figure = figures.curves(lines, title=title, x="context length k", y="largest difference", log_y=True, marks=marks)
    return figure.update_yaxes(range=[-10.2, 1.5])
