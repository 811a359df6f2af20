"""Influence against lag: on a log axis that has a place for nothing at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures.lines import Series, curves
from lessons_lib.figures.style import BLUE, finished
from lessons_lib.figures.words import listed

NOTHING = 1e-12  # below rounding in float64
FAINT = "rgba(58,123,213,0.12)"  # the blue of what is strong, on a light page as on a dark one


def influence_curves(
    series: Sequence[Series],
    *,
    title: str,
    x: str = "lag (steps back)",
    y: str = "change of the output",
    marks: Mapping[str, float] | None = None,
    lowest: float | None = None,
) -> go.Figure:
    """Curves on a log axis whose lowest tick says "nothing": a feed-forward model's curve falls onto it.

    Args:
        series: values of at least 0; what is below 1e-12 counts as nothing, what is not finite is a gap.
        marks: labelled vertical lines, such as the context length.
        lowest: the smallest value the log axis shows, a decade below the curves when left out.  A figure that
            is redrawn keeps its axis by it; what is smaller, and not nothing, is drawn there.

    Raises ValueError when a curve has a negative value.
    """
    values = [float(v) for one in series for ys in (one.y, one.low) if ys is not None for v in listed(ys)]
    if any(v < 0 for v in values):
        raise ValueError("an influence is at least 0: pass norms")
    felt = [v for v in values if NOTHING < v < math.inf] or [1.0]
    bottom = math.floor(math.log10(min(felt))) if lowest is None else math.floor(math.log10(lowest))
    top = math.ceil(math.log10(max(felt)))
    step = max(1, round((top - bottom) / 5))
    floor = 10.0 ** (bottom - step)
    figure = curves(
        [_onto_floor(one, floor, 10.0**bottom) for one in series], title=title, x=x, y=y, log_y=True, marks=marks
    )
    ticks = list(range(bottom, top + 1, step))
    words = [f"10<sup>{exponent}</sup>" if exponent else "1" for exponent in ticks]
    figure.update_yaxes(
        tickvals=[floor, *(10.0**exponent for exponent in ticks)],
        ticktext=["nothing", *words],
        range=[bottom - 1.3 * step, max(top, bottom + 1) + 0.1],
    )
    parts = "; ".join(_in_words(one) for one in series)
    noted = f" Marked: {', '.join(marks)}." if marks else ""
    return finished(figure, drawing=f"Across: {x}, up: {y} (log scale, its lowest tick is nothing). {parts}.{noted}")


def _onto_floor(one: Series, floor: float, smallest: float) -> Series:
    def place(value: float) -> float:
        return floor if value <= NOTHING else max(value, smallest)

    def placed(values: Any) -> list[float] | None:
        return None if values is None else [place(float(v)) for v in listed(values)]

    return replace(one, y=placed(one.y), low=placed(one.low), high=placed(one.high))


def _in_words(one: Series) -> str:
    ys = [float(v) for v in listed(one.y)]
    xs = listed(one.x) if one.x is not None else list(range(len(ys)))
    felt = [i for i, v in enumerate(ys) if v > NOTHING]
    if not felt:
        return f"{one.name}: nothing anywhere"
    first, last = felt[0], felt[-1]
    words = f"{one.name} goes from {ys[first]:.3g} at {xs[first]} to {ys[last]:.3g} at {xs[last]}"
    return words + (", and nothing after it" if last + 1 < len(ys) else "")


def influence_maps(matrices: Mapping[str, Any], *, title: str) -> go.Figure:
    """Which output feels which input: one square per model, blank where the answer is *not at all*.

    ``matrices[name][s][t]`` is how far output t moves when input s does.  Time runs down for the inputs and to the
    right for the outputs: what lies below the diagonal would be an output that feels the future.  An infinite influence
    has the shade of the largest finite one.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(1, len(matrices), subplot_titles=list(matrices), horizontal_spacing=0.08)
    parts = []
    for column, (name, matrix) in enumerate(matrices.items(), start=1):
        cells = [[float(v) for v in row] for row in listed(matrix)]
        peak = max((v for row in cells for v in row if NOTHING < v < math.inf), default=1.0)
        shades = [[None if v <= NOTHING else round(math.log10(min(v, peak) / peak), 2) for v in row] for row in cells]
        figure.add_heatmap(
            z=shades,
            name=name,
            xgap=1,
            ygap=1,
            zmin=-2,
            zmax=0,
            colorscale=[[0, FAINT], [1, BLUE]],
            showscale=column == len(matrices),
            colorbar={"title": {"text": "log<sub>10</sub> of<br>influence"}, "thickness": 14},
            row=1,
            col=column,
        )
        figure.update_xaxes(title_text="output t", showgrid=False, row=1, col=column)
        figure.update_yaxes(title_text="input s" if column == 1 else None, showgrid=False, row=1, col=column)
        felt = [t - s for s, row in enumerate(cells) for t, v in enumerate(row) if v > NOTHING]
        reach = f"outputs {min(felt)} to {max(felt)} steps after an input feel it" if felt else "nothing anywhere"
        parts.append(f"{name}: {reach}")
    figure.update_yaxes(autorange="reversed", constrain="domain", constraintoward="top")
    for column in range(1, len(matrices) + 1):
        figure.update_yaxes(scaleanchor=f"x{column if column > 1 else ''}", row=1, col=column)
    figure.update_layout(height=340)
    return finished(figure, title, "; ".join(parts) + ".")
