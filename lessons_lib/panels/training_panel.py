"""The training panel: buttons and sliders that steer a run, and the picture of what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.panels.listening import Composer, Listening
from lessons_lib.panels.meter import meter
from lessons_lib.panels.panel import Panel
from lessons_lib.panels.past_runs import PastRuns
from lessons_lib.panels.presets import Preset, presets_for
from lessons_lib.panels.progress import Progress
from lessons_lib.panels.settings_controls import SettingsControls
from lessons_lib.panels.training_plot import TrainingPlot, gap_to_twin
from lessons_lib.panels.transport import PlayButton, StatusLine, action, speed_menu
from lessons_lib.runs import Run
from lessons_lib.stability import layers_of

PLAY = "Train, from the beginning or from a pause"
PAUSE = "Finish the step in hand, then wait"
STEP = "Take one training step, then wait"
STOP = "End the run. Interrupting the kernel does not: the run has a thread of its own"
RESET = "Begin again from the lesson's own start: its first weights and settings"
STATES = {
    "ready": "Ready: press Play.",
    "running": "Running.",
    "paused": "Paused at step {step}: Play goes on, Step takes one more.",
    "finished": "Finished after {step} steps: Reset begins again.",
    "stopped": "Stopped at step {step}: Reset begins again.",
    "diverged": "Diverged:",
    "failed": "Failed:",
}
NORMS = {"tanh": "Euclidean norm", "relu": "Euclidean norm", "lstm": "weighted max norm"}
WRAP = {"flex_flow": "row wrap", "align_items": "center"}


class TrainingPanel(Panel):
    """Controls and one live plot for a :class:`~lessons_lib.runs.Run`; the last value of a cell.

    Moving a control changes the run's settings and nothing else: the next training step uses them. A panel
    for a run of the same name replaces the one before, and closes its widgets; what that run had learned is offered.

    Args:
        run: the run to steer; it is started by Play, not by making the panel.
        prediction: a bet to be made first: until then Play and Step are locked.
        outcome: what the run shows about the bet, asked at every news of the run until it is one of the options.
        context_length: where the theorem meter reads error and bound.
        presets: starts to choose from; by default those of the run's stable set, or of the one for its model.
        learning_rates: ends of the learning rate's slider; by default a hundredth and ten times the first
            one.
        levels: labelled horizontal lines on the loss, such as the best loss there is.
        first: the plot that stands before the others: "loss", "spectrum", "gradient" or "error".
        names: what the legend calls a curve, e.g. ``{"twin_mean": "unbounded"}``.
        speed: "slow", "normal" or "fast", to begin with.
        composer: of a model of music: adds the tab *Listen*.
    """

    def __init__(
        self,
        run: Run,
        *,
        prediction: Question | None = None,
        outcome: Callable[[Run], str | None] | None = None,
        context_length: int = 20,
        presets: Sequence[Preset] | None = None,
        learning_rates: tuple[float, float] | None = None,
        levels: Mapping[str, float] | None = None,
        first: str = "loss",
        names: Mapping[str, str] | None = None,
        speed: str = "fast",
        composer: Composer | None = None,
    ) -> None:
        self._replace(run.name)
        self.listening = Listening(run, composer) if composer else None
        self.run, self.context_length, self._outcome = run, context_length, outcome
        self._lock = threading.RLock()
        self._own_start = run.factory, run.settings.stable_set
        self._begun = ""
        layers = layers_of(run.model)
        self._norm = NORMS.get(layers[0].kind, "") if layers else "Euclidean norm"  # of linear recurrences
        self.unit = getattr(run.stream, "unit", "tokens")
        self.plot = TrainingPlot(levels, names=names, unit=self.unit, first=first)
        self.settings = SettingsControls(run, [preset.stable_set for preset in presets or ()], learning_rates)
        self.controls = self.settings.by_name
        self.buttons = {
            "Play": PlayButton(lambda: self._act(run.start), lambda: self._act(run.pause), PLAY, PAUSE),
            "Step": action("Step", "step-forward", STEP, lambda: self._act(run.step)),
            "Stop": action("Stop", "stop", STOP, lambda: self._act(run.stop)),
            "Reset": action("Reset", "refresh", RESET, self.reset),
        }
        self.speed = speed_menu(lambda pace: setattr(run, "pace", pace), speed)
        starts = presets_for(self.settings.offered) if presets is None else presets
        self.presets = {preset.name: self._preset_button(preset) for preset in starts}
        self.found = {
            "go on": action(
                "Show the run that is going on", "play", "With everything that it has learned", self._go_on
            ),
            "anew": action("Begin again", "refresh", "Forget it, and train anew", self._begin_anew),
        }
        self._found_line = StatusLine()
        self._found = widgets.Box([self._found_line, *self.found.values()], layout=widgets.Layout(**WRAP))
        self._state = StatusLine(widgets.Layout(flex="3 1 12em"))
        self._progress = Progress(run, self.unit)
        self._meter = widgets.HTML()
        self._meter.add_class("lessons-meter")
        self._written: widgets.HTML | None = None
        super().__init__(run.name, prediction)
        self._on_news(run)
        run.listeners.append(self._on_news)

    def __repr__(self) -> str:
        return (
            f"TrainingPanel({self.name!r}): a live panel, which shows where notebooks run. If you read this there, run "
            "this cell again: a run that is going on is found again, and nothing of it is lost."
        )

    def close(self) -> None:
        """Let go of the run, which goes on, and close every widget of the panel."""
        if self._on_news in self.run.listeners:
            self.run.listeners.remove(self._on_news)
        super().close()

    def reset(self) -> None:
        """Begin again from the lesson's own start, whatever start was chosen since."""
        factory, stable_set = self._own_start
        self._begin(lambda: self.run.reset(factory, stable_set=stable_set), "Begun again from the lesson's own start.")

    # -- what the panel is made of -----------------------------------------------------------------------------

    def _preset_button(self, preset: Preset) -> widgets.Button:
        def begin() -> None:
            self._begin(
                lambda: self.run.reset(preset.factory(self._own_start[0]), stable_set=preset.stable_set),
                f"Begun again from “{preset.name}”: {preset.says}.",
            )

        return action(preset.name, "", f"Begin again: {preset.says}", begin)

    def _rows(self) -> list[widgets.Widget]:
        self.past = PastRuns(self.run, self.plot, self.access, self._picture)
        row = widgets.Layout(grid_gap="0 14px", **WRAP)
        groups = [widgets.Box([*self.buttons.values(), self.speed], layout=widgets.Layout(**WRAP))]
        if self.presets:
            label = widgets.HTML("Start from", layout=widgets.Layout(margin="2px 4px"))
            groups.append(widgets.Box([label, *self.presets.values()], layout=widgets.Layout(**WRAP)))
        side, plots = widgets.VBox([self.settings, self._told(), self.past]), widgets.VBox([self.plot])
        side.add_class("lessons-side")
        plots.add_class("lessons-plots")
        body = widgets.Box([side, plots])
        body.add_class("lessons-body")
        news = widgets.Box([self._state, self._progress], layout=row)
        return [*self._question(), self._found, widgets.Box(groups, layout=row), news, body]

    def _told(self) -> widgets.Widget:
        """The theorem meter, and in tabs beside it what the model writes or plays, where it can."""
        tabs: dict[str, widgets.Widget] = {"Theorem": self._meter}
        if getattr(self.run.probe, "writer", None) is not None:
            tabs["Write"] = self._written = widgets.HTML("It has written nothing yet.")
        if self.listening is not None:
            tabs["Listen"] = self.listening
        return widgets.Tab(list(tabs.values()), titles=tuple(tabs)) if len(tabs) > 1 else self._meter

    def _picture(self) -> bytes:
        page = self.figure().to_html(include_plotlyjs=True, full_html=True)
        return str(page).encode()

    # -- the learner acts --------------------------------------------------------------------------------------

    def _act(self, act: Callable[[], None]) -> None:
        act()
        self._show_state()

    def _begin(self, reset: Callable[[], None], begun: str) -> None:
        self.run.pause()
        self.past.remember(self.run)
        with self._lock:
            self._begun = begun
        reset()
        self.settings.show()
        self._show_state()

    def _go_on(self) -> None:
        self.run.go_on()
        self.settings.show()
        self._show_state()

    def _begin_anew(self) -> None:
        if (earlier := self.run.earlier) is not None:
            self.past.remember(earlier)
        self.run.reset()
        self._show_state()

    # -- the run has news (in its own thread) ------------------------------------------------------------------

    def _on_news(self, run: Run) -> None:
        self.plot.show(run)
        if self.prediction and self._outcome and self.prediction.outcome is None:
            self.prediction.settle(self._outcome(run))
        self._show_state()

    def _show_state(self, _: object = None) -> None:
        with self._lock:
            run, state = self.run, self.run.state
            waiting = self.locked or run.earlier is not None
            stands = state in ("ready", "paused")
            self.buttons["Play"].show(state, allowed=stands and not waiting)
            self.buttons["Step"].disabled = not stands or waiting
            self.buttons["Stop"].disabled = state not in ("running", "paused")
            for button in (self.buttons["Reset"], *self.presets.values()):  # each would forget the earlier run
                button.disabled = run.earlier is not None
            self._show_earlier()
            self._say_state()
            if self._progress.due():
                self._progress.show()
                gap = gap_to_twin(run) if run.twin else None
                tiles = meter(run.history.measured, self.context_length, self._norm, self.unit, gap)
                self._meter.value = tiles
                self._show_written()

    def _show_written(self) -> None:
        if self._written is not None and (written := self.run.history.measured.written) is not None:
            words = f"<i>{escape(written.prompt)}</i> {escape(written.continued)}"
            self._written.value = f'<div style="line-height:1.4">{words}</div>'

    def _show_earlier(self) -> None:
        earlier = self.run.earlier
        self._found.layout.display = "none" if earlier is None else ""
        if earlier is not None:
            doing = "is going on" if earlier.left == "running" else "stands"
            self._found_line.say(f"A run of this panel {doing} at step {earlier.step_count:,}.")
            word = "that is going on" if earlier.left == "running" else "as it stands"
            self.found["go on"].description = f"Show the run {word}"

    def _say_state(self) -> None:
        run, state = self.run, self.run.state
        bad = state in ("diverged", "failed")
        text = STATES[state].format(step=run.step_count)
        if bad:
            text += f" {run.message}."
        elif state == "ready" and run.earlier is not None:
            text = "Choose one of the two."
        elif state == "ready" and self.locked:
            text = "Answer the question above: then Play unlocks."
        elif state == "ready" and self._begun:
            text = f"{self._begun} Press Play."
        self._state.say(text, bad=bad, details=run.traceback)
