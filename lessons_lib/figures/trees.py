"""The tree under one output of a stack of causal dilated convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from lessons_lib.figures.schemes import add_frames
from lessons_lib.figures.style import GREY, ORANGE, TEAL, finished

MOST_COLUMNS = 24


def reached_nodes(kernel_size: int, dilations: Sequence[int]) -> list[list[int]]:
    """Lags each level needs for the output at lag 0: the output first, the inputs last, each sorted.

    The node at lag s reads the level below at s, s + d, ..., s + (kernel_size - 1)d, with d the dilation
    of its level; ``dilations`` go from the lowest layer to the highest.
    """
    if kernel_size < 1 or any(dilation < 1 for dilation in dilations):
        raise ValueError(f"kernel_size={kernel_size}, dilations={list(dilations)}: each must be at least 1")
    levels = [[0]]
    for dilation in reversed(dilations):
        levels.append(sorted({s + tap * dilation for s in levels[-1] for tap in range(kernel_size)}))
    return levels


def dilated_tree(kernel_size: int = 2, dilations: Sequence[int] = (1, 2, 4, 8), *, animated: bool = False) -> go.Figure:
    """A stack of causal convolutions as a grid of nodes, time running right.

    The tree under the last output is coloured: its leaves are the receptive field.

    ``animated`` begins with the output alone and adds frames: the tree grows downwards, one layer a frame.
    """
    levels = reached_nodes(kernel_size, dilations)
    field = levels[-1][-1] + 1
    shown = field + 3
    depth = len(dilations)
    figure = go.Figure(_tree_traces(kernel_size, dilations, 0 if animated else depth, shown))
    if animated:
        names = [str(grown) for grown in range(depth + 1)]
        frames = [_tree_traces(kernel_size, dilations, grown, shown) for grown in range(depth + 1)]
        add_frames(figure, frames, names, prefix="layers followed down: ", active=0)
    figure.update_xaxes(title_text="time, steps before now", range=[-shown + 0.3, 0.7], showgrid=False)
    _name_levels(figure, dilations)
    figure.update_layout(showlegend=False)
    words = (
        f"{depth} layers of kernel size {kernel_size} with dilations {', '.join(map(str, dilations))}. "
        f"The output now depends on {len(levels[-1])} inputs, the oldest {field - 1} steps back: "
        f"receptive field {field}."
    )
    return finished(figure, "The tree under one output" if animated else f"Receptive field {field}", words)


def dilated_walk(kernel_size: int = 2, dilations: Sequence[int] = (1, 2, 4, 8), *, steps: int = 12) -> go.Figure:
    """The same stack at work, one input a frame: what is computed, and what was computed before and is kept.

    At each step one node per level is new.  A level keeps its last (kernel_size - 1) x dilation nodes, as far as the
    layer above it will reach back: together as many as the receptive field has inputs, less one.
    """
    depth = len(dilations)
    kept = [(kernel_size - 1) * dilation for dilation in dilations]
    times = range(sum(kept), sum(kept) + steps)
    figure = go.Figure(_walk_traces(kernel_size, dilations, times[0]))
    frames = [_walk_traces(kernel_size, dilations, now) for now in times]
    add_frames(figure, frames, [str(now) for now in times], prefix="input ", active=0)
    figure.update_xaxes(title_text="time", range=[-0.7, times[-1] + 0.7], showgrid=False)
    _name_levels(figure, dilations)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, margin={"t": 110})
    used = sum(len(level) for level in reached_nodes(kernel_size, dilations))
    words = (
        f"{depth} layers of kernel size {kernel_size} read a sequence. The tree under an output has {used} nodes, of "
        f"which {depth + 1} are new: one a level, the input among them. From the inputs upwards the levels keep "
        f"{', '.join(map(str, kept))} nodes for later outputs, {sum(kept)} together."
    )
    return finished(figure, f"One input more: {depth} new nodes above it", words)


def _name_levels(figure: go.Figure, dilations: Sequence[int]) -> None:
    labels = ["input", *(f"layer {n}, dilation {d}" for n, d in enumerate(dilations, start=1))]
    heights = {"tickvals": list(range(len(labels))), "range": [-0.4, len(labels) - 0.6]}
    figure.update_yaxes(ticktext=labels, showgrid=False, **heights)


def _walk_traces(kernel_size: int, dilations: Sequence[int], now: int) -> list[go.Scatter]:
    depth = len(dilations)
    new = {(now, height) for height in range(depth + 1)}
    before = {(t, height) for t in range(now) for height in range(depth + 1)}
    reaches = [(kernel_size - 1) * dilation for dilation in dilations]
    kept = {(t, height) for height, reach in enumerate(reaches) for t in range(now - reach, now)}
    edge_x: list[int | None] = []
    edge_y: list[int | None] = []
    for height, dilation in enumerate(dilations, start=1):
        for tap in range(kernel_size):
            edge_x += [now, now - tap * dilation, None]
            edge_y += [height, height - 1, None]
    return [
        _dots(sorted(before - kept), "not needed again", "circle-open", GREY),
        _dots(sorted(kept), "kept", "circle", TEAL),
        go.Scatter(x=edge_x, y=edge_y, mode="lines", name="read now", line={"color": ORANGE, "width": 2}),
        _dots(sorted(new), "new", "circle", ORANGE),
    ]


def _tree_traces(kernel_size: int, dilations: Sequence[int], grown: int, shown: int) -> list[go.Scatter]:
    depth = len(dilations)
    levels = reached_nodes(kernel_size, dilations)[: grown + 1]
    edge_x: list[int | None] = []
    edge_y: list[int | None] = []
    for step, parents in enumerate(levels[:-1]):
        height = depth - step
        for s in parents:
            for tap in range(kernel_size):
                edge_x += [-s, -s - tap * dilations[height - 1], None]
                edge_y += [height, height - 1, None]
    # In more columns the empty circles overlap and hide the tree.
    every = [(-s, height) for height in range(depth + 1) for s in range(shown if shown <= MOST_COLUMNS else 0)]
    used = [(-s, depth - step) for step, level in enumerate(levels) for s in level]
    return [
        go.Scatter(x=edge_x, y=edge_y, mode="lines", name="reads", line={"color": TEAL, "width": 2}, hoverinfo="skip"),
        _dots(every, "not read", "circle-open", GREY),
        _dots(used, "read", "circle", TEAL),
        _dots([(0, depth)], "the output", "star", ORANGE),
    ]


def _dots(points: Sequence[tuple[int, int]], name: str, symbol: str, colour: str) -> go.Scatter:
    marker = {
        "symbol": symbol,
        "color": colour,
        "size": 16 if symbol == "star" else 11,
        "line": {"color": colour, "width": 1.5},
    }
    return go.Scatter(x=[x for x, _ in points], y=[y for _, y in points], mode="markers", name=name, marker=marker)
