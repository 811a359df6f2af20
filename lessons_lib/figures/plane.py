"""Points in the plane: many starts of a system and where they went, and ways into a ball."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures.style import BLUE, GREY, ORANGE, finished, ordered_style
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


def ways_into_l1_ball(rows: Mapping[str, Any], *, radius: float, title: str) -> go.Figure:
    """Rows of two weights, and the diamond of all rows whose sizes add up to at most ``radius``.

    The first is where the way begins; a line leads from it to each of the others.  Raises ValueError for a row of
    another length.
    """
    places = {name: [float(v) for v in listed(row)] for name, row in rows.items()}
    for name, place in places.items():
        if len(place) != 2:
            raise ValueError(f"row {name!r} has {len(place)} weights: only a plane can be drawn")
    figure = go.Figure()
    corners = [(radius, 0), (0, radius), (-radius, 0), (0, -radius), (radius, 0)]
    figure.add_scatter(
        x=[x for x, _ in corners],
        y=[y for _, y in corners],
        name=f"radius {radius:g}, the bound",
        line={"color": GREY, "dash": "dash", "width": 2},
        mode="lines",
    )
    (start, begin), *others = places.items()
    told = [f"{start} at ({begin[0]:.3g}, {begin[1]:.3g})"]
    for position, (name, place) in enumerate([(start, begin), *others]):
        style = ordered_style(position)
        figure.add_scatter(
            x=rounded([begin[0], place[0]]),
            y=rounded([begin[1], place[1]]),
            name=name,
            mode="lines+markers",
            line=style.line,
            marker={"color": style.colour, "size": [0, 11] if position else [11, 11]},
        )
        if position:
            told.append(f"{name} at ({place[0]:.3g}, {place[1]:.3g}), {math.dist(begin, place):.3g} away")
    figure.update_xaxes(title_text="first weight")
    figure.update_yaxes(title_text="second weight", scaleanchor="x", scaleratio=1)
    words = f"A diamond with its corners at {radius:g} on both axes, and rows of two weights: {'; '.join(told)}."
    return finished(figure, title, words)
