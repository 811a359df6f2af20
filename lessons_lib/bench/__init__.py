"""Speed and memory as ratios measured in one run: ``lessons bench``.

Every benchmark is a module with ``gates()``, which measures and gives each ratio with the limit it has to keep.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

import torch

from lessons_lib.experiments.machine import describe_machine

BENCHMARKS = {
    "training": "lessons_lib.bench.training",
    "corpora": "lessons_lib.bench.corpora",
    "models": "lessons_lib.bench.models",
    "scan": "lessons_lib.bench.scan",
    "panel": "lessons_lib.bench.panel",
}


@dataclass(frozen=True)
class Gate:
    """A measured ratio and the limit it has to keep; without a limit it is told and no more."""

    name: str
    value: float
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.within(0.0)

    def within(self, slack: float) -> bool:
        """Whether the limit is met, or missed by no more than this share of it."""
        if self.limit is None:
            return True
        if self.at_least:
            return self.value >= self.limit / (1 + slack)
        return self.value <= self.limit * (1 + slack)

    def __str__(self) -> str:
        said = f"{self.name}: {self.value:.3g}"
        if self.limit is None:
            return said
        return f"{said}  (limit {'>=' if self.at_least else '<='} {self.limit:g}, {'met' if self.met else 'NOT MET'})"


def judge(measure: Callable[[], list[Gate]], tell: Callable[[str], None] = print, slack: float = 0.0) -> bool:
    """Measure and tell; whether every limit is kept, or missed by no more than ``slack``, a share of it.

    A limit that is missed is measured once more: machines are shared, and one busy moment shall not decide.
    """
    first = measure()
    again = {} if all(gate.met for gate in first) else {gate.name: gate for gate in measure()}
    kept = True
    for gate in first:
        final = gate if gate.met else again[gate.name]
        tell(f"  {final}" + ("" if gate.met else f"  second try; first {gate.value:.3g}"))
        kept &= final.within(slack)
    return kept


def run(name: str, tell: Callable[[str], None] = print, slack: float = 0.0) -> bool:
    """Run one benchmark on one thread of the CPU; whether it kept its limits, but for ``slack``.

    Raises:
        ValueError: unknown name.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"unknown benchmark {name!r}: choose from {', '.join(BENCHMARKS)}")
    torch.set_num_threads(1)
    with patch.dict(os.environ, {"LESSONS_DEVICE": "cpu"}):
        tell(f"{name}: {describe_machine()}")
        return judge(importlib.import_module(BENCHMARKS[name]).gates, tell, slack)
