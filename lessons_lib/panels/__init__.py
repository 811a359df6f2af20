"""Widgets: the live plot and the training panel. Only this room knows that Jupyter exists."""

from lessons_lib.panels.explorer import Explorer, Knob
from lessons_lib.panels.gates import GateTable
from lessons_lib.panels.live_plot import LivePlot
from lessons_lib.panels.machine_table import MachineTable, SelfTest
from lessons_lib.panels.order_panel import OrderPanel
from lessons_lib.panels.prediction import PredictionWidget
from lessons_lib.panels.presets import Preset, presets_for
from lessons_lib.panels.race_panel import RacePanel
from lessons_lib.panels.throughput_panel import ThroughputPanel
from lessons_lib.panels.training_panel import TrainingPanel
from lessons_lib.panels.training_plot import TrainingPlot
from lessons_lib.panels.twins_panel import TwinsPanel

__all__ = [
    "Explorer",
    "GateTable",
    "Knob",
    "LivePlot",
    "MachineTable",
    "OrderPanel",
    "PredictionWidget",
    "Preset",
    "RacePanel",
    "SelfTest",
    "ThroughputPanel",
    "TrainingPanel",
    "TrainingPlot",
    "TwinsPanel",
    "presets_for",
]
