"""The study's rows in one picture: what each proof costs, and a panel for each family."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from statistics import mean
from typing import Any

import plotly.graph_objects as go

from lessons_lib.figures import Series, curves, side_by_side
from lessons_lib.wikitext2 import table
from lessons_lib.wikitext2.cost import Cost

FAMILIES = {"rnn": "tanh-RNN", "lstm": "LSTM", "linear": "linear recurrence", "qrnn": "QRNN"}
HELD = {
    "rnn-unstable": "no bound",
    "rnn-stable": "certified",
    "lstm-unstable": "no bound",
    "lstm-clipped": "no bound, inputs clipped",
    "lstm-stable": "certified",
    "lstm-stable-wide": "certified, wide set",
    "lstm-published-code": "published code's rule",
    "linear-unstable": "no bound",
    "linear-stable": "certified",
    "qrnn-unstable": "no bound",
    "qrnn-stable": "certified",
}


def by_family(rows: Iterable[Series], *, title: str, x: str, y: str, **axes: Any) -> go.Figure:
    """Curves that are named as rows of the study, each in the panel of its family.

    What holds a row (nothing, a set, a clip) has one colour in all panels. ``axes`` go to :func:`figures.curves`.
    """
    ways = sorted(set(HELD.values()))
    panels: dict[str, list[Series]] = {}
    for one in rows:
        family, way = FAMILIES[one.name.split("-")[0]], HELD[one.name]
        panels.setdefault(family, []).append(replace(one, name=way, place=ways.index(way)))
    plots = {family: curves(held, title=family, x=x, y=y, **axes) for family, held in panels.items()}
    return side_by_side(plots, title=title)


def cost_of_proofs(measured: Mapping[str, Mapping[float, Cost]], levels: Mapping[str, float]) -> go.Figure:
    """Test perplexity against the words that a row's theorem asks for, a point for each bound: means over seeds.

    Bounds of which no artefact holds those words are left out, and rows with fewer than two of the others.
    """
    series = []
    for row, by_bound in measured.items():
        points = sorted((mean(one.needed), mean(one.perplexities)) for one in by_bound.values() if one.needed)
        if len(points) > 1:
            words, perplexities = zip(*points, strict=True)
            series.append(Series(row, perplexities, words, family=table.FAMILIES[row], markers=True))
    title = "What it costs to need few words by proof"
    x, y = "words that the theorem asks for", "test perplexity"
    return curves(series, title=title, x=x, y=y, log_x=True, levels=levels)
