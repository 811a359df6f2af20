"""Widgets: the live plot and the training panel. Only this room knows that Jupyter exists."""

from lessons_lib.panels.asking import QuestionWidget, ask
from lessons_lib.panels.explorer import Choice, Explorer, Knob
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.presets import Preset, presets_for
from lessons_lib.panels.training_panel import TrainingPanel
from lessons_lib.panels.training_plot import TrainingPlot

__all__ = [
    "Choice",
    "Explorer",
    "Knob",
    "LivePlot",
    "Preset",
    "QuestionWidget",
    "TrainingPanel",
    "TrainingPlot",
    "ask",
    "presets_for",
]
