"""The training panel: buttons and sliders that steer a run, and the picture of what it does."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from lessons_lib.checks import Question
from lessons_lib.panels.controls import NumberControl
from lessons_lib.panels.meter import meter
from lessons_lib.panels.panel import Panel
from lessons_lib.panels.presets import Preset, presets_for
from lessons_lib.panels.training_plot import TrainingPlot
from lessons_lib.runs import Measurements, Run
from lessons_lib.stability import StableSet, Unconstrained, layers_of, set_for

BUTTONS = {
    "Play": ("play", "Train, from the beginning or from a pause"),
    "Pause": ("pause", "Finish the step in hand, then wait"),
    "Step": ("step-forward", "Take one training step, then wait"),
    "Stop": ("stop", "End the run. Interrupting the kernel does not: the run has a thread of its own"),
    "Reset": ("refresh", "Begin again from the same first weights and settings"),
}
MAY_PRESS = {
    "ready": {"Play", "Step"},
    "running": {"Pause", "Stop"},
    "paused": {"Play", "Step", "Stop"},
}
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
PROGRESS_SECONDS = 0.25
SPEED_SECONDS = 3.0


class TrainingPanel(Panel):
    """Controls and one live plot for a :class:`~lessons_lib.runs.Run`; the last value of a cell.

    Moving a control changes the run's settings and nothing else: the next training step uses them. A panel
    for a run of the same name replaces the one before, and closes its widgets.

    Args:
        run: the run to steer; it is started by Play, not by making the panel.
        prediction: a bet to be made first: until then Play and Step are locked.
        outcome: what the run shows about the bet, asked at every news of the run until it is one of the options.
        context_length: where the theorem meter reads error and bound.
        presets: starts to choose from; by default those of the run's stable set, or of the one for its model.
        learning_rates: ends of the learning rate's slider; by default a hundredth and ten times the first
            one.
        levels: labelled horizontal lines on the loss, such as the best loss there is.
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
    ) -> None:
        self._replace(run.name)
        self.run, self.context_length, self._outcome = run, context_length, outcome
        self._lock = threading.RLock()
        self._factory = run.factory
        self._preset: Preset | None = None
        self._speed: deque[tuple[float, int]] = deque()
        self._next_progress = 0.0
        model, stream = run.model, run.stream
        layers = layers_of(model)
        self._kind = layers[0].kind if layers else ""
        self._device = str(next(model.parameters()).device)
        self.plot = TrainingPlot(levels)
        # What ticking the switch gives: the run's own set, or the one for its model, or that of a preset.
        sets = [run.settings.stable_set, set_for(model), *(preset.stable_set for preset in presets or ())]
        self._offered = self._chosen = next((one for one in sets if one.knob is not None), Unconstrained())
        self.controls = self._make_controls(stream.steps, learning_rates)
        self.buttons = {name: self._button(name, icon, tip) for name, (icon, tip) in BUTTONS.items()}
        presets = presets_for(self._offered) if presets is None else presets
        self.presets = {preset.name: self._preset_button(preset) for preset in presets}
        self._state = widgets.HTML(layout=_layout("3 1 12em"))
        self._bar = widgets.FloatProgress(min=0, max=run.steps or 1, layout=_layout("1 1 5em"))
        self._bar.layout.visibility = "visible" if run.steps else "hidden"
        self._progress = widgets.HTML(layout=_layout("0 0 auto"))
        self._meter = widgets.HTML(meter(Measurements(), context_length, NORMS.get(self._kind, "")))
        super().__init__(run.name, prediction)
        self._show_settings()
        self._on_news(run)
        run.listeners.append(self._on_news)

    def close(self) -> None:
        """Let go of the run, which goes on, and close every widget of the panel."""
        if self._on_news in self.run.listeners:
            self.run.listeners.remove(self._on_news)
        super().close()

    # -- what the panel is made of -----------------------------------------------------------------------------

    def _make_controls(self, steps: int, learning_rates: tuple[float, float] | None) -> dict[str, NumberControl]:
        settings = self.run.settings
        controls = {
            "truncation_length": NumberControl(
                "truncation k",
                "Truncation length k, in steps: how far back the gradient reaches. The state is carried on regardless.",
                low=1,
                high=steps,
                step=1,
                integer=True,
                value=settings.truncation_length,
                on_change=lambda k: self.run.update(truncation_length=k),
            )
        }
        if self._chosen.knob is not None:
            controls["stable_set"] = NumberControl(
                **self._set_control(self._chosen),
                value=settings.stable_set.knob_value,
                on_change=lambda value: self.run.update(
                    stable_set=Unconstrained() if value is None else self._chosen.with_knob(value)
                ),
            )
        low, high = learning_rates or (settings.learning_rate / 100, settings.learning_rate * 10)
        controls["learning_rate"] = NumberControl(
            "learning rate",
            "Learning rate: the optimiser's step size, on a logarithmic scale.",
            low=low,
            high=high,
            step=0.05,
            logarithmic=True,
            value=settings.learning_rate,
            on_change=lambda rate: self.run.update(learning_rate=rate),
        )
        return controls

    def _set_control(self, stable_set: StableSet) -> dict[str, Any]:
        """The control of a set's knob; wide enough for where it stands."""
        knob, value = stable_set.knob, stable_set.knob_value
        assert knob is not None
        assert value is not None
        ends = {"low": min(knob.low, value), "high": max(knob.high, value), "step": knob.step}
        return {"label": knob.label, "tooltip": knob.tooltip, "switch": knob.switch, **ends}

    def _button(self, name: str, icon: str, tooltip: str) -> widgets.Button:
        button = widgets.Button(description=name, icon=icon, tooltip=tooltip, layout=_layout("0 0 auto"))
        act = {
            "Play": self.run.start,
            "Pause": self.run.pause,
            "Step": self.run.step,
            "Stop": self.run.stop,
            "Reset": self._reset,
        }[name]
        button.on_click(lambda _: self._act(act))
        return button

    def _preset_button(self, preset: Preset) -> widgets.Button:
        tooltip = f"Begin again: {preset.says}"
        button = widgets.Button(description=preset.name, tooltip=tooltip, layout=_layout("0 0 auto"))
        button.on_click(lambda _: self._reset(preset))
        return button

    def _rows(self) -> list[widgets.Widget]:
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        rows = self._question()
        groups = [widgets.Box(list(self.buttons.values()), layout=widgets.Layout(**wrap))]
        if self.presets:
            label = widgets.HTML("Start from", layout=widgets.Layout(margin="2px 4px"))
            groups.append(widgets.Box([label, *self.presets.values()], layout=widgets.Layout(**wrap)))
        rows.append(widgets.Box(groups, layout=widgets.Layout(grid_gap="0 16px", **wrap)))
        columns = {"grid_template_columns": "repeat(auto-fit, minmax(20em, 1fr))", "grid_gap": "0 16px"}
        rows.append(widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(**columns)))
        progress = widgets.Box(
            [self._bar, self._progress], layout=widgets.Layout(flex="1 1 34em", align_items="center")
        )
        news = [self._state, progress]
        rows.append(widgets.Box(news, layout=widgets.Layout(grid_gap="0 10px", **wrap)))
        return [*rows, self._meter, self.plot]

    # -- the learner acts --------------------------------------------------------------------------------------

    def _act(self, act: Callable[[], None]) -> None:
        act()
        self._show_state()

    def _reset(self, preset: Preset | None = None) -> None:
        with self._lock:
            self._preset = preset
        if preset is None:
            self.run.reset()
        else:
            self.run.reset(preset.factory(self._factory), stable_set=preset.stable_set)
        self._show_settings()
        self._show_state()

    # -- the run has news (in its own thread) ------------------------------------------------------------------

    def _on_news(self, run: Run) -> None:
        self.plot.show(run)
        if self.prediction and self._outcome and self.prediction.outcome is None:
            self.prediction.settle(self._outcome(run))
        self._show_state()

    def _show_settings(self) -> None:
        settings = self.run.settings
        for name, control in self.controls.items():
            if name == "stable_set":
                self._chosen = settings.stable_set if settings.stable_set.knob else self._offered
                control.aim(**self._set_control(self._chosen), value=settings.stable_set.knob_value)
            else:
                control.show(getattr(settings, name))

    def _show_state(self, _: object = None) -> None:
        with self._lock:
            run, state = self.run, self.run.state
            allowed = MAY_PRESS.get(state, set()) - ({"Play", "Step"} if self.locked else set())
            for name, button in self.buttons.items():
                button.disabled = name != "Reset" and name not in allowed
            self.buttons["Play"].button_style = "" if self.buttons["Play"].disabled else "primary"
            self._state.value = self._state_in_words()
            now = time.monotonic()
            if state != "running" or now >= self._next_progress:
                self._next_progress = now + PROGRESS_SECONDS
                self._show_progress(now)
                self._meter.value = meter(run.history.measured, self.context_length, NORMS.get(self._kind, ""))

    def _state_in_words(self) -> str:
        run, state = self.run, self.run.state
        text = escape(STATES[state].format(step=run.step_count))
        if state == "ready" and self._preset is not None:
            text = f"Begun again from “{escape(self._preset.name)}”: {escape(self._preset.says)}. Press Play."
        if state == "ready" and self.locked:
            text = "Answer the question above: then Play unlocks."
        colour = "var(--jp-error-color1, #d32f2f)" if state in ("diverged", "failed") else "inherit"
        details = ""
        if state in ("diverged", "failed"):
            text += f" {escape(run.message)}."
        if state == "failed":
            details = f"<details><summary>Traceback</summary><pre>{escape(self._traceback())}</pre></details>"
        return f'<div role="status" style="color:{colour};line-height:1.4">{text}</div>{details}'

    def _traceback(self) -> str:
        try:
            self.run.result()
        except Exception as error:
            return "".join(traceback.format_exception(error))
        return ""

    def _show_progress(self, now: float) -> None:
        history = self.run.history
        tokens, step = (history.tokens[-1] if history.tokens else 0), self.run.step_count
        if self.run.state != "running" or (self._speed and self._speed[-1][1] > tokens):
            self._speed.clear()
        self._speed.append((now, tokens))
        while now - self._speed[0][0] > SPEED_SECONDS:
            self._speed.popleft()
        seconds = now - self._speed[0][0]
        limit = f" of {self.run.steps:,}" if self.run.steps else ""
        said = [f"step {step:,}{limit}", f"{tokens:,} tokens"]
        if seconds > 0:
            said.append(f"{(tokens - self._speed[0][1]) / seconds:,.0f} tokens/s")
        self._progress.value = f'<span style="white-space:nowrap">{" · ".join([*said, self._device])}</span>'
        if self.run.steps:
            self._bar.value = step


def _layout(flex: str) -> widgets.Layout:
    return widgets.Layout(flex=flex, width="auto")
