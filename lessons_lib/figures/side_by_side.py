"""Small multiples: several curve figures under one title, with one legend."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lessons_lib.figures.style import finished
from lessons_lib.figures.words import describe

HEIGHT = 400


def side_by_side(figures: Mapping[str, go.Figure], *, title: str, same_y: bool = True) -> go.Figure:
    """Figures made by :func:`curves`, one beside the other, each under its own heading; its own title goes.

    Args:
        figures: by heading.
        title: of the whole.
        same_y: one vertical axis for all, labelled once.

    Raises:
        ValueError: no figure, or one with marks, for which there is no room below the headings.
    """
    if not figures:
        raise ValueError("figures is empty: give at least one")
    for heading, figure in figures.items():
        if figure.layout.shapes or figure.layout.annotations:
            raise ValueError(f"figure {heading!r} has marks, which do not fit below its heading: draw it without them")
    headings = list(figures)
    gap = 0.04 if same_y else 0.4 / (1 + len(figures))
    whole = make_subplots(1, len(figures), subplot_titles=headings, shared_yaxes=same_y, horizontal_spacing=gap)
    known: set[str] = set()
    for column, figure in enumerate(figures.values(), start=1):
        for trace in figure.data:
            shown = trace.showlegend is not False and trace.name not in known
            whole.add_trace(trace.update(showlegend=shown), row=1, col=column)
            known |= {trace.name} if shown else set()
        for update, axis in ((whole.update_xaxes, figure.layout.xaxis), (whole.update_yaxes, figure.layout.yaxis)):
            # Between the powers of ten there is no room for more figures.
            update(type=axis.type, range=axis.range, dtick=1 if axis.type == "log" else None, row=1, col=column)
        whole.update_xaxes(title_text=figure.layout.xaxis.title.text, row=1, col=column)
        if column == 1 or not same_y:
            whole.update_yaxes(title_text=figure.layout.yaxis.title.text, row=1, col=column)
    whole.update_annotations(font_size=13)
    whole.update_layout(
        height=HEIGHT,
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": 84, "b": 104},
    )
    parts = [describe(figure.update_layout(title_text=heading)) for heading, figure in figures.items()]
    return finished(whole, title, drawing=" ".join(parts))
