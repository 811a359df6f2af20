"""The machine's state as a table that a screen reader can read, and a slider that tests the live plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.figures import style_of
from lessons_lib.lessons.lesson_00.doctor import Row, doctor
from lessons_lib.panels.live_plot import LivePlot

# Never colour alone: a sign and a word stand beside it.
STATES = {"green": ("#2f9560", "✓", "fine"), "amber": ("#b07a10", "!", "note"), "red": ("#d64545", "✗", "fix")}
POINTS = 200


class MachineTable:
    """The doctor's rows as an HTML table, and as plain text where HTML is not shown."""

    def __init__(self, rows: Sequence[Row] | None = None):
        self.rows = list(doctor() if rows is None else rows)

    def __repr__(self) -> str:
        return "\n".join(
            f"{STATES[row.state][2]:4}  {row.name}: {row.detail}" + (f"  ->  {row.remedy}" if row.remedy else "")
            for row in self.rows
        )

    def _repr_html_(self) -> str:
        cell = 'style="text-align:left;padding:3px 10px"'
        head = "".join(f'<th scope="col" {cell}>{name}</th>' for name in ("", "What", "Found", "What to do"))
        body = "".join(self._row(row, cell) for row in self.rows)
        return (
            f'<table><caption style="text-align:left">This machine</caption><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    @staticmethod
    def _row(row: Row, cell: str) -> str:
        colour, sign, word = STATES[row.state]
        return (
            f'<tr><td {cell}><b style="color:{colour}">{sign} {word}</b></td><th scope="row" {cell}>'
            f"{escape(row.name)}</th><td {cell}>{escape(row.detail)}</td><td {cell}>{escape(row.remedy)}</td></tr>"
        )


class SelfTest(widgets.VBox):
    """A slider and the live plot it draws: move one, the other must follow.

    The line below says whether the kernel heard the slider and the browser drew the picture.
    """

    def __init__(self) -> None:
        ends: dict[str, Any] = {"value": 2, "min": 1, "max": 8}
        self.slider = widgets.IntSlider(description="waves", **ends)
        self.number = widgets.BoundedIntText(layout=widgets.Layout(width="5.5em"), **ends)
        widgets.jslink((self.slider, "value"), (self.number, "value"))
        self.plot = LivePlot(
            {"wave": {"type": "scatter", "mode": "lines", "name": "wave", "line": style_of("rnn").line}},
            {
                "wave": {
                    "height": 220,
                    "margin": {"l": 50, "r": 20, "t": 20, "b": 40},
                    "xaxis": {"title": {"text": "time"}},
                }
            },
            alt="A sine wave with as many periods as the slider says",
        )
        self.status = widgets.HTML()
        self._moved = self._drawn = False
        super().__init__([widgets.HBox([self.slider, self.number]), self.plot, self.status])
        self.plot.on_msg(self._heard_browser)
        self.slider.observe(self._heard_slider, "value")
        self._draw()

    def __repr__(self) -> str:
        return "A slider and a live plot: to be used where notebooks run"

    def _draw(self) -> None:
        time = [step / (POINTS - 1) for step in range(POINTS)]
        wave = [math.sin(2 * math.pi * self.slider.value * t) for t in time]
        self.plot.draw(replace={"wave": (time, wave)})
        self._tell()

    def _heard_slider(self, _: Any) -> None:
        self._moved = True
        self._draw()

    def _heard_browser(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("op") == "drawn" and not self._drawn:
            self._drawn = True
            self._tell()

    def _tell(self) -> None:
        drawn = "The live plot was drawn." if self._drawn else "Waiting for the browser to draw."
        moved = f"The slider is heard: {self.slider.value}." if self._moved else "Now move the slider."
        self.status.value = f'<span role="status">{drawn} {moved}</span>'
