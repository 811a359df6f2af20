"""Widgets: the live plot and the training panel. Only this room knows that Jupyter exists."""

import os

import torch

from lessons_lib.panels.asking import QuestionWidget, ask
from lessons_lib.panels.controls import Knob
from lessons_lib.panels.explorer import Choice, Explorer
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.presets import Preset, presets_for
from lessons_lib.panels.training_panel import TrainingPanel
from lessons_lib.panels.training_plot import TrainingPlot

# In a kernel cells compute beside live runs. Two threads of torch for each of them, on a laptop's cores, spend their
# time waiting for one another; with one thread each, both go on.
if "OMP_NUM_THREADS" not in os.environ:
    torch.set_num_threads(1)

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
