"""The pictures of lesson 02: one step of an LSTM, and the plot of its panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import torch
from torch import Tensor

from lessons_lib import figures
from lessons_lib.figures import finished
from lessons_lib.figures.style import BLUE, GREY, ORANGE

Point = tuple[float, float]

GATES = {"f": 2.0, "i": 4.0, "g": 5.5, "o": 7.5}
CELL, MIDDLE, GATE, BUS = 3.0, 2.1, 1.0, 0.2  # heights, from the cell's own line down to what comes in

WORDS = (
    "The cell runs along the top, from the left to the right: it is multiplied by the forget gate f, then the product "
    "of input gate i and candidate g is added. Below, the state and the input feed the four blocks f, i, g and o, "
    "each through its own U and W. The output is the output gate o times the tanh of the cell. A dashed arrow leads "
    "from the output back to the four blocks of the next step: this is the way through W."
)


def lstm_cell() -> go.Figure:
    """c_t = f c_{t-1} + i g and h_t = o tanh(c_t) as a drawing: what multiplies, what adds, what comes back."""
    figure = go.Figure()
    _arrows(figure, "cell", [(0.3, CELL), (1.75, CELL)], [(2.25, CELL), (4.5, CELL)], [(5, CELL), (9.7, CELL)])
    _arrows(figure, "inputs", [(0.6, BUS), (7.5, BUS), (7.5, 0.75)], colour=GREY, width=2)
    _arrows(figure, "inputs", *([(x, BUS), (x, 0.75)] for x in list(GATES.values())[:3]), colour=GREY, width=2)
    into = [[(4, 1.25), (4, MIDDLE), (4.5, MIDDLE)], [(5.5, 1.25), (5.5, MIDDLE), (5, MIDDLE)]]
    _arrows(figure, "gates", [(2, 1.25), (2, 2.75)], *into, [(4.75, 2.35), (4.75, 2.75)], colour=BLUE)
    _arrows(figure, "gates", [(7.5, 1.25), (7.5, MIDDLE - 0.6), (8.25, MIDDLE - 0.6)], colour=BLUE)
    _arrows(figure, "output", [(8.5, CELL), (8.5, 2.6)], [(8.5, 2.1), (8.5, 1.75)], [(8.75, 1.5), (9.7, 1.5)])
    back = [(10, 1.25), (10, -0.4), (0.1, -0.4), (0.1, 0)]
    _arrows(figure, "back through W", back, colour=ORANGE, dash="5px,4px", width=2)
    _nodes(figure, [(x, GATE) for x in GATES.values()], list(GATES), BLUE, "square", 38)
    _nodes(figure, [(2, CELL), (4.75, MIDDLE), (8.5, 1.5)], ["×"] * 3, ORANGE, "circle", 34)
    _nodes(figure, [(4.75, CELL)], ["+"], ORANGE, "circle", 34)
    _nodes(figure, [(8.5, 2.35)], ["tanh"], ORANGE, "circle", 44)
    ends = {
        (0, CELL): "c<sub>t-1</sub>",
        (10, CELL): "c<sub>t</sub>",
        (10, 1.5): "h<sub>t</sub>",
        (0.1, BUS): "h<sub>t-1</sub>, x<sub>t</sub>",
        (5, -0.65): "back through W, at the next step",
        (2, 3.4): "keep",
        (4.75, 3.4): "add",
        (8.5, 1.1): "show",
    }
    for (x, y), text in ends.items():
        figure.add_annotation(x=x, y=y, text=text, showarrow=False, font={"size": 15})
    figure.update_xaxes(visible=False, range=[-0.6, 10.6])
    figure.update_yaxes(visible=False, range=[-0.9, 3.7])
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 10, "b": 10})
    return finished(figure, "One step of an LSTM", WORDS)


def _arrows(
    figure: go.Figure,
    name: str,
    *paths: Sequence[Point],
    colour: str = ORANGE,
    dash: str = "solid",
    width: float = 3,
) -> None:
    """Lines through the points of each path, with a head at its end."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    heads: list[int] = []
    for path in paths:
        xs += [*(x for x, _ in path), None]
        ys += [*(y for _, y in path), None]
        heads += [0] * (len(path) - 1) + [13, 0]
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="lines+markers",
        name=name,
        hoverinfo="skip",
        line={"color": colour, "dash": dash, "width": width},
        marker={"symbol": "arrow", "angleref": "previous", "size": heads, "color": colour},
    )


def _nodes(
    figure: go.Figure, places: Sequence[Point], texts: Sequence[str], colour: str, symbol: str, size: int
) -> None:
    figure.add_scatter(
        x=[x for x, _ in places],
        y=[y for _, y in places],
        mode="markers+text",
        name=" ".join(texts),
        text=list(texts),
        textfont={"color": "#ffffff", "size": 14},
        hoverinfo="skip",
        marker={"symbol": symbol, "size": size, "color": colour},
    )


def echoes(left: Mapping[str, Tensor], norm: float, forget_bias: float) -> go.Figure:
    """What is left of a change j steps later, by model, beside the rules norm^j and σ(forget_bias)^j; left: (time,)."""
    gate, steps = 1 / (1 + math.exp(-forget_bias)), torch.arange(len(next(iter(left.values())))).double()
    lines = [figures.Series(name, echo) for name, echo in left.items()]
    lines += [figures.Series("rule, RNN", norm**steps, family="theorem")]
    lines += [figures.Series("rule, LSTM", gate**steps, family="baseline")]
    title = f"Norm {norm:g}, forget gate {gate:.3f}"
    figure = figures.curves(lines, title=title, x="steps later", y="left of a change", log_y=True)
    return figure.update_yaxes(range=[-4, 1.5], dtick=1)
