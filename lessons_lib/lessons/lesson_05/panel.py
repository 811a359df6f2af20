"""Training throughput measured again and again, with sliders for length, width and batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.figures import style_of
from lessons_lib.figures.machines import NAMES
from lessons_lib.lessons.lesson_05 import experiment as why_feed_forward
from lessons_lib.lessons.lesson_05.experiment import Throughput
from lessons_lib.panels.controls import NumberControl
from lessons_lib.panels.live_plot import LivePlot, Samples
from lessons_lib.panels.panel import STATES, PlayerPanel

LONGEST, WIDEST, LARGEST = 256, 128, 16


class ThroughputPanel(PlayerPanel):
    """Tokens a second in a training step, family by family, in a loop; the next measurement uses the sliders.

    The best figure at each length stays; another width or batch begins a new picture.

    Args:
        prediction: a question to be answered first: until then Play is locked.
        reference: another machine's, drawn thin (:func:`lessons_lib.lessons.lesson_05.experiment.reference`).
        name: identifies the panel; the one of the same name is replaced.
    """

    states = STATES | {"running": "Measuring."}

    def __init__(
        self,
        *,
        prediction: Question | None = None,
        reference: Mapping[str, Any] | None = None,
        name: str = "throughput",
    ) -> None:
        self._reference = reference
        self.records: list[Throughput] = []
        self.best: dict[str, dict[int, float]] = {}
        self._shown: tuple[int, int] | None = None
        self.plot = LivePlot(_traces(), {"throughput": _layout()}, alt="Nothing to see yet: press Play.")
        self.controls = {
            "length": _knob("length", "Time steps of a sequence", 1, LONGEST, why_feed_forward.LENGTH, 1),
            "width": _knob("width", "Units of a layer", 16, WIDEST, why_feed_forward.WIDTH, 16),
            "batch": _knob("batch", "Sequences trained side by side", 1, LARGEST, why_feed_forward.BATCH, 1),
        }
        tooltips = ("Measure until paused", "Finish the measurement in hand, then wait", "Forget what was measured")
        super().__init__(self._measure, self._draw, tooltips, name=name, prediction=prediction)
        self._draw_reference()

    def reset(self) -> None:
        """Forget what was measured; the sliders stay where they are."""
        self.player.reset()
        self.records, self.best, self._shown = [], {}, None
        self.plot.clear()
        self._draw_reference()
        self._show_state()

    def _rows(self) -> list[widgets.Widget]:
        buttons = widgets.Box(self.transport(), layout=widgets.Layout(flex_flow="row wrap"))
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(16em, 1fr))", "grid_gap": "0 16px"}
        sliders = widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(**columns))
        return [*self._question(), buttons, sliders, self._said, self.plot]

    def _draw_reference(self) -> None:
        if self._reference is not None:
            lengths = self._reference["lengths"]
            curves = self._reference["throughput"].items()
            self.plot.draw(replace={f"{family}, reference": (lengths, values) for family, values in curves})

    # -- in the player's thread -------------------------------------------------------------------------------

    def _measure(self) -> Iterator[Throughput]:
        while True:
            for family in why_feed_forward.FAMILIES:
                length, width, batch = (int(control.value or 1) for control in self.controls.values())
                yield why_feed_forward.throughput(family, length, width, batch, repeats=2)

    def _draw(self, record: Throughput) -> None:
        if self._shown != (record.width, record.batch):
            self._shown, self.best = (record.width, record.batch), {}
        self.records.append(record)
        found = self.best.setdefault(record.family, {})
        found[record.length] = max(found.get(record.length, 0.0), record.tokens_per_second)
        curves: dict[str, Samples] = {}
        for family in why_feed_forward.FAMILIES:
            measured = sorted(self.best.get(family, {}).items())
            curves[family] = [length for length, _ in measured], [speed for _, speed in measured]
        title = f"Training step, width {record.width}, batch {record.batch}"
        self.plot.draw(replace=curves, layouts={"throughput": {"title": _title(title)}})
        self._show_state()

    def _words(self) -> str:
        return in_words(self.records) if self.records else ""


def in_words(records: list[Throughput]) -> str:
    """The latest measurement of each family, in one sentence."""
    latest = {record.family: record for record in records}
    last = records[-1]
    said = ", ".join(
        f"{NAMES[family]} {r.tokens_per_second:,.0f}"
        for family, r in latest.items()
        if (r.length, r.width, r.batch) == (last.length, last.width, last.batch)
    )
    return f"Tokens a second at length {last.length}, width {last.width}, batch {last.batch}: {said}."


def _knob(label: str, says: str, low: int, high: int, value: int, step: int) -> NumberControl:
    return NumberControl(
        label, says, low=low, high=high, step=step, value=value, integer=True, on_change=lambda _: None
    )


def _traces() -> dict[str, dict[str, Any]]:
    traces: dict[str, dict[str, Any]] = {}
    for family in why_feed_forward.FAMILIES:
        style, common = style_of(family), {"type": "scatter", "plot": "throughput"}
        line = {"line": style.line, "marker": {"symbol": style.symbol, "color": style.colour, "size": 8}}
        traces[family] = {**common, "mode": "lines+markers", "name": NAMES[family], **line}
        thin = {"mode": "lines", "line": {"color": style.colour, "dash": "dot", "width": 1.5}}
        traces[f"{family}, reference"] = {**common, **thin, "name": f"{NAMES[family]}, reference"}
    return traces


def _title(text: str) -> dict[str, Any]:
    place = {"x": 0, "y": 0.98, "yref": "container", "yanchor": "top", "font": {"size": 14}}
    return {"text": text, **place}


def _layout() -> dict[str, Any]:
    small = {"size": 12}
    size = f"width {why_feed_forward.WIDTH}, batch {why_feed_forward.BATCH}"
    return {
        "height": 360,
        "margin": {"l": 64, "r": 12, "t": 64, "b": 40},
        "title": _title(f"Training step, {size}"),
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"size": 11}},
        "showlegend": True,
        "xaxis": {
            "title": {"text": f"length (steps); the reference: {size}", "font": small},
            "type": "log",
            "tickvals": [1, 2, 4, 8, 16, 32, 64, 128, 256],
        },
        "yaxis": {
            "title": {"text": "tokens a second", "font": small},
            "type": "log",
            "exponentformat": "SI",
            "dtick": 1,
        },
    }
