"""What moves an experiment in time: one button for Play and Pause, and how fast it goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.panels.access import STATUS

AGAIN_SECONDS = 0.4  # two presses within that time are one: a double click, or two that waited for a busy kernel
SPEEDS: Mapping[str, float | None] = {"slow": 4.0, "normal": 20.0, "fast": None}  # steps a second


def action(label: str, icon: str, tooltip: str, act: Callable[[], object]) -> widgets.Button:
    """A button as wide as its word."""
    button = widgets.Button(description=label, icon=icon, tooltip=tooltip, layout=widgets.Layout(width="auto"))
    button.on_click(lambda _: act())
    return button


class PlayButton(widgets.Button):
    """Play while it stands, Pause while it runs: one button, so that the keyboard's focus stays where it is.

    A second press that follows at once does not take back the first.  Play at the beginning takes nothing back.
    """

    def __init__(self, play: Callable[[], object], pause: Callable[[], object], play_tooltip: str, pause_tooltip: str):
        self._acts = {"Play": play, "Pause": pause}
        self._looks = {"Play": ("play", play_tooltip), "Pause": ("pause", pause_tooltip)}
        self._done, self._done_at = "", -math.inf  # what the last press did, and when (monotonic, s)
        super().__init__(layout=widgets.Layout(width="auto", min_width="6.5em"))
        self.show("ready", allowed=True)
        self.on_click(self._press)

    def _press(self, _: object) -> None:
        wanted = self.description
        begun = self._state != "ready"
        if begun and wanted != self._done and time.monotonic() < self._done_at + AGAIN_SECONDS:
            return
        self._acts[wanted]()
        self._done, self._done_at = wanted, time.monotonic()

    def show(self, state: str, *, allowed: bool) -> None:
        """Offer what can be done in this state of a run; ``allowed``: whether it may be played where it stands."""
        self._state, running = state, state == "running"
        self.description = "Pause" if running else "Play"
        self.icon, self.tooltip = self._looks[self.description]
        self.disabled = not (running or allowed)
        self.button_style = "primary" if allowed and not running else ""


def speed_menu(set_pace: Callable[[float | None], object], speed: str) -> widgets.Dropdown:
    """Slow, normal, fast; tells the steps a second that are meant, None for as many as there can be."""
    layout = widgets.Layout(width="auto", flex="0 0 auto")
    menu = widgets.Dropdown(
        options=list(SPEEDS),
        value=speed,
        description="speed",
        tooltip=f"Slow: {SPEEDS['slow']:g} steps a second; normal: {SPEEDS['normal']:g}; fast: as many as it can",
        layout=layout,
    )
    menu.style.description_width = "initial"

    def chosen(change: Any) -> None:
        set_pace(SPEEDS[change["new"]])

    menu.observe(chosen, "value")
    set_pace(SPEEDS[speed])
    return menu


class StatusLine(widgets.HTML):
    """One line that is read out when it changes."""

    def __init__(self, layout: widgets.Layout | None = None) -> None:
        super().__init__(layout=layout or widgets.Layout())
        self.add_class(STATUS)

    def say(self, text: str, *, bad: bool = False, details: str = "") -> None:
        """Say ``text``; ``details``, a traceback perhaps, are folded away below it."""
        colour = ' style="color:var(--jp-error-color1, #d32f2f)"' if bad else ""
        folded = f"<details><summary>Traceback</summary><pre>{escape(details)}</pre></details>" if details else ""
        self.value = f"<span{colour}>{escape(text)}</span>{folded}"
