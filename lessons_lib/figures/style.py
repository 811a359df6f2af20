"""How every picture of the course looks: one template, and one colour *and* dash per model family.

The background is transparent and every colour has a contrast of at least 3 to 1 against both white and
JupyterLab's dark page, so that a stored figure can be read in either theme.
"""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go
import plotly.io

from lessons_lib.figures.words import describe

BLUE, ORANGE, PURPLE, GREEN = "#3a7bd5", "#d9692b", "#9a62cf", "#2f9560"
TEAL, PINK, OLIVE, RED, GREY = "#1593a5", "#d0508f", "#94801f", "#d64545", "#808080"


@dataclass(frozen=True)
class Style:
    """Line colour, plotly dash (pixels on and off) and marker symbol of one model family."""

    colour: str
    dash: str
    symbol: str

    @property
    def line(self) -> dict[str, str]:
        return {"color": self.colour, "dash": self.dash}

    def fill(self, opacity: float = 0.18) -> str:
        """The colour, transparent enough for a band behind the line."""
        red, green, blue = (int(self.colour[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity:g})"


# A stable variant keeps its parent's colour and breaks its line; feed-forward families have their own.
FAMILIES: dict[str, Style] = {
    "rnn": Style(BLUE, "solid", "circle"),
    "stable rnn": Style(BLUE, "9px,3px", "circle-open"),
    "lstm": Style(ORANGE, "18px,2px", "square"),
    "clipped lstm": Style(ORANGE, "6px,2px", "square-dot"),
    "stable lstm": Style(ORANGE, "9px,3px,2px,3px", "square-open"),
    "published lstm": Style(ORANGE, "3px,2px", "square-x-open"),
    "wide stable lstm": Style(RED, "9px,3px,2px,3px,2px,3px", "square-cross-open"),
    "gru": Style(PURPLE, "14px,3px,4px,3px", "diamond"),
    "windowed": Style(RED, "4px,3px", "triangle-down"),
    "convolution": Style(TEAL, "6px,2px", "triangle-up"),
    "tcn": Style(TEAL, "12px,4px", "triangle-up-open"),
    "gated convolution": Style(OLIVE, "12px,3px,2px,3px", "cross"),
    "wavenet": Style(OLIVE, "6px,3px,2px,3px", "x"),
    "transformer": Style(PINK, "5px,2px,5px,6px", "star"),
    "linear recurrence": Style(PURPLE, "2px,2px", "diamond-open"),
    "stable linear recurrence": Style(PURPLE, "7px,2px", "diamond-cross-open"),
    "qrnn": Style(PINK, "16px,3px", "hexagon"),
    "stable qrnn": Style(PINK, "8px,2px", "hexagon-open"),
    "optimum": Style(GREY, "solid", "line-ew"),
    "theorem": Style(GREY, "dash", "line-ew"),
    "baseline": Style(GREY, "dot", "line-ew"),
    "left alone": Style(GREY, "2px,1px", "circle-open"),
}
# For curves that differ by a number (k, λ, seed) and not by family: cool to warm, in the order given.
_ORDERED = (BLUE, TEAL, GREEN, OLIVE, ORANGE, RED, PINK, PURPLE)
_ORDERED_DASHES = ("solid", "12px,3px", "6px,3px", "2px,2px", "9px,3px,2px,3px", "14px,3px,4px,3px")


def style_of(family: str) -> Style:
    """The fixed style of a model family; capitals do not matter.

    Raises ValueError for a family the course has no style for.
    """
    style = FAMILIES.get(family.lower())
    if style is None:
        raise ValueError(f"no style for {family!r}: choose one of {', '.join(FAMILIES)}")
    return style


def ordered_style(position: int) -> Style:
    """The style of curve number ``position`` (from 0) among curves that differ by a number, not by family."""
    return Style(_ORDERED[position % len(_ORDERED)], _ORDERED_DASHES[position % len(_ORDERED_DASHES)], "circle")


def finished(figure: go.Figure, title: str | None = None, drawing: str | None = None) -> go.Figure:
    """Give the figure the course's template, and its alt text as ``layout.meta["alt"]``.

    ``drawing`` is what a picture shows that is not a plot of numbers: no one could read that off its traces.
    """
    if figure.layout.template.layout.colorway != _ORDERED:  # a template is dear to copy, and live figures come often
        figure.layout.template = "lessons"
    if title is not None:
        figure.layout.title.text = title
    figure.layout.meta = {"drawing": drawing} if drawing else None
    figure.layout.meta = {**(figure.layout.meta or {}), "alt": describe(figure)}
    return figure


def _template() -> go.layout.Template:
    # 4.3 to 1 against white and against #111 alike: the most that one grey can have on both.
    text, grid = "#777777", "rgba(128,128,128,0.28)"
    axis = {
        "gridcolor": grid,
        "linecolor": GREY,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "tickcolor": GREY,
        "automargin": True,
        "exponentformat": "power",
        "title": {"standoff": 8},
    }
    return go.layout.Template(
        layout={
            "colorway": list(_ORDERED),
            "font": {"family": "system-ui, sans-serif", "size": 14, "color": text},
            "title": {"x": 0, "xref": "paper", "font": {"size": 17}},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "height": 400,
            "margin": {"l": 60, "r": 20, "t": 56, "b": 50},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": "rgba(0,0,0,0)"},
            "hovermode": "closest",
            "sliderdefaults": {
                "bgcolor": grid,
                "activebgcolor": BLUE,
                "bordercolor": GREY,
                "tickcolor": GREY,
            },
            "updatemenudefaults": {"bgcolor": "rgba(128,128,128,0.12)", "bordercolor": GREY},
        },
        data={
            "scatter": [{"line": {"width": 2.5}, "marker": {"size": 9}}],
            "heatmap": [{"colorscale": "Viridis", "colorbar": {"outlinewidth": 0}}],
        },
    )


plotly.io.templates["lessons"] = _template()
if plotly.io.renderers.default == "plotly_mimetype+notebook":
    # JupyterLab draws the first form; the second would store 5 MB of plotly.js with every figure.
    plotly.io.renderers.default = "plotly_mimetype"
