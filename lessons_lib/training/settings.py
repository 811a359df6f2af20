"""What may change while a model trains: an immutable value in a mailbox."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from lessons_lib.stability import StableSet, Unconstrained

TRUNCATIONS = ("chunked", "exact")


@dataclass(frozen=True)
class Settings:
    """Everything that the next training step reads.

    Args:
        truncation_length: k, how many steps back a gradient reaches; at most the stream's steps.
        truncation: ``"chunked"`` cuts the gradient after every k positions (Williams & Peng 1990, the usual
            practice): a position's gradient reaches between 1 and k steps back.  ``"exact"`` lets every
            position reach exactly k steps back, across the edge of the training step too.
        learning_rate: step size of the optimiser.
        gradient_clip: largest Euclidean norm of the gradient; None: no clipping.
        stable_set: the set onto which the weights are projected after every step.
    """

    truncation_length: int = 35
    truncation: str = "chunked"
    learning_rate: float = 1.0
    gradient_clip: float | None = None
    stable_set: StableSet = field(default_factory=Unconstrained)

    def __post_init__(self) -> None:
        if self.truncation_length != int(self.truncation_length) or self.truncation_length < 1:
            raise ValueError(f"truncation_length={self.truncation_length}: give a whole number of steps, 1 or more")
        object.__setattr__(self, "truncation_length", int(self.truncation_length))  # 5.0 and numpy's 5 are 5
        if self.truncation not in TRUNCATIONS:
            raise ValueError(f"truncation={self.truncation!r}: choose one of {', '.join(TRUNCATIONS)}")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(f"learning_rate={self.learning_rate}: give a positive number")
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise ValueError(f"gradient_clip={self.gradient_clip}: give a positive norm, or None for no clipping")


class Mailbox:
    """Holds the settings; a slider swaps in a new value, the training loop reads the reference once per step.

    Reading takes no lock.  Writers do, so that two changes made at once both arrive.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self._writing = threading.Lock()

    def update(self, **changes: Any) -> Settings:
        """Swap in the settings with these fields changed; an invalid value raises and changes nothing."""
        with self._writing:
            self.settings = replace(self.settings, **changes)
            return self.settings
