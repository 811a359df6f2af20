"""Live training runs: a generator in a thread, its history and probes, and the registry of runs by name."""

from lessons_lib.runs.history import Change, History
from lessons_lib.runs.measurements import Measurements
from lessons_lib.runs.player import Player
from lessons_lib.runs.probes import Probe
from lessons_lib.runs.recording import Recording, saved_runs
from lessons_lib.runs.run import Factory, Measure, Run
from lessons_lib.runs.writer import Writer, Written

__all__ = [
    "Change",
    "Factory",
    "History",
    "Measure",
    "Measurements",
    "Player",
    "Probe",
    "Recording",
    "Run",
    "Writer",
    "Written",
    "saved_runs",
]
