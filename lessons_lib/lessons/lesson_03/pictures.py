"""The pictures of lesson 03 that take more lines than they teach."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go
from torch import Tensor

from lessons_lib import figures
from lessons_lib.models import TanhRNN
from lessons_lib.stability import reach


def tree_and_gradient(kernel: int, dilations: Sequence[int], by_lag: Tensor) -> tuple[go.Figure, go.Figure]:
    """The tree of a stack, and beside it the gradient of its last output by lag, with the formula's k marked.

    by_lag: (time,), at least two inputs longer than the formula's k, so that its end can be seen.
    """
    k = 1 + (kernel - 1) * sum(dilations)
    read = int((by_lag > 0).sum())
    gradient = figures.influence_curves(
        [figures.Series("gradient of the last output", by_lag, family="convolution", markers=True)],
        title=f"By gradient: {read} inputs read, the farthest at lag {reach(by_lag) - 1}",
        y="gradient",
        marks={f"formula: k = {k}": k},
        lowest=1e-4,
    )
    return figures.dilated_tree(kernel, dilations), gradient


def reach_against_parameters(parameters: Callable[[int, list[int]], int]) -> go.Figure:
    """How far stacks of 32 channels reach, against what they cost, up to 1,024 inputs.

    ``parameters(kernel, dilations)`` counts what such a stack has to learn.
    """
    powers = [2**level for level in range(1, 11)]
    doubling = [[2**level for level in range(layers)] for layers in range(1, 11)]
    stacks: dict[tuple[str, str], list[tuple[int, list[int]]]] = {
        ("one wide layer", "left alone"): [(k, [1]) for k in powers],
        ("plain layers, kernel 2", "baseline"): [(2, [1] * (k - 1)) for k in powers],
        ("doubling dilations, kernel 2", "convolution"): [(2, dilations) for dilations in doubling],
    }
    recurrent = sum(weight.numel() for weight in TanhRNN(32, 32).parameters())
    lines = [figures.Series("tanh-RNN: no end", [powers[0], powers[-1]], [recurrent] * 2, family="RNN")]
    for (name, family), sizes in stacks.items():
        cost = [parameters(kernel, dilations) for kernel, dilations in sizes]
        lines.append(figures.Series(name, powers, cost, family=family, markers=True))
    title = "Reach against parameters, 32 channels"
    figure = figures.curves(lines, title=title, x="parameters", y="reach (inputs)", log_x=True, log_y=True)
    return figure.update_xaxes(dtick=1).update_yaxes(dtick=1)
