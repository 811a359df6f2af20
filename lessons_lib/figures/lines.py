"""Curves: everything the course draws against steps, lags and context lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures.style import FAMILIES, GREY, Style, finished, ordered_style, style_of
from lessons_lib.figures.words import listed, rounded

Numbers = Any  # a list, tuple, array or tensor of numbers


@dataclass(frozen=True)
class Series:
    """One named curve: ``y`` against ``x`` (0, 1, 2, ... when omitted), with an optional band ``low`` to
    ``high``.

    ``family`` picks the fixed style; left out, it is the name where that is a family of the course, and
    otherwise the curve takes its turn in a colour order for curves that differ by a number, or the place in it
    that ``place`` names.
    """

    name: str
    y: Numbers
    x: Numbers | None = None
    low: Numbers | None = None
    high: Numbers | None = None
    family: str | None = None
    markers: bool = False
    place: int | None = None

    def style(self, position: int) -> Style:
        if self.place is not None:
            return ordered_style(self.place)
        if self.family is not None:
            return style_of(self.family)
        return FAMILIES.get(self.name.lower()) or ordered_style(position)

    @classmethod
    def over_seeds(cls, name: str, runs: Sequence[Numbers], x: Numbers | None = None, **more: Any) -> Series:
        """The mean of several runs (seeds) of equal length, with their lowest and highest as the band."""
        columns = list(zip(*(listed(run) for run in runs), strict=True))
        mean = [sum(column) / len(column) for column in columns]
        low, high = [min(column) for column in columns], [max(column) for column in columns]
        return cls(name, mean, x, low, high, **more)


def curves(
    series: Sequence[Series],
    *,
    title: str,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
    marks: Mapping[str, float] | None = None,
    levels: Mapping[str, float] | None = None,
) -> go.Figure:
    """Several curves in one picture; axis titles carry their units.

    ``marks`` are labelled vertical lines (a truncation length, the step at which λ moved), ``levels``
    labelled horizontal ones (an optimum, a baseline).

    Raises ValueError when a curve's x and y differ in length.
    """
    figure = go.Figure()
    position = 0
    for one in [*series, *_levels(series, levels or {})]:
        style = one.style(position)
        position += one.family is None and one.name.lower() not in FAMILIES
        ys = rounded(listed(one.y))
        xs = rounded(listed(one.x)) if one.x is not None else list(range(len(ys)))
        if len(xs) != len(ys):
            raise ValueError(f"curve {one.name!r} has {len(xs)} values of x and {len(ys)} of y")
        if one.low is not None and one.high is not None:
            _add_band(figure, one, xs, style)
        figure.add_scatter(
            x=xs,
            y=ys,
            name=one.name,
            legendgroup=one.name,
            mode="lines+markers" if one.markers or len(ys) == 1 else "lines",  # one point makes no line
            line=style.line,
            marker={"symbol": style.symbol, "color": style.colour},
        )
    for label, place in (marks or {}).items():
        stroke = {"color": GREY, "dash": "dash", "width": 1.5}
        figure.add_shape(type="line", x0=place, x1=place, xref="x", y0=0, y1=1, yref="y domain", line=stroke)
        # Plotly wants the logarithm here, unlike for the line itself.
        figure.add_annotation(
            x=log10(place) if log_x else place,
            yref="paper",
            y=1,
            yanchor="bottom",
            text=label,
            showarrow=False,
        )
    figure.update_xaxes(title_text=x, type="log" if log_x else "linear")
    figure.update_yaxes(title_text=y, type="log" if log_y else "linear")
    return finished(figure, title)


def spectrum(singular_values: Numbers | Mapping[str, Numbers], bound: float | None = None) -> go.Figure:
    """Singular values of the recurrent matrix, largest first, with the bound λ drawn in.

    Pass a mapping to compare several matrices, e.g. ``{"before": ..., "projected": ...}``.
    """
    named = singular_values if isinstance(singular_values, Mapping) else {"singular values": singular_values}
    series = []
    for name, values in named.items():
        ordered = sorted(listed(values), reverse=True)
        series.append(Series(name, ordered, range(1, len(ordered) + 1), markers=True))
    figure = curves(
        series,
        title="Singular values of the recurrent matrix",
        x="rank",
        y="singular value",
        levels=None if bound is None else {f"bound λ = {bound:g}": bound},
    )
    figure.update_yaxes(rangemode="tozero")
    return finished(figure)


def error_against_bound(
    context_lengths: Numbers,
    errors: Numbers | Mapping[str, Numbers],
    bound: Numbers,
    *,
    accuracy: float | None = None,
    title: str = "How much the cut-off past mattered",
) -> go.Figure:
    """Measured truncation error against context length k, under the theorem's bound, on a log axis."""
    named = errors if isinstance(errors, Mapping) else {"measured": errors}
    series = [Series(name, values, context_lengths) for name, values in named.items()]
    series.append(Series("theorem", bound, context_lengths))
    return curves(
        series,
        title=title,
        x="context length k (tokens)",
        y="largest difference of the outputs",
        log_y=True,
        levels=None if accuracy is None else {f"accuracy ε = {accuracy:g}": accuracy},
    )


def _levels(series: Sequence[Series], levels: Mapping[str, float]) -> list[Series]:
    """Horizontal lines as curves of two points, so that they stand in the legend and hide nothing."""
    places = [
        value
        for one in series
        for value in (listed(one.x) if one.x is not None else (0, max(1, len(listed(one.y)) - 1)))
    ]
    ends = (min(places, default=0), max(places, default=1))
    named = {name: "optimum" if name.lower().startswith("optimum") else "baseline" for name in levels}
    dots = ends[0] == ends[1]  # between curves of one point at the same place no line has a length
    return [Series(name, (level, level), ends, family=named[name], markers=dots) for name, level in levels.items()]


def _add_band(figure: go.Figure, one: Series, xs: list[Any], style: Style) -> None:
    low, high = rounded(listed(one.low)), rounded(listed(one.high))
    figure.add_scatter(
        x=[*xs, *reversed(xs)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=style.fill(),
        line={"width": 0},
        mode="lines",
        name=f"{one.name}, range",
        legendgroup=one.name,
        showlegend=False,
        hoverinfo="skip",
    )
