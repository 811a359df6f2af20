"""Checks of lesson 12's exercises."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from lessons_lib.checks.exercises import exercise, named_mistake


@exercise("The first word is given, not predicted: N words hold N - 1 predictions.")
def stream_perplexity(answer: Callable[[torch.Tensor, torch.Tensor], float]) -> str | None:
    """exp of the mean negative log-likelihood over the N - 1 predictions; ``log_p[a, b]`` is ln p(b after a)."""
    generator = torch.Generator().manual_seed(0)
    log_p = torch.randn(5, 5, generator=generator, dtype=torch.float64).log_softmax(-1)
    tokens = torch.tensor([0, 3, 1, 4, 2, 2, 0, 1, 3])
    total = -float(log_p[tokens[:-1], tokens[1:]].sum())
    count = len(tokens) - 1
    given = float(answer(log_p, tokens))
    wrong = {
        "you divided by all N words; the first one is never predicted": math.exp(total / (count + 1)),
        "you divided by N - 2; between N words there are N - 1 steps": math.exp(total / (count - 1)),
        "you divided by the size of the vocabulary; divide by the number of predictions": math.exp(total / 5),
        "you did not divide: that is one over the probability of the whole text": math.exp(total),
    }
    return named_mistake(given, math.exp(total / count), wrong)


@exercise("An overlap is not yet a proof of sameness: it says that these seeds cannot tell the rows apart.")
def overlap(answer: Callable[[Sequence[float], Sequence[float]], bool]) -> str | None:
    """Whether the range of one row's values and the range of another's have a number in common."""
    cases = (
        ([95.0, 96.0, 97.0], [91.0, 92.0, 93.0], "the second row lies wholly below the first"),
        ([91.0, 92.0, 93.0], [95.0, 96.0, 97.0], "the first row lies wholly below the second"),
        ([91.0, 96.0, 94.0], [95.0, 99.0, 97.0], "they share 95 to 96"),
        ([90.0, 99.0, 94.0], [95.0, 96.0, 95.5], "the second range lies inside the first"),
        ([95.0, 96.0, 95.5], [90.0, 99.0, 94.0], "the first range lies inside the second"),
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
    for n in (1, 2, 3, 5):
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
        if mistake := named_mistake(given, 2 / orders, wrong, 1e-9, named=f"{case} {{}}", unnamed=f"{case} {{}}"):
            return mistake
    return None
