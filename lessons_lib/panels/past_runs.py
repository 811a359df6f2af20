"""What is left of runs: ghosts behind the one that trains, folders on disk, code that repeats them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.files import runs_folder
from lessons_lib.panels.access import Access
from lessons_lib.panels.training_plot import TrainingPlot
from lessons_lib.panels.training_traces import GHOSTS
from lessons_lib.panels.transport import StatusLine, action
from lessons_lib.runs import Recording, Run, saved_runs

NONE_CHOSEN = "–"
PICTURE = "picture.html"


class PastRuns(widgets.Box):
    """Copy the run as code, save it, show saved ones and forget all ghosts.

    Args:
        run: whose recordings are made.
        plot: where ghosts stand.
        access: what reaches the page's clipboard.
        picture: the plot's page as bytes, for the folder of a saved run.
    """

    def __init__(self, run: Run, plot: TrainingPlot, access: Access, picture: Callable[[], bytes]) -> None:
        self._run, self._plot, self._access, self._picture = run, plot, access, picture
        self.buttons = {
            "Copy as code": action("Copy as code", "copy", "A cell that repeats this run, every move in it", self.copy),
            "Save run": action("Save run", "download", "Numbers, settings, code and picture, into my_runs", self.save),
            "Clear": action("Clear", "eraser", "Forget the earlier runs that stand behind this one", self.clear),
        }
        self.menu = widgets.Dropdown(
            description="show a saved run", tooltip="Let a saved run stand behind this one", layout={"width": "auto"}
        )
        self.menu.style.description_width = "initial"
        self._said, self._legend = StatusLine(), widgets.HTML()
        self._list()
        self.menu.observe(self._chosen, "value")
        layout = widgets.Layout(flex_flow="row wrap", align_items="center")
        super().__init__([*self.buttons.values(), self._legend, self.menu, self._said], layout=layout)
        self._show()

    def remember(self, run: Run) -> None:
        """Keep a run as it is, if it has taken a step, as a ghost; call this before it is begun again."""
        if run.history.steps:
            self.keep([run.recording()])

    def keep(self, recordings: Sequence[Recording]) -> None:
        """Let recordings stand behind the run, the last three of all."""
        self._haunt([*self._plot.ghosts, *recordings])

    def clear(self) -> None:
        """Forget every ghost."""
        self._haunt([])
        self._said.say("")

    def copy(self) -> None:
        """Put the run's script on the clipboard."""
        if not self._run.history.steps:
            self._said.say("Nothing to copy yet: press Play.")
            return
        try:
            self._access.copy_text(self._run.script())
        except ValueError as refusal:
            self._said.say(f"This run cannot be written as code: {refusal}.")

    def save(self) -> None:
        """Write the run into a new folder of ``my_runs``."""
        if not self._run.history.steps:
            self._said.say("Nothing to save yet: press Play.")
            return
        try:
            place = self._run.recording().save(runs_folder(), {PICTURE: self._picture()})
        except OSError as error:
            self._said.say(f"Not saved: {error.strerror or error}.")
            return
        self._said.say(f"Saved in {place.parent.name}/{place.name}.")
        self._list()

    def _list(self) -> None:
        self.menu.options = [(NONE_CHOSEN, None), *((place.name, place) for place in saved_runs(runs_folder()))]
        self.menu.layout.display = "" if len(self.menu.options) > 1 else "none"

    def _chosen(self, change: Any) -> None:
        if (place := change["new"]) is None:
            return
        try:
            self.keep([Recording.load(place)])
        except ValueError as refusal:
            self._said.say(f"{refusal}.")
        self.menu.value = None

    def _haunt(self, ghosts: list[Recording]) -> None:
        self._plot.haunt(ghosts)
        self._show()

    def _show(self) -> None:
        self.buttons["Clear"].disabled = not self._plot.ghosts
        lines = [
            f'<div><span style="display:inline-block;width:2.2em;vertical-align:middle;border-top:2px {dash}"></span> '
            f"{escape(ghost.title if ghost.name == self._run.name else f'{ghost.name}: {ghost.title}')}</div>"
            for ghost, dash in zip(self._plot.ghosts, GHOSTS.values(), strict=False)
        ]
        heading = "<div>Thin and grey, earlier runs:</div>" if lines else ""
        self._legend.value = f'<div style="line-height:1.4">{heading}{"".join(lines)}</div>'
