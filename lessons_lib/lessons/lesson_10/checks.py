"""Checks of lesson 10's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from lessons_lib.checks.exercises import exercise, named_mistake


@exercise("λ^k does the work; everything before it is a constant.")
def bound(answer: Callable[[float, int, int, float, float], float]) -> str | None:
    """lipschitz * rate^k * min(drive / (1 - rate), sqrt(d)), from (rate, k, d, drive, lipschitz)."""
    for rate, k, d, drive, lipschitz in ((0.8, 3, 4, 0.2, 3.0), (0.9, 5, 9, 2.0, 0.5)):
        M = min(drive / (1 - rate), math.sqrt(d))
        given = answer(rate, k, d, drive, lipschitz)
        wrong = {
            "the output's Lipschitz constant is missing": rate**k * M,
            "the rate acts at every one of the k steps: rate ** k": lipschitz * rate * M,
            "k is an exponent, not a factor": lipschitz * rate * k * M,
            "M is missing: the state that is cut off may be that large": lipschitz * rate**k,
            "the number of steps is k, not k - 1": lipschitz * rate ** (k - 1) * M,
            "the number of steps is k, not k + 1": lipschitz * rate ** (k + 1) * M,
            "M holds for the state: the 1/(1 - rate) in it is not to be multiplied again": lipschitz
            * rate**k
            * M
            / (1 - rate),
        }
        expected = lipschitz * rate**k * M
        unnamed = f"for rate {rate:g}, k = {k}, d = {d}: {{}}"
        if mistake := named_mistake(given, expected, wrong, 1e-9, unnamed=unnamed):
            return mistake
    return None


@exercise("A digit more costs log 10 / log(1/λ) inputs more.")
def context_for(answer: Callable[[float, float, float, float], int]) -> str | None:
    """The smallest k >= 0 with lipschitz * rate^k * M <= accuracy, from (rate, M, lipschitz, accuracy)."""
    for rate, M, lipschitz, accuracy in ((0.5, 2.0, 1.0, 1e-3), (0.8, 5.0, 2.0, 1e-2), (0.9, 0.5, 1.0, 1.0)):
        expected = next(k for k in range(10_000) if lipschitz * rate**k * M <= accuracy)
        given = answer(rate, M, lipschitz, accuracy)
        case = f"for rate {rate:g}, M = {M:g}, Lipschitz {lipschitz:g} and accuracy {accuracy:g}"

        def solved(inside: float, base: float) -> int:
            return max(0, math.ceil(math.log(inside) / math.log(base)))

        wrong = {
            "M is missing": solved(lipschitz / accuracy, 1 / rate),
            "the output's Lipschitz constant is missing": solved(M / accuracy, 1 / rate),
            "that quotient is negative: log(L M / accuracy) over log(1 / rate), one of the two is upside down": solved(
                lipschitz * M / accuracy, rate
            ),
            "divide by log(1 / rate), not by 1 - rate: that is only close to it near 1": max(
                0, math.ceil(math.log(lipschitz * M / accuracy) / (1 - rate))
            ),
        }
        unnamed = f"{case} it is {expected}, yours is {given}"
        if mistake := named_mistake(given, expected, wrong, None, named=f"{case}: {{}}", unnamed=unnamed):
            return mistake
    return None


@exercise("From there on, every longer context is good enough too.")
def measured_context(answer: Callable[[torch.Tensor, float], float]) -> str | None:
    """The smallest k from which on every error is within the accuracy, from (errors, accuracy); inf when none is."""
    cases = (
        ([0.5, 0.05, 0.2, 0.01, 0.1, 0.001], 0.1, 4),
        ([0.09, 0.08, 0.01], 0.1, 1),
        ([0.5, 0.05, 0.2], 0.1, math.inf),
        ([1.0, 1.0, 1.0, 0.1], 0.1, 4),
    )
    for errors, accuracy, expected in cases:
        given = answer(torch.tensor(errors, dtype=torch.float64), accuracy)
        if given == expected:
            continue
        case = f"errors {errors}, accuracy {accuracy:g}"
        first = next((k for k, error in enumerate(errors, start=1) if error <= accuracy), math.inf)
        within = next((k for k in range(1, len(errors) + 1) if all(e < accuracy for e in errors[k - 1 :])), math.inf)
        if expected == math.inf:
            return f"{case}: the last error is too large, so no k will do: return math.inf, not {given}"
        if given == first:
            return f"{case}: after k = {given} an error is too large again; from your k on, all must be small"
        if given == expected - 1:
            return f"{case}: errors[0] is the error at k = 1; you count from 0"
        if given == within:
            return f"{case}: an error equal to the accuracy is within it: <=, not <"
        return f"{case}: it is {expected}, yours is {given}"
    return None
