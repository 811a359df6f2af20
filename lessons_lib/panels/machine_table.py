"""The machine's state as a table that a screen reader can read, and a slider that tests the live plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.figures import style_of
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.studies.doctor import Row, doctor

# Never colour alone: a sign and a word stand beside it.
STATES = {"green": ("#2f9560", "✓", "fine"), "amber": ("#b07a10", "!", "note"), "red": ("#d64545", "✗", "fix")}
POINTS = 200


class MachineTable:
    """Rows of :func:`lessons_lib.studies.doctor` as an HTML table, and as plain text where HTML is not shown."""

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


def self_test() -> widgets.VBox:
    """A slider and the live plot it draws: move one, the other must follow, and the line below says whether
    the
    kernel heard the slider and the browser drew the picture.
    """
    slider = widgets.IntSlider(value=2, min=1, max=8, description="waves", continuous_update=True)
    number = widgets.BoundedIntText(value=2, min=1, max=8, layout={"width": "70px"})
    widgets.jslink((slider, "value"), (number, "value"))
    plot = LivePlot(
        {"wave": {"type": "scatter", "mode": "lines", "name": "wave", "line": style_of("rnn").line}},
        {"height": 220, "margin": {"l": 50, "r": 20, "t": 20, "b": 40}, "xaxis": {"title": {"text": "time"}}},
        alt="A sine wave with as many periods as the slider says",
    )
    status = widgets.HTML("Waiting for the browser.")
    heard = {"moved": False, "drawn": False}

    def tell() -> None:
        parts = ["The live plot was drawn." if heard["drawn"] else "Waiting for the browser to draw."]
        parts.append(f"The slider is heard: {slider.value}." if heard["moved"] else "Now move the slider.")
        status.value = f'<span role="status">{" ".join(parts)}</span>'

    def draw(change: Any = None) -> None:
        heard["moved"] = heard["moved"] or change is not None
        time = [step / (POINTS - 1) for step in range(POINTS)]
        plot.draw(replace={"wave": (time, [math.sin(2 * math.pi * slider.value * t) for t in time])})
        tell()

    def drawn(_: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("op") == "drawn" and not heard["drawn"]:
            heard["drawn"] = True
            tell()

    plot.on_msg(drawn)
    slider.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox([slider, number]), plot, status])
