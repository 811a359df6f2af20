"""What was measured of a model at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from lessons_lib.runs.writer import Written


@dataclass(frozen=True)
class Measurements:
    """Plain values; None where nothing was measured.  ``measured | part`` adds what a part has measured.

    Args:
        held_out_loss: in nats.
        singular_values: of the first layer's recurrent matrix, largest first.
        gradient_by_lag: norms at lag 0, 1, 2, ...
        truncation_error: of the logits at context length k = 1, 2, 3, ..., in the norm of the theorem.
        truncation_bound: what the theorem promises for the same k, inf where it promises nothing.
        accuracy: ε, the largest difference of the logits that counts as "the same prediction".
        rate: certified, inf when there is none.
        context_needed: the theorem's smallest k for ε, inf when it names none.
        gates: of an LSTM, the largest row l1 norm of each recurrent block of the first layer, by gate i, f, z, o.
        written: what a language model wrote.
    """

    held_out_loss: float | None = None
    singular_values: Sequence[float] | None = None
    gradient_by_lag: Sequence[float] | None = None
    truncation_error: Sequence[float] | None = None
    truncation_bound: Sequence[float] | None = None
    accuracy: float | None = None
    rate: float | None = None
    context_needed: float | None = None
    gates: Mapping[str, float] | None = None
    written: Written | None = None

    @property
    def numbers(self) -> Measurements:
        """What is one number each; the curves left out."""
        curves = {one.name: None for one in fields(self) if not isinstance(getattr(self, one.name), float | int)}
        return replace(self, **curves)

    def __or__(self, part: Measurements) -> Measurements:
        found = {one.name: getattr(part, one.name) for one in fields(part)}
        return replace(self, **{name: value for name, value in found.items() if value is not None})
