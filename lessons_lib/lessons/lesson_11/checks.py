"""Checks of lesson 11's exercises."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lessons_lib.checks.exercises import exercise, mismatch, named_mistake


@exercise("0 is the same model; 1 is as far from each other as from where they began.")
def relative_gap(answer: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """‖a - b‖ / max(‖a - start‖, ‖b - start‖)."""
    start = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
    near, far = start + torch.tensor([0.0, 0.6, 0.8]), start + torch.tensor([3.0, 0.0, 4.0])
    for recurrent, truncated in ((near, far), (far, near)):
        apart, first, second = (recurrent - truncated).norm(), (recurrent - start).norm(), (truncated - start).norm()
        given = answer(recurrent, truncated, start)
        wrong = {
            "divide by the longer of the two ways, not by the shorter": torch.minimum(first, second),
            "divide by one of the two ways, the longer, not by their sum": first + second,
            "divide by how far the weights went, not by the size of the start": start.norm(),
            "divide by how far the weights went from the start, not by their size": recurrent.norm(),
            "either model may have gone further: take the longer of the two ways": first if first < second else second,
        }
        known = {mistake: apart / divisor for mistake, divisor in wrong.items()}
        if mistake := named_mistake(given, apart / torch.maximum(first, second), known):
            return mistake
    return None


@exercise("Both twins do this with their own gradients; the projection never moves two points apart.")
def projected_step(answer: Callable[[Tensor, Tensor, float, int, float], Tensor]) -> str | None:
    """Clip the singular values of W - (alpha / t) gradient at the bound."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    gradient = torch.randn(4, 4, generator=generator, dtype=torch.float64)
    alpha, t, bound = 0.5, 4, 0.8

    def stepped(size: float, shrink: Callable[[Tensor], Tensor]) -> Tensor:
        left, values, right = torch.linalg.svd(weight - size * gradient)
        return left @ torch.diag(shrink(values)) @ right

    def clip(values: Tensor) -> Tensor:
        return values.clamp(max=bound)

    given = answer(weight.clone(), gradient, alpha, t, bound)
    wrong = {
        "the t-th step has size alpha / t; yours is alpha every time": stepped(alpha, clip),
        "the steps must shrink: divide alpha by t, do not multiply": stepped(alpha * t, clip),
        "the step is alpha / t, not alpha divided by the root of t": stepped(alpha / t**0.5, clip),
        "you step uphill: the minus sign stands there already": stepped(-alpha / t, clip),
        "you did not project: values above the bound must come down to it": stepped(alpha / t, lambda v: v),
        "that is rescaling; the nearest matrix keeps every singular value that is below the bound": stepped(
            alpha / t, lambda v: v * min(1.0, bound / float(v.max()))
        ),
        "you raised the small singular values to the bound; bring the large ones down to it": stepped(
            alpha / t, lambda v: v.clamp(min=bound)
        ),
        "every singular value became the bound; keep those that are below it": stepped(
            alpha / t, lambda v: torch.full_like(v, bound)
        ),
    }
    if mistake := named_mistake(given, stepped(alpha / t, clip), wrong):
        return mistake
    alpha, t, bound = 0.3, 2, 0.5
    said = mismatch(answer(weight.clone(), gradient, alpha, t, bound), stepped(alpha / t, clip))
    return said and f"right for one bound and step; with alpha = {alpha}, t = {t}, bound = {bound}: {said}"


@exercise("The product of the factors grows like N to the power αβ: true, and mostly useless.")
def gap_bound(answer: Callable[[float, float, float, int], float]) -> str | None:
    """N rounds of d <- (1 + alpha beta / t) d + (alpha / t) G from 0."""

    def after(alpha: float, beta: float, gap: float, times: range, constant: bool = False, grow: bool = True) -> float:
        distance = 0.0
        for t in times:
            size = alpha if constant else alpha / t
            distance = (1 + size * beta * grow) * distance + size * gap
        return distance

    # Where alpha beta is 1 the bound is alpha G N, and its order alone would pass.
    for alpha, beta, gap, steps in ((0.5, 2.0, 0.1, 1), (0.3, 2.0, 0.1, 6), (2.0, 1.0, 1e-3, 12)):
        given = float(answer(alpha, beta, gap, steps))
        whole = range(1, steps + 1)
        case = f"for alpha {alpha:g}, beta {beta:g}, G {gap:g} and N = {steps}"
        expected = after(alpha, beta, gap, whole)
        wrong = {
            "N steps are t = 1, ..., N; you took one too few": after(alpha, beta, gap, range(1, steps)),
            "N steps are t = 1, ..., N; you took one too many": after(alpha, beta, gap, range(1, steps + 2)),
            "the step shrinks: alpha / t in both places": after(alpha, beta, gap, whole, constant=True),
            "old differences grow, by the factor 1 + alpha beta / t": after(alpha, beta, gap, whole, grow=False),
            "N to the power alpha beta is how the bound grows, not the bound": alpha * gap * steps ** (alpha * beta),
        }
        if mistake := named_mistake(given, expected, wrong, 1e-5, named=f"{case}: {{}}", unnamed=f"{case} {{}}"):
            return mistake
    return None
