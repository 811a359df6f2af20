"""A recurrence unrolled in time, stepped through number by number."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lessons_lib.figures.schemes import add_frames
from lessons_lib.figures.style import BLUE, GREY, ORANGE, finished

GAP = 0.26  # between a node's centre and an arrow
MOST_STEPS = 10  # for the numbers to fit into their nodes


def unrolled_graph(inputs: Sequence[float], states: Sequence[float]) -> go.Figure:
    """h_t = φ(h_{t-1}, x_t) drawn out in time, one frame a step: inputs below, states above.

    A frame shows the step in hand: the state that is being computed, and the two numbers it is computed from.  What
    is known carries its number, what is still to come its name.

    Args:
        inputs: x_1, ..., x_T, at most 10.
        states: h_0, h_1, ..., h_T.

    Raises ValueError when there is not one state more than inputs, or there are too many to be read.
    """
    steps = len(inputs)
    if not 1 <= steps <= MOST_STEPS or len(states) != steps + 1:
        raise ValueError(f"{steps} inputs and {len(states)} states: draw 1 to {MOST_STEPS} inputs, and one state more")
    frames = [_traces(inputs, states, now) for now in range(steps + 1)]
    figure = go.Figure(frames[-1])
    add_frames(
        figure, frames, [str(now) for now in range(steps + 1)], prefix="steps taken: ", active=steps, redraw=True
    )
    figure.update_xaxes(title_text="step", dtick=1, showgrid=False, range=[-0.6, steps + 0.6])
    figure.update_yaxes(tickvals=[0, 1], ticktext=["inputs", "states"], showgrid=False, range=[-0.45, 1.45])
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, margin={"t": 100}, height=440)
    listed = ", ".join(f"{value:.2g}" for value in states[1:])
    words = (
        f"{steps} copies of one cell in a row. Each state is computed from the state before it and its own input. "
        f"The inputs are {', '.join(f'{value:.2g}' for value in inputs)}; the states become {listed}."
    )
    return finished(figure, "One cell, unrolled in time", words)


def _traces(inputs: Sequence[float], states: Sequence[float], now: int) -> list[go.Scatter]:
    steps = len(inputs)

    def nodes(places: Sequence[tuple[int, int]], name: str, colour: str, known: bool) -> go.Scatter:
        values = [(inputs[t - 1] if row == 0 else states[t]) for t, row in places]
        letters = [f"{'xh'[row]}<sub>{t}</sub>" for t, row in places]
        return go.Scatter(
            x=[t for t, _ in places],
            y=[row for _, row in places],
            mode="markers+text",
            name=name,
            text=[f"{value:.2f}" for value in values] if known else letters,
            textfont={"color": "#ffffff" if known else GREY, "size": 13},
            hovertext=letters,
            hoverinfo="text",
            marker={
                "symbol": "circle",
                "size": 42,
                "color": colour if known else "rgba(128,128,128,0.12)",
                "line": {"color": colour, "width": 1.5},
            },
        )

    waiting = [(t, row) for t in range(now + 1, steps + 1) for row in (0, 1)]
    known = [(0, 1), *((t, row) for t in range(1, now + 1) for row in (0, 1))]
    current = [(now, 1)] if now else []
    return [
        _arrows(range(now + 1, steps + 1), "to come", GREY, 1.5),
        _arrows(range(1, now), "computed", BLUE, 3),
        _arrows([now] if now else [], "computed now", ORANGE, 4),
        nodes(waiting, "not known yet", GREY, known=False),
        nodes([place for place in known if place not in current], "known", BLUE, known=True),
        nodes(current, "new", ORANGE, known=True),
    ]


def _arrows(steps: Sequence[int], name: str, colour: str, width: float) -> go.Scatter:
    """For each step the arrow from the state before and the arrow from the input."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    sizes: list[int] = []
    for t in steps:
        xs += [t - 1 + GAP, t - GAP, None, t, t, None]
        ys += [1, 1, None, GAP, 1 - GAP, None]
        sizes += [0, 14, 0] * 2
    return go.Scatter(
        x=xs,
        y=ys,
        mode="lines+markers",
        name=name,
        showlegend=False,
        hoverinfo="skip",
        line={"color": colour, "width": width},
        marker={"symbol": "arrow", "angleref": "previous", "size": sizes, "color": colour},
    )
