"""Live training runs: a generator in a thread, its history and probes, and the registry of runs by name."""

from lessons_lib.runs.history import Change, History
from lessons_lib.runs.player import Player
from lessons_lib.runs.probes import LanguageProbe
from lessons_lib.runs.run import Factory, Probe, Run, live_runs

__all__ = ["Change", "Factory", "History", "LanguageProbe", "Player", "Probe", "Run", "live_runs"]
