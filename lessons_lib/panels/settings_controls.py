"""A control for each setting that a learner may move while a run trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from lessons_lib.panels.controls import NumberControl
from lessons_lib.runs import Run
from lessons_lib.stability import StableSet, Unconstrained, set_for


class SettingsControls(widgets.Box):
    """Truncation length, the knob of the stable set, learning rate; moving one changes the run's settings.

    Args:
        run: whose settings are moved.
        sets: what ticking the knob's switch may give besides the run's own set and the one for its model.
        learning_rates: ends of the learning rate's slider.
    """

    def __init__(self, run: Run, sets: Sequence[StableSet], learning_rates: tuple[float, float] | None) -> None:
        self._run = run
        settings = run.settings
        candidates = [settings.stable_set, set_for(run.model), *sets]
        self.offered: StableSet = next((one for one in candidates if one.knob is not None), Unconstrained())
        self._chosen = self.offered
        self.by_name = {
            "truncation_length": NumberControl(
                "truncation k",
                "Truncation length k, in steps: how far back the gradient reaches. The state is carried on regardless.",
                low=1,
                high=run.stream.steps,
                step=1,
                integer=True,
                value=settings.truncation_length,
                on_change=lambda k: run.update(truncation_length=k),
            )
        }
        if self._chosen.knob is not None:
            self.by_name["stable_set"] = NumberControl(
                **self._of_set(self._chosen),
                value=settings.stable_set.knob_value,
                on_change=lambda value: run.update(
                    stable_set=Unconstrained() if value is None else self._chosen.with_knob(value)
                ),
            )
        low, high = learning_rates or (settings.learning_rate / 100, settings.learning_rate * 10)
        self.by_name["learning_rate"] = NumberControl(
            "learning rate",
            "Learning rate: the optimiser's step size, on a logarithmic scale.",
            low=low,
            high=high,
            step=0.05,
            logarithmic=True,
            value=settings.learning_rate,
            on_change=lambda rate: run.update(learning_rate=rate),
        )
        super().__init__(list(self.by_name.values()))
        self.add_class("lessons-controls")

    def show(self) -> None:
        """Stand where the run's settings stand."""
        settings = self._run.settings
        for name, control in self.by_name.items():
            if name == "stable_set":
                self._chosen = settings.stable_set if settings.stable_set.knob else self.offered
                control.aim(**self._of_set(self._chosen), value=settings.stable_set.knob_value)
            else:
                control.show(getattr(settings, name))

    def _of_set(self, stable_set: StableSet) -> dict[str, Any]:
        """The control of a set's knob; wide enough for where it stands."""
        knob, value = stable_set.knob, stable_set.knob_value
        assert knob is not None
        assert value is not None
        ends = {"low": min(knob.low, value), "high": max(knob.high, value), "step": knob.step}
        return {"label": knob.label, "tooltip": knob.tooltip, "switch": knob.switch, **ends}
