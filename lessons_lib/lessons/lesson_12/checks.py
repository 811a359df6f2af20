"""Checks of lesson 12's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from lessons_lib.checks.exercises import exercise, named_mistake


@exercise("The biases are free in the published code: nothing keeps this number away from 1.")
def largest_forget_gate(answer: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], float]) -> str | None:
    """The largest value that any forget gate can take: recurrent rows, input rows, biases, and the inputs' clip."""
    generator = torch.Generator().manual_seed(0)
    for units, size, clip in ((3, 2, 0.5), (4, 5, 1.0)):
        recurrent, inputs = (torch.randn(units, n, generator=generator) / 4 for n in (units, size))
        bias = torch.randn(units, generator=generator)

        def gate(*parts: torch.Tensor) -> float:
            return float(torch.sigmoid(torch.stack(parts).sum(0).max()))

        rows, heard = recurrent.abs().sum(1), inputs.abs().sum(1)
        wrong = {
            "you left the bias out, and it is the part that is free": gate(rows, clip * heard),
            "you summed over columns; row j holds what unit j hears": gate(recurrent.abs().sum(0), clip * heard, bias),
            "you left the inputs out": gate(rows, bias),
            "an input is at most the clip, not 1": gate(rows, heard, bias) if clip != 1 else math.nan,
            "you took the sizes of the biases; a negative one closes the gate": gate(rows, clip * heard, bias.abs()),
            "the largest sum of one unit counts, not the sum of the largest parts": float(
                torch.sigmoid(rows.max() + clip * heard.max() + bias.max())
            ),
            "weights without their signs removed: h and x choose their signs to open the gate": gate(
                recurrent.sum(1), clip * inputs.sum(1), bias
            ),
            "that is the sum before the sigmoid": float((rows + clip * heard + bias).max()),
        }
        given = float(answer(recurrent, inputs, bias, clip))
        if said := named_mistake(given, gate(rows, clip * heard, bias), wrong, 1e-5):
            return said
    return None


@exercise("An overlap is not yet a proof of sameness: it says that these seeds cannot tell the rows apart.")
def overlap(answer: Callable[[Sequence[float], Sequence[float]], bool]) -> str | None:
    """Whether the range of one row's values and the range of another's have a number in common."""
    cases = (
        ([95.0, 96.0, 97.0], [91.0, 92.0, 93.0], "the second row lies wholly below the first"),
        ([91.0, 92.0, 93.0], [95.0, 96.0, 97.0], "the first row lies wholly below the second"),
        ([91.0, 96.0, 94.0], [95.0, 99.0, 97.0], "they share 95 to 96"),
        ([90.0, 99.0, 94.0], [95.0, 96.0, 95.5], "the second range lies inside the first"),
        ([95.0, 96.0, 95.5], [90.0, 99.0, 94.0], "the first range lies inside the second"),
        ([90.0, 93.0], [93.0, 95.0], "they have 93 in common"),
    )
    for first, second, why in cases:
        given = answer(first, second)
        expected = max(min(first), min(second)) <= min(max(first), max(second))
        if given not in (True, False):
            return f"for {first} and {second} you returned {given!r}; answer True or False"
        if bool(given) != expected:
            return f"for {first} and {second} the answer is {expected}, because {why}"
    return None


@exercise(
    "Three seeds a row part by luck one time in ten, so three alone are weak evidence; five do so one time in 126."
)
def chance_of_parting(answer: Callable[[int], float]) -> str | None:
    """Chance that n and n draws from one and the same distribution have ranges that do not overlap."""
    for n in (3, 1, 2, 5):  # at 1, halves by different mistakes are the same
        given = float(answer(n))
        orders = math.comb(2 * n, n)
        case = f"for n = {n}"
        wrong = {
            "you counted one side only: either row may be the lower one": 1 / orders,
            "that is the chance that they do overlap": 1 - 2 / orders,
            "you counted the orders of 2n different values; the order inside a row does not matter": 2
            / math.factorial(2 * n),
            "that is for n pairs, each won by a coin; here any seed is compared with any other": 2 * 0.5**n,
        }
        if mistake := named_mistake(given, 2 / orders, wrong, 1e-5, named=f"{case} {{}}", unnamed=f"{case} {{}}"):
            return mistake
    return None
