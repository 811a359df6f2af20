"""Checks of lesson 01's exercises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, named_mistake
from lessons_lib.models import SequenceModel


@exercise("Change, read again, compare: for this model input 10 moves the outputs 10 to 14, and no other.")
def moved(answer: Callable[[Any, Tensor, int], Tensor]) -> str | None:
    """By how much each output moves, as ``influence`` says: the norm over its entries, the mean over the sequences."""
    from lessons_lib.models import CausalConvolution, TanhRNN, Windowed, seeded
    from lessons_lib.stability import influence

    with seeded(0):
        cases: dict[str, tuple[Any, int, int]] = {
            "a windowed RNN of k = 5": (Windowed(TanhRNN(3, 6), 5).double(), 10, 16),
            "a convolution of k = 3": (CausalConvolution(4, 2, 3).double(), 7, 12),
        }
        drawn = {name: torch.randn(2, time, m.input_size).double() for name, (m, _, time) in cases.items()}
    for name, (model, s, time) in cases.items():
        inputs, kept = drawn[name], drawn[name].clone()
        with torch.no_grad():
            given = answer(model, inputs, s)
            right = influence(model, kept, model.input_size**0.5)[s]
            changed = kept.clone()
            changed[:, s] += 1.0
            difference = model(changed)[0] - model(kept)[0]
        if not torch.equal(inputs, kept):
            return f"for {name} the inputs themselves were changed: work on inputs.clone()"
        if isinstance(given, Tensor) and given.shape == right.shape and not given.any():
            return f"for {name} nothing moved: read the changed copy, and compare with the outputs for the inputs"
        felt = torch.nonzero(given.detach().reshape(-1) > 1e-12).flatten().tolist() if isinstance(given, Tensor) else []
        case = f"for {name}, input {s} of {time} changed, yours moves the outputs {felt}"
        wrong = {
            "that is the mean of the entries: take the norm over the last axis, dim=-1": difference.abs().mean((0, 2)),
            "positive and negative moves cancel: take the norm over the last axis, dim=-1": difference.mean((0, 2)),
            "the norm is taken over the sequences as well: mean over them, at axis 0": difference.norm(dim=(0, 2)),
            "add the 1 to x_s alone": _moved_from(model, kept, s),
        }
        if mistake := named_mistake(given, right, wrong, named=f"{case}: {{}}", unnamed=f"{case}: {{}}"):
            return mistake
    return None


@torch.no_grad()
def _moved_from(model: SequenceModel, inputs: Tensor, s: int) -> Tensor:
    changed = inputs.clone()
    changed[:, s:] += 1.0
    moves: Tensor = (model(changed)[0] - model(inputs)[0]).norm(dim=-1).mean(0)
    return moves


@exercise("An input moves its own output and the k - 1 after it, as far as the sequence goes.")
def outputs_that_move(answer: Callable[[int, int, int], range]) -> str | None:
    """range(s, min(s + k, T))."""
    for s, k, time in ((5, 4, 20), (5, 1, 20), (17, 6, 20), (0, 3, 20)):
        given, right = list(answer(s, k, time)), list(range(s, min(s + k, time)))
        if given == right:
            continue
        case = f"for s = {s}, k = {k} and T = {time}"
        wrong = {
            "you run past the end of the sequence: the last output is T - 1": range(s, s + k),
            "input s moves its own output too: begin at s": range(s + 1, s + k),
            "input s also counts in the window that it is the oldest of: the last one is s + k - 1": range(
                s, s + k - 1
            ),
            "one too many: k steps later the input has left the window": range(s, s + k + 1),
            "those are the inputs that output s depends on; asked is which outputs input s moves": range(
                max(0, s - k + 1), s + 1
            ),
            "that is the whole tail: with a context length of k it ends": range(s, time),
        }
        for mistake, value in wrong.items():
            if given in (list(value), [t for t in value if t < time]):
                return f"{case}: {mistake}"
        return f"{case} expected {right}, yours is {given}"
    return None


@dataclass(frozen=True)
class _Silent:
    """A model of which only the outputs can be seen: what it says of itself is not measured."""

    _model: Any

    def __call__(self, inputs: Tensor) -> Any:
        return self._model(inputs)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no {name}: this model says nothing of itself, so measure it from outside")


@exercise("From outside, without a look at the code: this works for any model.")
def measured_context(answer: Callable[[Any, Tensor], int]) -> str | None:
    """The farthest input that moves the last output, counted from 1 at its own."""
    from lessons_lib.models import CausalConvolution, GatedConvolution, TanhRNN, Windowed, seeded

    time, size = 24, 3
    with seeded(0):
        models: dict[str, Any] = {
            "a convolution of 5 weights": CausalConvolution(size, 4, 5),
            "a gated convolution": GatedConvolution(size, 4, 3),
            "a windowed RNN": Windowed(TanhRNN(size, 4), 6),
            "a model that sees its own input alone": CausalConvolution(size, 4, 1),
            "a dilated convolution": CausalConvolution(size, 4, 3, dilation=4),
        }
        inputs = torch.randn(1, time, size, dtype=torch.float64)
    for name, model in models.items():
        model.double().eval()
        kept = inputs.clone()
        given, right = int(answer(_Silent(model), kept)), model.context_length
        if not torch.equal(kept, inputs):
            return "your function changed the inputs it was given: work on inputs.clone()"
        if given == right:
            continue
        case = f"for {name}"
        if given == right - 1:
            return f"{case} you give {given}, the largest lag: with its own input the output sees one more"
        if name == "a dilated convolution" and given == 3:
            return f"{case} you counted the inputs that it reads, 3; the farthest lies {right - 1} steps back"
        if given == time - right:
            return f"{case} you give {given}, the position of the farthest input: count from the last one back"
        if given == time:
            return f"{case} you give the whole length: did you look at the last output alone, and at its change?"
        if given == 0:
            return f"{case} nothing moved: did you change a copy of the inputs, and compare the two outputs?"
        return f"{case} expected {right}, yours is {given}"
    return None
