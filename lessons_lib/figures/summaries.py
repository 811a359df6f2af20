"""Pictures of a few numbers: bars with their range, a matrix, what a matrix does to a circle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures.style import FAMILIES, GREY, Style, finished, ordered_style
from lessons_lib.figures.words import listed, rounded

CIRCLE_POINTS = 73


def bars(
    values: Mapping[str, Sequence[float] | float],
    *,
    title: str,
    y: str,
    from_zero: bool = True,
    log_y: bool = False,
    families: Mapping[str, str] | None = None,
    levels: Mapping[str, float] | None = None,
) -> go.Figure:
    """One bar a name: its mean over seeds, a whisker from lowest to highest, a dot for each seed.

    ``from_zero=False`` leaves the bars out and keeps dots and whiskers: for perplexities, where zero means
    nothing.  ``families`` maps names to styles where the name itself is not a family of the course.
    """
    figure = go.Figure()
    position = 0
    for name, given in values.items():
        seeds = [float(given)] if isinstance(given, (int, float)) else [float(v) for v in listed(given)]
        if not seeds:
            raise ValueError(f"no value for {name!r}: pass at least one number or leave the name out")
        family = (families or {}).get(name, name).lower()
        style = FAMILIES.get(family) or ordered_style(position)
        position += family not in FAMILIES
        _add_bar(figure, name, seeds, style, from_zero)
    for label, level in (levels or {}).items():
        figure.add_hline(y=level, line={**FAMILIES["baseline"].line, "width": 2}, annotation_text=label)
    figure.update_xaxes(type="category")
    figure.update_yaxes(title_text=y, type="log" if log_y else "linear")
    figure.update_layout(showlegend=False, bargap=0.45)
    return finished(figure, title)


def _add_bar(figure: go.Figure, name: str, seeds: list[float], style: Style, from_zero: bool) -> None:
    mean = sum(seeds) / len(seeds)
    if abs(mean) < 1e-9 * max(map(abs, seeds)):  # what rounding left of values that cancel
        mean = 0.0
    whisker = {
        "type": "data",
        "symmetric": False,
        "array": rounded([max(seeds) - mean]),
        "arrayminus": rounded([mean - min(seeds)]),
        "color": style.colour,
        "thickness": 2,
        "width": 8,
        "visible": len(seeds) > 1,
    }
    if from_zero:
        figure.add_bar(
            x=[name],
            y=rounded([mean]),
            error_y=whisker,
            name=name,
            marker={"color": style.fill(0.45), "line": {"color": style.colour, "width": 2}},
        )
    else:
        marker = {"symbol": "line-ew", "size": 26, "line": {"color": style.colour, "width": 3}}
        figure.add_scatter(x=[name], y=rounded([mean]), error_y=whisker, mode="markers", name=name, marker=marker)
    if len(seeds) > 1 or not from_zero:
        figure.add_scatter(
            x=[name] * len(seeds),
            y=rounded(seeds),
            mode="markers",
            name=f"{name}, each seed",
            hoverinfo="skip",
            marker={"color": style.colour, "symbol": style.symbol, "size": 8},
        )


def circle_images(
    matrices: Mapping[str, Any], *, bound: float, title: str = "The unit circle under each matrix"
) -> go.Figure:
    """Where each 2x2 matrix sends the unit circle; no stable one leaves the circle of radius ``bound``.

    The axes of an ellipse are the singular values: projection clips the long axis and keeps the short one,
    rescaling shrinks both.  Raises ValueError for a matrix that is not 2x2.
    """
    figure = go.Figure()
    angles = [2 * math.pi * step / (CIRCLE_POINTS - 1) for step in range(CIRCLE_POINTS)]
    circle = [(math.cos(angle), math.sin(angle)) for angle in angles]
    figure.add_scatter(
        x=rounded([bound * c for c, _ in circle]),
        y=rounded([bound * s for _, s in circle]),
        name=f"radius {bound:g}, the bound",
        line={"color": GREY, "dash": "dash", "width": 2},
        mode="lines",
    )
    lengths = []
    for position, (name, matrix) in enumerate(matrices.items()):
        rows = listed(matrix)
        if len(rows) != 2 or any(len(row) != 2 for row in rows):
            raise ValueError(f"matrix {name!r} is not 2x2: only a plane can be drawn")
        (a, b), (c, d) = rows
        figure.add_scatter(
            x=rounded([a * u + b * v for u, v in circle]),
            y=rounded([c * u + d * v for u, v in circle]),
            name=name,
            line=ordered_style(position).line,
            mode="lines",
        )
        lengths.append(f"{name} has semi-axes {_semi_axes(a, b, c, d)}")
    figure.update_xaxes(title_text="first coordinate")
    figure.update_yaxes(title_text="second coordinate", scaleanchor="x", scaleratio=1)
    words = f"Ellipses: {'; '.join(lengths)}. The dashed circle has radius {bound:g}."
    return finished(figure, title, words)


def _semi_axes(a: float, b: float, c: float, d: float) -> str:
    """Singular values of [[a, b], [c, d]] in closed form, as words."""
    total, determinant = a * a + b * b + c * c + d * d, a * d - b * c
    gap = math.sqrt(max(total * total - 4 * determinant * determinant, 0.0))
    return f"{math.sqrt((total + gap) / 2):.3g} and {math.sqrt(max((total - gap) / 2, 0.0)):.3g}"
