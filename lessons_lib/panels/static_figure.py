"""Several plots in one static plotly figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

COLUMNS = 2


def side_by_side(plots: Sequence[tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]]) -> go.Figure:
    """One figure of several plots, two in a row, from the traces and the layout of each."""
    columns = min(COLUMNS, len(plots))
    rows = -(-len(plots) // columns)
    titles = [layout.get("title", {}).get("text", "") for _, layout in plots]
    figure = make_subplots(rows, columns, subplot_titles=titles, vertical_spacing=0.16)
    heights = [0.0] * rows
    for index, (traces, layout) in enumerate(plots):
        row, column = divmod(index, columns)
        heights[row] = max(heights[row], layout.get("height", 400))
        for trace in traces:
            own = {key: value for key, value in trace.items() if key != "legend"}
            figure.add_trace(go.Scatter(own), row=row + 1, col=column + 1)
        figure.update_xaxes(layout.get("xaxis", {}), row=row + 1, col=column + 1)
        figure.update_yaxes(layout.get("yaxis", {}), row=row + 1, col=column + 1)
        for shape in layout.get("shapes", ()):
            figure.add_shape(_moved(shape, index + 1))
        for words in layout.get("annotations", ()):
            figure.add_annotation(_moved(words, index + 1))
    figure.update_layout(height=sum(heights))
    return figure


def _moved(item: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A shape or annotation of a plot of its own, in the axes of subplot ``number``."""
    places = {ref: str(item.get(ref, ref[0])).replace(ref[0], f"{ref[0]}{number}") for ref in ("xref", "yref")}
    return {**item, **{ref: place.replace("x1", "x").replace("y1", "y") for ref, place in places.items()}}
