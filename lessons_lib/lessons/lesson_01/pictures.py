"""The two pictures of lesson 01's panel."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
from torch import Tensor

from lessons_lib import figures


def response_and_influence(matrices: Mapping[str, Tensor], k: int, s: int) -> tuple[go.Figure, go.Figure]:
    """Which outputs move with input s, and beside it which inputs the last output feels.

    ``matrices`` hold :func:`lessons_lib.stability.influence` by family, (time, time); k and s are marked.
    """
    response = figures.influence_curves(
        [figures.Series(name, matrix[s]) for name, matrix in matrices.items()],
        title=f"Input {s} changed: which outputs move?",
        x="position t of the output",
        marks={"s": s, "s + k": s + k},
        lowest=1e-4,
    )
    last = figures.influence_curves(
        [figures.Series(name, matrix[:, -1].flip(0)) for name, matrix in matrices.items()],
        title=f"What the last output feels, k = {k}",
        marks={f"k = {k}": k},
        lowest=1e-4,
    )
    time = len(next(iter(matrices.values())))
    return response.update_xaxes(range=[-1, time]), last.update_xaxes(range=[-1, time])
