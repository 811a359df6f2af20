"""Three promises of feed-forward models, measured on one machine: training, gradients, generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lessons_lib.figures.style import finished, style_of
from lessons_lib.figures.words import rounded

NAMES = {"lstm": "LSTM", "tcn": "TCN", "transformer": "Transformer"}


def three_promises(
    machine: Mapping[str, Any], *, families: Mapping[str, str], title: str = "Parallel, trainable, fast"
) -> go.Figure:
    """Training throughput, gradient by lag and time per token, all as ratios: machines differ less in those.

    Throughput is relative to the LSTM's at the shortest length, time to that of the cached LSTM after the fewest
    tokens, a gradient to its own norm at lag 0.

    ``machine`` is what ``measure`` of lesson 05's experiment gives; ``families`` maps the names of the gradients'
    starts to styles.
    """
    titles = ["Training: speed", "Gradient by lag", "Writing: time per token"]
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.11)
    speeds, times = ratios(machine, "throughput", "lstm"), ratios(machine, "generation", "lstm, cached")
    for family, values in speeds.items():
        _curve(figure, 1, family, NAMES[family], machine["lengths"], values)
    for label, values in times.items():
        family, _, how = label.partition(", ")
        kept = how == "cached"
        name = NAMES[family] if kept else f"{NAMES[family]}, no cache"
        _curve(figure, 3, family, name, machine["past"], values, hollow=not kept)
    for start, seeds in relative_gradients(machine).items():
        _gradients(figure, start, seeds, families[start])
    small = {"tickfont": {"size": 11}, "title_font": {"size": 12}}
    figure.update_yaxes(type="log", dtick=1, **small)
    figure.update_yaxes(dtick=3, row=1, col=2)
    figure.update_xaxes(**small)
    for column, label in ((1, "length"), (2, "lag (steps)"), (3, "tokens so far")):
        figure.update_xaxes(title_text=label, type="linear" if column == 2 else "log", row=1, col=column)
    for column, label in (
        (1, "tokens/s, LSTM at the first length = 1"),
        (2, "norm, lag 0 = 1"),
        (3, "time, LSTM = 1"),
    ):
        figure.update_yaxes(title_text=label, row=1, col=column)
    figure.update_xaxes(tickvals=machine["lengths"], row=1, col=1)
    figure.update_xaxes(tickvals=machine["past"], row=1, col=3)
    figure.update_annotations(font_size=13)
    finished(figure, title, drawing=_in_words(machine, speeds, times))
    figure.update_layout(height=460, margin={"t": 84}, legend={"orientation": "h", "y": -0.2, "font": {"size": 11}})
    return figure


def ratios(machine: Mapping[str, Any], part: str, of: str) -> dict[str, list[float]]:
    """The curves of "throughput" or "generation", divided by the first value of the curve ``of``."""
    base = machine[part][of][0]
    return {label: [value / base for value in values] for label, values in machine[part].items()}


def relative_gradients(machine: Mapping[str, Any]) -> dict[str, list[list[float]]]:
    """By start and seed, the gradient's norm at each lag, divided by that at lag 0."""
    return {
        start: [[norm / norms[0] for norm in norms] for norms in seeds] for start, seeds in machine["gradients"].items()
    }


def _in_words(
    machine: Mapping[str, Any], speeds: Mapping[str, Sequence[float]], times: Mapping[str, Sequence[float]]
) -> str:
    """What the three panels show, in numbers at the largest size."""
    relative = relative_gradients(machine)
    lags = len(next(iter(relative.values()))[0]) - 1
    faded = ", ".join(
        f"{start} {sum(seed[-1] for seed in seeds) / len(seeds):.1g}" for start, seeds in relative.items()
    )
    trained = ", ".join(f"{NAMES[family]} {values[-1]:.2g}" for family, values in speeds.items())
    written = ", ".join(
        f"{NAMES[label.partition(', ')[0]]} {label.partition(', ')[2]} {values[-1]:.2g}"
        for label, values in times.items()
    )
    return (
        f"Three panels. Tokens a second in training, relative to the LSTM at length {machine['lengths'][0]}, "
        f"at length {machine['lengths'][-1]}: {trained}. "
        f"Gradient norm at lag {lags}, relative to lag 0, mean over seeds: {faded}. "
        f"Time per token, relative to the cached LSTM after {machine['past'][0]} tokens, "
        f"after {machine['past'][-1]}: {written}."
    )


def _curve(
    figure: go.Figure,
    column: int,
    family: str,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    hollow: bool = False,
) -> None:
    style = style_of(family)
    symbol = style.symbol + ("-open" if hollow and not style.symbol.endswith("-open") else "")
    figure.add_scatter(
        x=list(x),
        y=rounded(y),
        name=name,
        mode="lines+markers",
        line={"color": style.colour, "dash": "dot" if hollow else style.dash, "width": 2.5},
        marker={"symbol": symbol, "color": style.colour, "size": 8},
        showlegend=column == 3 and (not hollow or family == "lstm"),
        row=1,
        col=column,
    )


def _gradients(figure: go.Figure, start: str, seeds: Sequence[Sequence[float]], family: str) -> None:
    style = style_of(family)
    columns = list(zip(*seeds, strict=True))
    low, high = [min(c) for c in columns], [max(c) for c in columns]
    lags = list(range(len(columns)))
    figure.add_scatter(
        x=[*lags, *reversed(lags)],
        y=rounded([*high, *reversed(low)]),
        fill="toself",
        fillcolor=style.fill(0.3),
        line={"width": 0},
        mode="lines",
        name=f"{start}, range",
        showlegend=False,
        hoverinfo="skip",
        row=1,
        col=2,
    )
    mean = [sum(c) / len(c) for c in columns]
    figure.add_scatter(
        x=lags,
        y=rounded(mean),
        name=start,
        line=style.line,
        mode="lines",
        showlegend=start.startswith("RNN"),
        row=1,
        col=2,
    )
