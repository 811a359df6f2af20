"""Sliders over a picture: each move computes it anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import numpy as np

from lessons_lib.checks import Question
from lessons_lib.panels.controls import ChoiceControl, Knob, NumberControl
from lessons_lib.panels.live_plot import LivePlot, Samples
from lessons_lib.panels.panel import Panel
from lessons_lib.panels.transport import StatusLine

if TYPE_CHECKING:
    import plotly.graph_objects as go

CAPACITY = 20_000  # points a curve; a drawing's lines must not be thinned out


@dataclass(frozen=True)
class Choice:
    """One of a few things to choose by name; the picture is asked for with the name."""

    label: str
    tooltip: str
    options: tuple[str, ...]
    value: str


class Explorer(Panel):
    """A picture that is a function of a few numbers, and a slider for each of them.

    ``draw`` is an ordinary function that returns plotly figures, so that a page without widgets shows the same
    picture by calling it.  It is called at each move, in whatever thread serves the widgets: it should take well
    under 100 ms, and seed what it draws at random by generators of its own.

    Args:
        draw: keyword arguments, one per knob -> a figure, or several to stand side by side.  Whatever the numbers,
            the figures have the same traces in the same order and styles; points, titles, axes, shapes and
            annotations may change.
        knobs: by the name of their argument.
        name: an explorer of the same name replaces the one before.
        prediction: a bet to be made first: until then the sliders are locked.
        outcome: what a setting shows about the bet, asked with the same arguments as ``draw`` after every move until
            it is one of the options.
    """

    def __init__(
        self,
        draw: Callable[..., go.Figure | Sequence[go.Figure]],
        knobs: Mapping[str, Knob | Choice],
        *,
        name: str,
        prediction: Question | None = None,
        outcome: Callable[..., str | None] | None = None,
    ) -> None:
        self._replace(name)
        self._compute, self._outcome = draw, outcome
        self._lock = threading.RLock()
        self.controls: dict[str, Any] = {argument: self._control(argument, knob) for argument, knob in knobs.items()}
        self.values: dict[str, Any] = {argument: knob.value for argument, knob in knobs.items()}
        figures = self._figures()
        self.plot = LivePlot(_traces(figures), _layouts(figures), alt=_alt(figures), capacity=CAPACITY, rest=0)
        self._drawn = _points(figures)
        self.plot.draw(replace=self._drawn)
        self._said = StatusLine()
        super().__init__(name, prediction)

    def _control(self, argument: str, knob: Knob | Choice) -> NumberControl | ChoiceControl:
        if isinstance(knob, Choice):
            return ChoiceControl(
                knob.label, knob.tooltip, knob.options, knob.value, lambda name: self._turned(argument, name)
            )
        return NumberControl.of(knob, knob.value, lambda value: self._turned(argument, value))

    def _turned(self, argument: str, value: float | str) -> None:
        with self._lock:
            self.values[argument] = value
            try:
                figures = self._figures()
            except Exception as error:  # nobody would see it in the thread that serves the widgets
                self._say(f"{type(error).__name__}: {error}")
                raise
            points = _points(figures)
            moved = {curve: now for curve, now in points.items() if not _same(now, self._drawn.get(curve))}
            self._drawn = points
            self.plot.draw(replace=moved, layouts=_layouts(figures))
            self.plot.alt = _alt(figures)
            if self.prediction and self._outcome and self.prediction.outcome is None:
                self.prediction.settle(self._outcome(**self.values))
            self._show_state()

    def _figures(self) -> list[go.Figure]:
        drawn = self._compute(**self.values)
        return list(drawn) if isinstance(drawn, (list, tuple)) else [drawn]

    def _rows(self) -> list[widgets.Widget]:
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(19em, 1fr))", "grid_gap": "0 16px"}
        sliders = widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(**columns))
        return [*self._question(), sliders, self._said, self.plot]

    def _show_state(self, _: object = None) -> None:
        for control in self.controls.values():
            control.lock(self.locked)
        self._say("Answer the question above: then the sliders unlock." if self.locked else "")

    def _say(self, text: str) -> None:
        self._said.say(text)


def _keyed(figures: Sequence[go.Figure]) -> list[tuple[str, str, Any]]:
    """(curve, plot, trace) for every trace of every figure."""
    numbered = ((plot, i, trace) for plot, figure in enumerate(figures) for i, trace in enumerate(figure.data))
    return [(f"{plot}.{i}", str(plot), trace) for plot, i, trace in numbered]


def _traces(figures: Sequence[go.Figure]) -> dict[str, dict[str, Any]]:
    return {
        curve: {**{k: v for k, v in trace.to_plotly_json().items() if k not in ("x", "y")}, "plot": plot}
        for curve, plot, trace in _keyed(figures)
    }


def _points(figures: Sequence[go.Figure]) -> dict[str, Samples]:
    # A gap in a line is None in a figure and NaN in a frame.
    return {curve: (np.array(trace.x, float), np.array(trace.y, float)) for curve, _, trace in _keyed(figures)}


def _same(now: Samples, before: Samples | None) -> bool:
    return before is not None and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(now, before, strict=True))


def _layouts(figures: Sequence[go.Figure]) -> dict[str, dict[str, Any]]:
    """Layouts for plots that may stand side by side: smaller letters, the legend below."""
    layouts = {}
    for plot, figure in enumerate(figures):
        empty: dict[str, Any] = {"shapes": [], "annotations": []}  # what a later picture lacks must go
        layout = empty | figure.layout.to_plotly_json()
        title = {**layout.get("title", {}), "font": {"size": 14}, "x": 0, "xref": "container", "pad": {"l": 4}}
        small = {"font": {"size": 12}, "title": title, "margin": {"l": 56, "r": 10, "t": 50, "b": 84}}
        legend = {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"}
        layouts[str(plot)] = {"height": 380, **layout, **small, "legend": legend}
    return layouts


def _alt(figures: Sequence[go.Figure]) -> str:
    return " ".join(str((figure.layout.meta or {}).get("alt", "")) for figure in figures)
