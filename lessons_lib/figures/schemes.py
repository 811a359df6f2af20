"""Which positions each truncation scheme lets a gradient reach, and frames for any drawing."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lessons_lib.figures.style import BLUE, GREY, ORANGE, finished

SCHEMES = ("full", "chunked", "exact")


def gradient_reach(scheme: str, position: int, truncation_length: int) -> range:
    """The input positions whose gradient the loss at ``position`` contributes to.

    full: everything since the stream's start.  chunked: since the last multiple of k, so 1 to k positions.
    exact: exactly k positions, the input at ``position`` being the first.

    Raises ValueError for an unknown scheme or a k below 1.
    """
    if truncation_length < 1:
        raise ValueError(f"truncation_length={truncation_length}: it must be at least 1")
    match scheme:
        case "full":
            return range(position + 1)
        case "chunked":
            return range(position - position % truncation_length, position + 1)
        case "exact":
            return range(max(0, position - truncation_length + 1), position + 1)
    raise ValueError(f"no truncation scheme {scheme!r}: choose one of {', '.join(SCHEMES)}")


def truncation_schemes(
    steps: int = 12,
    truncation_length: int = 4,
    position: int | None = None,
    schemes: Sequence[str] = SCHEMES,
    stepped: bool = False,
) -> go.Figure:
    """One unrolled chain of states per scheme; the loss at ``position`` (the last one when omitted) and the
    states its gradient reaches are filled.  Forward, the state runs through every cut.

    ``stepped`` adds a slider that moves the loss along the stream, one position a frame.
    """
    last = steps - 1 if position is None else position
    if not 0 <= last < steps:
        raise ValueError(f"position={last} is outside the {steps} steps drawn")
    figure = go.Figure(_scheme_traces(steps, truncation_length, last, schemes))
    for row, scheme in enumerate(schemes):
        if scheme == "chunked":
            for cut in range(truncation_length, steps, truncation_length):
                ends = {"x0": cut - 0.5, "x1": cut - 0.5, "y0": row - 0.3, "y1": row + 0.3}
                figure.add_shape(type="line", **ends, line={"color": ORANGE, "dash": "dot", "width": 2})
    if stepped:
        frames = [_scheme_traces(steps, truncation_length, t, schemes) for t in range(steps)]
        add_frames(figure, frames, [str(t) for t in range(steps)], prefix="loss at position ", active=last)
    figure.update_xaxes(title_text="position in the stream", dtick=1, showgrid=False, range=[-0.7, steps - 0.3])
    figure.update_yaxes(
        tickvals=list(range(len(schemes))),
        ticktext=list(schemes),
        range=[len(schemes) - 0.4, -0.6],
        showgrid=False,
    )
    reached = (_reach_in_words(s, gradient_reach(s, last, truncation_length)) for s in schemes)
    words = f"With k = {truncation_length}, the gradient of the loss at position {last} reaches: "
    return finished(figure, f"Where the gradient stops, k = {truncation_length}", words + "; ".join(reached) + ".")


def _scheme_traces(steps: int, k: int, last: int, schemes: Sequence[str]) -> list[go.Scatter]:
    reached = [(t, row) for row, scheme in enumerate(schemes) for t in gradient_reach(scheme, last, k)]
    chain_x: list[float | None] = []
    chain_y: list[float | None] = []
    for row in range(len(schemes)):
        chain_x += [0, steps - 1, None]
        chain_y += [row, row, None]
    path_x: list[float | None] = []
    path_y: list[float | None] = []
    for row, scheme in enumerate(schemes):
        path_x += [last, gradient_reach(scheme, last, k).start, None]
        path_y += [row, row, None]
    every = [(t, row) for row in range(len(schemes)) for t in range(steps)]
    here = [(last, row) for row in range(len(schemes))]
    return [
        go.Scatter(
            x=chain_x,
            y=chain_y,
            mode="lines",
            name="state carried forward",
            line={"color": GREY, "width": 1.5},
        ),
        go.Scatter(x=path_x, y=path_y, mode="lines", name="gradient", line={"color": BLUE, "width": 5}),
        _nodes(every, "no gradient", "circle-open", GREY, 14),
        _nodes(reached, "reached", "circle", BLUE, 15),
        _nodes(here, "the loss", "star", ORANGE, 18),
    ]


def _nodes(points: Sequence[tuple[int, int]], name: str, symbol: str, colour: str, size: int) -> go.Scatter:
    return go.Scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        mode="markers",
        name=name,
        marker={"symbol": symbol, "color": colour, "size": size, "line": {"color": colour, "width": 2}},
    )


def _reach_in_words(scheme: str, reach: range) -> str:
    return f"{scheme}, positions {reach.start} to {reach.stop - 1}" if len(reach) > 1 else f"{scheme}, only itself"


def add_frames(
    figure: go.Figure,
    frames: Sequence[Sequence[go.Scatter]],
    names: Sequence[str],
    *,
    prefix: str,
    active: int,
    redraw: bool = False,
) -> None:
    """Animation frames that replace the figure's first traces, a slider over them and a Play button.

    ``redraw`` where a trace is empty in some frame: without it plotly leaves the last points there.
    """
    figure.frames = [
        go.Frame(data=list(data), name=name, traces=list(range(len(data))))
        for data, name in zip(frames, names, strict=True)
    ]
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": redraw}, "transition": {"duration": 0}}
    moving = {**still, "fromcurrent": True, "frame": {"duration": 700, "redraw": redraw}}
    stops = [{"label": name, "method": "animate", "args": [[name], still]} for name in names]
    play = {"label": "Play", "method": "animate", "args": [None, moving]}
    pause = {"label": "Pause", "method": "animate", "args": [[None], still]}
    below = {"y": 0, "yanchor": "top", "pad": {"t": 60}}
    shown = {"prefix": prefix, "xanchor": "left"}
    figure.update_layout(
        sliders=[{**below, "x": 0.38, "len": 0.62, "active": active, "steps": stops, "currentvalue": shown}],
        updatemenus=[
            {
                **below,
                "type": "buttons",
                "direction": "left",
                "buttons": [play, pause],
                "x": 0,
                "xanchor": "left",
            }
        ],
        height=490,
    )
