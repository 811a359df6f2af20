"""Live training runs: a generator in a thread, its history, and the registry of runs by name."""

from lessons_lib.runs.history import Change, History
from lessons_lib.runs.run import Factory, Probe, Run, live_runs

__all__ = ["Change", "Factory", "History", "Probe", "Run", "live_runs"]
