"""Many starts of a system in the plane, and where they went."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures.style import BLUE, GREY, ORANGE, finished
from lessons_lib.figures.words import listed, rounded


def orbits(states: Any, *, title: str, matrix: Any = None) -> go.Figure:
    """The paths of several starts in the box (-1, 1)², with their first and last places.

    Args:
        states: (steps + 1, starts, 2), the starts first.
        matrix: (2, 2), drawn as what it makes of the circle of radius 1/2: its longest radius is half the norm.

    Raises ValueError when the states do not lie in a plane.
    """
    steps = [[[float(v) for v in place] for place in step] for step in listed(states)]
    if not steps or any(len(place) != 2 for step in steps for place in step):
        raise ValueError("states must have the shape (steps + 1, starts, 2): only a plane can be drawn")
    path_x: list[float | None] = []
    path_y: list[float | None] = []
    for path in zip(*steps, strict=True):
        path_x += [*(x for x, _ in path), None]
        path_y += [*(y for _, y in path), None]
    figure = go.Figure()
    figure.add_scatter(
        x=rounded(path_x, 3), y=rounded(path_y, 3), mode="lines", name="paths", line={"color": GREY, "width": 1}
    )
    if matrix is not None:
        turns = [2 * math.pi * i / 72 for i in range(73)]
        images = [[(a * math.cos(s) + b * math.sin(s)) / 2 for s in turns] for a, b in listed(matrix)]
        line = {"color": GREY, "width": 1.5, "dash": "dot"}
        figure.add_scatter(x=rounded(images[0], 3), y=rounded(images[1], 3), mode="lines", name="W", line=line)
    for name, places, symbol, colour in (("start", steps[0], "circle-open", BLUE), ("end", steps[-1], "x", ORANGE)):
        figure.add_scatter(
            x=rounded([x for x, _ in places], 3),
            y=rounded([y for _, y in places], 3),
            mode="markers",
            name=name,
            marker={"symbol": symbol, "color": colour, "size": 10, "line": {"width": 2}},
        )
    figure.update_xaxes(title_text="first coordinate of h", range=[-1.05, 1.05])
    figure.update_yaxes(title_text="second coordinate of h", range=[-1.05, 1.05])
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"})
    first, last = (max(math.dist(a, b) for a in places for b in places) for places in (steps[0], steps[-1]))
    words = (
        f"{len(steps[0])} starts in the plane, at most {first:.2g} apart; "
        f"after {len(steps) - 1} steps they are at most {last:.2g} apart."
    )
    return finished(figure, title, words)
