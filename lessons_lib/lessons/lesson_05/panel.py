"""Training throughput measured again and again, with sliders for length, width and batch."""

from __future__ import annotations

from collections.abc import Iterator
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

    The best figure at each length stays; another width or batch has a picture of its own.

    Args:
        prediction: a question to be answered first: until then Play is locked.
        name: identifies the panel; the one of the same name is replaced.
    """

    states = STATES | {"running": "Measuring."}

    def __init__(
        self,
        *,
        prediction: Question | None = None,
        name: str = "throughput",
    ) -> None:
        self.records: list[Throughput] = []
        self.best: dict[tuple[int, int], dict[str, dict[int, float]]] = {}
        self.plot = LivePlot(_traces(), {"throughput": _layout()}, alt="Nothing to see yet: press Play.")
        self.controls = {
            "length": _knob("length", "Time steps of a sequence", 1, LONGEST, why_feed_forward.LENGTH, 1),
            "width": _knob("width", "Units of a layer", 16, WIDEST, why_feed_forward.WIDTH, 16),
            "batch": _knob("batch", "Sequences trained side by side", 1, LARGEST, why_feed_forward.BATCH, 1),
        }
        tooltips = ("Measure until paused", "Finish the measurement in hand, then wait", "Forget what was measured")
        super().__init__(self._measure, self._draw, tooltips, name=name, prediction=prediction)

    def reset(self) -> None:
        """Forget what was measured; the sliders stay where they are."""
        self.player.reset()
        self.records, self.best = [], {}
        self.plot.clear()
        self._show_state()

    def _rows(self) -> list[widgets.Widget]:
        buttons = widgets.Box(self.transport(), layout=widgets.Layout(flex_flow="row wrap"))
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(16em, 1fr))", "grid_gap": "0 16px"}
        sliders = widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(**columns))
        return [*self._question(), buttons, sliders, self._said, self.plot]

    # -- in the player's thread -------------------------------------------------------------------------------

    def _measure(self) -> Iterator[Throughput]:
        while True:
            for family in why_feed_forward.FAMILIES:
                length, width, batch = (int(control.value or 1) for control in self.controls.values())
                yield why_feed_forward.throughput(family, length, width, batch, repeats=2)

    def _draw(self, record: Throughput) -> None:
        self.records.append(record)
        best = self.best.setdefault((record.width, record.batch), {})
        found = best.setdefault(record.family, {})
        found[record.length] = max(found.get(record.length, 0.0), record.tokens_per_second)
        curves: dict[str, Samples] = {}
        for family in why_feed_forward.FAMILIES:
            measured = sorted(best.get(family, {}).items())
            curves[family] = [length for length, _ in measured], [speed for _, speed in measured]
        title = f"Training step, width {record.width}, batch {record.batch}"
        self.plot.draw(replace=curves, layouts={"throughput": {"title": _title(title)}})
        self._show_state()

    def _words(self) -> str:
        return in_words(self.records[-1], self.best) if self.records else ""


def in_words(last: Throughput, best: dict[tuple[int, int], dict[str, dict[int, float]]]) -> str:
    """The best figure of each family at the size measured last, in one sentence."""
    said = ", ".join(
        f"{NAMES[family]} {found[last.length]:,.0f}"
        for family, found in best[last.width, last.batch].items()
        if last.length in found
    )
    return f"Tokens a second, the best at length {last.length}, width {last.width}, batch {last.batch}: {said}."


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
            "title": {"text": "length (steps)", "font": small},
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
