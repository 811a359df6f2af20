"""Checks of lesson 10's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from lessons_lib.checks.exercises import exercise, named_mistake


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


@exercise("Both errors shrink by w in the end; before that the upper one is fed by the lower.")
def two_errors(answer: Callable[[float, float], torch.Tensor]) -> str | None:
    """[[w, 0], [gain w, w]], from (w, gain)."""
    for w, gain in ((0.8, 5.0), (0.5, 3.0)):
        given = answer(w, gain)
        wrong = {
            "the upper layer reads the new state of the lower, whose error has shrunk by w already": [gain, w],
            "that is one rate for both: the lower error feeds the upper one": [0.0, w],
            "the upper layer's own error is multiplied by w, too": [gain * w, 0.0],
            "the upper layer's own error is multiplied by w, not carried over whole": [gain * w, 1.0],
            "the upper layer multiplies what it reads by its gain": [w, w],
            "first comes what the lower error adds, then the upper's own": [w, gain * w],
            "only what enters from below is multiplied by the gain": [gain * w, gain * w],
        }
        known = {mistake: [[w, 0.0], row] for mistake, row in wrong.items()}
        said = named_mistake(given, [[w, 0.0], [gain * w, w]], known)
        if said:
            return f"for w = {w:g} and gain {gain:g}: {said}"
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
