"""Three promises of feed-forward models on two machines: training, gradients, generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lessons_lib.figures.style import finished, style_of
from lessons_lib.figures.words import rounded

NAMES = {"lstm": "LSTM", "tcn": "TCN", "transformer": "Transformer", "rnn": "RNN", "stable rnn": "RNN"}


def three_promises(
    here: Mapping[str, Any],
    reference: Mapping[str, Any] | None = None,
    *,
    families: Mapping[str, str],
    title: str = "Parallel, trainable, fast: two machines",
) -> go.Figure:
    """Training throughput, gradient by lag and time per token; this machine in lines with markers, the reference thin.

    ``here`` and ``reference`` are what ``measure`` of lesson 05's experiment gives; ``families`` maps
    the names of the gradients' starts to styles.  Gradients depend on no machine: only ``here``'s are drawn.
    """
    titles = ["Training, tokens/s", "Gradient by lag", "Writing, ms/token"]
    figure = make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.11)
    for machine, name in ((reference, "reference"), (here, "this machine")):
        if machine is not None:
            _timings(figure, machine, name, thin=machine is reference)
    for start, seeds in here["gradients"].items():
        _gradients(figure, start, seeds, families[start])
    small = {"tickfont": {"size": 11}, "title_font": {"size": 12}}
    figure.update_yaxes(type="log", dtick=1, **small)
    figure.update_yaxes(dtick=3, row=1, col=2)
    figure.update_xaxes(**small)
    for column, label in ((1, "length"), (2, "lag (steps)"), (3, "tokens so far")):
        figure.update_xaxes(title_text=label, type="linear" if column == 2 else "log", row=1, col=column)
    figure.update_xaxes(tickvals=here["lengths"], row=1, col=1)
    figure.update_xaxes(tickvals=here["past"], row=1, col=3)
    figure.update_annotations(font_size=13)
    finished(figure, title, drawing=_in_words(here, reference))
    figure.update_layout(height=460, margin={"t": 84}, legend={"orientation": "h", "y": -0.2, "font": {"size": 11}})
    return figure


def _in_words(here: Mapping[str, Any], reference: Mapping[str, Any] | None) -> str:
    """What the three panels show, in numbers at the largest size that both machines were asked for."""
    lags = len(next(iter(here["gradients"].values()))[0]) - 1

    def at_the_end(part: str, axis: str, digits: str) -> str:
        common = set(here[axis]) if reference is None else set(here[axis]) & set(reference[axis])
        if not common:
            return "no size in common"
        size, said = max(common), []
        for label, values in here[part].items():
            family, _, how = label.partition(", ")
            mine = f"{NAMES[family]} {how}".strip() + f" {values[list(here[axis]).index(size)]:{digits}}"
            if reference is not None:
                mine += f" (reference {reference[part][label][list(reference[axis]).index(size)]:{digits}})"
            said.append(mine)
        return f"at {size}: {', '.join(said)}"

    faded = ", ".join(
        f"{start} {sum(seed[-1] for seed in seeds) / len(seeds):.1g}" for start, seeds in here["gradients"].items()
    )
    return (
        f"Three panels. Tokens a second in training by length, {at_the_end('throughput', 'lengths', ',.0f')}. "
        f"Gradient norm at lag {lags}, mean over seeds: {faded}. "
        f"Milliseconds a token by tokens so far, {at_the_end('generation', 'past', '.2g')}."
    )


def _timings(figure: go.Figure, machine: Mapping[str, Any], name: str, *, thin: bool) -> None:
    for family, values in machine["throughput"].items():
        _curve(figure, 1, family, f"{NAMES[family]}, {name}", machine["lengths"], values, thin=thin)
    for label, values in machine["generation"].items():
        family, _, how = label.partition(", ")
        full = f"{NAMES[family]}, {name}" if how == "cached" else f"{NAMES[family]}, no cache, {name}"
        _curve(figure, 3, family, full, machine["past"], values, thin=thin, hollow=how != "cached")


def _curve(
    figure: go.Figure,
    column: int,
    family: str,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    thin: bool,
    hollow: bool = False,
) -> None:
    style = style_of(family)
    symbol = style.symbol + ("-open" if hollow and not style.symbol.endswith("-open") else "")
    figure.add_scatter(
        x=list(x),
        y=rounded(y),
        name=name,
        mode="lines" if thin else "lines+markers",
        line={"color": style.colour, "dash": "dot" if hollow else style.dash, "width": 1 if thin else 2.5},
        marker={"symbol": symbol, "color": style.colour, "size": 8},
        opacity=0.75 if thin else 1,
        showlegend=column == 3 and (not (thin or hollow) or (family == "lstm" and thin != hollow)),
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
