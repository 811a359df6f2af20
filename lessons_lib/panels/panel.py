"""What every panel with a picture shares: a name that only one can have, a bet that locks it, a tidy end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.panels.access import PANEL, Access
from lessons_lib.panels.asking import QuestionWidget
from lessons_lib.panels.controls import close_all
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.transport import PlayButton, StatusLine, action, speed_menu
from lessons_lib.runs import Player

if TYPE_CHECKING:
    import plotly.graph_objects as go

STATES = {
    "ready": "Ready: press Play.",
    "running": "Running.",
    "paused": "Paused: Play goes on.",
    "finished": "Finished: Reset begins again.",
    "failed": "Failed:",
}
_panels: dict[tuple[str, str], Panel] = {}


class Panel(widgets.VBox):
    """A live plot and its controls; a new panel of the same kind and name closes the one before.

    A subclass makes ``plot`` and its controls, and then calls this, which asks it for :meth:`_rows`.

    Args:
        name: identifies the panel among those of its kind.
        prediction: a question to be answered first; :meth:`_show_state` is called when it is.
    """

    plot: LivePlot
    name = ""
    prediction: Question | None = None

    def __init__(self, name: str, prediction: Question | None) -> None:
        self.name, self.prediction = name, prediction
        self.access = Access()
        super().__init__([self.access, *self._rows()], layout=widgets.Layout(width="100%"))
        self.add_class(PANEL)
        if prediction is not None:
            prediction.listeners.append(self._show_state)
        self._show_state()
        _panels[type(self).__name__, name] = self

    @classmethod
    def _replace(cls, name: str) -> None:
        """Close the panel whose place a new one is about to take."""
        if (old := _panels.pop((cls.__name__, name), None)) is not None:
            old.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}): a live panel, to be used where notebooks run"

    @property
    def locked(self) -> bool:
        """Whether the question still waits for its answer."""
        return self.prediction is not None and self.prediction.committed is None

    def figure(self) -> go.Figure:
        """What the plot shows now as one plain plotly figure, for pages that run no widgets."""
        from lessons_lib.figures import finished

        return finished(self.plot.figure())

    def close(self) -> None:
        """Close every widget of the panel."""
        if self.prediction is not None and self._show_state in self.prediction.listeners:
            self.prediction.listeners.remove(self._show_state)
        if _panels.get(key := (type(self).__name__, self.name)) is self:
            del _panels[key]
        for child in self.children:
            close_all(child)
        self.layout.close()
        super().close()

    def _question(self) -> list[widgets.Widget]:
        return [] if self.prediction is None else [QuestionWidget(self.prediction)]

    def _rows(self) -> list[widgets.Widget]:
        """The panel's widgets from top to bottom."""
        raise NotImplementedError

    def _show_state(self, _: object = None) -> None:
        """Bring the controls in line with the state; called from any thread."""
        raise NotImplementedError


class PlayerPanel(Panel):
    """A panel around a :class:`Player`: Play, Pause and Reset, and a line that says how things stand.

    Args:
        make, on_record: the player's; both are called in its thread.
        tooltips: what Play, Pause and Reset do.
        name, prediction: as for :class:`Panel`; Play is locked until the question is answered.
        speed: "slow", "normal" or "fast", to begin with.
    """

    states: ClassVar[Mapping[str, str]] = STATES

    def __init__(
        self,
        make: Callable[[], Iterator[Any]],
        on_record: Callable[[Any], object],
        tooltips: tuple[str, str, str],
        *,
        name: str,
        prediction: Question | None,
        speed: str = "fast",
    ) -> None:
        self._replace(name)
        self._lock = threading.RLock()
        self.player = Player(make, on_record, name=name)
        play, pause, reset = tooltips
        self.buttons: dict[str, widgets.Button] = {
            "Play": PlayButton(self.player.start, self.player.pause, play, pause),
            "Reset": action("Reset", "refresh", reset, self.reset),
        }
        self.speed = speed_menu(lambda pace: setattr(self.player, "pace", pace), speed)
        self._said = StatusLine()
        super().__init__(name, prediction)
        self.player.listeners.append(self._show_state)

    def transport(self) -> list[widgets.Widget]:
        """What moves it in time, from left to right."""
        return [*self.buttons.values(), self.speed]

    def reset(self) -> None:
        """Begin again."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is playing and close every widget of the panel."""
        self.player.close()
        super().close()

    def _words(self) -> str:
        """What the picture shows, in words; empty while there is nothing to see."""
        return ""

    def _show_state(self, _: object = None) -> None:
        with self._lock:
            state = self.player.state
            allowed = state in ("ready", "paused") and not self.locked
            self.buttons["Play"].show(state, allowed=allowed)
            waiting = self.locked and state == "ready"
            text = "Answer the question above: then Play unlocks." if waiting else self.states[state]
            text = f"{text} {self.player.message}".strip()
            if words := self._words():
                self.plot.alt = words
                text += f" {words}"
            self._said.say(text)
