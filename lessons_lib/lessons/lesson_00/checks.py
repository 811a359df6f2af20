"""Checks of lesson 00's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from lessons_lib.checks.exercises import exercise, named_mistake


@exercise("A perplexity of V is what guessing evenly among V words would score.")
def perplexity(answer: Callable[[float], float]) -> str | None:
    """The perplexity of a mean loss in nats."""
    loss = math.log(50.0)
    value = float(answer(loss))
    wrong = {
        "you returned the loss itself; perplexity is its exponential": loss,
        "you used base 2; this loss is in nats, so the base is e": 2.0**loss,
        "that is the probability of the average word; perplexity is one over it": math.exp(-loss),
    }
    return named_mistake(value, 50.0, wrong, 1e-5)


@exercise("With a zero start and only the last k inputs, the recurrent model is a feed-forward one.")
def truncated_state(answer: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor]) -> str | None:
    """State of h = tanh(W h + x) from zero over the last k of the ``(time, d)`` inputs."""
    generator = torch.Generator().manual_seed(0)  # float32, as a learner's torch.zeros(len(W)) is
    matrix = torch.randn(3, 3, generator=generator)
    inputs = torch.randn(7, 3, generator=generator)

    def run(used: torch.Tensor) -> torch.Tensor:
        state = torch.zeros(3)
        for x in used:
            state = torch.tanh(matrix @ state + x)
        return state

    given = answer(matrix, inputs, 4)
    expected = run(inputs[-4:])
    wrong = {
        "you used every input; keep only the last k": run(inputs),
        "you used the first k inputs; a prediction looks at the last k": run(inputs[:4]),
        "one input too few: with k = 4 the state should see four inputs": run(inputs[-3:]),
        "one input too many: with k = 4 the state should see four inputs": run(inputs[-5:]),
    }
    return named_mistake(given, expected, wrong, 1e-5)


@exercise("This is how the theorem turns a contraction rate into a context length.")
def smallest_context(answer: Callable[[float, float, float], int]) -> str | None:
    """The smallest k with size * rate**k <= accuracy."""
    for rate, size, accuracy in ((0.5, 8.0, 1.0), (0.9, 9.8, 1e-3), (0.8, 2.0, 0.1), (0.9, 0.5, 1.0)):
        given = answer(rate, size, accuracy)
        expected = next(k for k in range(10_000) if size * rate**k <= accuracy * (1 + 1e-12))
        case = f"for rate {rate:g}, size {size:g} and accuracy {accuracy:g}"
        if not isinstance(given, int):
            return f"{case} you returned {given!r}; k counts words, so it is a whole number (an int)"
        if given == expected - 1:
            return f"{case} your k is one too small: the bound is still above the accuracy; round up"
        if given == expected + 1:
            return f"{case} your k is one too large: one word less is already enough"
        if given < 0:
            return f"{case} you returned {given}; the accuracy is met with no context at all, so k is 0"
        if given != expected:
            return f"{case} expected {expected}, yours is {given}"
    return None
