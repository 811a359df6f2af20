"""The study's rows in one picture: a panel for each family, and in it a curve for each way of holding a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures import Series, curves, side_by_side

FAMILIES = {"rnn": "tanh-RNN", "lstm": "LSTM", "linear": "linear recurrence", "qrnn": "QRNN"}
HELD = {
    "unstable": "no bound",
    "clipped": "no bound, inputs clipped",
    "stable": "certified",
    "stable-wide": "certified, wide set",
    "published-code": "published code's rule",
}


def by_family(rows: Iterable[Series], *, title: str, x: str, y: str, **axes: Any) -> go.Figure:
    """Curves that are named as rows of the study, each in the panel of its family.

    What holds a row (nothing, a set, a clip) has one colour in all panels. ``axes`` go to :func:`figures.curves`.
    """
    ways = list(HELD)
    panels: dict[str, list[Series]] = {}
    for one in rows:
        family, way = one.name.split("-", maxsplit=1)
        held = replace(one, name=HELD[way], place=ways.index(way))
        panels.setdefault(FAMILIES[family], []).append(held)
    plots = {family: curves(held, title=family, x=x, y=y, **axes) for family, held in panels.items()}
    return side_by_side(plots, title=title)
