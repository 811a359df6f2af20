"""How the training panel's plots look before anything is drawn: titles, one sentence each, lines and axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons_lib.figures import style_of

SET_BY_YOU = "#d0508f"  # what the learner sets, wherever it is drawn: λ, k, and when they moved
MEAN_STEPS = 100  # of which the running means of the losses are taken
GHOSTS = {"solid": "solid", "6px,3px": "dashed", "2px,2px": "dotted"}  # plotly's dash of each: the same in CSS
PLOTS = ("loss", "spectrum", "gradient", "error")
HEIGHT = 236  # pixels: two rows of plots and the controls fit into a small laptop's window

TITLES = {
    "loss": "Loss, nats per {one}",
    "spectrum": "Singular values of the recurrent matrix",
    "gradient": "Gradient by lag, relative to lag 0",
    "error": "Error from forgetting all but the last {many}",
}
X_TITLES = {
    "loss": "step",
    "spectrum": "rank",
    "gradient": "lag ({many} back)",
    "error": "context length ({many})",
}
SAYS = {
    "loss": "How badly the next {one} is predicted: faint, the loss of every step; strong, the mean of the last "
    f"{MEAN_STEPS} (at first, of the last quarter). Lower is better.",
    "spectrum": "How much the recurrent matrix can stretch a state, direction by direction. Where all values lie "
    "below 1, every difference fades.",
    "gradient": "How much an input of some {many} ago still moves the loss. A falling line means that the distant "
    "past teaches nothing.",
    "error": "How far the logits move, at most, when the model reads only the last few {many}: measured, and the most "
    "that the theorem allows. Below ε predictions count as the same.",
}


def training_traces(names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every curve of the four plots; ``names``: what the legend calls one, where the usual word is not the lesson's."""
    rnn, windowed, theorem, alone = (style_of(name) for name in ("rnn", "windowed", "theorem", "left alone"))
    thin, thick = {"width": 1.4}, {"width": 2.4}
    yours = {"color": SET_BY_YOU, "dash": "dash", "width": 2}
    faint: dict[str, Any] = {"opacity": 0.35, "showlegend": False}
    solid = {"dash": "solid", "width": 1}

    def trace(plot: str, name: str, mode: str = "lines", **rest: Any) -> dict[str, Any]:
        return {"plot": plot, "type": "scatter", "name": name, "mode": mode, "showlegend": True, **rest}

    def ghosts(plot: str) -> dict[str, dict[str, Any]]:
        line = {"color": style_of("baseline").colour, "width": 1}
        return {
            f"ghost_{plot}_{i}": trace(plot, "", line=line | {"dash": dash}, showlegend=False)
            for i, dash in enumerate(GHOSTS)
        }

    traces = {
        **ghosts("loss"),
        **ghosts("error"),
        "twin": trace("loss", "twin", line=alone.line | solid, **faint),
        "loss": trace("loss", "training", line=rnn.line | solid, **faint),
        "twin_mean": trace("loss", "twin left alone", line=alone.line | {"width": 2}),
        "loss_mean": trace("loss", "this run", line=rnn.line | thick),
        "held_out_loss": trace(
            *("loss", "held out", "markers"), marker={"color": rnn.colour, "size": 6, "symbol": "diamond-open"}
        ),
        "singular_values": trace(
            "spectrum", "singular values", "markers", marker={"color": rnn.colour, "size": 5, "symbol": rnn.symbol}
        ),
        "bound": trace("spectrum", "bound λ", line=yours),
        "gradient_by_lag": trace("gradient", "gradient norm", line=rnn.line | thick),
        "accuracy": trace("error", "ε", line=style_of("baseline").line | thin),
        "truncation_bound": trace("error", "theorem", line=theorem.line | thick),
        "truncation_error": trace("error", "measured", line=windowed.line | thick),
    }
    if unknown := set(names) - set(traces):
        raise ValueError(f"no curve {', '.join(map(repr, unknown))} to name; there are {', '.join(traces)}")
    return {name: trace | ({"name": names[name]} if name in names else {}) for name, trace in traces.items()}


def training_layouts(unit: str, first: str) -> dict[str, dict[str, Any]]:
    """The plots' layouts, ``first`` before the others; ``unit`` in the plural, e.g. "words".

    Raises:
        ValueError: no such plot.
    """
    if first not in PLOTS:
        raise ValueError(f"first={first!r}: the plots are {', '.join(PLOTS)}")
    return {name: _layout(name, unit) for name in (first, *(other for other in PLOTS if other != first))}


def _layout(plot: str, unit: str) -> dict[str, Any]:
    words = {"one": unit.removesuffix("s"), "many": unit}
    title = TITLES[plot].format(**words)
    axis = {
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "nticks": 6,
        "exponentformat": "power",
        "tickfont": {"size": 11},
    }
    # Plotly draws powers of ten a quarter larger than it is told.
    logarithmic = {"type": "log", "tickfont": {"size": 9}} if plot in ("gradient", "error") else {}
    from_zero = {"rangemode": "tozero"} if plot == "spectrum" else {}
    return {
        "height": HEIGHT,
        "meta": {"about": title, "says": SAYS[plot].format(**words)},
        "margin": {"l": 46, "r": 8, "t": 44, "b": 36},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "title": {
            "text": f"<b>{title}</b>",
            "font": {"size": 12},
            **{"x": 0, "xref": "container", "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"},
            "pad": {"t": 8, "l": 8},
        },
        # One line between the title and the axes: nothing is ever drawn there.
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "hovermode": "closest",
        "uirevision": "kept",  # a learner's zoom survives the next frame
        "xaxis": {**axis, "title": {"text": X_TITLES[plot].format(**words), "standoff": 4, "font": {"size": 12}}},
        "yaxis": {**axis, **logarithmic, **from_zero},
    }
