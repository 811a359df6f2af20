"""What a run measures about once a second: memory, gradients, and the theorem beside both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Protocol

from torch import Tensor, nn

from lessons_lib.models import Predictor
from lessons_lib.runs.measurements import Measurements
from lessons_lib.runs.writer import Writer
from lessons_lib.stability import (
    certified_rate,
    context_for,
    gate_norms,
    gradient_by_lag,
    layers_of,
    norm_order,
    singular_values,
    spectral_norm,
    truncation_bounds,
    truncation_error,
)
from lessons_lib.stability.bounds import is_bounded
from lessons_lib.stability.probes import carries_state
from lessons_lib.stability.rates import linear_recurrences
from lessons_lib.training import Settings, batch_loss


class Probed(Predictor, Protocol):
    """A predictor that says what the theorem asks: how large its inputs can be, and how steep its head is."""

    @property
    def decoder(self) -> nn.Linear: ...

    def input_bound(self, order: float, /) -> float:
        """The largest norm, of this order, of what the core is fed, whatever is read."""


@dataclass(frozen=True)
class Probe:
    """Measures a model on data that it is not trained on; what it reads may be tokens or vectors.

    Args:
        held_out: one batch ``(inputs, targets)``, as a stream of batches gives it, for the held-out loss.
        sample: (batch, time) tokens, or vectors (batch, time, size), on which gradients and truncation errors are
            measured.
        max_context: the largest context length k of the truncation errors.
        max_lag: the largest lag of the gradient.
        accuracy: ε, the largest difference of the logits that counts as "the same prediction".
        writer: lets a language model write; None: nobody reads it.
        targets: what is to be said at every input of the sample; None: the next input.

    A call measures every field of :class:`Measurements` that this model has: matrix and rate where it is recurrent, a
    gradient by lag where a state carries its whole past, a bound where a theorem knows one, the gates of LSTMs only.
    """

    held_out: tuple[Tensor, Tensor]
    sample: Tensor
    max_context: int = 40
    max_lag: int = 40
    accuracy: float = 0.1
    writer: Writer | None = None
    targets: Tensor | None = None

    def __call__(self, model: Probed, settings: Settings) -> Measurements:
        return reduce(or_, self.parts(model, settings), Measurements())

    def parts(self, model: Probed, settings: Settings) -> Iterator[Measurements]:
        """The same in parts of about equal cost; error and bound belong to the same weights."""
        device = next(model.parameters()).device
        loss = batch_loss(model, *(part.to(device) for part in self.held_out))
        yield Measurements(held_out_loss=loss)
        if not math.isfinite(loss):  # it has diverged, as the run is about to notice: nothing else is a number
            return
        if self.writer is not None:
            yield Measurements(written=self.writer(model))
        sample = self.sample.to(device)
        if carries_state(model, sample):
            targets = None if self.targets is None else self.targets.to(device)
            yield Measurements(gradient_by_lag=gradient_by_lag(model, sample, self.max_lag, targets=targets).tolist())
        contexts, layers, order = range(1, self.max_context + 1), layers_of(model), norm_order(model)
        errors = truncation_error(model, sample, contexts, order=order)
        found = Measurements(
            truncation_error=errors.tolist(), accuracy=self.accuracy, context_needed=model.context_length
        )
        if layers or linear_recurrences(model):
            found |= Measurements(
                singular_values=singular_values(model)[0].tolist(),
                # Two valid certificates: the set's, and the one that the norms alone give.
                rate=min(settings.stable_set.rate(model), certified_rate(model)),
            )
        if is_bounded(model):
            limits = error_limits(model, order)
            needed = context_for(model, self.accuracy, **limits)
            found |= Measurements(
                truncation_bound=truncation_bounds(model, contexts, **limits),
                context_needed=min(needed, model.context_length or math.inf),
            )
        yield found | Measurements(gates=gate_norms(model) if layers and layers[0].kind == "lstm" else None)


def error_limits(model: Probed, order: float) -> dict[str, float]:
    """``input_bound`` and ``output_lipschitz`` for the theorem's bounds: whatever the model is given to read."""
    decoder = model.decoder.weight.detach()
    return {
        "input_bound": model.input_bound(order),
        "output_lipschitz": spectral_norm(decoder) if order == 2 else float(decoder.abs().sum(1).max()),
    }
