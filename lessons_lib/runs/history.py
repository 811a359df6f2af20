"""What a run has done so far, as plain numbers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lessons_lib.runs.measurements import Measurements
from lessons_lib.training import Settings, StepRecord


@dataclass(frozen=True)
class Change:
    """A setting changed: ``step`` is the first that used the new value, ``at`` when it began (monotonic, s)."""

    step: int
    name: str
    old: Any
    new: Any
    at: float


@dataclass
class History:
    """One entry per published step, one per probe; lists only grow, so readers may slice them at any time.

    Of the probes the last one alone keeps its curves: a run of hours would fill the memory with them.
    """

    steps: list[int] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    gradient_norm: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    twin_steps: list[int] = field(default_factory=list)
    twin_loss: list[float] = field(default_factory=list)
    probes: list[tuple[int, Measurements]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def measured(self) -> Measurements:
        """What the last probe found; all of it None before the first."""
        return self.probes[-1][1] if self.probes else Measurements()

    def extend(self, records: list[StepRecord], twins: list[StepRecord]) -> None:
        """Append records, fetching all their tensors in one transfer from the device."""
        rows = [(r.loss, r.gradient_norm, r.moved) for r in records] + [
            (r.loss, r.gradient_norm, r.moved) for r in twins
        ]
        if not rows:
            return
        device = rows[0][0].device
        values = torch.stack([torch.as_tensor(v, device=device).float() for row in rows for v in row]).tolist()
        own, others = values[: 3 * len(records)], values[3 * len(records) :]
        self.loss += own[0::3]
        self.gradient_norm += own[1::3]
        self.moved += own[2::3]
        self.tokens += [r.tokens for r in records]
        self._extend_twin([r.step for r in twins], others[0::3])
        self.steps += [r.step for r in records]  # last: a reader that sees a step finds its values

    def note_probe(self, step: int, found: Measurements) -> None:
        """Append what a probe found; the one before keeps its numbers alone."""
        self.probes.append((step, found))
        if len(self.probes) > 1:
            before, earlier = self.probes[-2]
            self.probes[-2] = before, earlier.numbers

    def _extend_twin(self, steps: list[int], losses: list[float]) -> None:
        """Publish the twin from the first step on in which it does otherwise: until then it is the run itself."""
        if not self.twin_steps:
            acted = (i for i, (step, loss) in enumerate(zip(steps, losses, strict=True)) if loss != self.loss[step])
            first = next(acted, len(steps))
            steps, losses = steps[first:], losses[first:]
        self.twin_loss += losses
        self.twin_steps += steps

    def moves(self, first: Settings) -> list[tuple[int, Settings]]:
        """(step, the settings from that step on), beginning with ``first`` at step 0."""
        moves = [(0, first)]
        for change in self.changes:
            after = replace(moves[-1][1], **{change.name: change.new})
            if change.step == moves[-1][0]:
                moves.pop()
            moves.append((change.step, after))
        return moves

    def note_changes(self, before: Settings, after: Settings, step: int) -> None:
        """Record each field in which two settings differ."""
        for name in before.__dataclass_fields__:
            old, new = getattr(before, name), getattr(after, name)
            if old != new:
                self.changes.append(Change(step, name, old, new, time.monotonic()))
