"""Score against context length, task by task, with the recurrent models as a band."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lessons_lib.figures.style import Style, finished, style_of
from lessons_lib.figures.words import rounded

COLUMNS, ROW_HEIGHT = 3, 290


@dataclass(frozen=True)
class KScores:
    """What one task's models reached.

    Args:
        task, unit: of the plot's title and its vertical axis.
        name, family: of the feed-forward model; family picks its style.
        by_k: scores of every seed for each context length k.
        recurrent: scores of every seed for each recurrent model, which see the whole past.
        levels: further scores to compare with, by name.
        more_is_better: which way the axis is read.
    """

    task: str
    unit: str
    name: str
    family: str
    by_k: Mapping[int, Sequence[float]]
    recurrent: Mapping[str, Sequence[float]]
    levels: Mapping[str, float] = field(default_factory=dict)
    more_is_better: bool = False

    def in_words(self) -> str:
        ends = [f"{_mean(self.by_k[k]):.3g} at k = {k}" for k in (min(self.by_k), max(self.by_k))]
        rivals = ", ".join(f"{name} {_mean(scores):.3g}" for name, scores in self.recurrent.items())
        better = "more" if self.more_is_better else "less"
        levels = "".join(f", {name} {level:.3g}" for name, level in self.levels.items())
        return f"{self.task} ({self.unit}, {better} is better): {self.name} {', '.join(ends)}; {rivals}{levels}"


def score_against_k(tasks: Sequence[KScores], *, title: str) -> go.Figure:
    """One small plot a task: mean and range over seeds at every k; the recurrent models' whole range as a band.

    Raises:
        ValueError: no task, or a task without scores on one of the two sides.
    """
    if not tasks or any(not one.by_k or not one.recurrent for one in tasks):
        raise ValueError("give at least one task, each with scores for some k and for some recurrent model")
    columns = min(COLUMNS, len(tasks))
    rows = -(-len(tasks) // columns)
    better = [f"{one.task}: {'more' if one.more_is_better else 'less'} is better" for one in tasks]
    figure = make_subplots(rows, columns, subplot_titles=better, horizontal_spacing=0.09, vertical_spacing=0.2)
    shown: set[str] = set()
    for index, one in enumerate(tasks):
        row, column = divmod(index, columns)
        for trace in _traces(one):
            trace.showlegend = trace.hoverinfo != "skip" and trace.name not in shown
            shown.add(trace.name if trace.showlegend else "")
            figure.add_trace(trace, row=row + 1, col=column + 1)
        ks = sorted(one.by_k)
        ticks = {"tickvals": ks, "ticktext": [str(k) for k in ks], "title_text": "k", "title_font_size": 12}
        figure.update_xaxes(type="log", **ticks, row=row + 1, col=column + 1)
        figure.update_yaxes(title_text=one.unit, title_font_size=12, row=row + 1, col=column + 1)
    figure.update_annotations(font_size=13)
    figure.update_layout(
        height=ROW_HEIGHT * rows + 110,
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"t": 80, "b": 110},
    )
    return finished(figure, title, drawing=". ".join(one.in_words() for one in tasks) + ".")


def _traces(one: KScores) -> list[go.Scatter]:
    ks = sorted(one.by_k)
    ends, style = [ks[0], ks[-1]], style_of(one.family)
    everyone = [score for scores in one.recurrent.values() for score in scores]
    low, high = min(everyone), max(everyone)
    lows, highs = ([pick(one.by_k[k]) for k in ks] for pick in (min, max))
    traces = [
        _band(ends, [low, low], [high, high], style_of("lstm"), "recurrent, range"),
        _band(ks, lows, highs, style, f"{one.name}, range"),
    ]
    for name, scores in one.recurrent.items():
        traces.append(_line(ends, [_mean(scores)] * 2, _recurrent_style(name), name))
    for name, level in one.levels.items():
        traces.append(_line(ends, [level, level], style_of("baseline"), name))
    line = _line(ks, [_mean(one.by_k[k]) for k in ks], style, one.name)
    line.mode = "lines+markers"
    return [*traces, line]


def _recurrent_style(name: str) -> Style:
    return style_of({"tanh-RNN": "rnn", "LSTM + attention": "lstm"}.get(name, name))


def _line(x: Sequence[float], y: Sequence[float], style: Style, name: str) -> go.Scatter:
    marker = {"symbol": style.symbol, "color": style.colour, "size": 8}
    return go.Scatter(
        x=rounded(x),
        y=rounded(y),
        mode="lines",
        name=name,
        legendgroup=name,
        line={**style.line, "width": 2},
        marker=marker,
    )


def _band(x: Sequence[float], low: Sequence[float], high: Sequence[float], style: Style, name: str) -> go.Scatter:
    return go.Scatter(
        x=rounded([*x, *reversed(x)]),
        y=rounded([*high, *reversed(low)]),
        fill="toself",
        fillcolor=style.fill(),
        mode="lines",
        line={"width": 0},
        name=name,
        hoverinfo="skip",
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
