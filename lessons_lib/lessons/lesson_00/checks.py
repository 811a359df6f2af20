"""Checks of lesson 00's exercises."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lessons_lib.checks.exercises import exercise, named_mistake, whole


@exercise("Clipping leaves what was small enough as it was; rescaling would have shrunk it too.")
def projected(answer: Callable[[torch.Tensor, float], torch.Tensor]) -> str | None:
    """The nearest matrix whose singular values do not exceed the bound, of two sizes."""
    generator = torch.Generator().manual_seed(0)
    for size, bound in ((3, 0.9), (4, 1.5)):
        left = torch.linalg.qr(torch.randn(size, size, generator=generator)).Q
        right = torch.linalg.qr(torch.randn(size, size, generator=generator)).Q
        values = torch.linspace(2.0, 0.4, size)
        matrix = left @ values.diag() @ right
        wrong = {
            "you divided the whole matrix, so that its small singular values shrank as well": matrix
            * (bound / values.max()),
            "you set every singular value to the bound, the small ones too": bound * left @ right,
            "you clipped the entries; the bound is one on the singular values": matrix.clamp(-bound, bound),
            "nothing was clipped": matrix,
        }
        if said := named_mistake(
            answer(matrix.clone(), bound), left @ values.clamp(max=bound).diag() @ right, wrong, 1e-4
        ):
            return said
    return None


@exercise("With a zero start and only the last k inputs, the recurrent model is a feed-forward one.")
def truncated_state(answer: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]) -> str | None:
    """State of h = tanh(W h + x) from zero over the last k of the ``(time, d)`` inputs."""
    generator = torch.Generator().manual_seed(0)  # float32, as a learner's torch.zeros(len(W)) is
    for width, steps, k in ((3, 7, 4), (5, 9, 3)):
        matrix, inputs = (torch.randn(rows, width, generator=generator) for rows in (width, steps))

        def run(used: torch.Tensor, matrix: torch.Tensor = matrix) -> torch.Tensor:
            state = torch.zeros(len(matrix))
            for x in used:
                state = torch.tanh(matrix @ state + x)
            return state

        wrong = {
            "you used every input; keep only the last k": run(inputs),
            "you used the first k inputs; a prediction looks at the last k": run(inputs[:k]),
            f"one input too few: with k = {k} the state should see {k} inputs": run(inputs[1 - k :]),
            f"one input too many: with k = {k} the state should see {k} inputs": run(inputs[-1 - k :]),
        }
        if said := named_mistake(answer(matrix, inputs, k), run(inputs[-k:]), wrong, 1e-5):
            return said
    return None


@exercise("This is how the theorem turns a contraction rate into a context length.")
def smallest_context(answer: Callable[[float, float, float], int]) -> str | None:
    """The smallest k with size * rate**k <= accuracy."""
    for rate, size, accuracy in ((0.5, 8.0, 1.0), (0.9, 9.8, 1e-3), (0.8, 2.0, 0.1), (0.9, 0.5, 1.0)):
        returned = answer(rate, size, accuracy)
        expected = next(k for k in range(10_000) if size * rate**k <= accuracy * (1 + 1e-12))
        case = f"for rate {rate:g}, size {size:g} and accuracy {accuracy:g}"
        if (given := whole(returned)) is None:
            return f"{case} you returned {returned!r}; k counts words, so it is a whole number (an int)"
        if given == expected - 1:
            return f"{case} your k is one too small: the bound is still above the accuracy; round up"
        if given == expected + 1:
            return f"{case} your k is one too large: one word less is already enough"
        if given < 0:
            return f"{case} you returned {given}; the accuracy is met with no context at all, so k is 0"
        if given != expected:
            return f"{case} expected {expected}, yours is {given}"
    return None
