"""What the stable set asks of each gate of an LSTM, beside what the gate has."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import ipywidgets as widgets

from lessons_lib.panels.controls import close_all
from lessons_lib.runs import Run

HEADINGS = ("recurrent block", "largest row, ℓ1", "allowed", "")
GATES = {"i": "input gate", "f": "forget gate", "z": "candidate", "o": "output gate"}
GREEN, AMBER = "#2f9560", "#d9692b"
_tables: dict[str, GateTable] = {}


class GateTable(widgets.VBox):
    """The largest row l1 norm of each gate's recurrent block and what the run's stable set allows it.

    Shown as the run's probe measures it. A table for a run of the same name replaces the one
    before.
    """

    def __init__(self, run: Run) -> None:
        if (old := _tables.pop(run.name, None)) is not None:
            old.close()
        self.run = run
        self._html = widgets.HTML()
        super().__init__([self._html])
        self._show(run)
        run.listeners.append(self._show)
        _tables[run.name] = self

    def __repr__(self) -> str:
        return f"GateTable({self.run.name!r}): live, to be used where notebooks run"

    def close(self) -> None:
        """Let go of the run and close the table's widgets."""
        if self._show in self.run.listeners:
            self.run.listeners.remove(self._show)
        if _tables.get(self.run.name) is self:
            del _tables[self.run.name]
        close_all(self._html)
        self.layout.close()
        super().close()

    def _show(self, run: Run) -> None:
        measured = run.history.measured.gates or {}
        self._html.value = gates_in_html(measured, run.settings.stable_set.gate_limits())


def gates_in_html(measured: Mapping[str, float], limits: Mapping[str, float | str]) -> str:
    """A table of four rows; a limit is a number or words, and where none is given anything is allowed."""
    head = "".join(f'<th scope="col" style="text-align:left;padding:0 12px 0 0">{t}</th>' for t in HEADINGS)
    rows = "".join(_row(gate, measured.get(gate), limits.get(gate, "anything")) for gate in GATES)
    return f'<table style="line-height:1.5;border-spacing:0"><tr>{head}</tr>{rows}</table>'


def _row(gate: str, norm: float | None, allowed: float | str) -> str:
    limit = None if isinstance(allowed, str) else allowed
    most = max(norm or 0.0, limit or 0.0) or 1.0
    inside = limit is not None and norm is not None and norm <= limit * 1.001
    colour = GREEN if inside else AMBER
    bar = f'<div style="width:{100 * (norm or 0) / most:.0f}%;height:8px;background:{colour};border-radius:2px"></div>'
    cells = (
        f"{escape(GATES[gate])} W<sub>{gate}</sub>",
        "–" if norm is None else f"{norm:.3g}",
        escape(allowed) if isinstance(allowed, str) else f"{allowed:.3g}",
        f'<div style="width:9em;border:1px solid var(--jp-border-color2,#ccc);border-radius:3px">{bar}</div>',
    )
    return "<tr>" + "".join(f'<td style="padding:0 12px 0 0">{cell}</td>' for cell in cells) + "</tr>"
