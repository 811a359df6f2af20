"""How far a run has come, and how fast it goes."""

from __future__ import annotations

import time
from collections import deque

import ipywidgets as widgets

from lessons_lib.runs import Run

REDRAWN_SECONDS = 0.25
SPEED_SECONDS = 3.0  # over which the speed is averaged


class Progress(widgets.Box):
    """A bar where the run has a step limit, and a line: steps, what was read, how much of it a second, where."""

    def __init__(self, run: Run, unit: str) -> None:
        self._run, self._unit = run, unit
        self._device = str(next(run.model.parameters()).device)
        self._read: deque[tuple[float, int]] = deque()
        self._next = 0.0
        layout = widgets.Layout(flex="1 1 4em", width="auto", min_width="3em")
        layout.visibility = "visible" if run.steps else "hidden"
        self._bar = widgets.FloatProgress(min=0, max=run.steps or 1, layout=layout)
        self.line = widgets.HTML(layout=widgets.Layout(flex="0 0 auto"))
        super().__init__([self._bar, self.line], layout=widgets.Layout(flex="1 1 30em", align_items="center"))

    def due(self) -> bool:
        """Whether it is time to redraw it, and whatever else changes as slowly."""
        now = time.monotonic()
        if self._run.state == "running" and now < self._next:
            return False
        self._next = now + REDRAWN_SECONDS
        return True

    def show(self) -> None:
        """Say where the run is."""
        history, step, now = self._run.history, self._run.step_count, time.monotonic()
        read = history.tokens[-1] if history.tokens else 0
        if self._run.state != "running" or (self._read and self._read[-1][1] > read):
            self._read.clear()
        self._read.append((now, read))
        while now - self._read[0][0] > SPEED_SECONDS:
            self._read.popleft()
        seconds = now - self._read[0][0]
        limit = f" of {self._run.steps:,}" if self._run.steps else ""
        said = [f"step {step:,}{limit}", f"{read:,} {self._unit}"]
        if seconds > 0:
            said.append(f"{(read - self._read[0][1]) / seconds:,.0f} {self._unit}/s")
        self.line.value = f'<span style="white-space:nowrap">{" · ".join([*said, self._device])}</span>'
        if self._run.steps:
            self._bar.value = step
